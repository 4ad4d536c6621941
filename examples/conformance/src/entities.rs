//! The entity, and the orchestrators that call and lock it.

use std::time::Duration;

use chrono::Utc;
use durable_functions::prelude::*;
use durable_functions::{EntityId, Failure, TaskError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::input::{number, text};

/// A number.
#[derive(Default, Serialize, Deserialize)]
pub struct Counter(i64);

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct OnPurpose {
    message: &'static str,
    source: Option<std::io::Error>,
}

#[entity]
impl Counter {
    fn get(&self) -> i64 {
        self.0
    }

    fn add(&mut self, n: Option<i64>) -> i64 {
        self.0 += n.unwrap_or(1);
        self.0
    }

    fn set(&mut self, n: i64) -> i64 {
        self.0 = n;
        self.0
    }

    fn reset(&mut self) {
        self.0 = 0;
    }

    fn delete(&mut self, ctx: EntityContext) {
        ctx.delete();
    }

    fn fail(&self) -> Result<(), OnPurpose> {
        Err(OnPurpose {
            message: "counter fails on purpose",
            source: Some(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                "inner reason",
            )),
        })
    }

    fn set_then_fail(&mut self, ctx: EntityContext, n: i64) -> Result<(), OnPurpose> {
        self.0 = n;
        ctx.signal::<Self>("must-not-happen").add(1);
        Err(OnPurpose {
            message: "counter fails after a state change",
            source: None,
        })
    }

    fn signal_other(&self, ctx: EntityContext, input: Value) {
        let signal = ctx.signal::<Self>(text(&input, "key").unwrap_or_default());
        let signal = match number(&input, "delaySeconds") {
            Some(delay) if delay > 0.0 => signal.after(Duration::from_secs_f64(delay)),
            _ => signal,
        };
        signal.add(number(&input, "amount").unwrap_or(1.0) as i64);
    }

    fn start_orch(&self, ctx: EntityContext, input: Value) -> String {
        let name = text(&input, "name").unwrap_or_else(|| "hello_orchestrator".into());
        let argument = input.get("input").cloned().unwrap_or_default();
        let mut start = ctx.start_new_by_name(name, argument);
        if let Some(id) = text(&input, "instanceId") {
            start = start.instance_id(id);
        }
        if let Some(delay) = number(&input, "delaySeconds")
            && delay > 0.0
        {
            start = start.at(Utc::now() + Duration::from_secs_f64(delay));
        }
        start.id().to_owned()
    }

    async fn slow(&self, millis: Option<u64>) -> i64 {
        tokio::time::sleep(Duration::from_millis(millis.unwrap_or(1_000))).await;
        self.0
    }

    fn id(&self, ctx: EntityContext) -> EntityId {
        ctx.id().clone()
    }
}

fn described(failure: &Failure) -> Value {
    json!({
        "ErrorType": failure.error_type,
        "ErrorMessage": failure.message,
        "StackTrace": failure.stack_trace,
        "Properties": failure.properties,
        "inner": failure.cause.as_deref().map(described),
    })
}

#[orchestrator]
pub async fn call_entity_orch(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let key = text(&input, "key").unwrap_or_else(|| ctx.instance_id().to_owned());
    let counter = ctx.entity::<Counter>(key);
    let added = counter.add(5).await?;
    let got = counter.get().await?;
    counter.signal().add(3);
    let after_signal = counter.get().await?;
    let failure = match counter.set_then_fail(1_000).await {
        Ok(()) => Value::Null,
        Err(error) => match error.task() {
            Some(TaskError::Entity {
                entity,
                operation,
                failure,
            }) => {
                json!({ "entity": entity, "operation": operation, "details": described(failure) })
            }
            _ => return Err(error),
        },
    };
    let after_failure = counter.get().await?;
    Ok(json!({
        "added": added,
        "got": got,
        "afterSignal": after_signal,
        "failure": failure,
        "afterFailure": after_failure,
    }))
}

#[orchestrator]
pub async fn lock_orch(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let key = |name| text(&input, name).unwrap_or_else(|| format!("{}-{name}", ctx.instance_id()));
    let (a, b) = (
        ctx.entity::<Counter>(key("a")),
        ctx.entity::<Counter>(key("b")),
    );
    let amount = number(&input, "amount").unwrap_or(7.0) as i64;
    let before = ctx.in_critical_section();
    let guard = ctx.lock([&a, &b]).await?;
    let inside = ctx.in_critical_section();
    let old = a.get().await?;
    if let Some(hold) = number(&input, "holdSeconds") {
        ctx.sleep(Duration::from_secs_f64(hold)).await;
    }
    let in_a = a.set(old - amount).await?;
    let in_b = b.add(amount).await?;
    guard.release();
    let after = ctx.in_critical_section();
    Ok(json!({ "before": before, "inside": inside, "after": after, "a": in_a, "b": in_b }))
}
