//! What goes from one execution of an instance to the next.

use durable_functions_protocol::proto::{EventType, ExecutionStartedEvent, HistoryEvent};
use serde_json::{Value, json};

use crate::app::{BASE, TestApp};
use crate::rpc::{Rpc, creation};
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
