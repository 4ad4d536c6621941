//! What entities answer.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::DecodeError;
use crate::failure::{Failure, MAX_CHAIN};

/// The result that grants a lock.
pub const LOCK_GRANTED: &str = "Lock Acquisition Completed";

/// The answer to a request: a result, or a failure.
///
/// Durable Task extension behaviour: a failure comes as `failureDetails`; the extension's own
/// .NET code and older versions set `exceptionType`, alone or beside it. A lock is granted by the
/// result [`LOCK_GRANTED`].
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// The result as JSON text; none for an operation without one.
    Success(Option<String>),
    /// The operation failed.
    Failure(Failure),
}

#[derive(Deserialize)]
struct Read {
    #[serde(default, alias = "Result")]
    result: Option<Value>,
    #[serde(default, rename = "exceptionType", alias = "ExceptionType")]
    exception_type: Option<String>,
    #[serde(default, rename = "failureDetails", alias = "FailureDetails")]
    failure_details: Option<Value>,
}

#[derive(Serialize)]
struct Written<'a> {
    result: Option<&'a str>,
    #[serde(rename = "failureDetails", skip_serializing_if = "Option::is_none")]
    failure_details: Option<Value>,
}

impl Response {
    /// The payload of the event.
    pub fn to_json(&self) -> String {
        let written = match self {
            Self::Success(result) => Written {
                result: result.as_deref(),
                failure_details: None,
            },
            Self::Failure(failure) => Written {
                result: None,
                failure_details: Some(details(failure)),
            },
        };
        // Nothing in it can fail to be written.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// Reads the payload of an event.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or not of this shape.
    pub fn from_json(json: &str) -> Result<Self, DecodeError> {
        let read: Read = serde_json::from_str(json).map_err(|error| {
            let bytes = json.as_bytes();
            DecodeError::from_json("an entity's answer", "a response message", bytes, &error)
        })?;
        let result = read.result.and_then(text);
        let details = read.failure_details.filter(|details| !details.is_null());
        Ok(match (details, read.exception_type) {
            (Some(details), _) => Self::Failure(failure(details)),
            (None, Some(exception)) => {
                let message = result.unwrap_or_else(|| exception.clone());
                Self::Failure(Failure::new(exception, message))
            }
            (None, None) => Self::Success(result),
        })
    }
}

/// A result is a text that holds JSON; `null` for none.
fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn details(failure: &Failure) -> Value {
    let chain: Vec<_> = failure.chain().take(MAX_CHAIN).collect();
    let link = |inner: Value, failure: &&Failure| {
        let properties = failure.properties.clone();
        serde_json::json!({
            "ErrorType": failure.error_type,
            "ErrorMessage": failure.message,
            "StackTrace": failure.stack_trace,
            "InnerFailure": inner,
            "IsNonRetriable": failure.non_retriable,
            "Properties": properties,
        })
    };
    chain.iter().rev().fold(Value::Null, link)
}

fn failure(details: Value) -> Failure {
    let mut links = Vec::new();
    let mut next = Some(details);
    while let Some(details) = next.take() {
        let Value::Object(mut members) = details else {
            if !details.is_null() {
                links.push(Failure::new("EntityOperationFailed", details.to_string()));
            }
            break;
        };
        let mut take = |name: &str| {
            members
                .remove(name)
                .or_else(|| members.remove(&camel(name)))
        };
        next = take("InnerFailure");
        let mut link = Failure::new(
            take("ErrorType").and_then(text).unwrap_or_default(),
            take("ErrorMessage").and_then(text).unwrap_or_default(),
        );
        link.stack_trace = take("StackTrace").and_then(text);
        link.non_retriable = take("IsNonRetriable") == Some(Value::Bool(true));
        if let Some(Value::Object(properties)) = take("Properties") {
            link.properties = whole_numbers(properties).into_iter().collect();
        }
        links.push(link);
    }
    Failure::from_links(links)
        .unwrap_or_else(|| Failure::new("EntityOperationFailed", "the host gave no details"))
}

fn camel(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// Numbers travel through the host as doubles, so that 5 arrives as 5.0.
fn whole_numbers(members: Map<String, Value>) -> Map<String, Value> {
    members
        .into_iter()
        .map(|(name, value)| (name, whole(value)))
        .collect()
}

fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let double = number.as_f64().unwrap_or_default();
            let exact = double.fract() == 0.0 && double.abs() <= (1_i64 << 53) as f64;
            if exact && !(double == 0.0 && double.is_sign_negative()) {
                (double as i64).into()
            } else {
                Value::Number(number)
            }
        }
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(members) => Value::Object(whole_numbers(members)),
        other => other,
    }
}
