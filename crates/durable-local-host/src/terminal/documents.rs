//! The documents of the management API, as far as they are shown.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::time::Ticks;

/// A status document. The values are kept as the host wrote them.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status<'a> {
    #[serde(default)]
    pub(super) name: Option<String>,
    pub(super) instance_id: String,
    pub(super) runtime_status: String,
    #[serde(default, borrow)]
    pub(super) input: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) custom_status: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) output: Option<&'a RawValue>,
    pub(super) created_time: String,
    pub(super) last_updated_time: String,
    #[serde(default)]
    pub(super) history_events: Option<Vec<Event>>,
}

impl Status<'_> {
    /// Whether nothing will happen to the instance any more.
    pub(super) fn has_ended(&self) -> bool {
        has_ended(&self.runtime_status)
    }

    pub(super) fn created(&self) -> Option<Ticks> {
        Ticks::parse(&self.created_time)
    }

    pub(super) fn updated(&self) -> Option<Ticks> {
        Ticks::parse(&self.last_updated_time)
    }
}

/// Whether an instance of that status has ended.
pub(super) fn has_ended(status: &str) -> bool {
    matches!(status, "Completed" | "Failed" | "Terminated" | "Canceled")
}

/// The text of a value: a string without quotes, other JSON as it is, nothing for null.
pub(super) fn value_text(value: Option<&RawValue>) -> Option<String> {
    let json = value?.get();
    if json == "null" {
        return None;
    }
    Some(serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned()))
}

/// An entry of a history. Which members there are depends on the type.
#[derive(Deserialize, Debug, Default, Clone)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Event {
    pub(super) event_type: String,
    pub(super) timestamp: Option<String>,
    /// When the call was made that this event answers.
    pub(super) scheduled_time: Option<String>,
    pub(super) function_name: Option<String>,
    pub(super) name: Option<String>,
    pub(super) instance_id: Option<String>,
    pub(super) fire_at: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) orchestration_status: Option<String>,
    pub(super) input: Value,
    pub(super) result: Value,
    pub(super) failure_details: Option<FailureDetails>,
}

impl Event {
    pub(super) fn time(&self) -> Option<Ticks> {
        time(self.timestamp.as_deref())
    }
}

/// A point in time of a document.
pub(super) fn time(text: Option<&str>) -> Option<Ticks> {
    text.and_then(Ticks::parse)
}

/// A failure, and what caused it.
#[derive(Deserialize, Debug, Default, Clone)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct FailureDetails {
    error_type: Option<String>,
    error_message: Option<String>,
    stack_trace: Option<String>,
    inner_failure: Option<Box<FailureDetails>>,
}

impl FailureDetails {
    /// The failure as its function made it: what the host wraps around it is taken off.
    pub(super) fn failure(&self) -> durable_functions_protocol::Failure {
        durable_functions_protocol::Failure::from_activity(Some(&self.proto()))
    }

    fn proto(&self) -> durable_functions_protocol::proto::TaskFailureDetails {
        durable_functions_protocol::proto::TaskFailureDetails {
            error_type: self.error_type.clone().unwrap_or_default(),
            error_message: self.error_message.clone().unwrap_or_default(),
            stack_trace: self.stack_trace.clone(),
            inner_failure: self
                .inner_failure
                .as_ref()
                .map(|inner| Box::new(inner.proto())),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_they_were_written() {
        let document = r#"{"name":"n","instanceId":"a","runtimeStatus":"Completed","input":null,"customStatus":"half","output":{"price":1.50},"createdTime":"2026-11-24T09:00:00Z","lastUpdatedTime":"2026-11-24T09:00:01Z"}"#;
        let status: Status<'_> = serde_json::from_str(document).unwrap();
        assert!(status.has_ended());
        assert_eq!(value_text(status.input), None);
        assert_eq!(value_text(status.custom_status).unwrap(), "half");
        assert_eq!(value_text(status.output).unwrap(), r#"{"price":1.50}"#);
    }
}
