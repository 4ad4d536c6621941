//! The client against an engine that is not ours: the in-memory engine of the Python package
//! `durabletask`, with the package's own worker.
//!
//! Needs a Python that has the packages of `requirements.txt`; `DURABLETASK_PYTHON` names it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use durable_functions::{
    ClientError, DurableClient, HistoryEventKind, InstanceQuery, PurgeFilter, RuntimeStatus,
};

const PATIENCE: Duration = Duration::from_secs(60);

struct Engine {
    process: Child,
    port: String,
}

impl Engine {
    fn start(port: Option<&str>) -> Self {
        let python = std::env::var("DURABLETASK_PYTHON").unwrap_or_else(|_| "python3".into());
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/in_memory_engine/engine.py"
        );
        let mut process = Command::new(&python)
            .arg(script)
            .args(port)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{python} can't be started: {error}"));
        let mut port = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut port).unwrap();
        let port = port.trim().to_owned();
        assert!(!port.is_empty(), "the engine has not started");
        Self { process, port }
    }

    fn client(&self) -> DurableClient {
        DurableClient::connect(format!("http://127.0.0.1:{}", self.port))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
#[ignore = "needs Python with the packages of requirements.txt"]
async fn instances_are_started_watched_and_found() {
    let engine = Engine::start(None);
    let client = engine.client();
    let start = client.start_new("hello_orchestrator", "Seoul");
    let id = start.instance_id("hello-1").tag("k", "v").await.unwrap();
    let state = client.wait_for_completion(&id, PATIENCE).await.unwrap();
    assert_eq!(state.status, RuntimeStatus::Completed);
    assert_eq!(
        state.output::<String>().unwrap().as_deref(),
        Some("Hello Seoul!")
    );
    assert_eq!(state.input::<String>().unwrap().as_deref(), Some("Seoul"));
    let status: serde_json::Value = state.custom_status().unwrap().unwrap();
    assert_eq!(status["greeting"], "Seoul");
    assert_eq!(state.name, "hello_orchestrator");

    let bare = client.get_metadata(&id).await.unwrap().unwrap();
    assert_eq!((bare.raw_input(), bare.raw_output()), (None, None));
    assert!(client.get("nobody").await.unwrap().is_none());
    let error = client
        .wait_for_completion("nobody", PATIENCE)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");

    let again = || {
        client
            .start_new("hello_orchestrator", "Seoul")
            .instance_id("hello-1")
    };
    let error = again().await.unwrap_err();
    assert!(
        matches!(error, ClientError::AlreadyExists { .. }),
        "{error}"
    );
    assert_eq!(again().only_once().await.unwrap(), "hello-1");
    again()
        .replace_if([RuntimeStatus::Completed])
        .await
        .unwrap();
    client
        .wait_for_completion("hello-1", PATIENCE)
        .await
        .unwrap();

    for number in 2..=5 {
        let start = client.start_new("hello_orchestrator", number);
        start.instance_id(format!("hello-{number}")).await.unwrap();
        client
            .wait_for_completion(&format!("hello-{number}"), PATIENCE)
            .await
            .unwrap();
    }
    let query = || {
        InstanceQuery::new()
            .prefix("hello-")
            .status(RuntimeStatus::Completed)
    };
    let mut pages = client.query(query().page_size(2).payloads());
    let mut sizes = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        assert!(page.items.iter().all(|state| state.raw_output().is_some()));
        sizes.push(page.items.len());
    }
    assert_eq!(sizes, [2, 2, 1]);
    let late = query().created_from(Utc::now() + TimeDelta::hours(1));
    assert!(
        client
            .list_ids(late)
            .collect_all()
            .await
            .unwrap()
            .is_empty()
    );
    let mut ids = client.list_ids(query()).collect_all().await.unwrap();
    ids.sort();
    assert_eq!(ids, ["hello-1", "hello-2", "hello-3", "hello-4", "hello-5"]);
}

