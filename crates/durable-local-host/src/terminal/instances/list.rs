//! `instances list`.

use std::num::NonZeroUsize;

use reqwest::{Method, StatusCode};
use serde_json::value::RawValue;

use crate::display::style;
use crate::terminal::DEFAULT_TOP;
use crate::terminal::client::{Call, Host};
use crate::terminal::documents::{Status, value_text};
use crate::terminal::fault::Fault;
use crate::terminal::output::{OutputArgs, columns, print, remark};
use crate::terminal::table::{Cell, Column, Table};
use crate::terminal::when::{When, readable_text, whole_seconds};
use crate::time::Ticks;

/// Most instances that are asked for at once.
const PAGE: usize = 1000;
/// Most instances that are read unless more are asked for.
const MOST: usize = 10_000;

/// Which instances to list.
#[derive(clap::Args, Debug)]
pub(super) struct ListArgs {
    /// Only those of this status (repeatable, or several with commas between)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STATUS")]
    status: Vec<StatusName>,
    /// Only those whose id begins so; `@` lists entities, which are left out otherwise
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Only those of this orchestrator
    #[arg(long)]
    name: Option<String>,
    /// Only those made at this time or later: 2026-11-24T09:30:00Z, or how long ago, such as 30m or 7d
    #[arg(long, value_name = "TIME")]
    created_from: Option<When>,
    /// Only those made up to this time
    #[arg(long, value_name = "TIME")]
    created_to: Option<When>,
    /// How many at most: the newest
    #[arg(long, value_name = "N", default_value_t = DEFAULT_TOP)]
    top: NonZeroUsize,
    /// List all there are
    #[arg(long, conflicts_with = "top")]
    all: bool,
}

/// A status in the API's words.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
#[value(rename_all = "verbatim")]
pub(super) enum StatusName {
    #[value(alias = "running")]
    Running,
    #[value(alias = "completed")]
    Completed,
    #[value(alias = "continuedasnew")]
    ContinuedAsNew,
    #[value(alias = "failed")]
    Failed,
    #[value(alias = "canceled")]
    Canceled,
    #[value(alias = "terminated")]
    Terminated,
    #[value(alias = "pending")]
    Pending,
    #[value(alias = "suspended")]
    Suspended,
}

/// The statuses as the API takes them, for a query.
pub(super) fn status_query(statuses: &[StatusName]) -> Option<(&'static str, String)> {
    if statuses.is_empty() {
        return None;
    }
    let names: Vec<String> = statuses.iter().map(|name| format!("{name:?}")).collect();
    Some(("runtimeStatus", names.join(",")))
}

/// Times of creation, for a query.
pub(super) fn created_query(
    from: Option<When>,
    to: Option<When>,
) -> impl Iterator<Item = (&'static str, String)> {
    let from = from.map(|time| ("createdTimeFrom", time.iso()));
    from.into_iter()
        .chain(to.map(|time| ("createdTimeTo", time.iso())))
}

impl ListArgs {
    fn query(&self, show_input: bool) -> Vec<(&'static str, String)> {
        let mut query = vec![("top", PAGE.to_string())];
        if !show_input {
            query.push(("showInput", "false".to_owned()));
        }
        query.extend(status_query(&self.status));
        query.extend(created_query(self.created_from, self.created_to));
        query.extend(
            self.prefix
                .clone()
                .map(|prefix| ("instanceIdPrefix", prefix)),
        );
        query
    }

    /// Whether an instance is wanted, as far as the API can't tell.
    fn wants(&self, status: &Status<'_>) -> bool {
        let entity = status.instance_id.starts_with('@');
        let asked_for = self
            .prefix
            .as_deref()
            .is_some_and(|prefix| prefix.starts_with('@'));
        let named = self.name.as_deref().is_none_or(|name| {
            status
                .name
                .as_deref()
                .is_some_and(|other| other.eq_ignore_ascii_case(name))
        });
        (!entity || asked_for) && named
    }
}

/// What was found, the newest first.
#[derive(Debug, Default)]
struct Found {
    instances: Vec<Instance>,
    /// How many were found, those included that were too many.
    count: usize,
    /// Whether there may be more than were read.
    unread: bool,
}

/// An instance as the host wrote it.
#[derive(Debug)]
struct Instance {
    /// Its place in the host's order.
    place: usize,
    created: Option<Ticks>,
    document: Box<RawValue>,
}

/// The API's order is that of the ids, so the newest are known only when all were read.
async fn find(host: &Host, args: &ListArgs, show_input: bool) -> Result<Found, Fault> {
    let most = match args.all {
        true => usize::MAX,
        false => MOST.max(args.top.get()),
    };
    let mut found = Found::default();
    let mut continuation = None;
    loop {
        let answer = host
            .send(
                Method::GET,
                Call {
                    path: vec!["instances"],
                    query: args.query(show_input),
                    continuation: continuation.clone(),
                    body: None,
                },
            )
            .await?;
        match answer.status {
            StatusCode::NOT_FOUND => return Err(host.no_api()),
            status if status.is_success() => {}
            _ => return Err(host.failed("listing instances", &answer)),
        }
        let page: Vec<Box<RawValue>> =
            serde_json::from_str(&answer.body).map_err(|error| host.unreadable(&error, &answer))?;
        for document in page {
            let status: Status<'_> = serde_json::from_str(document.get())
                .map_err(|error| host.unreadable(&error, &answer))?;
            if !args.wants(&status) {
                continue;
            }
            if found.count == most {
                found.unread = true;
                break;
            }
            let created = status.created();
            found.instances.push(Instance {
                place: found.count,
                created,
                document,
            });
            found.count += 1;
        }
        // A host that gives the same page again would never end.
        if found.unread || answer.continuation.is_none() || answer.continuation == continuation {
            break;
        }
        continuation = answer.continuation;
    }
    found
        .instances
        .sort_by_key(|instance| std::cmp::Reverse(instance.created));
    if !args.all {
        found.instances.truncate(args.top.get());
    }
    Ok(found)
}

