//! Timers, events, and what is told while waiting.

use std::time::Duration;

use chrono::{DateTime, Utc};
use durable_functions::TaskError;
use durable_functions::prelude::*;
use serde_json::{Value, json};

use crate::activities::hello;
use crate::input::{int, number, text};

/// A time as .NET writes it in JSON.
fn iso(time: DateTime<Utc>) -> String {
    let ticks = time.timestamp_subsec_nanos() / 100;
    let text = format!("{}.{ticks:07}", time.format("%Y-%m-%dT%H:%M:%S"));
    format!("{}Z", text.trim_end_matches('0').trim_end_matches('.'))
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[orchestrator]
pub async fn timer_orch(ctx: OrchestrationContext, input: Value) -> Value {
    let start = ctx.now();
    let delay = seconds(number(&input, "seconds").unwrap_or(2.0));
    ctx.sleep(delay).await;
    let waited = ctx.now() - start;
    let early = waited.to_std().unwrap_or_default() < delay;
    json!({ "start": iso(start), "end": iso(ctx.now()), "waitedMs": waited.num_milliseconds(), "early": early })
}

#[orchestrator]
pub async fn long_timer(ctx: OrchestrationContext, input: Value) -> String {
    ctx.set_custom_status(json!({ "waitingSince": iso(ctx.now()) }));
    let days = || number(&input, "days").unwrap_or(10.0) * 86_400.0;
    ctx.sleep(seconds(number(&input, "seconds").unwrap_or_else(days)))
        .await;
    "long timer done".into()
}

#[orchestrator]
pub async fn wait_event(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let name = text(&input, "event").unwrap_or_else(|| "Approval".into());
    let limit = seconds(number(&input, "timeoutSeconds").unwrap_or(60.0));
    let approval = ctx.wait_for_event::<Value>(name.as_str()).timeout(limit);
    ctx.set_custom_status(format!("waiting for {name}"));
    match approval.await {
        Ok(payload) => {
            ctx.set_custom_status("got the event");
            Ok(json!({ "timedOut": false, "payload": payload }))
        }
        Err(error) if matches!(error.task(), Some(TaskError::Timeout { .. })) => {
            ctx.set_custom_status("timed out");
            Ok(json!({ "timedOut": true, "payload": null }))
        }
        Err(error) => Err(error),
    }
}

#[orchestrator]
pub async fn wait_all_orch(ctx: OrchestrationContext) -> Result<Value> {
    let a = ctx.wait_for_event::<Value>("A");
    let b = ctx.wait_for_event::<Value>("B");
    let (a, b) = (a.await?, b.await?);
    let c = ctx.wait_for_event::<Value>("C").await?;
    Ok(json!({ "a": a, "b": b, "c": c }))
}

#[orchestrator]
pub async fn eternal(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let (counter, k) = (
        int(&input, "counter", 0),
        int(&json!({ "k": input.get("k") }), "k", 3),
    );
    let mode = text(&input, "mode").unwrap_or_else(|| "timer".into());
    let mut seen = input
        .get("seen")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    ctx.set_custom_status(json!({ "counter": counter }));
    if counter >= k {
        return Ok(json!({ "counter": counter, "seen": seen }));
    }
    match mode.as_str() {
        "timer" => ctx.sleep(Duration::from_secs(1)).await,
        "event" => seen.push(ctx.wait_for_event("tick").await?),
        _ => {}
    }
    ctx.continue_as_new(json!({ "counter": counter + 1, "k": k, "mode": mode, "seen": seen }))
}

#[orchestrator]
pub async fn custom_status_orch(ctx: OrchestrationContext, input: Value) -> Result<String> {
    let pause = seconds(number(&input, "seconds").unwrap_or(1.0));
    ctx.set_custom_status("step 1");
    ctx.sleep(pause).await;
    ctx.set_custom_status(json!({ "step": 2, "note": "object ☃", "list": [1, 2] }));
    ctx.sleep(pause).await;
    ctx.call(hello, json!("status is kept over this turn"))
        .await?;
    ctx.set_custom_status(3);
    Ok("status done".into())
}

#[orchestrator]
pub async fn suspend_orch(ctx: OrchestrationContext, input: Value) -> Result<Vec<Value>> {
    let count = int(&input, "count", 3);
    let name = text(&input, "event").unwrap_or_else(|| "E".into());
    let mut got = Vec::new();
    for received in 0..count {
        ctx.set_custom_status(json!({ "received": received }));
        got.push(ctx.wait_for_event(name.as_str()).await?);
    }
    ctx.set_custom_status(json!({ "received": count }));
    Ok(got)
}

#[orchestrator]
pub async fn send_event_orch(ctx: OrchestrationContext, input: Value) -> Result<String> {
    let name = text(&input, "event").unwrap_or_else(|| "E".into());
    let payload = input.get("payload").cloned();
    let payload = payload.unwrap_or_else(|| json!(format!("from {}", ctx.instance_id())));
    ctx.send_event(text(&input, "target").unwrap_or_default(), name, payload);
    ctx.call(hello, json!("after the event")).await?;
    Ok("sent".into())
}
