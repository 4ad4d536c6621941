//! How much runs at once.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::app::TestApp;

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
