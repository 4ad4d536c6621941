//! `entities`.

use std::num::NonZeroUsize;

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::DEFAULT_TOP;
use super::client::{Call, Host};
use super::connection::Connection;
use super::documents::value_text;
use super::fault::Fault;
use super::input::InputArgs;
use super::output::{OutputArgs, columns, print, remark, say};
use super::table::{Cell, Column, Table};
use super::when::{When, readable_text};
use crate::display::one_line;
use crate::time::Ticks;

/// Most entities that are asked for at once.
const PAGE: usize = 1000;

/// Entities.
#[derive(clap::Args, Debug)]
pub struct Entities {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// List entities with their states
    List(ListArgs),
    /// Show the state of an entity
    Show {
        /// Name of the entity
        name: String,
        /// Key of the entity
        key: String,
    },
    /// Ask an entity for an operation, without an answer
    Signal {
        /// Name of the entity
        name: String,
        /// Key of the entity
        key: String,
        /// Name of the operation; `delete` removes the state of an entity that does not say otherwise
        operation: String,
        #[command(flatten)]
        input: InputArgs,
    },
}

/// Which entities to list.
#[derive(clap::Args, Debug)]
struct ListArgs {
    /// Only those of this name
    #[arg(long)]
    name: Option<String>,
    /// Only those that did something at this time or later: 2026-11-24T09:30:00Z, or how long ago,
    /// such as 30m or 7d
    #[arg(long, value_name = "TIME")]
    operation_from: Option<When>,
    /// Only those that did something up to this time
    #[arg(long, value_name = "TIME")]
    operation_to: Option<When>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = DEFAULT_TOP)]
    top: NonZeroUsize,
    /// List all there are
    #[arg(long, conflicts_with = "top")]
    all: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entity<'a> {
    #[serde(borrow)]
    entity_id: EntityId<'a>,
    #[serde(default)]
    last_operation_time: String,
    #[serde(default, borrow)]
    state: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct EntityId<'a> {
    #[serde(borrow)]
    name: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    key: std::borrow::Cow<'a, str>,
}

impl Entities {
    pub(super) async fn run(self) -> Result<(), Fault> {
        let host = Host::new(&self.connection)?;
        match &self.command {
            Command::List(args) => list(&host, &self.output, args).await,
            Command::Show { name, key } => show(&host, &self.output, name, key).await,
            Command::Signal {
                name,
                key,
                operation,
                input,
            } => {
                let call = Call {
                    path: vec!["entities", name, in_path(key)],
                    query: vec![("op", operation.clone())],
                    body: input.read()?,
                    continuation: None,
                };
                let answer = host.send(Method::POST, call).await?;
                match answer.status {
                    status if status.is_success() && self.output.is_json() => Ok(()),
                    status if status.is_success() => say(&one_line(&format!(
                        "The signal {operation} is on its way to @{name}@{key}."
                    ))),
                    StatusCode::NOT_FOUND => Err(host.no_api()),
                    _ => Err(host.failed(&format!("signalling @{name}@{key}"), &answer)),
                }
            }
        }
    }
}

/// A key as a segment of a path: the API has a sign for the empty one.
fn in_path(key: &str) -> &str {
    if key.is_empty() { "$" } else { key }
}

async fn show(host: &Host, output: &OutputArgs, name: &str, key: &str) -> Result<(), Fault> {
    let call = Call {
        path: vec!["entities", name, in_path(key)],
        ..Call::default()
    };
    let answer = host.get(call).await?.ok_or_else(|| {
        Fault::failed(format!(
            "there is no entity @{name}@{key} with a state at {}{}: `entities list` shows those there are",
            host.shown(),
            host.in_hub()
        ))
    })?;
    if output.is_json() {
        return print(&format!("{}\n", answer.body));
    }
    let state: &RawValue =
        serde_json::from_str(&answer.body).map_err(|error| host.unreadable(&error, &answer))?;
    say(&one_line(
        &value_text(Some(state)).unwrap_or_else(|| "null".to_owned()),
    ))
}

async fn list(host: &Host, output: &OutputArgs, args: &ListArgs) -> Result<(), Fault> {
    let wanted = if args.all { usize::MAX } else { args.top.get() };
    let mut found: Vec<Box<RawValue>> = Vec::new();
    let mut more = false;
    let mut continuation = None;
    loop {
        let missing = wanted
            .saturating_sub(found.len())
            .saturating_add(1)
            .min(PAGE);
        let mut query = vec![
            ("fetchState", "true".to_owned()),
            ("top", missing.to_string()),
        ];
        query.extend(
            args.operation_from
                .map(|time| ("lastOperationTimeFrom", time.iso())),
        );
        query.extend(
            args.operation_to
                .map(|time| ("lastOperationTimeTo", time.iso())),
        );
        let mut path = vec!["entities"];
        path.extend(args.name.as_deref());
        let call = Call {
            path,
            query,
            continuation: continuation.clone(),
            body: None,
        };
        let answer = host.get(call).await?.ok_or_else(|| host.no_api())?;
        let page: Vec<Box<RawValue>> =
            serde_json::from_str(&answer.body).map_err(|error| host.unreadable(&error, &answer))?;
        found.extend(page);
        if found.len() > wanted {
            found.truncate(wanted);
            more = true;
            break;
        }
        // A host that gives the same page again would never end.
        if answer.continuation.is_none() || answer.continuation == continuation {
            break;
        }
        continuation = answer.continuation;
    }
    if output.is_json() {
        let documents: Vec<&str> = found.iter().map(|it| it.get()).collect();
        return match documents.as_slice() {
            [] => print("[]\n"),
            documents => print(&format!("[\n{}\n]\n", documents.join(",\n"))),
        };
    }
    if found.is_empty() {
        remark(&format!(
            "No entity at {}{} is as asked for.",
            host.shown(),
            host.in_hub()
        ));
        return Ok(());
    }
    let mut table = Table::new(vec![
        Column::flexible("NAME", 1, 12),
        Column::flexible("KEY", 2, 12),
        Column::whole("LAST OPERATION (UTC)").optional(),
        Column::flexible("STATE", 3, 10),
    ]);
    for document in &found {
        let entity: Entity<'_> = serde_json::from_str(document.get()).map_err(|error| {
            Fault::failed(format!(
                "{} answered with what this program can't read: {error}",
                host.shown()
            ))
        })?;
        let time = match Ticks::parse(&entity.last_operation_time) {
            Some(_) => readable_text(&entity.last_operation_time),
            None => String::new(),
        };
        table.row(vec![
            Cell::new(&entity.entity_id.name),
            Cell::new(&entity.entity_id.key),
            Cell::new(&time),
            Cell::new(&value_text(entity.state).unwrap_or_default()),
        ]);
    }
    print(&table.render(columns(), output.paint()))?;
    if more {
        remark(&format!(
            "The first {wanted} in the host's order; --all lists all, --top N so many."
        ));
    }
    Ok(())
}
