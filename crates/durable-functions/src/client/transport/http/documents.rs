//! The documents that the API answers with.

use chrono::{DateTime, Utc};
use durable_functions_protocol::entity::EntityId;
use durable_functions_protocol::failure::Failure;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::ClientError;
use crate::client::entities::EntityState;
use crate::client::state::{InstanceState, RuntimeStatus, failure_of_text};
use crate::failure_document::FailureDocument;

/// What the API says of an error.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorBody {
    message: String,
    exception_message: Option<String>,
}

/// The API's words about an error: an object, a JSON string, or whatever stands in its way.
pub(super) fn message(body: &str) -> String {
    if let Ok(error) = serde_json::from_str::<ErrorBody>(body) {
        return match error.exception_message {
            Some(exception) => format!("{} {exception}", error.message),
            None => error.message,
        };
    }
    serde_json::from_str::<String>(body).unwrap_or_else(|_| crate::invocation::excerpt(body))
}

/// Reads a document of the API.
///
/// # Errors
///
/// [`ClientError::Decode`] with what it is and what is wrong with it.
pub(super) fn read<'a, T: Deserialize<'a>>(what: &str, body: &'a str) -> Result<T, ClientError> {
    serde_json::from_str(body).map_err(|error| ClientError::Decode {
        message: format!(
            "the host's answer is no {what}: {error}; it begins with {:?}",
            crate::invocation::excerpt(body)
        ),
    })
}

/// `{"id": ..}` of a started instance.
#[derive(Deserialize)]
pub(super) struct Started {
    pub(super) id: String,
}

/// How many instances were purged.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Purged {
    pub(super) instances_deleted: u64,
}

/// The status of an instance.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusDocument<'a> {
    name: String,
    pub(super) instance_id: String,
    runtime_status: String,
    version: Option<String>,
    parent_instance_id: Option<String>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    custom_status: Option<&'a RawValue>,
    created_time: Option<DateTime<Utc>>,
    last_updated_time: Option<DateTime<Utc>>,
    #[serde(default)]
    history_events: Vec<HistoryEntry>,
}

/// An entity in a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntityDocument<'a> {
    entity_id: EntityName,
    last_operation_time: Option<DateTime<Utc>>,
    #[serde(borrow)]
    state: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct EntityName {
    name: String,
    key: String,
}

impl EntityDocument<'_> {
    pub(super) fn into_state(self, state: bool) -> EntityState {
        let text = self.state.map(RawValue::get).filter(|text| *text != "null");
        EntityState {
            id: EntityId::new(self.entity_id.name, self.entity_id.key),
            last_modified_at: self.last_operation_time,
            backlog: 0,
            locked_by: None,
            state: text.filter(|_| state).map(str::to_owned),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HistoryEntry {
    event_type: String,
    failure_details: Option<FailureDocument>,
}

impl StatusDocument<'_> {
    pub(super) fn into_state(self, payloads: bool) -> Result<InstanceState, ClientError> {
        let status: RuntimeStatus = self.runtime_status.parse()?;
        let text = |value: Option<&RawValue>| {
            let text = value.map(RawValue::get).filter(|text| *text != "null");
            text.filter(|_| payloads).map(str::to_owned)
        };
        let output = match status {
            RuntimeStatus::Completed => text(self.output),
            // a text that is not JSON stands here as a JSON string
            _ => text(self.output).map(|json| serde_json::from_str(&json).unwrap_or(json)),
        };
        let ended = self.history_events.into_iter().rev();
        let recorded = ended
            .filter(|entry| entry.event_type == "ExecutionCompleted")
            .find_map(|entry| entry.failure_details);
        let failure = match recorded {
            Some(details) => Some(Failure::from_proto(&details.into_proto())),
            None if status == RuntimeStatus::Failed => output.as_deref().map(failure_of_text),
            None => None,
        };
        Ok(InstanceState {
            instance_id: self.instance_id,
            name: self.name,
            version: self.version.filter(|version| !version.is_empty()),
            parent_instance_id: self.parent_instance_id,
            status,
            created_at: self.created_time,
            last_updated_at: self.last_updated_time,
            scheduled_start_at: None,
            tags: Default::default(),
            failure,
            input: text(self.input),
            output,
            custom_status: text(self.custom_status),
        })
    }
}
