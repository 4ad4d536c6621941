//! How much runs at once, and what is said of a history that grows large.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::app::{BASE, TestApp};

/// The outputs of that many instances that run at the same time.
async fn outputs(app: &TestApp, name: &'static str, input: impl Fn(usize) -> Value) -> Vec<Value> {
    let mut running = JoinSet::new();
    for number in 0..9 {
        let client = app.client;
        let input = input(number).to_string();
        running.spawn(async move {
            let status = client.run(name, &format!("i{number}"), &input).await;
            assert_eq!(status["runtimeStatus"], "Completed", "{status}");
            status["output"].clone()
        });
    }
    running.join_all().await
}

async fn with_limit(setting: &str) -> TestApp {
    let host_json = json!({"extensions": {"durableTask": {setting: 3}}});
    TestApp::start_with(&host_json.to_string(), |builder| builder.memory()).await
}

fn most(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.max().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_activities_run_at_once_as_host_json_allows() {
    let app = with_limit("maxConcurrentActivityFunctions").await;
    let outputs = outputs(
        &app,
        "call_activity",
        |_| json!({"activity": "crowd", "input": 3}),
    );
    let numbers = outputs.await;
    let numbers = numbers.iter().map(|output| output["ok"].as_u64().unwrap());
    assert_eq!(most(numbers), 3);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_turns_run_at_once_as_host_json_allows() {
    let app = with_limit("maxConcurrentOrchestratorFunctions").await;
    let outputs = outputs(&app, "crowd_turn", |_| json!(3)).await;
    assert_eq!(
        most(outputs.iter().map(|output| output.as_u64().unwrap())),
        3
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_entities_run_at_once_as_host_json_allows() {
    let app = with_limit("maxConcurrentEntityFunctions").await;
    let outputs = outputs(&app, "program", |number| {
        json!([["call", format!("k{number}"), "meet", 3]])
    });
    let numbers = outputs.await;
    let numbers = numbers.iter().map(|output| output[0].as_u64().unwrap());
    assert_eq!(most(numbers), 3);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_grows_large_is_told_once() {
    let app = TestApp::start().await;
    app.client
        .begin("wait_events", "w", r#"{"count":12}"#)
        .await;
    let event = json!("x".repeat(1_000_000)).to_string();
    let raise = async |number: u32| {
        let path = format!("{BASE}/instances/w/raiseEvent/E{number}");
        assert_eq!(app.client.post(&path, &event).await.status, 202);
    };
    for number in 0..11 {
        raise(number).await;
    }
    let line = app.lines.wait_for("! w: its history has").await;
    assert!(line.contains("continue-as-new"), "{line}");
    raise(11).await;
    app.client.until_status("w", "Completed").await;
    let told = app.lines.all();
    let told = told.iter().filter(|line| line.contains("its history has"));
    assert_eq!(told.count(), 1);
    app.stop().await;
}
