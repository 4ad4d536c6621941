//! Failed instances that are set back and run again.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use durable_functions_protocol::proto::{EventType, HistoryEvent, RewindInstanceRequest};
use durable_local_host::StateLocation;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tonic::Code;

use crate::app::{BASE, TestApp, write_app};
use crate::process::{HostProcess, kill_9};
use crate::rpc::Rpc;

/// Kind, id and data of events, as the recordings have them.
fn shape(events: &[HistoryEvent]) -> Value {
    let name = |event: &HistoryEvent| {
        let text = format!("{:?}", event.event_type.as_ref().unwrap());
        let name = text.split('(').next().unwrap().to_owned();
        name[..1].to_lowercase() + &name[1..]
    };
    let data = |event: &HistoryEvent| match &event.event_type {
        Some(EventType::GenericEvent(generic)) => generic.data.clone(),
        _ => None,
    };
    // The test handler ends with the id 1000, the recorded one with its next.
    let id = |event: &HistoryEvent| {
        if event.event_id == 1000 {
            1
        } else {
            event.event_id
        }
    };
    let rows = events
        .iter()
        .map(|event| json!([name(event), id(event), data(event)]));
    Value::Array(rows.collect())
}

fn recorded(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../data/rewinds.json")).unwrap();
    all[name].clone()
}