#[tokio::test]
#[ignore = "needs Python with the packages of requirements.txt"]
async fn instances_are_steered() {
    let engine = Engine::start(None);
    let client = engine.client();
    let id = client.start_new("approval", ()).await.unwrap();
    client.wait_for_start(&id, PATIENCE).await.unwrap();
    client.suspend(&id, "hold").await.unwrap();
    until(&client, &id, RuntimeStatus::Suspended).await;
    client.raise_event(&id, "approval", ["yes"]).await.unwrap();
    client.resume(&id, "go").await.unwrap();
    let state = client.wait_for_completion(&id, PATIENCE).await.unwrap();
    assert_eq!(state.output::<Vec<String>>().unwrap().unwrap(), ["yes"]);
    let error = client.raise_event(&id, "approval", 1).await.unwrap_err();
    assert!(matches!(error, ClientError::WrongState { .. }), "{error}");

    let long = client.start_new("long_timer", 600).await.unwrap();
    client.wait_for_start(&long, PATIENCE).await.unwrap();
    let error = client.restart_in_place(&long).await.unwrap_err();
    assert!(matches!(error, ClientError::WrongState { .. }), "{error}");
    client.terminate(&long, "enough").await.unwrap();
    let state = client.wait_for_completion(&long, PATIENCE).await.unwrap();
    assert_eq!(state.status, RuntimeStatus::Terminated);

    let error = client.suspend("nobody", "").await.unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");

    let copy = client.restart(&id).await.unwrap();
    assert_ne!(copy, id);
    client.raise_event(&copy, "approval", ["no"]).await.unwrap();
    let state = client.wait_for_completion(&copy, PATIENCE).await.unwrap();
    assert_eq!(state.output::<Vec<String>>().unwrap().unwrap(), ["no"]);
    client.restart_in_place(&id).await.unwrap();
    client.terminate(&id, "").await.unwrap();
    client.wait_for_completion(&id, PATIENCE).await.unwrap();

    assert_eq!(client.purge(&copy).await.unwrap(), 1);
    assert_eq!(client.purge(&copy).await.unwrap(), 0);
    let terminated = PurgeFilter::new().status(RuntimeStatus::Terminated);
    let mut told = 0;
    let purged = client
        .purge_where(terminated, |count| told = count)
        .await
        .unwrap();
    assert_eq!((purged, told), (2, 2));
}

#[tokio::test]
#[ignore = "needs Python with the packages of requirements.txt"]
async fn failures_and_histories_are_read() {
    use futures::TryStreamExt as _;

    let engine = Engine::start(None);
    let client = engine.client();
    let id = client.start_new("failing", "no money").await.unwrap();
    let state = client.wait_for_completion(&id, PATIENCE).await.unwrap();
    assert_eq!(state.status, RuntimeStatus::Failed);
    let failure = state.failure.unwrap();
    let told = failure
        .chain()
        .any(|link| link.message.contains("no money"));
    assert!(told, "{failure:?}");
    let events = client.history(&id).await.unwrap();
    let scheduled = events.iter().find_map(|event| match &event.kind {
        HistoryEventKind::ActivityScheduled { name, .. } => Some((event.id, name.as_str())),
        _ => None,
    });
    let (number, name) = scheduled.unwrap();
    assert_eq!(name, "fail");
    let failed = events.iter().any(|event| {
        matches!(event.kind, HistoryEventKind::ActivityFailed { scheduled_id, .. } if scheduled_id == number)
    });
    assert!(failed, "{events:?}");
    let streamed: Vec<_> = client.history_stream(&id).try_collect().await.unwrap();
    assert_eq!(streamed.len(), events.len());
    let error = client.history("nobody").await.unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");
}

/// A read goes on after the engine was killed and is back at the same address.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python with the packages of requirements.txt"]
async fn a_restart_is_survived() {
    let engine = Engine::start(None);
    let client = engine.client();
    client
        .start_new("approval", ())
        .instance_id("a")
        .await
        .unwrap();
    let port = engine.port.clone();
    drop(engine);
    let error = client.terminate("a", "").await.unwrap_err();
    assert!(matches!(error, ClientError::Unavailable { .. }), "{error}");
    let engine = tokio::task::spawn_blocking(move || Engine::start(Some(&port)))
        .await
        .unwrap();
    // its memory is empty, and it answers
    assert!(client.get("a").await.unwrap().is_none());
    let id = client
        .start_new("hello_orchestrator", "again")
        .await
        .unwrap();
    let state = client.wait_for_completion(&id, PATIENCE).await.unwrap();
    assert_eq!(
        state.output::<String>().unwrap().as_deref(),
        Some("Hello again!")
    );
    drop(engine);
}

async fn until(client: &DurableClient, id: &str, status: RuntimeStatus) {
    let reached = async {
        while client.get_metadata(id).await.unwrap().unwrap().status != status {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap();
}
