//! What goes from one execution of an instance to the next, and what a parent hears of a child.

use durable_functions_protocol::proto::{EventType, ExecutionStartedEvent, HistoryEvent};
use durable_local_host::StateLocation;
use serde_json::{Value, json};

use crate::app::{BASE, TestApp};
use crate::rpc::{Rpc, creation};
use crate::strict::strict;

fn started(history: &[HistoryEvent]) -> &ExecutionStartedEvent {
    let found = history.iter().find_map(|event| match &event.event_type {
        Some(EventType::ExecutionStarted(started)) => Some(started),
        _ => None,
    });
    found.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tags_of_the_first_execution_stay() {
    let app = TestApp::start().await;
    let rpc = Rpc::connect(&app.client).await;
    let input = json!({"left": 2, "tags": {"team": "red", "more": "1"}, "waits": true});
    let mut start = creation("generations", "a", &input.to_string());
    start.tags = [("team".to_owned(), "blue".to_owned())].into();
    let tags = start.tags.clone();
    rpc.start(start).await.unwrap();
    app.client.until_status("a", "Running").await;
    assert_eq!(started(&rpc.history("a").await).tags, tags);
    // A later turn knows them still.
    let path = format!("{BASE}/instances/a/raiseEvent/E");
    assert_eq!(app.client.post(&path, "1").await.status, 202);
    rpc.end("a").await;
    assert_eq!(started(&rpc.history("a").await).tags, tags);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_has_the_tags_of_its_parent_but_for_its_own() {
    let app = TestApp::start().await;
    let rpc = Rpc::connect(&app.client).await;
    let input = json!({"child": "hello_orchestrator", "childId": "c", "input": "x", "tags": {"of": "child"}});
    let mut start = creation("parent", "p", &input.to_string());
    start.tags = [("team", "blue"), ("of", "parent")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    rpc.start(start).await.unwrap();
    rpc.end("p").await;
    let child = rpc.history("c").await;
    let tags = &started(&child).tags;
    assert_eq!(
        (tags["team"].as_str(), tags["of"].as_str()),
        ("blue", "child")
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_custom_status_outlives_one_execution_that_sets_none() {
    let app = TestApp::start().await;
    for (left, expected) in [(0, json!("x")), (1, json!("x")), (2, Value::Null)] {
        let id = format!("a{left}");
        let input = json!({"left": left, "status": "x"}).to_string();
        let status = app.client.run("generations", &id, &input).await;
        assert_eq!(status["customStatus"], expected, "{status}");
    }
    app.stop().await;
}

fn versioning(default: &str, failure: &str) -> String {
    let options = json!({"defaultVersion": default, "versionFailureStrategy": failure});
    json!({"extensions": {"durableTask": options}}).to_string()
}

const MISMATCH: &str =
    "VersionMismatch: Orchestration version did not comply with Worker Versioning";

#[tokio::test(flavor = "multi_thread")]
async fn each_execution_has_to_be_of_a_version_that_runs() {
    let input = json!({"left": 1, "status": "x", "version": "2.0"}).to_string();
    let reason = "a: The orchestration's version 2.0 is newer than the app's version 1.0";

    let app = TestApp::start_with(&versioning("1.0", "Fail"), |builder| builder.memory()).await;
    app.client.begin("generations", "a", &input).await;
    let status = app.client.until_status("a", "Failed").await;
    assert_eq!(status["output"], MISMATCH);
    assert_eq!(status["customStatus"], "x");
    app.lines.wait_for(reason).await;
    let rpc = Rpc::connect(&app.client).await;
    assert_eq!(end_of(&rpc.history("a").await).event_id, 0);
    app.stop().await;

    let app = TestApp::start_with(&versioning("1.0", "Reject"), |builder| builder.memory()).await;
    app.client.begin("generations", "a", &input).await;
    app.lines.wait_for(reason).await;
    let status = app.client.status("a").await;
    assert_eq!(status["runtimeStatus"], "Pending", "{status}");
    app.stop().await;
}

fn end_of(history: &[HistoryEvent]) -> &HistoryEvent {
    let is_end =
        |event: &&HistoryEvent| matches!(event.event_type, Some(EventType::ExecutionCompleted(_)));
    history.iter().find(is_end).unwrap()
}

/// The number is how many events there were before.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_turn_ends_with_a_number() {
    let state = tempfile::tempdir().unwrap();
    let place = StateLocation::Folder(state.path().to_owned());
    let app = TestApp::start_with(&versioning("2.0", "Fail"), |builder| {
        builder.state(place.clone())
    })
    .await;
    app.client.begin("wait_events", "a", r#"{"count":1}"#).await;
    app.client.until_status("a", "Running").await;
    app.stop().await;
    let app = TestApp::start_with(&versioning("1.0", "Fail"), |builder| builder.state(place)).await;
    let path = format!("{BASE}/instances/a/raiseEvent/E");
    assert_eq!(app.client.post(&path, "1").await.status, 202);
    let status = app.client.until_status("a", "Failed").await;
    assert_eq!(status["output"], MISMATCH);
    let rpc = Rpc::connect(&app.client).await;
    let history = rpc.history("a").await;
    let turn = history
        .iter()
        .rposition(|event| matches!(event.event_type, Some(EventType::OrchestratorStarted(_))));
    assert_eq!(
        Some(end_of(&history).event_id),
        turn.map(|turn| turn as i32)
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_no_end_fails_the_orchestration() {
    for app in [TestApp::start().await, strict("{}").await] {
        for status in [0, 6, 7, 99] {
            let id = format!("a{status}");
            app.client.begin("ends_as", &id, &status.to_string()).await;
            let status = app.client.until_status(&id, "Failed").await;
            let output = status["output"].to_string();
            assert!(
                output.contains("a state that is no end. On Azure"),
                "{output}"
            );
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_hears_nothing_of_a_child_that_was_cancelled_or_let_go() {
    let cancelled = json!({"child": "ends_as", "childId": "c1", "input": 4});
    let let_go = json!({"child": "hello_orchestrator", "childId": "c2", "input": "x", "tags": {"FireAndForget": ""}});
    let app = TestApp::start().await;
    for (parent, input, child, end) in [
        ("p1", cancelled, "c1", "Canceled"),
        ("p2", let_go, "c2", "Completed"),
    ] {
        app.client.begin("parent", parent, &input.to_string()).await;
        app.client.until_status(child, end).await;
        // Had the parent been told, it would have been in the transaction of the child's end.
        let path = format!("{BASE}/instances/{parent}/raiseEvent/E");
        assert_eq!(app.client.post(&path, "1").await.status, 202);
        let history = app
            .client
            .until_event(parent, "EventRaised")
            .await
            .to_string();
        assert!(
            !history.contains("SubOrchestrationInstanceFailed"),
            "{history}"
        );
        assert!(
            !history.contains("SubOrchestrationInstanceCompleted"),
            "{history}"
        );
        let status = app.client.status(parent).await;
        assert_eq!(status["runtimeStatus"], "Running", "{status}");
    }
    app.stop().await;
}
