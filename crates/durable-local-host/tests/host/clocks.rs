//! States that are ahead of the clock.

use std::time::Duration;

use durable_functions_protocol::proto::EventType;
use durable_local_host::StateLocation;
use serde_json::Value;

use crate::app::{BASE, TestApp};
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
