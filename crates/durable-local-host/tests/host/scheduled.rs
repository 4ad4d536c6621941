//! Orchestrations that start later.

use std::time::{Duration, UNIX_EPOCH};

use durable_functions_protocol::proto::{
    CreateInstanceRequest, EventType, OrchestrationStatus, Timestamp,
};
use durable_local_host::StateLocation;
use serde_json::json;

use crate::app::{BASE, TestApp};
use crate::rpc::{Rpc, creation};

const HOUR: Duration = Duration::from_secs(3600);

/// An app whose clock stands still.
async fn start() -> TestApp {
    TestApp::start_with("{}", |builder| builder.memory().manual_time()).await
}

async fn advance(app: &TestApp, by: Duration) {
    let host = app.host.as_ref().unwrap();
    host.advance(by).await.unwrap();
}

fn after(app: &TestApp, time: Duration) -> Timestamp {
    let since = (app.host.as_ref().unwrap().time() + time)
        .duration_since(UNIX_EPOCH)
        .unwrap();
    // As fine as the host counts.
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap(),
        nanos: i32::try_from(since.subsec_nanos()).unwrap() / 100 * 100,
    }
}

fn scheduled(app: &TestApp, id: &str, time: Duration) -> CreateInstanceRequest {
    let mut request = creation("hello_orchestrator", id, "");
    request.scheduled_start_timestamp = Some(after(app, time));
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_pending_until_its_time() {
    let app = start().await;
    let rpc = Rpc::connect(&app.client).await;
    let request = scheduled(&app, "a", HOUR);
    let time = request.scheduled_start_timestamp;
    rpc.start(request).await.unwrap();
    let state = rpc.state("GetInstance", "a").await.unwrap();
    assert_eq!(state.orchestration_status(), OrchestrationStatus::Pending);
    assert_eq!(state.scheduled_start_timestamp, None, "as recorded");
    assert_eq!(app.client.status("a").await["runtimeStatus"], "Pending");
    assert_eq!(rpc.history("a").await, []);
    advance(&app, HOUR).await;
    let state = rpc.end("a").await;
    assert_eq!(state.output.as_deref(), Some("\"Hello Seoul!\""));
    let history = rpc.history("a").await;
    let turn = history[0].timestamp.unwrap();
    let due = time.unwrap();
    assert!((turn.seconds, turn.nanos) >= (due.seconds, due.nanos));
    let Some(EventType::ExecutionStarted(started)) = &history[1].event_type else {
        panic!("{history:?}")
    };
    assert_eq!(started.scheduled_start_timestamp, time);
    assert_eq!(history[1].timestamp, state.created_timestamp);
    assert!(
        app.client.history("a").await[0]["ScheduledStartTime"]
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
    // A time that is past is now.
    let mut request = creation("hello_orchestrator", "past", "");
    request.scheduled_start_timestamp = Some(Timestamp {
        seconds: 1_000_000_000,
        nanos: 0,
    });
    rpc.start(request).await.unwrap();
    rpc.end("past").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_instance_keeps_its_events_and_can_be_terminated() {
    let app = start().await;
    let rpc = Rpc::connect(&app.client).await;
    let mut request = scheduled(&app, "e", HOUR);
    request.name = "wait_events".into();
    request.input = Some(r#"{"count":1}"#.into());
    rpc.start(request).await.unwrap();
    app.client
        .post(&format!("{BASE}/instances/e/raiseEvent/E"), "7")
        .await;
    app.lines.wait_for("e: the event `E` waits").await;
    advance(&app, HOUR).await;
    assert_eq!(rpc.end("e").await.output.as_deref(), Some(r#"[["E",7]]"#));
    rpc.start(scheduled(&app, "t", HOUR)).await.unwrap();
    app.client
        .post(&format!("{BASE}/instances/t/terminate?reason=no"), "")
        .await;
    let state = rpc.end("t").await;
    assert_eq!(
        (state.orchestration_status(), state.output.as_deref()),
        (OrchestrationStatus::Terminated, Some("no"))
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_start_survives_the_host() {
    let state = tempfile::tempdir().unwrap();
    let place = StateLocation::Folder(state.path().to_owned());
    let app = TestApp::start_with("{}", |builder| builder.state(place.clone()).manual_time()).await;
    let rpc = Rpc::connect(&app.client).await;
    let soon = Duration::from_secs(1);
    rpc.start(scheduled(&app, "a", soon)).await.unwrap();
    rpc.start(scheduled(&app, "b", HOUR)).await.unwrap();
    drop(rpc);
    assert_eq!(app.client.status("a").await["runtimeStatus"], "Pending");
    let folder = app.stop().await;
    let app = TestApp::start_in(folder, |builder| builder.state(place)).await;
    let rpc = Rpc::connect(&app.client).await;
    assert_eq!(
        rpc.end("a").await.output,
        Some(json!("Hello Seoul!").to_string())
    );
    assert_eq!(app.client.status("b").await["runtimeStatus"], "Pending");
    app.stop().await;
}
