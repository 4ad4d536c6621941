//! What the orchestrators call.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use durable_functions::prelude::*;
use durable_functions::{Error, State};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::input::{number, text};

#[activity]
pub async fn hello(name: Value) -> String {
    let name = match name {
        Value::Null => "nobody".to_owned(),
        Value::String(name) => name,
        other => other.to_string(),
    };
    format!("Hello {name}!")
}

#[activity]
pub async fn square(n: i64) -> i64 {
    n * n
}

#[activity]
pub async fn echo(value: Box<RawValue>) -> Box<RawValue> {
    value
}

/// Returns JSON text as it was given.
#[activity]
pub async fn raw_result(input: Value) -> Result<Box<RawValue>> {
    let text = text(&input, "raw").unwrap_or_else(|| "null".into());
    Ok(RawValue::from_string(text)?)
}

#[activity]
pub async fn big(length: usize) -> String {
    "a".repeat(length)
}

#[activity]
pub async fn slow(input: Value) -> String {
    let millis = number(&input, "ms").unwrap_or(1_000.0);
    tokio::time::sleep(Duration::from_millis(millis as u64)).await;
    "slept".into()
}

/// How often each key was called.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<HashMap<String, u64>>);

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct FlakyException(String);

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct CardDeclinedException(String);

/// The envelope in which mode `b` hides a failure.
fn envelope(error_type: &str, message: &str) -> Value {
    json!({ "ok": false, "error": { "type": error_type, "message": message } })
}

/// Fails some times, then succeeds.
#[activity]
pub async fn flaky(ctx: ActivityContext, attempts: State<Attempts>, input: Value) -> Result<Value> {
    let key = text(&input, "key").unwrap_or_else(|| ctx.instance_id().to_owned());
    let attempt = {
        let mut attempts = attempts.0.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = attempts.entry(key.clone()).or_default();
        *attempt += 1;
        *attempt
    };
    let enveloped = text(&input, "mode").as_deref() == Some("b");
    if attempt as f64 <= number(&input, "failTimes").unwrap_or(2.0) {
        let message = format!("attempt {attempt} of {key} fails");
        return match enveloped {
            true => Ok(envelope("FlakyException", &message)),
            false => Err(FlakyException(message).into()),
        };
    }
    let value = json!({ "attempt": attempt, "key": key });
    Ok(match enveloped {
        true => json!({ "ok": true, "value": value }),
        false => value,
    })
}

#[activity]
pub async fn fail_activity(input: Value) -> Result<Value> {
    let message = text(&input, "message").unwrap_or_else(|| "card 4711 declined".into());
    if text(&input, "mode").as_deref() == Some("b") {
        let error_type = text(&input, "type");
        let error_type = error_type.as_deref().unwrap_or("CardDeclinedException");
        return Ok(envelope(error_type, &message));
    }
    let error = Error::from(CardDeclinedException(message));
    Err(match text(&input, "type") {
        Some(error_type) => error.property("type", error_type),
        None => error,
    })
}
