//! `instances list`.

use reqwest::{Method, StatusCode};
use serde_json::value::RawValue;

use crate::display::style;
use crate::terminal::client::{Call, Host};
use crate::terminal::documents::{Status, value_text};
use crate::terminal::fault::Fault;
use crate::terminal::output::{OutputArgs, columns, print, remark};
use crate::terminal::table::{Cell, Column, Table};
use crate::terminal::when::{When, readable_text, whole_seconds};

/// Most instances that are asked for at once.
const PAGE: usize = 1000;

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
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    top: usize,
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
    fn query(&self, wanted: usize) -> Vec<(&'static str, String)> {
        // What is sorted out here may leave little of a page.
        let top = if self.name.is_some() {
            PAGE
        } else {
            wanted.min(PAGE)
        };
        let mut query = vec![("top", top.to_string())];
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

/// What was found, as the host wrote it.
struct Found {
    documents: Vec<Box<RawValue>>,
    /// Whether there may be more than was asked for.
    more: bool,
}

async fn find(host: &Host, args: &ListArgs) -> Result<Found, Fault> {
    let wanted = if args.all { usize::MAX } else { args.top };
    let mut found = Found {
        documents: Vec::new(),
        more: false,
    };
    let mut continuation = None;
    loop {
        let missing = wanted.saturating_sub(found.documents.len());
        // One more than wanted tells whether there are more.
        let answer = host
            .send(
                Method::GET,
                Call {
                    path: vec!["instances"],
                    query: args.query(missing.saturating_add(1)),
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
            if found.documents.len() == wanted {
                found.more = true;
                return Ok(found);
            }
            found.documents.push(document);
        }
        // A host that gives the same page again would never end.
        if answer.continuation.is_none() || answer.continuation == continuation {
            return Ok(found);
        }
        continuation = answer.continuation;
    }
}

pub(super) async fn run(host: &Host, output: &OutputArgs, args: &ListArgs) -> Result<(), Fault> {
    let found = find(host, args).await?;
    if output.is_json() {
        let documents: Vec<&str> = found.documents.iter().map(|it| it.get()).collect();
        return match documents.as_slice() {
            [] => print("[]\n"),
            documents => print(&format!("[\n{}\n]\n", documents.join(",\n"))),
        };
    }
    let mut instances: Vec<Status<'_>> = found
        .documents
        .iter()
        .filter_map(|document| serde_json::from_str(document.get()).ok())
        .collect();
    if instances.is_empty() {
        remark(&format!(
            "No instance at {}{} is as asked for.",
            host.shown(),
            host.in_hub()
        ));
        return Ok(());
    }
    instances.sort_by_key(|instance| std::cmp::Reverse(instance.created()));
    print(&table(&instances).render(columns(), output.paint()))?;
    if found.more {
        remark(&format!(
            "The first {} in the host's order; --all lists all, --top N so many.",
            instances.len()
        ));
    }
    Ok(())
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
}
