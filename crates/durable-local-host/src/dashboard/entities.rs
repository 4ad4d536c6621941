//! Entities with their states and locks. They are kept as instances called `@name@key`: the input holds
//! the state, the custom status what else is known of them.

use serde::Serialize;

use super::documents::{VALUE_TEXT, mark};
use super::events::Text;
use crate::engine::{
    EntityContents, EntityId, EntityStatus, Waiting, WaitingKind, is_stored_entity, state_of,
};
use crate::store::{InstanceRecord, StoreError};

/// Characters of a state that are shown in the list.
const STATE_TEXT: usize = 2_000;

/// Characters of inputs of operations that wait.
const INPUT_TEXT: usize = 200;

/// How many of the operations that wait are told one by one.
const WAITING: usize = 100;

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

/// One entity with what waits for it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntityDetails {
    #[serde(flatten)]
    entity: EntityDocument,
    /// The first of the operations that wait, next first.
    queue: Vec<QueuedDocument>,
    /// Why neither state nor operations are known.
    unreadable: Option<String>,
    /// For a later wait for changes.
    mark: String,
}

/// An operation that waits.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct QueuedDocument {
    /// `call`, `signal` or `lock`.
    kind: &'static str,
    operation: Option<String>,
    input: Option<Text>,
    /// The instance that sent it; none for clients.
    sender: Option<String>,
}

impl From<Waiting> for QueuedDocument {
    fn from(waiting: Waiting) -> Self {
        Self {
            kind: match waiting.kind {
                WaitingKind::Call => "call",
                WaitingKind::Signal => "signal",
                WaitingKind::Lock => "lock",
            },
            operation: waiting.operation,
            input: Text::optional(waiting.input.as_deref(), INPUT_TEXT),
            sender: waiting.sender,
        }
    }
}

impl EntityDetails {
    /// The entity in a row, even when it has no state; `None` when the row is of something else.
    pub(super) fn new(record: &InstanceRecord) -> Option<Self> {
        let (contents, state_fault) = match EntityContents::of(record) {
            Ok(contents) => (contents, None),
            Err(error) => (EntityContents::default(), Some(error.to_string())),
        };
        let (status, status_fault) = match EntityStatus::of(record) {
            Ok(status) => (status, None),
            Err(error) => (EntityStatus::default(), Some(error.to_string())),
        };
        let state = Text::optional(contents.state.as_deref(), VALUE_TEXT);
        Some(Self {
            entity: EntityDocument::with(record, status, state)?,
            queue: contents
                .queue
                .into_iter()
                .take(WAITING)
                .map(QueuedDocument::from)
                .collect(),
            unreadable: state_fault.or(status_fault),
            mark: mark(Some(record)),
        })
    }
}

impl EntityDocument {
    /// The entity in a row; `None` when there is nothing to show, or the row is of something else.
    pub(super) fn new(record: &InstanceRecord) -> Result<Option<Self>, StoreError> {
        if EntityId::parse(&record.id).is_none() || !is_stored_entity(record) {
            return Ok(None);
        }
        let status = EntityStatus::of(record)?;
        let idle = status.locked_by.is_none() && status.queue_size == 0;
        let state = Text::optional(state_of(record)?.as_deref(), STATE_TEXT);
        if state.is_none() && idle {
            return Ok(None);
        }
        Ok(Self::with(record, status, state))
    }

    fn with(record: &InstanceRecord, status: EntityStatus, state: Option<Text>) -> Option<Self> {
        let EntityId { name, key } =
            EntityId::parse(&record.id).filter(|_| is_stored_entity(record))?;
        Some(Self {
            id: record.id.to_string(),
            name,
            key,
            state,
            locked_by: status.locked_by,
            waiting: status.queue_size,
            last_operation: record.updated.iso(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(id: &str, input: &str, custom_status: &str) -> InstanceRecord {
        InstanceRecord {
            input: Some(input.into()),
            custom_status: Some(custom_status.into()),
            ..InstanceRecord::running(id)
        }
    }

    fn shown(id: &str, input: &str, custom_status: &str) -> Option<serde_json::Value> {
        let entity = EntityDocument::new(&record(id, input, custom_status)).unwrap();
        entity.map(|entity| serde_json::to_value(entity).unwrap())
    }

    #[test]
    fn what_waits_is_told_with_its_sender() {
        let input = json!({"state": "5", "queue": [
            {"op": "add", "input": "7", "id": "1", "parent": "o", "Timestamp": "2026-01-01T00:00:00Z"},
            {"op": "reset", "signal": true, "id": "2"},
            {"op": null, "id": "3", "parent": "p", "lockset": [{"name": "counter", "key": "a"}], "pos": 0},
        ]});
        let status = r#"{"queueSize":3,"lockedBy":"q"}"#;
        let entity = record("@counter@a", &input.to_string(), status);
        let details = serde_json::to_value(EntityDetails::new(&entity).unwrap()).unwrap();
        assert_eq!(
            details["queue"],
            json!([
                {"kind": "call", "operation": "add", "input": {"text": "7"}, "sender": "o"},
                {"kind": "signal", "operation": "reset", "input": null, "sender": null},
                {"kind": "lock", "operation": null, "input": null, "sender": "p"},
            ])
        );
        assert_eq!(
            (&details["lockedBy"], &details["waiting"]),
            (&json!("q"), &json!(3))
        );
        assert_eq!(
            (&details["state"]["text"], &details["unreadable"]),
            (&json!("5"), &json!(null))
        );
    }

    #[test]
    fn an_entity_without_a_state_and_one_that_cannot_be_read_are_told_apart() {
        let details = |input: &str, status: &str| {
            let details = EntityDetails::new(&record("@counter@a", input, status)).unwrap();
            (details.entity.state, details.unreadable)
        };
        assert_eq!(details(r#"{"sorter":{}}"#, "{}"), (None, None));
        for (input, status) in [(r#""text""#, "{}"), ("{}", r#""text""#)] {
            let (state, unreadable) = details(input, status);
            assert!(state.is_none() && unreadable.is_some());
        }
        assert!(EntityDetails::new(&record("@counter", "{}", "{}")).is_none());
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
