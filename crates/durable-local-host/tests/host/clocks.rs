//! States that are ahead of the clock, and what a clock that is moved by hand waits for.

use std::time::Duration;

use durable_functions_protocol::proto::EventType;
use durable_local_host::StateLocation;
use serde_json::{Value, json};

use crate::app::{BASE, PATIENCE, TestApp};
use crate::rpc::Rpc;

fn day(text: &Value) -> String {
    text.as_str().unwrap()[..10].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_instance_ahead_of_the_clock_takes_no_other_with_it() {
    let state = tempfile::tempdir().unwrap();
    let place = StateLocation::Folder(state.path().to_owned());
    let app = TestApp::start_with("{}", |builder| builder.state(place.clone()).manual_time()).await;
    let host = app.host.as_ref().unwrap();
    let before = app.client.run("hello_orchestrator", "before", "").await;
    host.advance(Duration::from_secs(100 * 86_400))
        .await
        .unwrap();
    app.client
        .begin("wait_events", "ahead", r#"{"count":1}"#)
        .await;
    let ahead = app.client.until_status("ahead", "Running").await;
    assert_ne!(day(&ahead["createdTime"]), day(&before["createdTime"]));
    let folder = app.stop().await;

    let app = TestApp::start_in(folder, |builder| builder.state(place)).await;
    let line = app.lines.wait_for("and now it is").await;
    assert!(line.contains(&day(&ahead["createdTime"])), "{line}");
    // What is new goes by the clock.
    let status = app.client.run("hello_orchestrator", "new", "").await;
    assert!(status["lastUpdatedTime"].as_str() < ahead["createdTime"].as_str());
    // What is ahead goes on from where it is.
    let event = format!("{BASE}/instances/ahead/raiseEvent/E");
    app.client.post(&event, "7").await;
    app.client.until_status("ahead", "Completed").await;
    let rpc = Rpc::connect(&app.client).await;
    let history = rpc.history("ahead").await;
    let turns: Vec<_> = history
        .iter()
        .filter(|event| matches!(event.event_type, Some(EventType::OrchestratorStarted(_))))
        .map(|event| event.timestamp.unwrap())
        .map(|time| (time.seconds, time.nanos))
        .collect();
    assert_eq!(turns.len(), 2);
    assert!(turns[0] < turns[1], "{turns:?}");
    app.stop().await;
}

async fn advance(app: &TestApp) {
    let host = app.host.as_ref().unwrap();
    let advanced = tokio::time::timeout(PATIENCE, host.advance(Duration::from_secs(3600))).await;
    advanced.expect("it waits for ever").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_does_not_wait_for_a_turn_that_comes_again_for_ever() {
    let app = TestApp::start_with("{}", |builder| builder.memory().manual_time()).await;
    let input = json!("again always").to_string();
    app.client.begin("misbehave", "a", &input).await;
    advance(&app).await;
    let status = app.client.run("hello_orchestrator", "b", "").await;
    assert_eq!(status["output"], "Hello Seoul!");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_does_not_wait_for_a_call_that_hangs_as_on_azure() {
    let app = TestApp::start_with(r#"{"functionTimeout":"-1"}"#, |builder| {
        builder.memory().strict().manual_time()
    })
    .await;
    let input = json!("empty").to_string();
    app.client.begin("misbehave", "a", &input).await;
    app.lines.wait_for("so this call hangs").await;
    advance(&app).await;
    app.stop().await;
}
