//! What the developer sees: the host's own lines, the handler's output and the logs of invocations.

use std::fmt;
use std::sync::Arc;

/// Where a line on the console comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsoleSource {
    /// The host itself.
    Host,
    /// The host, about something that is wrong.
    Problem,
    /// The handler's standard output.
    HandlerOut,
    /// The handler's standard error.
    HandlerError,
    /// A log line of an invocation.
    Invocation,
}

/// One line on the console.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConsoleLine {
    /// Where it comes from.
    pub source: ConsoleSource,
    /// The text.
    pub text: String,
}

impl fmt::Display for ConsoleLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            ConsoleSource::Host | ConsoleSource::Invocation => f.write_str(&self.text),
            ConsoleSource::Problem => write!(f, "! {}", self.text),
            ConsoleSource::HandlerOut => write!(f, "[handler] {}", self.text),
            ConsoleSource::HandlerError => write!(f, "[handler!] {}", self.text),
        }
    }
}

/// Takes the lines for the developer.
#[derive(Clone)]
pub(crate) struct Console(Arc<dyn Fn(ConsoleLine) + Send + Sync>);

impl Console {
    /// A console that hands its lines to `sink`.
    pub(crate) fn new(sink: impl Fn(ConsoleLine) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Prints to standard output, problems to standard error.
    pub(crate) fn terminal() -> Self {
        Self::new(print)
    }

    /// Lines go to the log, at debug level.
    pub(crate) fn log() -> Self {
        Self::new(|line| tracing::debug!(target: "durable_local_host::console", "{line}"))
    }

    /// A line of the host.
    pub(crate) fn say(&self, text: impl Into<String>) {
        self.line(ConsoleSource::Host, text);
    }

    /// A line about something that is wrong.
    pub(crate) fn problem(&self, text: impl Into<String>) {
        self.line(ConsoleSource::Problem, text);
    }

    /// A line from anywhere.
    pub(crate) fn line(&self, source: ConsoleSource, text: impl Into<String>) {
        (self.0)(ConsoleLine {
            source,
            text: text.into(),
        });
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Console")
    }
}

// A closed terminal is no reason to stop, so write errors are left alone.
fn print(line: ConsoleLine) {
    use std::io::Write;
    match line.source {
        ConsoleSource::Problem => drop(writeln!(std::io::stderr().lock(), "{line}")),
        _ => drop(writeln!(std::io::stdout().lock(), "{line}")),
    }
}