fn request(id: &str) -> RewindInstanceRequest {
    RewindInstanceRequest {
        instance_id: id.into(),
        reason: Some("again".into()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_a_rewound_failure_is_the_recorded_one() {
    let app = TestApp::start().await;
    let rpc = Rpc::connect(&app.client).await;
    app.client
        .run("strict", "a", r#"{"tasks":[["fail_status",1]]}"#)
        .await;
    let before = rpc.state("GetInstance", "a").await.unwrap();
    let answer = app
        .client
        .post(&format!("{BASE}/instances/a/rewind?reason=again"), "")
        .await;
    assert_eq!((answer.status, answer.text()), (202, String::new()));
    let after = rpc.end("a").await;
    assert_eq!(after.output, before.output);
    assert_eq!(after.created_timestamp, before.created_timestamp);
    assert_ne!(after.last_updated_timestamp, before.last_updated_timestamp);
    assert_eq!(shape(&rpc.history("a").await), recorded("rewind_failed"));
    let shown = app.client.history("a").await;
    let generic = |event: &&Value| event["EventType"] == "GenericEvent";
    let data: Vec<&Value> = shown
        .as_array()
        .unwrap()
        .iter()
        .filter(generic)
        .map(|event| &event["Data"])
        .collect();
    assert_eq!(json!(data), json!([null, null, null, "again"]));
    // As often as one likes.
    rpc.call::<_, ()>("RewindInstance", request("a"))
        .await
        .unwrap();
    rpc.end("a").await;
    assert_eq!(rpc.history("a").await.len(), 24);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sub_orchestrations_are_rewound_first() {
    let app = TestApp::start().await;
    let rpc = Rpc::connect(&app.client).await;
    let failing = r#"{"tasks":[["fail_status",1]]}"#;
    app.client.run("strict_parent", "p", failing).await;
    rpc.call::<_, ()>("RewindInstance", request("p"))
        .await
        .unwrap();
    rpc.end("p").await;
    assert_eq!(shape(&rpc.history("p").await), recorded("rewind_sub"));
    let child = shape(&rpc.history("p-child").await);
    assert!(
        child
            .as_array()
            .unwrap()
            .contains(&json!(["genericEvent", -1, "again"]))
    );
    // This time it works.
    app.client
        .run("strict_parent", "q", r#"{"tasks":[["fail_once","q"]]}"#)
        .await;
    assert_eq!(app.client.status("q").await["runtimeStatus"], "Failed");
    rpc.call::<_, ()>("RewindInstance", request("q"))
        .await
        .unwrap();
    assert_eq!(rpc.end("q").await.output.as_deref(), Some(r#"[["works"]]"#));
    // A child that is gone is made anew.
    app.client
        .run("strict_parent", "r", r#"{"tasks":[["fail_once","r"]]}"#)
        .await;
    app.client
        .send("DELETE", &format!("{BASE}/instances/r-child"), &[], b"")
        .await;
    rpc.call::<_, ()>("RewindInstance", request("r"))
        .await
        .unwrap();
    assert_eq!(rpc.end("r").await.output.as_deref(), Some(r#"[["works"]]"#));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_at_the_failure_is_not_lost() {
    let app = TestApp::start_with("{}", |builder| builder.memory().manual_time()).await;
    let host = app.host.as_ref().unwrap();
    let rpc = Rpc::connect(&app.client).await;
    // The slow task ends and the timer fires when the orchestration has failed already.
    let input = r#"{"tasks":[["fail_once","k"],["slow_hello","x"],["hello","y"]],"ms":60000}"#;
    app.client.run("strict", "a", input).await;
    assert_eq!(app.client.status("a").await["runtimeStatus"], "Failed");
    host.advance(Duration::from_secs(60)).await.unwrap();
    rpc.call::<_, ()>("RewindInstance", request("a"))
        .await
        .unwrap();
    let state = rpc.end("a").await;
    assert_eq!(
        state.output.as_deref(),
        Some(r#"["works","Hello x!","Hello y!",null]"#)
    );
    let fired = rpc.history("a").await;
    let fired = fired
        .iter()
        .filter(|event| matches!(event.event_type, Some(EventType::TimerFired(_))));
    assert_eq!(fired.count(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_has_failed_can_be_rewound() {
    let app = TestApp::start().await;
    let rpc = Rpc::connect(&app.client).await;
    let refused = |status: &str| {
        let text = format!(
            "This orchestration has status {status}, but only orchestrations in the \"Failed\" state can be rewound."
        );
        (Code::FailedPrecondition, text)
    };
    app.client.run("hello_orchestrator", "done", "").await;
    app.client.begin("timer", "t", r#"{"ms":600000}"#).await;
    app.client.until_status("t", "Running").await;
    assert_eq!(
        rpc.fail("RewindInstance", request("done")).await,
        refused("Completed")
    );
    assert_eq!(
        rpc.fail("RewindInstance", request("t")).await,
        refused("Running")
    );
    app.client
        .post(&format!("{BASE}/instances/t/terminate"), "")
        .await;
    app.client.until_status("t", "Terminated").await;
    assert_eq!(
        rpc.fail("RewindInstance", request("t")).await,
        refused("Terminated")
    );
    app.stop().await;
}

/// Places of the turns in the stored history of each instance.
fn turns(state: &Path) -> HashMap<String, Vec<i64>> {
    let store = Connection::open(state.join("testhubname.sqlite3")).unwrap();
    let mut statement = store
        .prepare("SELECT instance, turn FROM history ORDER BY instance, turn")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let mut turns: HashMap<String, Vec<i64>> = HashMap::new();
    for row in rows.unwrap() {
        let (instance, turn): (String, i64) = row.unwrap();
        turns.entry(instance).or_default().push(turn);
    }
    turns
}

#[tokio::test(flavor = "multi_thread")]
async fn rewinds_at_the_same_time_leave_one_history() {
    const INSTANCES: usize = 40;
    let state = tempfile::tempdir().unwrap();
    let place = StateLocation::Folder(state.path().to_owned());
    let app = TestApp::start_with("{}", |builder| builder.state(place)).await;
    let id = |number: usize| format!("a{number}");
    for number in 0..INSTANCES {
        let input = json!({"tasks": [["fail_once", id(number)]]}).to_string();
        let status = app.client.run("strict", &id(number), &input).await;
        assert_eq!(status["runtimeStatus"], "Failed", "{status}");
    }
    let mut rewinds = JoinSet::new();
    for number in 0..INSTANCES {
        for _ in 0..4 {
            let client = app.client;
            let path = format!("{BASE}/instances/{}/rewind", id(number));
            rewinds.spawn(async move { client.post(&path, "").await.status });
        }
    }
    let statuses = rewinds.join_all().await;
    // Whoever comes when it runs again is told so.
    let expected = |status: &u16| matches!(status, 202 | 410 | 412);
    assert!(statuses.iter().all(expected), "{statuses:?}");
    for number in 0..INSTANCES {
        let status = app.client.until_status(&id(number), "Completed").await;
        assert_eq!(status["output"], json!(["works"]), "{status}");
    }
    app.stop().await;
    for (instance, turns) in turns(state.path()) {
        let all: Vec<i64> = (0..).take(turns.len()).collect();
        assert_eq!(turns, all, "{instance}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewind_survives_the_death_of_the_host() {
    let app = tempfile::tempdir().unwrap();
    write_app(app.path(), &crate::kills::host_json_of_handler());
    let state = app.path().join("state");
    let args = ["--state", state.to_str().unwrap()];
    let mut host = HostProcess::start(app.path(), &args).await;
    let client = host.client();
    let input = r#"{"tasks":[["fail_once","k"]],"waits":true}"#;
    client.run("strict", "a", input).await;
    let answer = client.post(&format!("{BASE}/instances/a/rewind"), "").await;
    assert_eq!(answer.status, 202);
    kill_9(host.id());
    host.wait().await;
    let host = HostProcess::start(app.path(), &args).await;
    let event = format!("{BASE}/instances/a/raiseEvent/E");
    assert_eq!(host.client().post(&event, "1").await.status, 202);
    let status = host.client().until_status("a", "Completed").await;
    assert_eq!(status["output"], json!(["works"]));
    host.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewind_is_kept_with_the_state() {
    let state = tempfile::tempdir().unwrap();
    let place = StateLocation::Folder(state.path().to_owned());
    let app = TestApp::start_with("{}", |builder| builder.state(place.clone()).manual_time()).await;
    app.client
        .run("strict", "a", r#"{"tasks":[["fail_once","k"]],"ms":60000}"#)
        .await;
    app.client
        .post(&format!("{BASE}/instances/a/rewind?reason=again"), "")
        .await;
    let folder = app.stop().await;
    let app = TestApp::start_in(folder, |builder| builder.state(place).manual_time()).await;
    let host = app.host.as_ref().unwrap();
    host.advance(Duration::from_secs(60)).await.unwrap();
    let rpc = Rpc::connect(&app.client).await;
    assert_eq!(
        rpc.end("a").await.output.as_deref(),
        Some(r#"["works",null]"#)
    );
    app.stop().await;
}
