//! Days go by in milliseconds on a host whose clock is moved by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use std::time::{Duration, SystemTime};

use durable_functions::{DurableClient, EntityId, HistoryEventKind, InstanceState, RuntimeStatus};
use durable_local_host::LocalHost;
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);
const PATIENCE: Duration = Duration::from_secs(60);

struct Test {
    host: LocalHost,
    client: DurableClient,
}

impl Test {
    async fn begin() -> Self {
        let host = LocalHost::builder()
            .app(env!("CARGO_MANIFEST_DIR"))
            .handler(env!("CARGO_BIN_EXE_conformance"))
            .memory()
            .manual_time();
        let host = host.start().await.unwrap();
        let client = DurableClient::connect(host.rpc_url());
        Self { host, client }
    }

    async fn start(&self, name: &str, input: Value) -> String {
        self.client.start_new(name, input).await.unwrap()
    }

    async fn advance(&self, by: Duration) {
        self.host.advance(by).await.unwrap();
    }

    async fn state(&self, id: &str) -> InstanceState {
        self.client.get(id).await.unwrap().expect("an instance")
    }

    async fn is_running(&self, id: &str) -> bool {
        !self.state(id).await.status.is_terminal()
    }

    async fn output(&self, id: &str) -> Value {
        let state = self.state(id).await;
        assert_eq!(state.status, RuntimeStatus::Completed, "{state:?}");
        state.output().unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_timer_of_ten_days_fires_when_they_are_over() {
    let test = Test::begin().await;
    let start = test.host.time();
    let id = test.start("long_timer", json!({ "days": 10 })).await;
    test.advance(DAY * 9).await;
    assert!(test.is_running(&id).await);
    test.advance(DAY).await;
    assert_eq!(test.output(&id).await, "long timer done");
    let gone = test.host.time().duration_since(start).unwrap();
    assert_eq!(gone.as_secs(), DAY.as_secs() * 10, "{gone:?}");
    // The timer is made of parts, each of which fired when it was due.
    let history = test.client.history(&id).await.unwrap();
    let turns: Vec<u64> = history
        .iter()
        .filter(|event| matches!(event.kind, HistoryEventKind::TurnStarted))
        .map(|event| {
            let at = SystemTime::from(event.timestamp.unwrap());
            (at.duration_since(start).unwrap().as_secs_f64() / DAY.as_secs_f64()).round() as u64
        })
        .collect();
    assert_eq!(turns, [0, 3, 6, 9, 10]);
    test.host.shutdown().await;
}

#[tokio::test]
async fn loops_retries_and_time_limits_go_through_their_times() {
    let test = Test::begin().await;
    let eternal = test
        .start("eternal", json!({ "mode": "timer", "k": 500 }))
        .await;
    let retried = test
        .start(
            "retry_orch",
            json!({ "failTimes": 3, "firstMs": 600_000, "backoff": 2.0 }),
        )
        .await;
    let limited = test
        .start("wait_event", json!({ "timeoutSeconds": 4 * 86_400 }))
        .await;
    test.advance(Duration::from_secs(400)).await;
    assert!(test.is_running(&eternal).await);
    test.advance(Duration::from_secs(200)).await;
    assert_eq!(test.output(&eternal).await["counter"], 500);
    assert!(test.is_running(&retried).await);
    test.advance(DAY).await;
    let output = test.output(&retried).await;
    let minutes = output["waitedMs"].as_f64().unwrap() / 60_000.0;
    assert!((minutes - 70.0).abs() < 0.01, "10 + 20 + 40, not {minutes}");
    assert!(test.is_running(&limited).await);
    test.advance(DAY * 3).await;
    assert_eq!(test.output(&limited).await["timedOut"], true);
    test.host.shutdown().await;
}

#[tokio::test]
async fn what_is_scheduled_starts_when_it_is_due() {
    let test = Test::begin().await;
    let in_days = |days: u32| chrono::DateTime::from(test.host.time() + DAY * days);
    let id = test
        .client
        .start_new("hello_orchestrator", "Jeju")
        .start_at(in_days(2))
        .await
        .unwrap();
    let counter = EntityId::new("counter", "later");
    test.client
        .signal_entity(counter.clone(), "add", 5)
        .at(in_days(3))
        .await
        .unwrap();
    let sum = || async {
        let entity = test.client.get_entity(counter.clone()).await.unwrap();
        entity.and_then(|entity| entity.state::<i64>().unwrap())
    };
    test.advance(DAY).await;
    assert_eq!(test.state(&id).await.status, RuntimeStatus::Pending);
    test.advance(DAY).await;
    assert_eq!(test.output(&id).await, "Hello Jeju!");
    assert_eq!(sum().await, None);
    test.advance(DAY).await;
    assert_eq!(sum().await, Some(5));
    test.host.shutdown().await;
}

#[tokio::test]
async fn time_goes_on_by_itself_only_without_it() {
    let host = LocalHost::builder()
        .app(env!("CARGO_MANIFEST_DIR"))
        .handler(env!("CARGO_BIN_EXE_conformance"))
        .memory();
    let host = host.start().await.unwrap();
    let error = host.advance(DAY).await.unwrap_err();
    assert!(error.to_string().contains("manual_time()"), "{error}");
    let client = DurableClient::connect(host.rpc_url());
    let id = client.start_new("timer_orch", json!({ "seconds": 0.01 }));
    let id = id.await.unwrap();
    client.wait_for_completion(&id, PATIENCE).await.unwrap();
    host.shutdown().await;
}
