//! What Azure Storage's queues punish: what is due too late, and what comes too early.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use durable_functions_protocol::proto::{CreateInstanceRequest, OrchestrationStatus, Timestamp};
use serde_json::json;
use tonic::Code;

use crate::app::{BASE, TestApp};
use crate::rpc::{Rpc, creation};
use crate::strict::strict;

const DAY: Duration = Duration::from_secs(86_400);
const TOO_LONG: &str =
    "is due in more than 7 days. On Azure Storage no message waits for that long";

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_with_a_timer_of_more_than_seven_days_is_never_stored() {
    let days = |days: u64| json!({"ms": days * 86_400_000 + 60_000}).to_string();
    let app = strict("{}").await;
    app.client.begin("timer", "short", &days(6)).await;
    app.client.until_event("short", "TimerCreated").await;
    app.client.begin("timer", "long", &days(7)).await;
    app.lines
        .wait_for(&format!("long: a timer or a signal {TOO_LONG}"))
        .await;
    let status = app.client.status("long").await;
    assert_eq!(status["runtimeStatus"], "Pending", "{status}");
    assert_eq!(app.client.history("long").await, json!([]));
    app.stop().await;

    // Other stores know no such limit.
    let other = r#"{"extensions":{"durableTask":{"storageProvider":{"type":"mssql"}}}}"#;
    for (host_json, lines) in [("{}", 1), (other, 0)] {
        let app = TestApp::start_with(host_json, |builder| builder.memory().manual_time()).await;
        app.client.begin("timer", "long", &days(7)).await;
        let host = app.host.as_ref().unwrap();
        host.advance(DAY * 8).await.unwrap();
        let status = app.client.status("long").await;
        assert_eq!(status["runtimeStatus"], "Completed", "{status}");
        let all = app.lines.all();
        let told = all.iter().filter(|line| line.contains(TOO_LONG));
        assert_eq!(told.count(), lines, "{all:?}");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_in_more_than_seven_days_fails() {
    let since = (SystemTime::now() + DAY * 8).duration_since(UNIX_EPOCH);
    let seconds = i64::try_from(since.unwrap().as_secs()).unwrap();
    let mut start = creation("hello_orchestrator", "late", "");
    start.scheduled_start_timestamp = Some(Timestamp { seconds, nanos: 0 });
    let by_entity = json!([["call", "k", "start",
        {"id": "child", "name": "hello_orchestrator", "input": "x", "at": seconds}]]);

    let app = strict("{}").await;
    let rpc = Rpc::connect(&app.client).await;
    let refusal = rpc.start(start.clone()).await.unwrap_err();
    assert_eq!(refusal.code(), Code::Internal);
    assert!(refusal.message().contains(TOO_LONG), "{refusal}");
    assert_eq!(rpc.state("GetInstance", "late").await, None);
    app.client
        .begin("program", "o", &by_entity.to_string())
        .await;
    let told = format!("@counter@k: the start of an orchestration {TOO_LONG}");
    app.lines.wait_for(&told).await;
    assert_eq!(rpc.state("GetInstance", "child").await, None);
    app.stop().await;

    let app = TestApp::start().await;
    let rpc = Rpc::connect(&app.client).await;
    rpc.start(start).await.unwrap();
    app.lines.wait_for(TOO_LONG).await;
    app.client.run("program", "o", &by_entity.to_string()).await;
    app.lines.wait_for(&told).await;
    let status = app.client.status("child").await;
    assert_eq!(status["runtimeStatus"], "Pending", "{status}");
    app.stop().await;
}

fn waiting(id: &str, after: Duration) -> CreateInstanceRequest {
    let since = (SystemTime::now() + after).duration_since(UNIX_EPOCH);
    let since = since.unwrap();
    let mut start = creation("wait_events", id, r#"{"count":1}"#);
    start.scheduled_start_timestamp = Some(Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap(),
        nanos: i32::try_from(since.subsec_nanos()).unwrap(),
    });
    start
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_the_start_is_lost_but_for_a_termination() {
    let app = TestApp::start_with("{}", |builder| builder.memory().strict().manual_time()).await;
    let rpc = Rpc::connect(&app.client).await;
    let post = async |id: &str, what: &str| {
        let path = format!("{BASE}/instances/{id}/{what}");
        assert_eq!(app.client.post(&path, "7").await.status, 202);
    };
    rpc.start(waiting("e", DAY)).await.unwrap();
    post("e", "raiseEvent/E").await;
    post("e", "suspend?reason=no").await;
    for what in ["the event `E`", "the request to suspend"] {
        let line = app.lines.wait_for(&format!("e: {what} was dropped")).await;
        assert!(line.contains("On Azure Storage it is lost"), "{line}");
    }
    app.host.as_ref().unwrap().advance(DAY * 2).await.unwrap();
    app.client.until_status("e", "Running").await;
    post("e", "raiseEvent/F").await;
    assert_eq!(rpc.end("e").await.output.as_deref(), Some(r#"[["F",7]]"#));

    rpc.start(waiting("t", DAY)).await.unwrap();
    post("t", "terminate?reason=no").await;
    let state = rpc.end("t").await;
    assert_eq!(
        (state.orchestration_status(), state.output.as_deref()),
        (OrchestrationStatus::Terminated, Some("no"))
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_what_comes_before_the_start_waits_with_a_remark() {
    let app = TestApp::start_with("{}", |builder| builder.memory().manual_time()).await;
    let rpc = Rpc::connect(&app.client).await;
    rpc.start(waiting("e", DAY)).await.unwrap();
    for name in ["E", "F"] {
        let path = format!("{BASE}/instances/e/raiseEvent/{name}");
        assert_eq!(app.client.post(&path, "7").await.status, 202);
        let told = format!("e: the event `{name}` waits: the instance has not begun. On Azure");
        app.lines.wait_for(&told).await;
    }
    app.host.as_ref().unwrap().advance(DAY * 2).await.unwrap();
    let state = rpc.end("e").await;
    assert_eq!(state.output.as_deref(), Some(r#"[["E",7],["F",7]]"#));
    let lines = app.lines.all();
    let told = lines.iter().filter(|line| line.contains("has not begun"));
    assert_eq!(told.count(), 2, "{lines:?}");
    app.stop().await;
}
