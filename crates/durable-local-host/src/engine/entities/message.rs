//! The messages that entities get and send, in the JSON of the Durable Task Framework. They travel
//! as raised events.

use durable_functions_protocol::proto::{TaskFailureDetails, TraceContext};
use prost_types::value::Kind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::EntityId;
use super::is_entity;
use crate::newtonsoft::{Json, render};
use crate::time::Ticks;

/// Name of the event that brings a request.
pub(super) const REQUEST: &str = "op";
/// Name of the event that releases a lock.
pub(super) const RELEASE: &str = "release";
/// What a lock's owner reads in the answer to its request.
const LOCKED: &str = "Lock Acquisition Completed";

/// A request: an operation, or a lock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    /// Name of the operation; none for a lock.
    #[serde(rename = "op", default)]
    pub(super) operation: Option<String>,
    /// Whether nobody waits for an answer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) signal: bool,
    /// Input as JSON text.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) input: Option<String>,
    /// GUID; the answer's event has it as its name.
    pub(super) id: String,
    /// The instance that sent it; none for clients.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) parent: Option<String>,
    /// The sender's execution.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) parent_execution: Option<String>,
    /// Not before this time.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) due: Option<Ticks>,
    /// When it was sent, by the sender's clock.
    #[serde(rename = "Timestamp", default)]
    pub(super) timestamp: Ticks,
    /// Timestamp of what the sender sent to this entity before.
    #[serde(rename = "Predecessor", default)]
    pub(super) predecessor: Ticks,
    /// What a lock request locks, in order.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) lockset: Option<Vec<EntityId>>,
    /// Whose turn it is in the lock set.
    #[serde(rename = "pos", default, skip_serializing_if = "is_default")]
    pub(super) position: usize,
    /// Whether there is a lock set; only ever written.
    #[serde(rename = "IsLockRequest", default)]
    pub(super) is_lock_request: bool,
    /// The sender's trace.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) parent_trace_context: Option<Value>,
    /// Whether an entity-specific trace is made.
    #[serde(default)]
    pub(super) create_trace: bool,
    /// When it was asked for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) request_time: Option<String>,
}

/// The end of a critical section.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Release {
    /// Who holds the lock.
    #[serde(default)]
    pub(super) parent: Option<String>,
}

/// Whether a member is left out.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What an event is for an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventKind {
    /// A request.
    Request,
    /// A release.
    Release,
    /// Nothing that entities know.
    Other,
}

/// What an event of that name is.
pub(super) fn kind(name: &str) -> EventKind {
    if name.starts_with(REQUEST) {
        EventKind::Request
    } else if name == RELEASE {
        EventKind::Release
    } else {
        EventKind::Other
    }
}

/// Name of the event that brings a request at that time.
pub(super) fn scheduled(due: Ticks) -> String {
    format!("{REQUEST}@{}", due.iso_round_trip())
}

/// When an event for an instance is to be delivered, if later: entities are told so by its name.
pub(in crate::engine) fn due(instance: &str, event: &str) -> Option<Ticks> {
    if !is_entity(instance) {
        return None;
    }
    Ticks::parse(event.strip_prefix(REQUEST)?.strip_prefix('@')?)
}

impl Request {
    /// Reads a request; what is wrong with it is told as text.
    pub(super) fn read(input: Option<&str>) -> Result<Self, String> {
        let mut request: Self =
            serde_json::from_str(input.unwrap_or_default()).map_err(|error| error.to_string())?;
        request.id = uuid::Uuid::parse_str(&request.id)
            .map_err(|error| format!("its id `{}` is no GUID: {error}", request.id))?
            .to_string();
        request.is_lock_request = request.lockset.is_some();
        if request.is_lock_request && request.parent.is_none() {
            return Err("it asks for a lock and does not say for whom".to_owned());
        }
        Ok(request)
    }

