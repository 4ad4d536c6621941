//! What the process was started for.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is what people at a terminal read"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::FunctionApp;
use super::package::{PackageArgs, package};
use crate::registry::{self, Registry};
use crate::server;

/// The variable by which the Functions host tells its handler where to listen.
const PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

#[derive(Debug, Parser)]
#[command(
    about = "A function app: without a command, starts the development host with this app",
    version,
    args_conflicts_with_subcommands = true
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[cfg(feature = "local-host")]
    #[command(flatten)]
    start: durable_local_host::StartArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the function.json files that the Functions host reads, or compare them with the code.
    #[command(group(clap::ArgGroup::new("what").args(["write", "check"]).required(true)))]
    Functions {
        /// Write the files that are missing or differ.
        #[arg(long)]
        write: bool,
        /// Say what is missing or differs; ends with 1 if anything does.
        #[arg(long)]
        check: bool,
        /// The folder with host.json.
        #[arg(long, default_value = ".")]
        app: PathBuf,
    },
    /// Build the executable for a deployment and put it where host.json says.
    Package {
        #[command(flatten)]
        args: PackageArgs,
        /// The folder with host.json.
        #[arg(long, default_value = ".")]
        app: PathBuf,
    },
    #[cfg(feature = "local-host")]
    #[command(flatten)]
    Host(durable_local_host::Command),
}

pub(super) fn run(app: FunctionApp) -> ExitCode {
    let registry = match app.build() {
        Ok(registry) => registry,
        Err(error) => return fail(error),
    };
    if let Some(port) = std::env::var_os(PORT) {
        return match port
            .to_str()
            .and_then(|port| port.parse().ok())
            .filter(|port| *port != 0u16)
        {
            Some(port) => server::run(registry, port),
            None => fail(format!(
                "{PORT} is '{}', which is no port number; the Functions host sets it",
                port.to_string_lossy()
            )),
        };
    }
    let arguments = CommandLine::parse();
    match arguments.command {
        Some(Command::Functions {
            check: true, app, ..
        }) => check(&registry, &app),
        Some(Command::Functions { app, .. }) => write(&registry, &app),
        Some(Command::Package { args, app }) => match package(&app, &args) {
            Ok(path) => {
                println!("wrote {}", path.display());
                ExitCode::SUCCESS
            }
            Err(error) => fail(error),
        },
        #[cfg(feature = "local-host")]
        Some(Command::Host(command)) => host(command),
        #[cfg(feature = "local-host")]
        None => host(durable_local_host::Command::Start(arguments.start)),
        #[cfg(not(feature = "local-host"))]
        None => fail(format!(
            "this executable is the handler of a function app and has to be started by the Functions host, which sets {PORT}: \
             run `func start` in the app's folder. It was built without the feature `local-host`, so it has no development host of its own."
        )),
    }
}

/// Starts the development host with this executable as its handler, or talks to one that runs.
#[cfg(feature = "local-host")]
fn host(command: durable_local_host::Command) -> ExitCode {
    match std::env::current_exe() {
        Ok(program) => {
            let handler = durable_local_host::HandlerCommand {
                program,
                args: Vec::new(),
            };
            command.run(
                Some(handler),
                <CommandLine as clap::CommandFactory>::command(),
            )
        }
        Err(error) => fail(format!(
            "this executable's own path can't be found, so it can't be started as a handler: {error}"
        )),
    }
}

fn fail(message: impl std::fmt::Display) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::FAILURE
}

fn check(registry: &Registry, app: &std::path::Path) -> ExitCode {
    let stale = registry::stale(registry, app);
    if stale.is_empty() {
        println!(
            "{} function.json file(s) match the code",
            registry.functions().len()
        );
        return ExitCode::SUCCESS;
    }
    stale
        .iter()
        .for_each(|difference| eprintln!("error: {difference}"));
    eprintln!("run `cargo run -- functions --write` to write them from the code");
    ExitCode::FAILURE
}

fn write(registry: &Registry, app: &std::path::Path) -> ExitCode {
    match registry::write_function_json(registry, app) {
        Ok(result) => {
            result
                .written
                .iter()
                .for_each(|path| println!("wrote {}", path.display()));
            println!(
                "{} written, {} unchanged",
                result.written.len(),
                result.unchanged
            );
            result
                .left_over
                .iter()
                .for_each(|difference| eprintln!("warning: {difference}"));
            ExitCode::SUCCESS
        }
        Err(error) => fail(format!(
            "the function.json files in {} can't be written: {error}",
            app.display()
        )),
    }
}
