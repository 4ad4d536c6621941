//! The stand-alone local host: starts the handler that host.json names.

use std::process::ExitCode;

use clap::Parser;
use durable_local_host::StartArgs;

/// Runs a function app on this machine: HTTP functions and Durable Functions, without any Azure tool.
#[derive(Parser)]
#[command(name = "durable-local-host", version)]
struct Cli {
    #[command(flatten)]
    start: StartArgs,
}

fn main() -> ExitCode {
    durable_local_host::run(Cli::parse().start, None)
}
