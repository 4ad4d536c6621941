//! Entities with their states and locks. They are kept as instances called `@name@key`: the input holds
//! the state, the custom status what else is known of them.

use serde::Serialize;

use super::events::Text;
use crate::engine::{EntityStatus, is_stored_entity, state_of};
use crate::store::{InstanceRecord, StoreError};

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
    waiting: usize,
    last_operation: String,
}

impl EntityDocument {
    /// The entity in a row; `None` when there is nothing to show, or the row is of something else.
    pub(super) fn new(record: &InstanceRecord) -> Result<Option<Self>, StoreError> {
        let parts = record
            .id
            .strip_prefix('@')
            .and_then(|id| id.split_once('@'));
        let Some((name, key)) = parts.filter(|_| is_stored_entity(record)) else {
            return Ok(None);
        };
        let status = EntityStatus::of(record)?;
        let state = state_of(record)?;
        let idle = status.locked_by.is_none() && status.queue_size == 0;
        if state.is_none() && idle {
            return Ok(None);
        }
        Ok(Some(Self {
            id: record.id.to_string(),
            name: name.to_owned(),
            key: key.to_owned(),
            state: Text::optional(state.as_deref(), STATE_TEXT),
            locked_by: status.locked_by,
            waiting: status.queue_size,
            last_operation: record.updated.iso(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::OrchestrationStatus;
    use serde_json::json;

    use super::*;
    use crate::time::Ticks;

    fn record(id: &str, input: &str, custom_status: &str) -> InstanceRecord {
        InstanceRecord {
            id: id.into(),
            execution_id: "e".into(),
            name: id.into(),
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
        }
    }

    fn shown(id: &str, input: &str, custom_status: &str) -> Option<serde_json::Value> {
        EntityDocument::new(&record(id, input, custom_status))
            .unwrap()
            .map(|entity| serde_json::to_value(entity).unwrap())
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
        assert_eq!(shown("@counter", r#"{"state":"5"}"#, "{}"), None);
        assert_eq!(shown("counter@a", r#"{"state":"5"}"#, "{}"), None);
        let orchestration = InstanceRecord {
            name: "n".into(),
            ..record("@counter@a", "5", "\"text\"")
        };
        assert!(EntityDocument::new(&orchestration).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (input, status) in [("{}", "\"text\""), (r#"{"state":5}"#, "{}"), ("", "{}")] {
            let error = EntityDocument::new(&record("@counter@a", input, status)).unwrap_err();
            assert!(error.to_string().contains("@counter@a"), "{error}");
        }
    }
}
