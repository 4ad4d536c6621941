//! The functions behind the recordings of the real host: same names, same logic, same outputs.

mod input;

use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use durable_functions::TaskError;
use durable_functions::prelude::*;
use input::{flag, int, number, text};
use serde_json::{Value, json};

#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error("{0}")]
    Rejected(String),
    #[error("{0}")]
    Task(#[from] TaskError),
}

/// A time as .NET writes it in JSON.
fn iso(time: DateTime<Utc>) -> String {
    let ticks = time.timestamp_subsec_nanos() / 100;
    let text = format!("{}.{ticks:07}", time.format("%Y-%m-%dT%H:%M:%S"));
    format!("{}Z", text.trim_end_matches('0').trim_end_matches('.'))
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[http_trigger(route = "orchestrators/{functionName}", methods = ["post"], auth_level = "anonymous")]
async fn http_start(req: HttpRequest, client: DurableClient) -> Result<HttpResponse> {
    let start = client.start_new(req.route_param("functionName")?, req.json::<Value>()?);
    let start = match req.query("instanceId") {
        Some(id) => start.instance_id(id),
        None => start,
    };
    let instance_id = start.await?;
    Ok(client.check_status_response(&req, &instance_id))
}

#[activity]
async fn hello(name: Value) -> String {
    let name = match name {
        Value::Null => "nobody".to_owned(),
        Value::String(name) => name,
        other => other.to_string(),
    };
    format!("Hello {name}!")
}

#[activity]
async fn square(n: i64) -> i64 {
    n * n
}

#[activity]
async fn echo(value: Value) -> Value {
    value
}

#[orchestrator]
async fn hello_orchestrator(ctx: OrchestrationContext, name: Option<String>) -> Result<String> {
    ctx.call(hello, json!(name.unwrap_or_else(|| "Seoul".into())))
        .await
}

#[orchestrator]
async fn chain_n(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let n = int(&input, "n", 3);
    let mut last = String::new();
    for i in 0..n {
        last = ctx.call(hello, json!(i.to_string())).await?;
    }
    Ok(json!({ "count": n, "last": last }))
}

#[orchestrator]
async fn fan_out(ctx: OrchestrationContext, input: Value) -> Result<i64> {
    let squares: Vec<_> = (0..int(&input, "n", 5))
        .map(|i| ctx.call(square, i))
        .collect();
    let mut sum = 0;
    for square in squares {
        sum += square.await?;
    }
    Ok(sum)
}

#[orchestrator]
async fn sub_parent(ctx: OrchestrationContext, input: Value) -> Result<Vec<Value>> {
    let mut results = Vec::new();
    let mut children = Vec::new();
    for i in 0..int(&input, "n", 2) {
        let child = ctx.call_sub_orchestrator(
            sub_child,
            json!({ "i": i, "fail": flag(&input, "fail", false) }),
        );
        let child = match flag(&input, "ids", false) {
            true => child.instance_id(format!("{}-child{i}", ctx.instance_id())),
            false => child,
        };
        if flag(&input, "parallel", false) {
            children.push(child);
            continue;
        }
        match child.await {
            Ok(result) => results.push(result),
            Err(error) if flag(&input, "catch", true) => results.push(json!(error.to_string())),
            Err(error) => return Err(error),
        }
    }
    for child in children {
        results.push(child.await?);
    }
    Ok(results)
}

#[orchestrator]
async fn sub_child(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let i = text(&input, "i").unwrap_or_default();
    if flag(&input, "fail", false) {
        let parent = ctx.parent_instance_id().unwrap_or_default();
        return Err(OrderError::Rejected(format!("child {i} of {parent} fails on purpose")).into());
    }
    let greeting = ctx.call(hello, json!(format!("child {i}"))).await?;
    Ok(json!({
        "greeting": greeting,
        "parent": ctx.parent_instance_id(),
        "parentName": ctx.parent_name(),
        "version": ctx.version().unwrap_or_default(),
    }))
}

#[orchestrator]
async fn timer_orch(ctx: OrchestrationContext, input: Value) -> Value {
    let start = ctx.now();
    let delay = seconds(number(&input, "seconds").unwrap_or(2.0));
    ctx.sleep(delay).await;
    let waited = ctx.now() - start;
    let early = waited.to_std().unwrap_or_default() < delay;
    json!({ "start": iso(start), "end": iso(ctx.now()), "waitedMs": waited.num_milliseconds(), "early": early })
}

#[orchestrator]
async fn long_timer(ctx: OrchestrationContext, input: Value) -> String {
    ctx.set_custom_status(json!({ "waitingSince": iso(ctx.now()) }));
    let days = || number(&input, "days").unwrap_or(10.0) * 86_400.0;
    ctx.sleep(seconds(number(&input, "seconds").unwrap_or_else(days)))
        .await;
    "long timer done".into()
}

#[orchestrator]
async fn wait_event(ctx: OrchestrationContext, input: Value) -> Result<Value> {
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
async fn wait_all_orch(ctx: OrchestrationContext) -> Result<Value> {
    let a = ctx.wait_for_event::<Value>("A");
    let b = ctx.wait_for_event::<Value>("B");
    let (a, b) = (a.await?, b.await?);
    let c = ctx.wait_for_event::<Value>("C").await?;
    Ok(json!({ "a": a, "b": b, "c": c }))
}

#[orchestrator]
async fn eternal(ctx: OrchestrationContext, input: Value) -> Result<Value> {
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
async fn custom_status_orch(ctx: OrchestrationContext, input: Value) -> Result<String> {
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
async fn suspend_orch(ctx: OrchestrationContext, input: Value) -> Result<Vec<Value>> {
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
async fn send_event_orch(ctx: OrchestrationContext, input: Value) -> Result<String> {
    let name = text(&input, "event").unwrap_or_else(|| "E".into());
    let payload = input.get("payload").cloned();
    let payload = payload.unwrap_or_else(|| json!(format!("from {}", ctx.instance_id())));
    ctx.send_event(text(&input, "target").unwrap_or_default(), name, payload);
    ctx.call(hello, json!("after the event")).await?;
    Ok("sent".into())
}

#[orchestrator]
async fn fail_orch(ctx: OrchestrationContext, input: Value) -> Result<String, OrderError> {
    if let Err(error) = ctx.call(hello, json!("before the failure")).await {
        return Err(match error.task() {
            Some(task) => task.clone().into(),
            None => OrderError::Rejected(error.to_string()),
        });
    }
    let message = text(&input, "message");
    Err(OrderError::Rejected(
        message.unwrap_or_else(|| "order 42 rejected: résumé ☃".into()),
    ))
}

#[orchestrator]
async fn unknown_orch(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let result = match text(&input, "kind").as_deref() {
        Some("sub") => {
            ctx.call_sub_orchestrator_by_name::<Value>("no_such_orchestrator", "x")
                .await
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

fn main() -> ExitCode {
    FunctionApp::new()
        .register(http_start)
        .register(hello)
        .register(square)
        .register(echo)
        .register(hello_orchestrator)
        .register(chain_n)
        .register(fan_out)
        .register(sub_parent)
        .register(sub_child)
        .register(timer_orch)
        .register(long_timer)
        .register(wait_event)
        .register(wait_all_orch)
        .register(eternal)
        .register(custom_status_orch)
        .register(suspend_orch)
        .register(send_event_orch)
        .register(fail_orch)
        .register(unknown_orch)
        .run()
}
