//! Entities: calls, signals, batches, failures and what survives. Locks are in `entity_locks`.

use durable_local_host::StateLocation;
use serde_json::{Value, json};

use crate::app::{BASE, TestApp, write_app};
use crate::process::{HostProcess, kill_9};

/// The failure of a test handler's operation, as its caller sees it.
fn on_purpose() -> Value {
    json!({"failed": [["my::Error", "on purpose", false]]})
}

fn failed_invocation(name: &str, inner: &Value) -> Value {
    json!({"failed": [
        ["FunctionInvocationFailed", format!("Invocation of function '{name}' failed with an exception."), true],
        ["Microsoft.Azure.WebJobs.Host.FunctionInvocationException", format!("Exception while executing function: Functions.{name}"), false],
        [inner[0], inner[1], false],
    ]})
}

async fn run(app: &TestApp, id: &str, steps: &Value) -> Value {
    let status = app.client.run("program", id, &steps.to_string()).await;
    assert_eq!(status["runtimeStatus"], "Completed", "{status}");
    status["output"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_signals_and_failures() {
    let app = TestApp::start().await;
    let output = run(
        &app,
        "o",
        &json!([
            ["call", "k", "add", 5],
            ["call", "k", "get"],
            ["signal", "k", "add", 3],
            ["call", "k", "get"],
            ["call", "k", "fail", 1000],
            ["call", "k", "get"],
            ["call", "k", "delete"],
            ["call", "k", "get"],
            ["call", "@counter@", "add", 1],
        ]),
    )
    .await;
    assert_eq!(output, json!([5, 5, 8, on_purpose(), 8, null, 0, 1]));
    let history = app.client.history("o").await;
    assert_eq!(history[1]["EventType"], "EventSent");
    assert_eq!(
        (&history[1]["Name"], &history[1]["InstanceId"]),
        (&json!("op"), &json!("@counter@k"))
    );
    let sent: Value = serde_json::from_str(history[1]["Input"].as_str().unwrap()).unwrap();
    assert_eq!(history[2]["EventType"], "EventRaised");
    assert_eq!(history[2]["Name"], sent["id"]);
    assert_eq!(history[2]["Input"], r#"{"result":"5"}"#);
    app.lines
        .wait_for("the call of `fail` by o failed: my::Error: on purpose")
        .await;
    // Entities are instances too: the input is what the host keeps of them.
    let entity = app.client.status("@counter@").await;
    assert_eq!(entity["runtimeStatus"], "Running");
    assert_eq!(entity["customStatus"], json!({"entityExists": true}));
    assert_eq!(entity["input"]["state"], "1");
    let deleted = app.client.status("@counter@k").await;
    assert_eq!(deleted["customStatus"], json!({}));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_signal_others_and_start_orchestrations() {
    let app = TestApp::start().await;
    // It lives until it gets an event, so the second start finds it.
    let start = json!({"id": "started", "name": "wait_events", "input": {"count": 1}});
    let steps = json!([
        ["signal", "a", "signal", {"key": "b", "amount": 4}],
        ["signal", "a", "signal", {"key": "b", "amount": 5}],
        ["call", "a", "start", start],
        ["call", "a", "start", start],
    ]);
    assert_eq!(run(&app, "o", &steps).await, json!([null, null]));
    let started = app.client.until_status("started", "Running").await;
    assert_eq!(started["input"], json!({"count": 1}));
    app.client
        .until("@counter@b", |status| status["input"]["state"] == "9")
        .await;
    app.lines.wait_for("started already exists").await;
    let sender = app.client.status("@counter@a").await;
    assert!(
        sender["input"]["sorter"]["LastSentToInstance"]["@counter@b"].is_string(),
        "{sender}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_the_labels_out_is_told() {
    let app = TestApp::start().await;
    app.client
        .begin("program", "a", r#"[["unlabelled call", "k", "get"]]"#)
        .await;
    app.client
        .begin("program", "b", r#"[["native call", "k", "get"]]"#)
        .await;
    app.client
        .begin("program", "c", r#"[["native lock", ["k"]]]"#)
        .await;
    for sender in [
        "call of `get` by a",
        "call of `get` by b",
        "lock request of c",
    ] {
        let line = app
            .lines
            .wait_for(&format!(
                "@counter@k: the {sender} was dropped, and its sender waits for ever"
            ))
            .await;
        assert!(line.contains("`Timestamp`"), "{line}");
    }
    // Signals without labels arrive, and calls with labels too.
    let steps = json!([
        ["native signal", "k", "add", 2],
        ["timer", 1],
        ["call", "k", "add", 1]
    ]);
    assert_eq!(run(&app, "d", &steps).await, json!([3]));
    let history = app.client.history("b").await;
    assert_eq!(
        (&history[1]["EventType"], &history[1]["Name"]),
        (&json!("EventSent"), &json!("op"))
    );
    for id in ["a", "b", "c"] {
        assert_eq!(app.client.status(id).await["runtimeStatus"], "Running");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_window_nothing_is_sorted() {
    let host_json = r#"{"extensions":{"durableTask":{"entityMessageReorderWindowInMinutes":0}}}"#;
    let app = TestApp::start_with(host_json, |builder| builder.state(StateLocation::Memory)).await;
    let steps = json!([
        ["unlabelled call", "k", "add", 2],
        ["native call", "k", "add", 2]
    ]);
    assert_eq!(run(&app, "o", &steps).await, json!([2, 4]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_come_in_the_order_in_which_they_were_sent() {
    let app = TestApp::start().await;
    let steps = json!([["burst", "k", "append", null, 200], ["call", "k", "get"]]);
    let all: Vec<u32> = (0..200).collect();
    assert_eq!(run(&app, "o", &steps).await, json!([all]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_as_long_as_host_json_allows() {
    let host_json = r#"{"extensions":{"durableTask":{"maxEntityOperationBatchSize":7}}}"#;
    let app = TestApp::start_with(host_json, |builder| builder.state(StateLocation::Memory)).await;
    let steps = json!([
        ["signal", "k", "slow", 50],
        ["burst", "k", "size", null, 100],
        ["call", "k", "get"]
    ]);
    assert_eq!(run(&app, "o", &steps).await, json!([7]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_handler_leaves_out_comes_again() {
    let app = TestApp::start().await;
    let steps = json!([
        ["burst", "@odd@short", "x", null, 3],
        ["call", "@odd@short", "x"]
    ]);
    assert_eq!(run(&app, "o", &steps).await, json!([1]));
    let entity = app.client.status("@odd@short").await;
    assert_eq!(entity["input"]["state"], "4");
    let steps = json!([["call", "@odd@again", "x"]]);
    assert_eq!(run(&app, "a", &steps).await, json!([1]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_batches_fail_their_operations() {
    let app = TestApp::start().await;
    let call = async |name: &str| {
        let steps = json!([["call", format!("@odd@{name}"), "x"]]);
        run(&app, &format!("for-{}", name.replace(' ', "-")), &steps).await[0].clone()
    };
    let status = json!([
        "System.Net.Http.HttpRequestException",
        "Response status code does not indicate success: 500 (Internal Server Error)."
    ]);
    assert_eq!(call("status").await, failed_invocation("odd", &status));
    for (key, kind, message) in [
        (
            "text",
            "System.InvalidOperationException",
            "Invalid HttpResponseMessage",
        ),
        (
            "too many",
            "System.ArgumentOutOfRangeException",
            "1 operations, and 2 results",
        ),
        (
            "unset",
            "System.NotSupportedException",
            "neither a success nor a failure",
        ),
        ("nobody", "System.ArgumentException", "no entity id"),
    ] {
        let failure = call(key).await;
        assert_eq!(
            failure["failed"][0][0], "FunctionInvocationFailed",
            "{failure}"
        );
        assert_eq!(failure["failed"][2][0], kind, "{failure}");
        let text = failure["failed"][2][1].as_str().unwrap();
        assert!(text.contains(message), "{text}");
    }
    // The last operation of every batch has no result, but the batch a failure.
    let steps = json!([
        ["burst", "@odd@batch failure", "x", null, 1],
        ["call", "@odd@batch failure", "x"]
    ]);
    assert_eq!(
        run(&app, "rest", &steps).await,
        json!([{"failed": [["my::Error", "the rest fails", false]]}])
    );
    let entity = app.client.status("@odd@batch%20failure").await;
    assert_eq!(entity["input"]["state"], "7");
    let unknown = run(&app, "u", &json!([["call", "@nope@k", "x"]])).await[0].clone();
    assert_eq!(unknown["failed"][0][0], "EntityFunctionNotFound");
    assert_eq!(unknown["failed"][0][2], true);
    assert_eq!(
        unknown["failed"][0][1],
        "The function 'nope' doesn't exist, is disabled, or is not an entity function. Additional info: The following are the known entity functions: 'counter', 'odd'."
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_dies_over_a_batch_gets_it_again() {
    let app = TestApp::start().await;
    let steps = json!([
        ["call", "k", "add", 1],
        ["call", "k", "die"],
        ["call", "k", "add", 1]
    ]);
    assert_eq!(run(&app, "o", &steps).await, json!([1, "survived", 2]));
    app.lines
        .wait_for("the batch is delivered again. On Azure these operations fail")
        .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orchestration_with_an_id_of_entities_never_runs() {
    let app = TestApp::start().await;
    app.client
        .begin("hello_orchestrator", "@bad", "\"x\"")
        .await;
    app.client
        .begin("hello_orchestrator", "@bad@too", "\"x\"")
        .await;
    app.lines
        .wait_for("@bad: the host takes an id that begins")
        .await;
    app.lines
        .wait_for("@bad@too: the host takes an id that begins")
        .await;
    let status = app.client.status("@bad").await;
    assert_eq!(
        (&status["runtimeStatus"], &status["input"]),
        (&json!("Pending"), &json!("x"))
    );
    let status = app.client.status("@bad@too").await;
    assert_eq!(status["runtimeStatus"], "Pending");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_signals_wait_for_their_time_also_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    write_app(folder.path(), &crate::kills::host_json_of_handler());
    let arguments = ["--state", state.path().to_str().unwrap()];
    let mut host = HostProcess::start(folder.path(), &arguments).await;
    // Far enough that the host is dead by then; the test does not wait for the clock but for the sum.
    let steps = json!([
        ["native signal", "k", "add", 1, 1500],
        ["native signal", "k", "add", 10],
        ["native signal", "other", "add", 100, 3_600_000],
    ]);
    host.client().run("program", "o", &steps.to_string()).await;
    let status = host
        .client()
        .until("@counter@k", |status| status["input"]["state"].is_string())
        .await;
    assert_eq!(status["input"]["state"], "10");
    kill_9(host.id());
    host.wait().await;
    let host = HostProcess::start(folder.path(), &arguments).await;
    host.client()
        .until("@counter@k", |status| status["input"]["state"] == "11")
        .await;
    let path = format!("{BASE}/entities/counter/other");
    assert_eq!(host.client().get(&path).await.status, 404);
    host.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_signals_survive_a_killed_host() {
    let folder = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    write_app(folder.path(), &crate::kills::host_json_of_handler());
    let arguments = ["--state", state.path().to_str().unwrap()];
    let mut host = HostProcess::start(folder.path(), &arguments).await;
    for number in 0..20 {
        let steps = json!([["burst", "k", "add", 1, 500]]);
        host.client()
            .begin("program", &format!("o{number}"), &steps.to_string())
            .await;
    }
    // In the middle of it: some have arrived.
    for _ in 0..2 {
        host.client()
            .until("@counter@k", |status| status["input"]["state"].is_string())
            .await;
        kill_9(host.id());
        host.wait().await;
        host = HostProcess::start(folder.path(), &arguments).await;
    }
    let done = |status: &Value| status["input"]["state"] == "10000";
    let status = host.client().until("@counter@k", done).await;
    assert_eq!(status["customStatus"], json!({"entityExists": true}));
    host.terminate().await;
}
