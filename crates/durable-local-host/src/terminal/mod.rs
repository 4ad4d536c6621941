//! The commands for people at a terminal: they talk to a running host over its management API.

mod client;
mod connection;
mod documents;
mod entities;
mod fault;
mod input;
mod instances;
mod output;
mod progress;
mod spans;
mod table;
mod timeline;
mod when;

use std::io::Write;
use std::num::NonZeroUsize;
use std::process::ExitCode;

use fault::Fault;

use crate::cli::StartArgs;
use crate::handler::HandlerCommand;

/// The commands of the development host. A program takes them into a command line of its own with
/// `#[command(flatten)]`, or as its subcommands.
///
/// ```
/// use clap::Parser;
///
/// #[derive(Parser)]
/// struct CommandLine {
///     #[command(subcommand)]
///     command: durable_local_host::Command,
/// }
///
/// let line = CommandLine::parse_from(["app", "instances", "list", "--status", "Failed"]);
/// # let _ = line.command;
/// ```
#[derive(clap::Subcommand, Debug)]
#[non_exhaustive]
pub enum Command {
    /// Start the host with a function app
    ///
    /// It listens until Ctrl-C. The same happens without a command.
    Start(StartArgs),
    /// Look at orchestrations, start them, and steer them
    #[command(after_help = AFTER_HELP)]
    Instances(instances::Instances),
    /// Look at entities, and signal them
    #[command(after_help = AFTER_HELP)]
    Entities(entities::Entities),
    /// Print a script that completes commands and options in a shell
    ///
    /// For bash: `durable-local-host completions bash > ~/.local/share/bash-completion/completions/durable-local-host`
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// How many instances or entities are listed, unless told otherwise.
const DEFAULT_TOP: NonZeroUsize = match NonZeroUsize::new(100) {
    Some(top) => top,
    None => NonZeroUsize::MIN,
};

const AFTER_HELP: &str = "Exit codes: 0 when it worked, 1 when the request failed or what was asked for is not there, 2 when the command line can't be used.";

impl Command {
    /// Does what the command says. `handler` is what [`Command::Start`] starts in place of what
    /// host.json names; `program` is the whole command line, for its completions.
    ///
    /// Errors are printed for people. The exit code is 0 when it worked, 1 when a request failed or
    /// what was asked for is not there, and 2 when the command line can't be used.
    pub fn run(self, handler: Option<HandlerCommand>, program: clap::Command) -> ExitCode {
        let outcome = match self {
            Self::Start(args) => return crate::cli::run(args, handler),
            Self::Instances(command) => talk(command.run()),
            Self::Entities(command) => talk(command.run()),
            Self::Completions { shell } => completions(shell, program),
        };
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(fault) => {
                drop(writeln!(
                    std::io::stderr().lock(),
                    "error: {}",
                    fault.message()
                ));
                ExitCode::from(fault.exit_code())
            }
        }
    }
}

fn talk(commands: impl Future<Output = Result<(), Fault>>) -> Result<(), Fault> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::failed(format!("the runtime could not be started: {error}")))?
        .block_on(commands)
}

fn completions(shell: clap_complete::Shell, mut program: clap::Command) -> Result<(), Fault> {
    let name = std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| program.get_name().to_owned());
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, name, &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
