//! Task hubs do not see each other.

use durable_local_host::{LocalHost, LocalHostBuilder, StateLocation};
use serde_json::json;

use crate::app::{BASE, TestApp, handler_command, write_app};

fn hub(name: &str) -> String {
    json!({"extensions": {"durableTask": {"hubName": name}}}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_in_one_folder_run_side_by_side() {
    let state = tempfile::tempdir().unwrap();
    let there =
        |builder: LocalHostBuilder| builder.state(StateLocation::Folder(state.path().to_owned()));
    let blue = TestApp::start_with(&hub("Blue"), there).await;
    let green = TestApp::start_with(&hub("Green"), there).await;
    blue.client.run("version", "both", "1").await;
    green
        .client
        .run("hello_orchestrator", "both", "\"x\"")
        .await;
    blue.client.run("version", "one", "1").await;
    let status = green.client.status("both").await;
    assert_eq!(status["output"], "Hello x!");
    let missing = green.client.get(&format!("{BASE}/instances/one")).await;
    assert_eq!(missing.status, 404);
    let list = |app: &TestApp| {
        let client = app.client;
        async move { client.get(&format!("{BASE}/instances")).await.json() }
    };
    let ids = list(&green).await;
    let ids: Vec<&str> = ids
        .as_array()
        .unwrap()
        .iter()
        .map(|status| status["instanceId"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["both"]);
    assert_eq!(list(&blue).await.as_array().unwrap().len(), 2);
    green.stop().await;
    // Another case is the same hub, on Azure Storage as well.
    let folder = tempfile::tempdir().unwrap();
    write_app(folder.path(), &hub("BLUE"));
    let second = LocalHost::builder()
        .app(folder.path())
        .handler(handler_command())
        .state(StateLocation::Folder(state.path().to_owned()))
        .start()
        .await;
    let error = second.err().unwrap().to_string();
    assert!(error.contains("another host is using it"), "{error}");
    blue.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_another_hub_are_refused() {
    let app = TestApp::start_with(&hub("Blue"), LocalHostBuilder::memory).await;
    app.client.run("version", "v", "1").await;
    let own = format!("{BASE}/instances/v?taskHub=blue&connection=Storage");
    assert_eq!(app.client.get(&own).await.status, 200);
    for (method, path) in [
        ("GET", "instances/v?taskHub=Green"),
        ("GET", "instances?taskHub=Green"),
        ("POST", "orchestrators/version/w?taskHub=Green"),
        ("DELETE", "instances/v?taskHub=Green"),
        ("POST", "entities/counter/k?op=add&taskHub=Green"),
    ] {
        let path = format!("{BASE}/{path}");
        let answer = app
            .client
            .send(method, &path, &[("content-type", "application/json")], b"1")
            .await;
        assert_eq!(answer.status, 400, "{method} {path}");
        let message = answer.json()["Message"].as_str().unwrap().to_owned();
        assert!(
            message.contains("task hub `Blue`") && message.contains("`Green`"),
            "{message}"
        );
    }
    let list = app.client.get(&format!("{BASE}/instances")).await.json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    app.stop().await;
}
