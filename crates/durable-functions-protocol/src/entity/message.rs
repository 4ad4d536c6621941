//! What orchestrations send to entities.

use prost_types::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::label::short;
use super::{EntityId, Label};
use crate::error::DecodeError;
use crate::time;

/// Name of the event that carries a [`Request`].
pub const OP: &str = "op";

/// Name of the event that carries a [`Release`].
pub const RELEASE: &str = "release";

/// Name of the event that carries a [`Request`] which is not to arrive before this time.
///
/// ```
/// use durable_functions_protocol::{entity, time};
///
/// let name = entity::scheduled(&time::parse("2026-11-23T09:02:40.55503Z")?);
/// assert_eq!(name, "op@2026-11-23T09:02:40.5550300Z");
/// # Ok::<(), time::TimeError>(())
/// ```
pub fn scheduled(time: &Timestamp) -> String {
    format!("{OP}@{}", time::to_dotnet_saturating(time))
}

/// Whether an event of this name carries a [`Request`].
pub fn is_request(name: &str) -> bool {
    name.strip_prefix(OP)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
}

/// A call, a signal, or a request for a lock. The order of the members is that of the host's own
/// messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Name of the operation; none in a request for a lock.
    #[serde(default)]
    pub op: Option<String>,
    /// Whether nobody waits for an answer.
    #[serde(default, skip_serializing_if = "is_false")]
    pub signal: bool,
    /// The input as JSON text; none for an operation without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Id of the request, and name of the event that answers it; of a request for a lock, the id
    /// of the critical section.
    pub id: Uuid,
    /// Instance id of the sender, if that is an orchestration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Execution id of the sender.
    #[serde(
        rename = "parentExecution",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub parent_execution: Option<String>,
    /// When a scheduled signal is to arrive, however far that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Label>,
    /// When it was sent, later than everything that the sender sent there before.
    #[serde(rename = "Timestamp", default)]
    pub timestamp: Label,
    /// The timestamp of what the sender sent there before.
    #[serde(rename = "Predecessor", default)]
    pub predecessor: Label,
    /// The entities to be locked, without duplicates, in the order in which they are locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lockset: Option<Vec<LockedEntity>>,
    /// How many of them are locked already.
    #[serde(rename = "pos", default, skip_serializing_if = "is_zero")]
    pub position: u32,
    /// Whether it asks for a lock.
    #[serde(rename = "IsLockRequest", default)]
    pub is_lock_request: bool,
    /// W3C trace context of the sender.
    #[serde(
        rename = "parentTraceContext",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub parent_trace_context: Option<serde_json::Value>,
    /// Whether the host traces the request.
    #[serde(rename = "createTrace", default)]
    pub create_trace: bool,
    /// When the sender sent it, for traces.
    #[serde(
        rename = "requestTime",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub request_time: Option<RequestTime>,
}

impl Request {
    /// A call of an operation, or a signal.
    pub fn operation(id: Uuid, name: impl Into<String>, input: Option<String>) -> Self {
        Self {
            op: Some(name.into()),
            input,
            id,
            create_trace: true,
            ..Self::default()
        }
    }

    /// A request for the locks of these entities, which are put in the order of locking.
    pub fn lock(id: Uuid, mut entities: Vec<EntityId>) -> Self {
        entities.sort();
        entities.dedup();
        Self {
            id,
            lockset: Some(entities.into_iter().map(LockedEntity).collect()),
            is_lock_request: true,
            ..Self::default()
        }
    }

    /// The payload of the event.
    pub fn to_json(&self) -> String {
        // Nothing in it can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the payload of an event.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or not of this shape.
    pub fn from_json(json: &str) -> Result<Self, DecodeError> {
        read(json, "a request to an entity")
    }
}

/// Gives back the lock of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Instance id of the orchestration that holds the lock.
    pub parent: String,
    /// Id of the critical section.
    pub id: Uuid,
}

impl Release {
    /// The payload of the event.
    pub fn to_json(&self) -> String {
        // Nothing in it can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the payload of an event.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or not of this shape.
    pub fn from_json(json: &str) -> Result<Self, DecodeError> {
        read(json, "a release of an entity's lock")
    }
}

fn read<T: serde::de::DeserializeOwned>(json: &str, what: &str) -> Result<T, DecodeError> {
    serde_json::from_str(json).map_err(|error| {
        DecodeError::from_json(what, "the JSON of a message", json.as_bytes(), &error)
    })
}

/// An entity in the lock set of a [`Request`], where it is an object of name and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedEntity(pub EntityId);

#[derive(Serialize, Deserialize)]
struct Parts<'a> {
    name: std::borrow::Cow<'a, str>,
    key: std::borrow::Cow<'a, str>,
}

impl Serialize for LockedEntity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = Parts {
            name: self.0.name().into(),
            key: self.0.key().into(),
        };
        parts.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LockedEntity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts = Parts::deserialize(deserializer)?;
        Ok(Self(EntityId::new(parts.name, parts.key)))
    }
}

/// A time with its distance to UTC, which is `+00:00` when we write it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestTime(pub Timestamp);

impl Serialize for RequestTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}+00:00", short(&self.0)))
    }
}

impl<'de> Deserialize<'de> for RequestTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        time::parse(&text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}
