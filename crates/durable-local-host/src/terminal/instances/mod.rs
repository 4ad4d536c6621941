//! `instances`: orchestrations.

mod actions;
mod history;
mod list;
mod purge;
mod show;
mod start;

use super::client::Host;
use super::connection::Connection;
use super::fault::Fault;
use super::output::OutputArgs;

/// Orchestrations.
#[derive(clap::Args, Debug)]
pub struct Instances {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// List orchestrations, the newest first
    List(list::ListArgs),
    /// Show an orchestration: status, times, input, output, and why it failed
    Show(show::ShowArgs),
    /// Draw what an orchestration did as bars over time
    History(history::HistoryArgs),
    /// Start an orchestration
    Start(start::StartArgs),
    /// Send an event to an orchestration
    Raise(actions::RaiseArgs),
    /// End an orchestration at once
    Terminate(actions::SteerArgs),
    /// Let an orchestration pause: what arrives meanwhile waits
    Suspend(actions::SteerArgs),
    /// Let a suspended orchestration go on
    Resume(actions::SteerArgs),
    /// Run the failed calls of a failed orchestration again
    Rewind(actions::SteerArgs),
    /// Start an orchestration anew with the input that it had
    Restart(actions::RestartArgs),
    /// Delete what is kept of ended orchestrations
    Purge(purge::PurgeArgs),
}

impl Instances {
    pub(super) async fn run(self) -> Result<(), Fault> {
        let host = Host::new(&self.connection)?;
        let output = &self.output;
        match self.command {
            Command::List(args) => list::run(&host, output, &args).await,
            Command::Show(args) => show::run(&host, output, &args).await,
            Command::History(args) => history::run(&host, output, &args).await,
            Command::Start(args) => start::run(&host, output, &args).await,
            Command::Raise(args) => actions::raise(&host, output, &args).await,
            Command::Terminate(args) => actions::TERMINATE.run(&host, output, &args).await,
            Command::Suspend(args) => actions::SUSPEND.run(&host, output, &args).await,
            Command::Resume(args) => actions::RESUME.run(&host, output, &args).await,
            Command::Rewind(args) => actions::REWIND.run(&host, output, &args).await,
            Command::Restart(args) => actions::restart(&host, output, &args).await,
            Command::Purge(args) => purge::run(&host, output, &args).await,
        }
    }
}

/// The fault for an id that the host does not know.
fn unknown(host: &Host, id: &str) -> Fault {
    Fault::failed(format!(
        "there is no instance '{id}' at {}{}: `instances list` shows those there are",
        host.shown(),
        host.in_hub()
    ))
}
