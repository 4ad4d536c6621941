//! `instances purge`.

use std::io::{IsTerminal, Write};

use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::list::{StatusName, created_query, status_query};
use super::unknown;
use crate::terminal::client::{Call, Host};
use crate::terminal::fault::Fault;
use crate::terminal::output::{OutputArgs, print, say};
use crate::terminal::when::When;

/// What to delete.
#[derive(clap::Args, Debug)]
#[command(group(clap::ArgGroup::new("what").multiple(true).required(true).args(["id", "created_from", "created_to", "status", "all"])))]
pub(super) struct PurgeArgs {
    /// Id of the instance
    #[arg(conflicts_with_all = ["created_from", "created_to", "status", "all"])]
    id: Option<String>,
    /// Those made at this time or later: 2026-11-24T09:30:00Z, or how long ago, such as 30m or 7d
    #[arg(long, value_name = "TIME")]
    created_from: Option<When>,
    /// Those made up to this time
    #[arg(long, value_name = "TIME")]
    created_to: Option<When>,
    /// Those that ended so (repeatable, or several with commas between)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STATUS")]
    status: Vec<StatusName>,
    /// All that have ended
    #[arg(long, conflicts_with_all = ["created_from", "created_to", "status"])]
    all: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    instances_deleted: u64,
}

impl PurgeArgs {
    fn described(&self) -> String {
        if let Some(id) = &self.id {
            return format!("the instance '{id}'");
        }
        let mut text = "all ended instances".to_owned();
        if !self.status.is_empty() {
            let names: Vec<String> = self.status.iter().map(|it| format!("{it:?}")).collect();
            text.push_str(&format!(" of status {}", names.join(" or ")));
        }
        if let Some(time) = self.created_from {
            text.push_str(&format!(", made since {}", time.iso()));
        }
        if let Some(time) = self.created_to {
            text.push_str(&format!(", made up to {}", time.iso()));
        }
        text
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query: Vec<_> = created_query(self.created_from, self.created_to).collect();
        // The API asks for a beginning.
        if self.created_from.is_none() {
            query.push(("createdTimeFrom", "1970-01-01T00:00:00Z".to_owned()));
        }
        query.extend(status_query(&self.status));
        query
    }
}

pub(super) async fn run(host: &Host, output: &OutputArgs, args: &PurgeArgs) -> Result<(), Fault> {
    if !args.yes {
        let what = format!(
            "what is kept of {} at {}{}",
            args.described(),
            host.shown(),
            host.in_hub()
        );
        if !std::io::stdin().is_terminal() {
            return Err(Fault::usage(format!(
                "this would delete {what} for good. Nobody can be asked, as standard input is no terminal: say --yes if that is meant"
            )));
        }
        if !asked(&what)? {
            return say("Nothing was deleted.");
        }
    }
    let call = match &args.id {
        Some(id) => Call {
            path: vec!["instances", id],
            ..Call::default()
        },
        None => Call {
            path: vec!["instances"],
            query: args.query(),
            ..Call::default()
        },
    };
    let answer = host.send(Method::DELETE, call).await?;
    match (&args.id, answer.status) {
        (_, status) if status.is_success() => {}
        (Some(id), StatusCode::NOT_FOUND) => return Err(unknown(host, id)),
        // What fits no instance is answered so.
        (None, StatusCode::NOT_FOUND) => {
            return if output.is_json() {
                print("{\"instancesDeleted\":0}\n")
            } else {
                say("No ended instance is as asked for; nothing was deleted.")
            };
        }
        _ => return Err(host.failed("deleting", &answer)),
    }
    if output.is_json() {
        return print(&format!("{}\n", answer.body));
    }
    let deleted: Deleted =
        serde_json::from_str(&answer.body).map_err(|error| host.unreadable(&error, &answer))?;
    say(&match deleted.instances_deleted {
        1 => "1 instance was deleted.".to_owned(),
        count => format!("{count} instances were deleted."),
    })
}

/// Asks at the terminal.
fn asked(what: &str) -> Result<bool, Fault> {
    let fault = |error| Fault::failed(format!("the terminal can't be asked: {error}"));
    let mut out = std::io::stderr().lock();
    write!(out, "Delete {what} for good? [y/N] ").map_err(fault)?;
    out.flush().map_err(fault)?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(fault)?;
    Ok(matches!(
        line.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}