pub(super) async fn run(host: &Host, output: &OutputArgs, args: &ListArgs) -> Result<(), Fault> {
    let mut found = find(host, args, output.is_json()).await?;
    if output.is_json() {
        found.instances.sort_by_key(|instance| instance.place);
    }
    let documents: Vec<&str> = found
        .instances
        .iter()
        .map(|instance| instance.document.get())
        .collect();
    if output.is_json() {
        match documents.as_slice() {
            [] => print("[]\n")?,
            documents => print(&format!("[\n{}\n]\n", documents.join(",\n")))?,
        }
    } else if documents.is_empty() {
        remark(&format!(
            "No instance at {}{} is as asked for.",
            host.shown(),
            host.in_hub()
        ));
    } else {
        let instances: Vec<Status<'_>> = documents
            .iter()
            .filter_map(|document| serde_json::from_str(document).ok())
            .collect();
        print(&table(&instances).render(columns(), output.paint()))?;
    }
    if let Some(text) = found.left_out() {
        remark(&text);
    }
    Ok(())
}

impl Found {
    /// What is not shown, if anything.
    fn left_out(&self) -> Option<String> {
        let shown = self.instances.len();
        if self.unread {
            return Some(format!(
                "The newest {shown} of the first {} in the order of their ids: there are more, and newer ones may be among them. --created-from and the other filters narrow the search, --all reads all.",
                self.count
            ));
        }
        (shown < self.count).then(|| {
            format!(
                "The newest {shown} of {}; --all lists all, --top N so many.",
                self.count
            )
        })
    }
}

fn table(instances: &[Status<'_>]) -> Table {
    let mut table = Table::new(vec![
        Column::whole("STATUS"),
        Column::flexible("INSTANCE", 1, 12),
        Column::flexible("NAME", 2, 12),
        Column::whole("CREATED (UTC)"),
        Column::number("TOOK").optional(),
        Column::flexible("OUTPUT", 3, 10).optional(),
    ]);
    for instance in instances {
        let took = match (instance.created(), instance.updated()) {
            (Some(created), Some(updated)) if instance.has_ended() => {
                whole_seconds(updated.since(created))
            }
            _ => String::new(),
        };
        let output = value_text(instance.output)
            .or_else(|| value_text(instance.custom_status))
            .unwrap_or_default();
        table.row(vec![
            Cell::styled(
                &instance.runtime_status,
                status_style(&instance.runtime_status),
            ),
            Cell::new(&instance.instance_id),
            Cell::new(instance.name.as_deref().unwrap_or_default()),
            Cell::new(&readable_text(&instance.created_time)),
            Cell::new(&took),
            Cell::new(&output),
        ]);
    }
    table
}

/// The colour of a status.
pub(super) fn status_style(status: &str) -> anstyle::Style {
    match status {
        "Completed" => style::GOOD,
        "Failed" => style::BAD,
        "Running" | "ContinuedAsNew" => style::BUSY,
        "Suspended" => style::ODD,
        "Terminated" | "Canceled" => style::ENDED,
        _ => style::PLAIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::Paint;

    #[test]
    fn instances_are_listed_in_columns() {
        let documents = [
            r#"{"name":"order","instanceId":"order-7","runtimeStatus":"Failed","input":1,"customStatus":null,"output":"Error: no money","createdTime":"2026-11-24T09:00:00Z","lastUpdatedTime":"2026-11-24T09:00:03Z"}"#,
            r#"{"name":"eternal","instanceId":"e","runtimeStatus":"Running","input":null,"customStatus":{"round":4},"output":null,"createdTime":"2026-11-24T09:00:00Z","lastUpdatedTime":"2026-11-24T09:01:03Z"}"#,
            r#"{"name":"hello","instanceId":"h","runtimeStatus":"Completed","input":null,"customStatus":null,"output":["Hello Tokyo!"],"createdTime":"2026-11-24T09:00:00Z","lastUpdatedTime":"2026-11-24T09:00:00Z"}"#,
        ];
        let instances: Vec<Status<'_>> = documents
            .iter()
            .map(|document| serde_json::from_str(document).unwrap())
            .collect();
        assert_eq!(
            table(&instances).render(Some(84), Paint::NONE),
            "STATUS     INSTANCE  NAME     CREATED (UTC)         TOOK  OUTPUT\n\
             Failed     order-7   order    2026-11-24 09:00:00    3 s  Error: no money\n\
             Running    e         eternal  2026-11-24 09:00:00         {\"round\":4}\n\
             Completed  h         hello    2026-11-24 09:00:00  < 1 s  [\"Hello Tokyo!\"]\n"
        );
    }

    #[test]
    fn what_is_left_out_is_told() {
        let instance = || Instance {
            place: 0,
            created: None,
            document: RawValue::from_string("{}".to_owned()).unwrap(),
        };
        let left_out = |count, unread| {
            let instances = vec![instance(), instance()];
            Found {
                instances,
                count,
                unread,
            }
            .left_out()
        };
        assert_eq!(left_out(2, false), None);
        assert!(
            left_out(3, false)
                .unwrap()
                .starts_with("The newest 2 of 3; --all")
        );
        assert!(left_out(3, true).unwrap().contains("--created-from"));
    }
}