    /// Whether it asks for nothing: neither for an operation nor for a lock.
    pub(super) fn is_nothing(&self) -> bool {
        self.operation.is_none() && self.lockset.is_none()
    }

    /// Whether it is dropped for want of a label: signals are not.
    pub(super) fn is_unlabelled(&self) -> bool {
        !self.signal && self.parent.is_some() && self.timestamp == Ticks::UNSET
    }

    /// As it travels.
    pub(super) fn write(&self) -> String {
        // Nothing in it can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What it is, for people.
    pub(super) fn describe(&self) -> String {
        let sender = self.parent.as_deref().unwrap_or("a client");
        match (&self.operation, self.signal) {
            (Some(operation), true) => format!("the signal `{operation}` of {sender}"),
            (Some(operation), false) => format!("the call of `{operation}` by {sender}"),
            (None, true) => format!("the signal of {sender}"),
            (None, false) if !self.is_lock_request => format!("the call by {sender}"),
            (None, false) => format!("the lock request of {sender}"),
        }
    }

    /// The sender's trace as the protocol has it.
    pub(super) fn trace(&self) -> Option<TraceContext> {
        let Value::Object(members) = self.parent_trace_context.as_ref()? else {
            return None;
        };
        let text = |name: &str| {
            let found = members
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name));
            found
                .and_then(|(_, value)| value.as_str())
                .map(str::to_owned)
        };
        Some(TraceContext {
            trace_parent: text("traceParent")?,
            trace_state: text("traceState"),
            ..Default::default()
        })
    }
}

/// The trace of a sender as messages have it.
pub(super) fn trace_json(trace: Option<&TraceContext>) -> Option<Value> {
    let trace = trace?;
    let mut members = serde_json::Map::new();
    members.insert("TraceParent".to_owned(), trace.trace_parent.clone().into());
    if let Some(state) = &trace.trace_state {
        members.insert("TraceState".to_owned(), state.clone().into());
    }
    Some(Value::Object(members))
}

/// The answer to a lock request.
pub(super) fn lock_granted() -> String {
    response(Some(LOCKED), None)
}

/// The answer to a call.
pub(super) fn response(result: Option<&str>, failure: Option<&TaskFailureDetails>) -> String {
    let mut members = vec![("result".to_owned(), text(result))];
    if let Some(failure) = failure {
        members.push(("failureDetails".to_owned(), failure_json(failure)));
    }
    render(&Json::Object(members))
}

fn text(text: Option<&str>) -> Json {
    text.map_or(Json::Null, |text| Json::String(text.to_owned()))
}

fn failure_json(failure: &TaskFailureDetails) -> Json {
    let properties = failure
        .properties
        .iter()
        .collect::<std::collections::BTreeMap<_, _>>();
    let properties = properties
        .into_iter()
        .map(|(name, value)| (name.clone(), property(value)));
    let members = [
        ("ErrorType", text(Some(&failure.error_type))),
        ("ErrorMessage", text(Some(&failure.error_message))),
        ("StackTrace", text(failure.stack_trace.as_deref())),
        (
            "InnerFailure",
            failure
                .inner_failure
                .as_deref()
                .map_or(Json::Null, failure_json),
        ),
        ("IsNonRetriable", Json::Bool(failure.is_non_retriable)),
        ("Properties", Json::Object(properties.collect())),
    ];
    Json::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn property(value: &prost_types::Value) -> Json {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(value)) => Json::Bool(*value),
        Some(Kind::NumberValue(value)) => {
            crate::newtonsoft::parse(&format!("{value:?}"), crate::newtonsoft::Dates::Keep)
                .unwrap_or(Json::Null)
        }
        Some(Kind::StringValue(value)) => Json::String(value.clone()),
        Some(Kind::ListValue(list)) => Json::Array(list.values.iter().map(property).collect()),
        Some(Kind::StructValue(object)) => Json::Object(
            object
                .fields
                .iter()
                .map(|(name, value)| (name.clone(), property(value)))
                .collect(),
        ),
    }
}
