//! The stand-alone local host: starts the handler that host.json names.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use durable_local_host::{Command, StartArgs};

/// Runs a function app on this machine: HTTP functions and Durable Functions, without any Azure tool
#[derive(Parser)]
#[command(
    name = "durable-local-host",
    version,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    start: StartArgs,
}

fn main() -> ExitCode {
    let line = Cli::parse();
    line.command
        .unwrap_or(Command::Start(line.start))
        .run(None, Cli::command())
}
