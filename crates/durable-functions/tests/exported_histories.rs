//! Histories as the management API of a real host showed them, replayed.

use std::time::Duration;

use durable_functions::EntityId;
use durable_functions::prelude::*;
use durable_functions::testing::{History, replay};
use serde_json::{Value, json};

fn exported(name: &str) -> Result<History> {
    let path = format!("{}/tests/histories/{name}.json", env!("CARGO_MANIFEST_DIR"));
    History::from_status_json(&std::fs::read_to_string(path)?)
}

#[activity]
async fn square(number: i64) -> i64 {
    number * number
}

async fn squares(ctx: OrchestrationContext, n: i64) -> Result<i64> {
    let calls: Vec<_> = (0..n).map(|number| ctx.call(square, number)).collect();
    Ok(ctx.all(calls).await?.iter().sum())
}

#[orchestrator]
async fn fan_out(ctx: OrchestrationContext) -> Result<i64> {
    squares(ctx, 5).await
}

#[orchestrator]
async fn less(ctx: OrchestrationContext) -> Result<i64> {
    squares(ctx, 4).await
}

#[orchestrator]
async fn more(ctx: OrchestrationContext) -> Result<i64> {
    squares(ctx, 6).await
}

#[orchestrator]
async fn early(ctx: OrchestrationContext) -> Result<i64> {
    let _ = ctx.call(square, 0).await?;
    Ok(30)
}

#[orchestrator]
async fn wrong(ctx: OrchestrationContext) -> Result<i64> {
    Ok(squares(ctx, 5).await? + 1)
}

#[orchestrator]
async fn wait_event(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let seconds = input.get("timeoutSeconds").and_then(Value::as_u64);
    let event = ctx.wait_for_event::<Value>("Approval");
    let payload = event.timeout(Duration::from_secs(seconds.unwrap_or_default()));
    let payload = payload.await;
    Ok(json!({"timedOut": payload.is_err(), "payload": payload.ok()}))
}

#[orchestrator]
async fn send(ctx: OrchestrationContext) -> Result<String> {
    ctx.send_event("send_event-t", "E", json!({"a": 1}));
    ctx.call_by_name::<String>("hello", "after the event")
        .await?;
    Ok("sent".into())
}

#[orchestrator]
async fn sub_parent(ctx: OrchestrationContext) -> Result<bool> {
    let child = ctx.call_sub_orchestrator_by_name::<Value>("sub_child", 0);
    let failed = child.await.err().map(|error| error.to_string());
    Ok(failed.is_some_and(|message| message.contains("fails on purpose")))
}

#[test]
fn the_same_code_replays_what_the_management_api_shows() {
    replay(fan_out, &exported("fan_out_5").unwrap()).unwrap();
    replay(wait_event, &exported("event_timeout").unwrap()).unwrap();
    replay(wait_event, &exported("event_raised").unwrap()).unwrap();
    replay(send, &exported("send_event").unwrap()).unwrap();
    let difference = replay(sub_parent, &exported("sub_failing_caught").unwrap()).unwrap_err();
    assert!(
        difference.explanation.ends_with("now ends with true"),
        "{difference}"
    );
}

#[orchestrator]
async fn long_timer(ctx: OrchestrationContext) -> Result<String> {
    ctx.sleep(Duration::from_secs(600)).await;
    Ok("long timer done".into())
}

#[orchestrator]
async fn big_status(ctx: OrchestrationContext) -> Result<()> {
    ctx.set_custom_status("s".repeat(20_000));
    Ok(())
}

#[orchestrator]
async fn small_status(ctx: OrchestrationContext) -> Result<()> {
    ctx.set_custom_status("s");
    Ok(())
}

