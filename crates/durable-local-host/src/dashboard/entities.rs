//! Entities with their states and locks. They are kept as instances called `@name@key`: the input holds
//! the state, the custom status what else is known of them.

use serde::{Deserialize, Serialize};

use super::events::Text;
use crate::store::InstanceRecord;

/// Characters of a state that are shown.
const STATE_TEXT: usize = 2_000;

/// A page of entities.
#[derive(Debug, Serialize)]
pub(super) struct EntitiesDocument {
    pub(super) entities: Vec<EntityDocument>,
    /// The id that the next page begins with.
    pub(super) next: Option<String>,
}

/// An entity.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntityDocument {
    id: String,
    name: String,
    key: String,
    /// State as JSON text; none when it has been deleted, or had no operation yet.
    state: Option<Text>,
    /// The orchestration that has it locked.
    locked_by: Option<String>,
    /// How many operations wait.
    waiting: u64,
    last_operation: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    queue_size: u64,
    locked_by: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Scheduler {
    state: Option<String>,
}

fn parsed<'a, T: Default + Deserialize<'a>>(text: Option<&'a str>) -> T {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

impl EntityDocument {
    /// The entity in a row; `None` when there is nothing to show, or the row is of something else.
    pub(super) fn new(record: &InstanceRecord) -> Option<Self> {
        let (name, key) = record.id.strip_prefix('@')?.split_once('@')?;
        let status: Status = parsed(record.custom_status.as_deref());
        let scheduler: Scheduler = parsed(record.input.as_deref());
        let idle = status.locked_by.is_none() && status.queue_size == 0;
        if scheduler.state.is_none() && idle {
            return None;
        }
        Some(Self {
            id: record.id.to_string(),
            name: name.to_owned(),
            key: key.to_owned(),
            state: Text::optional(scheduler.state.as_deref(), STATE_TEXT),
            locked_by: status.locked_by,
            waiting: status.queue_size,
            last_operation: record.updated.iso(),
        })
    }
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::OrchestrationStatus;
    use serde_json::json;

    use super::*;
    use crate::time::Ticks;

    fn shown(id: &str, input: &str, custom_status: &str) -> Option<serde_json::Value> {
        let record = InstanceRecord {
            id: id.into(),
            execution_id: "e".into(),
            name: "@counter".into(),
            version: None,
            status: OrchestrationStatus::Running,
            input: Some(input.into()),
            output: None,
            custom_status: Some(custom_status.into()),
            failure: None,
            created: Ticks(0),
            updated: Ticks(0),
            scheduled: None,
            generation: None,
        };
        EntityDocument::new(&record).map(|entity| serde_json::to_value(entity).unwrap())
    }

    #[test]
    fn state_and_lock_are_shown() {
        let entity = shown(
            "@counter@a@b",
            r#"{"state":"5","sorter":{}}"#,
            r#"{"entityExists":true,"queueSize":2,"lockedBy":"transfer"}"#,
        );
        assert_eq!(
            entity.unwrap(),
            json!({
                "id": "@counter@a@b", "name": "counter", "key": "a@b", "state": {"text": "5"},
                "lockedBy": "transfer", "waiting": 2, "lastOperation": "1970-01-01T00:00:00Z"
            })
        );
        // Locked before its first operation.
        let entity = shown("@counter@", "{}", r#"{"lockedBy":"transfer"}"#).unwrap();
        assert_eq!(
            (&entity["key"], &entity["state"]),
            (&json!(""), &json!(null))
        );
    }

    #[test]
    fn what_does_not_exist_is_not_shown() {
        assert_eq!(shown("@counter@a", "{}", "{}"), None);
        assert_eq!(shown("@counter@a", "5", "\"text\""), None);
        assert_eq!(shown("@counter", r#"{"state":"5"}"#, "{}"), None);
        assert_eq!(shown("counter@a", r#"{"state":"5"}"#, "{}"), None);
    }
}
