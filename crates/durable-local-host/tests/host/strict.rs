//! What the real host punishes: by default it is forgiven and told, with `strict` it is punished.

use std::path::Path;

use durable_local_host::{Error, LocalHost, StateLocation};
use serde_json::{Value, json};

use crate::app::{BASE, PATIENCE, TestApp, handler_command, write, write_app};

/// Long enough for a call that does nothing, also on a machine that is busy.
const SHORT_TIMEOUT: &str = r#"{"functionTimeout":"00:00:03"}"#;

pub async fn strict(host_json: &str) -> TestApp {
    TestApp::start_with(host_json, |builder| {
        builder.state(StateLocation::Memory).strict()
    })
    .await
}

async fn misbehave(app: &TestApp, id: &str, how: &str) {
    let input = json!(how).to_string();
    app.client.begin("misbehave", id, &input).await;
}

async fn call_activity(app: &TestApp, id: &str, name: &str, input: &Value) -> Value {
    let input = json!({ "activity": name, "input": input }).to_string();
    app.client.run("call_activity", id, &input).await["output"].clone()
}

/// How an activity failed whose handler was lost. The orchestration may have lost it as well.
async fn failed_task(app: &TestApp, id: &str, name: &str, input: &Value) -> String {
    let input = json!({ "activity": name, "input": input }).to_string();
    app.client.run("call_activity", id, &input).await;
    let history = app.client.history(id).await;
    assert_eq!(history[1]["EventType"], "TaskFailed", "{history}");
    history[1]["FailureDetails"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_answer_to_a_turn_hangs_and_the_turn_comes_again() {
    let app = strict(SHORT_TIMEOUT).await;
    misbehave(&app, "a", "empty").await;
    app.lines
        .wait_for("misbehave: the handler's answer was empty, so this call hangs. On Azure")
        .await;
    app.lines
        .wait_for("a function took longer than functionTimeout, so it was killed")
        .await;
    // the turn came again, and hangs again
    app.lines.wait_for_nth("so this call hangs", 2).await;
    let status = app.client.status("a").await;
    assert_ne!(status["runtimeStatus"], "Failed", "{status}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_answer_of_an_activity_is_a_timeout() {
    let app = strict(SHORT_TIMEOUT).await;
    let chain = failed_task(&app, "a", "raw", &json!("null")).await;
    assert!(chain.contains("FunctionTimeoutException"), "{chain}");
    app.stop().await;
}

/// A host that is told to stop does not wait for what hangs.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_timeout_it_hangs_until_the_host_stops() {
    let app = strict(r#"{"functionTimeout":"-1"}"#).await;
    misbehave(&app, "a", "empty").await;
    app.lines.wait_for("so this call hangs").await;
    tokio::time::timeout(PATIENCE, app.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_an_empty_answer_fails_at_once_and_says_what_it_would_do() {
    let app = TestApp::start().await;
    let output = call_activity(&app, "a", "raw", &json!("null")).await;
    let chain = output["failed"].to_string();
    assert!(chain.contains("On Azure this call hangs"), "{chain}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_turn_fails_the_orchestration_for_good() {
    let app = strict("{}").await;
    misbehave(&app, "a", "die").await;
    let status = app.client.until_status("a", "Failed").await;
    let output = status["output"].to_string();
    assert!(
        output.contains("System.Net.Http.HttpRequestException"),
        "{output}"
    );
    // the handler is there again for others
    let next = app.client.run("hello_orchestrator", "b", "\"x\"").await;
    assert_eq!(next["output"], "Hello x!");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_a_lost_turn_comes_again_with_a_remark() {
    let app = TestApp::start().await;
    misbehave(&app, "a", "die").await;
    app.client.until_status("a", "Completed").await;
    app.lines
        .wait_for("the turn is delivered again. On Azure this orchestration fails for good")
        .await;
    app.stop().await;
}

/// Ten times in all. The handler lives on, so that nothing else counts its deaths.
#[tokio::test(flavor = "multi_thread")]
async fn by_default_a_turn_that_is_lost_again_and_again_fails() {
    let app = TestApp::start().await;
    misbehave(&app, "a", "break off").await;
    let status = app.client.until_status("a", "Failed").await;
    let output = status["output"].to_string();
    assert!(
        output.contains("System.Net.Http.HttpRequestException"),
        "{output}"
    );
    let told = "breaking off on purpose";
    app.lines.wait_for_nth(told, 10).await;
    let lines = app.lines.all();
    let told = lines.iter().filter(|line| line.contains(told));
    assert_eq!(told.count(), 10);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_takes_too_long_comes_again() {
    let kind = TestApp::start_with(SHORT_TIMEOUT, |builder| builder.memory()).await;
    let strict = strict(SHORT_TIMEOUT).await;
    for app in [&kind, &strict] {
        misbehave(app, "a", "hang twice").await;
    }
    for app in [kind, strict] {
        app.client.until_status("a", "Completed").await;
        app.lines
            .wait_for("a: no answer within 3s; the turn is delivered again")
            .await;
        app.lines
            .wait_for_nth(
                "a function took longer than functionTimeout, so it was killed",
                2,
            )
            .await;
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_activity_fails_its_task() {
    let app = strict("{}").await;
    let chain = failed_task(&app, "a", "die_once", &Value::Null).await;
    assert!(
        chain.contains("System.Net.Http.HttpRequestException"),
        "{chain}"
    );
    app.stop().await;
    let app = TestApp::start().await;
    let output = call_activity(&app, "a", "die_once", &Value::Null).await;
    assert_eq!(output["ok"], "survived");
    app.lines
        .wait_for("it is called again. On Azure this task fails")
        .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_batch_fails_its_operations() {
    let app = strict("{}").await;
    let steps = r#"[["call","k","add",1],["call","k","die"]]"#;
    app.client.run("program", "o", steps).await;
    // the orchestration may have lost its handler as well
    let history = app.client.history("o").await.to_string();
    assert!(history.contains("FunctionInvocationFailed"), "{history}");
    let entity = app.client.status("@counter@k").await;
    assert_eq!(entity["input"]["state"], "1", "{entity}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_takes_too_long_fails_its_operations() {
    let steps = r#"[["call","k","add",1],["call","k","hang"]]"#;
    let app = strict(SHORT_TIMEOUT).await;
    let output = app.client.run("program", "o", steps).await["output"].to_string();
    for part in ["FunctionInvocationFailed", "FunctionTimeoutException"] {
        assert!(output.contains(part), "{output}");
    }
    let entity = app.client.status("@counter@k").await;
    assert_eq!(entity["input"]["state"], "1", "{entity}");
    app.stop().await;

    let app = TestApp::start_with(SHORT_TIMEOUT, |builder| builder.memory()).await;
    let output = app.client.run("program", "o", steps).await["output"].clone();
    assert_eq!(output, json!([1, "in time"]));
    app.lines
        .wait_for("the batch is delivered again. On Azure these operations fail, and the state")
        .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_exit_code_0_nobody_serves_any_more() {
    let app = strict("{}").await;
    misbehave(&app, "a", "die with 0").await;
    app.client.until_status("a", "Failed").await;
    app.lines
        .wait_for("it exited with code 0 and is not started again. On Azure")
        .await;
    app.client.begin("hello_orchestrator", "b", "\"x\"").await;
    let status = app.client.until_status("b", "Failed").await;
    let output = status["output"].to_string();
    assert!(output.contains("HttpRequestException"), "{output}");
    app.stop().await;
}

fn write_settings(folder: &Path, handler: &str) {
    let values = json!({"FUNCTIONS_WORKER_RUNTIME": "custom", "TEST_HANDLER": handler});
    let settings = json!({ "Values": values }).to_string();
    write(folder, "local.settings.json", &settings);
}

/// The real host gives up when nothing has got ready for four times the initialisation timeout.
#[tokio::test(flavor = "multi_thread")]
async fn exit_code_0_before_the_handler_is_ready_stops_the_host() {
    let folder = tempfile::tempdir().unwrap();
    write_app(folder.path(), "{}");
    write_settings(folder.path(), "leaves");
    let start = LocalHost::builder()
        .app(folder.path())
        .state(StateLocation::Memory)
        .handler(handler_command())
        .strict()
        .start();
    let error = tokio::time::timeout(PATIENCE, start).await.unwrap().err();
    let text = error.unwrap().to_string();
    assert!(
        text.contains("it exited with code 0 and is not started again. On Azure"),
        "{text}"
    );

    write_settings(folder.path(), "leaves later");
    let app = TestApp::start_in(folder, |builder| {
        builder.state(StateLocation::Memory).strict()
    })
    .await;
    misbehave(&app, "a", "die always").await;
    let host = app.host.as_ref().unwrap();
    let reason = tokio::time::timeout(PATIENCE, host.given_up())
        .await
        .unwrap();
    assert!(
        reason.to_string().contains("it exited with code 0"),
        "{reason}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_crash_stops_the_host() {
    let app = strict("{}").await;
    for number in 1..=3 {
        let id = format!("a{number}");
        misbehave(&app, &id, "die always").await;
        app.client.until_status(&id, "Failed").await;
    }
    let host = app.host.as_ref().unwrap();
    let error = tokio::time::timeout(PATIENCE, host.given_up())
        .await
        .unwrap();
    assert!(matches!(error, Error::HandlerGivenUp { .. }), "{error}");
    assert!(error.to_string().contains("status: 7"), "{error}");
    app.lines
        .wait_for("it has crashed three times. On Azure the third crash")
        .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_code_200_is_no_crash() {
    let app = strict("{}").await;
    for number in 1..=3 {
        let id = format!("a{number}");
        misbehave(&app, &id, "die with 200").await;
        app.client.until_status(&id, "Failed").await;
    }
    let next = app.client.run("hello_orchestrator", "b", "\"x\"").await;
    assert_eq!(next["output"], "Hello x!");
    let lines = app.lines.all();
    assert!(
        !lines.iter().any(|line| line.contains("crashed")),
        "{lines:?}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_the_third_crash_is_told_and_the_host_goes_on() {
    let app = TestApp::start().await;
    misbehave(&app, "a", "die always").await;
    app.lines
        .wait_for("it has crashed three times. On Azure the third crash within 30 minutes stops")
        .await;
    let status = app.client.status("a").await;
    assert_eq!(status["instanceId"], "a", "{status}");
    app.stop().await;
}

/// FNV-1a of the id decides on the partition, on Azure Storage.
fn partition(id: &str, count: u64) -> u64 {
    let hash = id.bytes().fold(0x811c_9dc5_u64, |hash, byte| {
        ((hash ^ u64::from(byte)) * 0x0100_0193) % (1 << 32)
    });
    hash % count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_without_an_id_blocks_its_partition() {
    let three = r#"{"extensions":{"durableTask":{"storageProvider":{"partitionCount":3}}}}"#;
    for (host_json, count) in [("{}", 4), (three, 3)] {
        let app = strict(host_json).await;
        block_a_partition(&app, count).await;
        app.stop().await;
    }
}

async fn block_a_partition(app: &TestApp, count: u64) {
    app.client.begin("empty_child_id", "parent", "null").await;
    app.lines
        .wait_for("parent: a sub-orchestration without an instance id was asked for")
        .await;
    let ids: Vec<String> = (0..16).map(|number| format!("order-{number}")).collect();
    let (stuck, free): (Vec<_>, Vec<_>) = ids
        .iter()
        .partition(|id| partition(id, count) == partition("", count));
    assert!(!stuck.is_empty() && !free.is_empty());
    for id in stuck.iter().chain(&free) {
        app.client.begin("hello_orchestrator", id, "\"x\"").await;
    }
    for id in &free {
        app.client.until_status(id, "Completed").await;
    }
    for id in &stuck {
        assert_eq!(
            app.client.status(id).await["runtimeStatus"],
            "Pending",
            "{id}"
        );
    }
    let history = app.client.history("parent").await;
    assert_eq!(history[1]["EventType"], "SubOrchestrationInstanceCreated");
    assert_eq!(
        app.client.status("parent").await["runtimeStatus"],
        "Running"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_child_id_leaves_the_parent_waiting() {
    let input = r#"{"child":"hello_orchestrator","childId":"taken","input":"x"}"#;
    let wait = r#"{"count":1}"#;
    let remark = "An Orchestration instance with the ID taken already exists";

    let app = strict("{}").await;
    app.client.begin("wait_events", "taken", wait).await;
    app.client.until_status("taken", "Running").await;
    app.client.begin("parent", "p", input).await;
    let line = app.lines.wait_for(remark).await;
    assert!(
        line.contains("On Azure the parent waits for ever"),
        "{line}"
    );
    // what comes later is worked on, and still nothing for the child
    let raise = format!("{BASE}/instances/p/raiseEvent/E");
    assert_eq!(app.client.post(&raise, "1").await.status, 202);
    let history = app.client.until_event("p", "EventRaised").await.to_string();
    assert!(
        !history.contains("SubOrchestrationInstanceFailed"),
        "{history}"
    );
    assert_eq!(app.client.status("p").await["runtimeStatus"], "Running");
    app.stop().await;

    let app = TestApp::start().await;
    app.client.begin("wait_events", "taken", wait).await;
    app.client.until_status("taken", "Running").await;
    let output = app.client.run("parent", "p", input).await["output"].clone();
    assert!(output["childFailed"].is_string(), "{output}");
    app.lines.wait_for(remark).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_an_operation_blocks_the_entity() {
    let app = strict("{}").await;
    let entity = format!("{BASE}/entities/counter/k");
    let post = async |query: &str, body: &str| {
        let answer = app.client.post(&format!("{entity}{query}"), body).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
    };
    post("?op=add", "5").await;
    app.client
        .until("@counter@k", |status| status["input"]["state"] == "5")
        .await;
    post("", "").await;
    app.lines
        .wait_for("names no operation and blocks the entity. On Azure")
        .await;
    post("?op=add", "7").await;
    let status = app
        .client
        .until("@counter@k", |status| {
            status["customStatus"]["queueSize"] == 2
        })
        .await;
    assert_eq!(status["input"]["state"], "5", "{status}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlabelled_call_passes_once_the_entity_has_got_a_labelled_one() {
    let steps = r#"[["call","k","add",1],["unlabelled call","k","add",1]]"#;
    let app = strict("{}").await;
    app.client
        .begin("program", "first", r#"[["unlabelled call","k","get"]]"#)
        .await;
    app.lines
        .wait_for("the call of `get` by first was dropped, and its sender waits for ever")
        .await;
    let output = app.client.run("program", "o", steps).await["output"].clone();
    assert_eq!(output, json!([1, 2]));
    assert_eq!(app.client.status("first").await["runtimeStatus"], "Running");
    app.stop().await;

    let app = TestApp::start().await;
    app.client.begin("program", "o", steps).await;
    let line = app
        .lines
        .wait_for("the call of `add` by o was dropped")
        .await;
    assert!(
        line.contains("unless the entity got a labelled one"),
        "{line}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_without_their_states_can_not_be_listed() {
    let path = format!("{BASE}/entities?fetchState=false");
    let app = strict("{}").await;
    let answer = app.client.get(&path).await;
    assert_eq!(answer.status, 500);
    assert_eq!(
        answer.json()["ExceptionType"],
        "System.NullReferenceException"
    );
    app.stop().await;
    let app = TestApp::start().await;
    assert_eq!(app.client.get(&path).await.status, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn altered_values_are_told() {
    for app in [TestApp::start().await, strict("{}").await] {
        let answer = r#"{"ReturnValue":["2020-01-01T00:00:00.000Z",0.10000000000000000001]}"#;
        let output = call_activity(&app, "a", "raw", &json!(answer)).await;
        assert_eq!(output["ok"], json!(["2020-01-01T00:00:00Z", 0.1]));
        app.lines
            .wait_for(r#"raw: the result ["2020-01-01T00:00:00.000Z",0.10000000000000000001] arrives as ["2020-01-01T00:00:00Z",0.1]. On Azure"#)
            .await;
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_json_of_another_version_is_told_and_refused() {
    let old = r#"{"version":"1.0"}"#;
    let app = TestApp::start_with(old, |builder| builder.state(StateLocation::Memory)).await;
    app.lines
        .wait_for("host.json: version: it is \"1.0\", and the real host does not start")
        .await;
    let folder = app.stop().await;
    let error = LocalHost::builder()
        .app(folder.path())
        .handler(handler_command())
        .strict()
        .start()
        .await
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("host.json: version: "),
        "{error}"
    );
}
