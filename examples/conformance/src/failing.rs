//! Failures, and what is done about them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use durable_functions::prelude::*;
use durable_functions::{EntityId, Failure, RetryPolicy, TaskError};
use serde_json::{Value, json};

use crate::activities::{echo, fail_activity, flaky, hello};
use crate::input::{flag, number, text};
use crate::values::raw;

#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("{0}")]
    Rejected(String),
    #[error("{message}")]
    Because { message: String, source: Reason },
    #[error("{0}")]
    Task(#[from] TaskError),
}

/// Why an order is rejected.
#[derive(Debug, thiserror::Error)]
#[error("the inner reason")]
pub struct Reason(#[from] Innermost);

#[derive(Debug, thiserror::Error)]
#[error("the innermost reason")]
pub struct Innermost;

/// A failure that travelled in the value of a success.
#[derive(Debug, thiserror::Error)]
#[error("{error_type}: {message}")]
struct Enveloped {
    error_type: String,
    message: String,
}

/// Takes `{"ok":..}` apart, which activities return in mode `b`.
fn opened(result: Value) -> Result<Value, Enveloped> {
    let member = |value: &Value, name: &str| text(value, name).unwrap_or_else(|| "?".into());
    match result.get("ok").and_then(Value::as_bool) {
        Some(true) => Ok(result.get("value").cloned().unwrap_or_default()),
        Some(false) => {
            let error = result.get("error").cloned().unwrap_or_default();
            Err(Enveloped {
                error_type: member(&error, "type"),
                message: member(&error, "message"),
            })
        }
        None => Ok(result),
    }
}

fn described(failure: &Failure) -> Value {
    json!({
        "ErrorType": failure.error_type,
        "ErrorMessage": failure.message,
        "Properties": failure.properties,
        "inner": failure.cause.as_deref().map(described),
    })
}

#[orchestrator]
pub async fn retry_orch(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let mode = text(&input, "mode").unwrap_or_else(|| "a".into());
    let max_attempts = number(&input, "maxAttempts").unwrap_or(5.0) as u32;
    let first = Duration::from_millis(number(&input, "firstMs").unwrap_or(500.0) as u64);
    let backoff = number(&input, "backoff").unwrap_or(2.0);
    let argument = json!({
        "mode": mode,
        "failTimes": number(&input, "failTimes").unwrap_or(2.0) as i64,
        "key": text(&input, "key").unwrap_or_else(|| ctx.instance_id().to_owned()),
    });
    let start = ctx.now();
    let result = if mode == "b" {
        // no policy sees a failure in the value of a success
        let mut attempt = 1;
        loop {
            match opened(ctx.call(flaky, argument.clone()).await?) {
                Ok(value) => break value,
                Err(_) if attempt < max_attempts => {
                    ctx.sleep(first.mul_f64(backoff.powi(attempt as i32 - 1)))
                        .await;
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    } else {
        let policy = RetryPolicy::fixed(max_attempts, first).backoff(backoff);
        ctx.call(flaky, argument).retry(policy).await?
    };
    let waited = (ctx.now() - start).num_milliseconds();
    Ok(json!({ "result": result, "waitedMs": waited }))
}

#[orchestrator]
pub async fn fail_activity_orch(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let enveloped = text(&input, "mode").as_deref() == Some("b");
    let result = ctx.call(fail_activity, input).await?;
    if enveloped {
        Ok(opened(result)?)
    } else {
        Ok(result)
    }
}

#[orchestrator]
pub async fn catch_activity_orch(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    match ctx.call(fail_activity, input).await.map(opened) {
        Ok(Ok(result)) => Ok(json!({ "caught": false, "result": result })),
        Ok(Err(Enveloped {
            error_type,
            message,
        })) => Ok(json!({
            "caught": true,
            "failure": { "ErrorType": error_type, "ErrorMessage": message, "via": "envelope" },
        })),
        Err(error) => Ok(json!({
            "caught": true,
            "failure": {
                "exceptionMessage": error.to_string(),
                "details": error.task().and_then(TaskError::failure).map(described),
            },
        })),
    }
}

/// Other code at each turn.
#[orchestrator]
pub async fn nondet_orch(ctx: OrchestrationContext) -> Result<String> {
    static FLIP: AtomicU32 = AtomicU32::new(0);
    if FLIP.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
        ctx.call(hello, json!("x")).await?;
    } else {
        ctx.call(echo, raw(&json!("x"))?).await?;
    }
    ctx.call(hello, json!("y")).await
}

#[orchestrator]
pub async fn fail_orch(ctx: OrchestrationContext, input: Value) -> Result<String, OrderError> {
    if let Err(error) = ctx.call(hello, json!("before the failure")).await {
        return Err(match error.task() {
            Some(task) => task.clone().into(),
            None => OrderError::Rejected(error.to_string()),
        });
    }
    let message = text(&input, "message");
    Err(OrderError::Because {
        message: message.unwrap_or_else(|| "order 42 rejected: résumé ☃".into()),
        source: Reason(Innermost),
    })
}

#[orchestrator]
pub async fn unknown_orch(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let result = match text(&input, "kind").as_deref() {
        Some("sub") => {
            ctx.call_sub_orchestrator_by_name::<Value>("no_such_orchestrator", "x")
                .await
        }
        Some("entity") => {
            let id = EntityId::new("no_such_entity", "k");
            ctx.call_entity::<Value>(id, "get", ()).await
        }
        _ => ctx.call_by_name::<Value>("no_such_activity", "x").await,
    };
    match result {
        Err(error) if flag(&input, "catch", true) => {
            Ok(json!({ "caught": true, "failure": error.to_string() }))
        }
        other => other,
    }
}
