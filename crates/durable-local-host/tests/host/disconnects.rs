//! Clients that go away before they have their answers.

use std::collections::BTreeMap;
use std::time::Duration;

use durable_local_host::StateLocation;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{BASE, Client, TestApp};
use crate::rpc::{Rpc, creation};

const CALLS: u32 = 320;
const STEPS: u32 = 16;

/// From next to none to more than a second: however fast the machine is, some commits are still to
/// come then, some are under way, and some are over.
fn patience(call: u32) -> Duration {
    Duration::from_micros(50) * 2_u32.pow(call % STEPS)
}

/// Sends a request and hangs up.
async fn hang_up(port: u16, path: &str, after: Duration) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!(
        "POST {BASE}{path} HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(after).await;
    // The host has done with the request when it closes, too.
    stream.shutdown().await.unwrap();
    drop(stream.read_to_end(&mut Vec::new()).await);
}

async fn all(client: &Client) -> Vec<Value> {
    let answer = client.get(&format!("{BASE}/instances?top=10000")).await;
    answer.json().as_array().unwrap().clone()
}

fn count_by_status(instances: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for instance in instances {
        let status = instance["runtimeStatus"].as_str().unwrap().to_owned();
        *counts.entry(status).or_default() += 1;
    }
    counts
}

/// Everything that exists ends as wanted.
async fn all_end(client: &Client, status: &str) {
    let instances = all(client).await;
    assert!(!instances.is_empty(), "nothing was started");
    for instance in instances {
        let id = instance["instanceId"].as_str().unwrap();
        client.until_status(id, status).await;
    }
}

async fn on_disk() -> TestApp {
    let app = TestApp::start_with("{}", |builder| builder).await;
    assert_eq!(app.client.get("/api/plain/1").await.status, 200);
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn what_http_clients_started_runs_without_them() {
    let app = on_disk().await;
    let port = app.client.port;
    let calls: Vec<_> = (0..CALLS)
        .map(|call| {
            let path = format!("/orchestrators/hello_orchestrator/h{call}");
            tokio::spawn(async move { hang_up(port, &path, patience(call)).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    all_end(&app.client, "Completed").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_http_clients_sent_arrives_without_them() {
    let state = tempfile::tempdir().unwrap();
    let place = StateLocation::Folder(state.path().to_owned());
    let app = TestApp::start_with("{}", |builder| builder.state(place.clone()).manual_time()).await;
    let port = app.client.port;
    for call in 0..CALLS / 3 {
        let id = format!("e{call}");
        app.client.begin("wait_events", &id, r#"{"count":1}"#).await;
    }
    let calls: Vec<_> = (0..CALLS / 3)
        .map(|call| {
            let path = format!("/instances/e{call}/terminate");
            tokio::spawn(async move { hang_up(port, &path, patience(call)).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    // Until nothing is at work any more.
    let host = app.host.as_ref().unwrap();
    host.advance(Duration::ZERO).await.unwrap();
    let statuses = count_by_status(&all(&app.client).await);
    assert!(statuses.contains_key("Terminated"), "{statuses:?}");
    let folder = app.stop().await;
    // A message that was not delivered would be taken up now.
    let app = TestApp::start_in(folder, |builder| builder.state(place)).await;
    let lines = app.lines.all();
    assert!(
        !lines.iter().any(|line| line.contains("taking up")),
        "{lines:#?}"
    );
    assert_eq!(count_by_status(&all(&app.client).await), statuses);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_grpc_clients_started_runs_without_them() {
    let app = on_disk().await;
    let mut calls = Vec::new();
    for client in 0..CALLS / STEPS {
        // A connection on which more calls are given up at once is taken for an attack.
        let rpc = Rpc::connect(&app.client).await;
        for call in 0..STEPS {
            let rpc = rpc.clone();
            calls.push(tokio::spawn(async move {
                let id = format!("g{client}-{call}");
                let start = rpc.start(creation("hello_orchestrator", &id, ""));
                drop(tokio::time::timeout(patience(call), start).await);
            }));
        }
    }
    for call in calls {
        call.await.unwrap();
    }
    all_end(&app.client, "Completed").await;
    app.stop().await;
}
