//! What can keep the host from starting or running, told for people.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the host could not start, or had to stop.
///
/// The text is whole: it names the cause as well, which therefore is a field and no
/// [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder is no function app.
    #[error(
        "there is no host.json in {}: start the host in the root folder of a function app, or name that folder with --app DIR",
        .0.display()
    )]
    NoHostJson(PathBuf),
    /// A file could not be read.
    #[error("{}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file is no JSON.
    #[error("{}:{line}:{column}: this is no valid JSON: {message}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A value in a configuration file can't be used.
    #[error("{}: {setting}: {message}", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// Path of the setting within the file.
        setting: String,
        /// What is wrong with it.
        message: String,
    },
    /// The handler's executable is not there.
    #[error(
        "the handler `{program}` (customHandler.description.defaultExecutablePath in host.json) is not there: build it first (for a Rust app: `cargo build`, then copy the binary to the app folder), or correct the path. Looked for {looked_for}"
    )]
    HandlerMissing {
        /// As host.json has it.
        program: String,
        /// Where it was looked for.
        looked_for: String,
    },
    /// The handler could not be started.
    #[error("the handler `{}` could not be started: {cause}{}", program.display(), after_colon(.advice))]
    HandlerStart {
        /// The executable.
        program: PathBuf,
        /// What the system said.
        cause: io::Error,
        /// What to do about it; may be empty.
        advice: String,
    },
    /// The handler never answered.
    #[error("the handler `{}` did not get ready: {reason}{}", program.display(), last_lines(.stderr))]
    HandlerNotReady {
        /// The executable.
        program: PathBuf,
        /// What happened.
        reason: String,
        /// Its last lines on standard error.
        stderr: Vec<String>,
    },
    /// Somebody else listens on the port.
    #[error(
        "port {} on {} is in use, perhaps by another host (`func start` or this one): stop that one, or choose another port with --port N",
        address.port(),
        address.ip()
    )]
    PortInUse {
        /// Where the host was to listen.
        address: SocketAddr,
    },
    /// The address can't be listened on for another reason.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Where the host was to listen.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// The state could not be opened.
    #[error("the state in {place} cannot be opened: {message}")]
    State {
        /// Where the state is.
        place: String,
        /// What went wrong.
        message: String,
    },
    /// The clock can't be moved by hand.
    #[error(
        "the host goes by the machine's time, which can't be moved: call `manual_time()` on its builder"
    )]
    TimeRuns,
    /// The handler crashed too often for a strict host.
    #[error(
        "the handler has crashed three times within 30 minutes, which stops the real host and, with --strict, this one: {reason}"
    )]
    HandlerGivenUp {
        /// How it ended last.
        reason: String,
    },
    /// A key that everybody knows.
    #[error(
        "the master key is empty: give one with --master-key or in DURABLE_LOCAL_HOST_MASTER_KEY, or none to have it made"
    )]
    EmptyKey,
    /// The system refused something basic.
    #[error("{what}: {cause}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        cause: io::Error,
    },
}

/// An error with its causes, as one line.
pub(crate) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

fn after_colon(advice: &str) -> String {
    if advice.is_empty() {
        return String::new();
    }
    format!(": {advice}")
}

fn last_lines(stderr: &[String]) -> String {
    if stderr.is_empty() {
        return String::new();
    }
    format!(
        "\nThe last lines on its standard error:\n  {}",
        stderr.join("\n  ")
    )
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error = Error::System {
            what: "no free port",
            cause: io::Error::other("all are taken"),
        };
        assert_eq!(error.to_string(), "no free port: all are taken");
        assert!(error.source().is_none());
    }

    #[test]
    fn causes_are_told_after_what_they_caused() {
        #[derive(Debug, thiserror::Error)]
        #[error("the request failed")]
        struct Outer(#[source] io::Error);
        let error = Outer(io::Error::other("reset"));
        assert_eq!(with_causes(&error), "the request failed: reset");
    }
}