#[test]
fn instances_that_did_not_complete_are_replayed_too() {
    let terminated = exported("long_timer_terminated_http").unwrap();
    let replayed = replay(long_timer, &terminated).unwrap();
    assert_eq!((replayed.output, replayed.failure), (None, None));

    // the host keeps no details of a failure that it found itself
    let failed = r#"{"instanceId":"custom_status_too_big","historyEvents":[
        {"EventType":"ExecutionStarted","Input":null,"Timestamp":"2026-11-23T09:00:48Z","FunctionName":"big_orch"},
        {"EventType":"ExecutionCompleted","OrchestrationStatus":"Failed","Timestamp":"2026-11-23T09:00:49Z","FailureDetails":null,
         "Result":{"message":"Function 'big_orch' failed with an unhandled exception."}}]}"#;
    let failed = History::from_status_json(failed).unwrap();
    assert!(replay(big_status, &failed).unwrap().failure.is_some());
    let told = replay(small_status, &failed).unwrap_err().explanation;
    assert!(
        told.starts_with("the instance failed (") && told.ends_with("now ends with null"),
        "{told}"
    );
}

#[test]
fn other_code_is_told_the_first_difference() {
    let history = exported("fan_out_5").unwrap();
    let told = replay(less, &history).unwrap_err().explanation;
    assert!(told.contains("a call of activity 'square'"), "{told}");
    let told = replay(more, &history).unwrap_err().explanation;
    assert!(
        told.contains("more than its history has: call activity 'square'"),
        "{told}"
    );
    let told = replay(early, &history).unwrap_err().explanation;
    assert!(told.contains("activity 'square'"), "{told}");
    let told = replay(wrong, &history).unwrap_err().explanation;
    assert!(
        told.contains("ended with 30") && told.contains("ends with 31"),
        "{told}"
    );
}

#[test]
fn what_is_no_history_is_refused() {
    for text in ["", "{}", r#"{"instanceId":"x","historyEvents":null}"#] {
        assert!(History::from_status_json(text).is_err(), "{text}");
    }
    let timer = r#"{"instanceId":"x","historyEvents":[{"EventType":"TimerFired",
        "Timestamp":"2026-11-23T09:01:07Z","FireAt":"2026-11-23T09:01:07Z"}]}"#;
    let error = History::from_status_json(timer).unwrap_err().to_string();
    assert!(
        error.contains("a timer fired that was never set"),
        "{error}"
    );
}

#[orchestrator]
async fn lock_orch(ctx: OrchestrationContext) -> Result<Value> {
    let [a, b] = ["a", "b"].map(|key| {
        let key = format!("{}-{key}", ctx.instance_id());
        ctx.entity_by_id(EntityId::new("counter", key))
    });
    let before = ctx.in_critical_section();
    let guard = ctx.lock([&b, &a]).await?;
    let inside = ctx.in_critical_section();
    let old: i64 = a.call("get", ()).await?;
    let in_a: i64 = a.call("set", old - 7).await?;
    let in_b: i64 = b.call("add", 7).await?;
    guard.release();
    let after = ctx.in_critical_section();
    Ok(json!({"before": before, "inside": inside, "after": after, "a": in_a, "b": in_b}))
}

#[orchestrator]
async fn call_entity_orch(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let key = input.get("key").and_then(Value::as_str).unwrap_or_default();
    let counter = ctx.entity_by_id(EntityId::new("counter", key));
    let added: i64 = counter.call("add", 5).await?;
    let got: i64 = counter.call("get", ()).await?;
    counter.signal().send("add", 3);
    let after_signal: i64 = counter.call("get", ()).await?;
    let error = counter.call::<()>("set_then_fail", 1000).await.err();
    let error = error.map(|error| error.to_string()).unwrap_or_default();
    assert!(
        error.contains("counter fails after a state change"),
        "{error}"
    );
    let after_failure: i64 = counter.call("get", ()).await?;
    Ok(json!([added, got, after_signal, after_failure]))
}

#[test]
fn calls_and_locks_of_entities() {
    let replayed = replay(lock_orch, &exported("entity_lock").unwrap());
    assert!(replayed.is_ok(), "{replayed:?}");
    // the output tells of a failure in other words, and that is all that differs
    let told = replay(call_entity_orch, &exported("entity_calls").unwrap());
    let told = format!("{:?}", told.unwrap_err());
    assert!(told.contains("[5,5,8,8]"), "{told}");
}
