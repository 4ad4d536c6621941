//! What the page reads, as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::events::{EventDocument, Text};
use super::failure::FailureDocument;
use crate::management::status_name;
use crate::store::{InstanceRecord, Overview, RATE_SECONDS};
use crate::time::Ticks;

/// All instances in numbers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OverviewDocument<'a> {
    pub(super) task_hub: &'a str,
    /// For a later wait for changes.
    pub(super) mark: String,
    pub(super) statuses: BTreeMap<&'static str, i64>,
    /// Starts by second, the oldest first; the last one is the present second.
    pub(super) started: Vec<i64>,
    /// The same of ends.
    pub(super) ended: Vec<i64>,
    pub(super) orchestrators: Vec<&'a str>,
}

/// Numbers by age as a list by time.
fn by_time(ages: &[(i64, i64)]) -> Vec<i64> {
    let ages: BTreeMap<i64, i64> = ages.iter().copied().collect();
    (0..RATE_SECONDS)
        .rev()
        .map(|age| ages.get(&age).copied().unwrap_or(0))
        .collect()
}

impl<'a> OverviewDocument<'a> {
    pub(super) fn new(
        overview: &Overview,
        task_hub: &'a str,
        mark: u64,
        orchestrators: Vec<&'a str>,
    ) -> Self {
        let statuses = overview
            .statuses
            .iter()
            .filter_map(|(status, count)| Some((status_name((*status).try_into().ok()?), *count)));
        Self {
            task_hub,
            mark: mark.to_string(),
            statuses: statuses.collect(),
            started: by_time(&overview.rates.started),
            ended: by_time(&overview.rates.ended),
            orchestrators,
        }
    }
}

/// An instance in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RowDocument {
    id: String,
    name: String,
    version: Option<String>,
    status: &'static str,
    created: String,
    updated: String,
    scheduled: Option<String>,
    custom_status: Option<Text>,
}

/// Characters of a custom status in a list.
const ROW_TEXT: usize = 120;

impl RowDocument {
    pub(super) fn new(record: &InstanceRecord) -> Self {
        Self {
            id: record.id.to_string(),
            name: record.name.clone(),
            version: record.version.clone(),
            status: status_name(record.status),
            created: record.created.iso(),
            updated: record.updated.iso(),
            scheduled: record.scheduled.map(Ticks::iso),
            custom_status: Text::optional(record.custom_status.as_deref(), ROW_TEXT),
        }
    }
}

/// A page of instances.
#[derive(Debug, Serialize)]
pub(super) struct ListDocument {
    pub(super) instances: Vec<RowDocument>,
    /// Where the next page begins.
    pub(super) next: Option<String>,
}

/// Another instance, to be linked to.
#[derive(Debug, Serialize)]
pub(super) struct LinkDocument {
    pub(super) id: String,
    pub(super) name: String,
}

/// One instance.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstanceDocument {
    #[serde(flatten)]
    pub(super) row: RowDocument,
    pub(super) execution_id: String,
    pub(super) input: Option<Text>,
    pub(super) output: Option<Text>,
    pub(super) failure: Option<FailureDocument>,
    /// Who called it; only together with the whole history.
    pub(super) parent: Option<LinkDocument>,
    pub(super) history: HistoryDocument,
    /// For a later wait for changes.
    pub(super) mark: String,
    /// The host's clock.
    pub(super) now: String,
}

/// A history, or what was added to one.
#[derive(Debug, Serialize)]
pub(super) struct HistoryDocument {
    /// Whether the events follow those that the page has; otherwise they are all.
    pub(super) added: bool,
    pub(super) events: Vec<EventDocument>,
    /// Number and digest of the turns, for the next request.
    pub(super) turns: usize,
    pub(super) digest: String,
}

/// Characters of inputs and outputs that are shown at first.
pub(super) const VALUE_TEXT: usize = 20_000;

impl InstanceDocument {
    pub(super) fn new(record: &InstanceRecord, history: HistoryDocument, now: Ticks) -> Self {
        Self {
            row: RowDocument {
                custom_status: Text::optional(record.custom_status.as_deref(), VALUE_TEXT),
                ..RowDocument::new(record)
            },
            execution_id: record.execution_id.to_string(),
            input: Text::optional(record.input.as_deref(), VALUE_TEXT),
            output: Text::optional(record.output.as_deref(), VALUE_TEXT),
            failure: None,
            parent: None,
            history,
            mark: mark(Some(record)),
            now: now.iso(),
        }
    }
}

/// What changes whenever an instance does.
pub(super) fn mark(record: Option<&InstanceRecord>) -> String {
    record.map_or_else(
        || "gone".to_owned(),
        |record| {
            format!(
                "{}-{}-{}",
                record.updated.0, record.status as i32, record.execution_id
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_number_for_every_second() {
        let list = by_time(&[(0, 7), (59, 3), (60, 9)]);
        assert_eq!((list.len(), list[59], list[0]), (60, 7, 3));
        assert_eq!(list.iter().sum::<i64>(), 10);
    }
}
