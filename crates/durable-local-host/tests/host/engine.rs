//! Orchestrations from start to end.

use durable_local_host::StateLocation;
use serde_json::json;

use crate::app::{TestApp, event_types};

#[tokio::test(flavor = "multi_thread")]
async fn hello_through_an_http_function() {
    let app = TestApp::start().await;
    let answer = app
        .client
        .post("/api/orchestrators/hello_orchestrator?instanceId=a", "")
        .await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(answer.header("retry-after"), Some("10"));
    let urls = answer.json();
    assert_eq!(urls["id"], "a");
    assert_eq!(
        answer.header("location"),
        urls["statusQueryGetUri"].as_str()
    );
    let path = urls["statusQueryGetUri"]
        .as_str()
        .unwrap()
        .split_once(&format!(":{}", app.client.port))
        .unwrap()
        .1
        .to_owned();
    assert!(path.contains("code="), "{path}");
    app.client.until_status("a", "Completed").await;
    let status = app.client.get(&path).await;
    assert_eq!(status.status, 200);
    assert_eq!(status.json()["output"], "Hello Seoul!");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_the_recorded_one() {
    let app = TestApp::start().await;
    app.client.run("hello_orchestrator", "a", "\"Oslo\"").await;
    let history = app.client.history("a").await;
    assert_eq!(
        event_types(&history),
        ["ExecutionStarted", "TaskCompleted", "ExecutionCompleted"]
    );
    let keys =
        |at: usize| -> Vec<String> { history[at].as_object().unwrap().keys().cloned().collect() };
    let mut started = [
        "EventType",
        "Input",
        "Correlation",
        "ParentTraceContext",
        "ScheduledStartTime",
        "Generation",
        "GenerateNewTrace",
        "Timestamp",
        "FunctionName",
    ];
    started.sort_unstable();
    assert_eq!(keys(0), started);
    assert_eq!(history[0]["Input"], "\"Oslo\"");
    assert_eq!(history[0]["Generation"], 0);
    assert_eq!(history[1]["Result"], "Hello Oslo!");
    assert_eq!(history[1]["FunctionName"], "hello");
    assert_eq!(history[1]["Input"], json!(null));
    assert!(
        history[1]["ScheduledTime"]
            .as_str()
            .unwrap()
            .ends_with("+00:00")
    );
    assert_eq!(history[2]["OrchestrationStatus"], "Completed");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn activities_run_in_order_and_side_by_side() {
    let app = TestApp::start().await;
    assert_eq!(
        app.client.run("chain", "c", r#"{"n":5}"#).await["output"],
        5
    );
    assert_eq!(
        app.client.run("fan_out", "f", r#"{"n":50}"#).await["output"],
        (0..50).map(|n| n * n).sum::<i64>()
    );
    let history = app.client.history("f").await;
    assert_eq!(
        event_types(&history)
            .iter()
            .filter(|kind| *kind == "TaskCompleted")
            .count(),
        50
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_in_a_history_only_go_forward() {
    let app = TestApp::start().await;
    app.client.run("chain", "c", r#"{"n":6}"#).await;
    let history = app.client.history("c").await;
    let times: Vec<&str> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["Timestamp"].as_str().unwrap())
        .collect();
    // Fractions lose their trailing zeros, so they are compared padded.
    let padded: Vec<String> = times
        .iter()
        .map(|time| format!("{:0<28}", time.trim_end_matches('Z')))
        .collect();
    assert!(
        padded.windows(2).all(|pair| pair[0] < pair[1]),
        "{padded:?}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_fire_not_before_their_time() {
    let app = TestApp::start().await;
    assert_eq!(
        app.client.run("timer", "t", r#"{"ms":120}"#).await["output"],
        "fired"
    );
    let history = app.client.history("t").await;
    assert_eq!(
        event_types(&history),
        [
            "ExecutionStarted",
            "TimerCreated",
            "TimerFired",
            "ExecutionCompleted"
        ]
    );
    let fire_at = format!(
        "{:0<28}",
        history[1]["FireAt"].as_str().unwrap().trim_end_matches('Z')
    );
    let ended = format!(
        "{:0<28}",
        history[3]["Timestamp"]
            .as_str()
            .unwrap()
            .trim_end_matches('Z')
    );
    assert!(ended >= fire_at, "{history}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_until_they_are_wanted() {
    let app = TestApp::start().await;
    app.client.begin("wait_events", "w", r#"{"count":3}"#).await;
    for number in 0..3 {
        let path = format!("/runtime/webhooks/durabletask/instances/w/raiseEvent/E{number}");
        assert_eq!(
            app.client
                .post(&path, &format!(r#"{{"n": {number}}}"#))
                .await
                .status,
            202
        );
    }
    let status = app.client.until_status("w", "Completed").await;
    assert_eq!(
        status["output"],
        json!([["E0", {"n": 0}], ["E1", {"n": 1}], ["E2", {"n": 2}]])
    );
    assert_eq!(status["customStatus"], json!({"received": 3}));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orchestrations_send_events_to_others() {
    let app = TestApp::start().await;
    app.client.begin("wait_events", "w", r#"{"count":1}"#).await;
    app.client
        .run("sender", "s", r#"{"target":"w","payload":{"a":1}}"#)
        .await;
    assert_eq!(
        app.client.until_status("w", "Completed").await["output"],
        json!([["E", {"a": 1}]])
    );
    let history = app.client.history("s").await;
    assert_eq!(
        event_types(&history),
        ["ExecutionStarted", "EventSent", "ExecutionCompleted"]
    );
    assert_eq!(history[1]["InstanceId"], "w");
    // One for nobody is dropped, and nothing else stops.
    app.client
        .run("sender", "s2", r#"{"target":"nobody","payload":1}"#)
        .await;
    app.lines
        .wait_for("a message for the instance nobody was dropped")
        .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sub_orchestrations_report_to_their_parent() {
    let app = TestApp::start().await;
    let good = app
        .client
        .run(
            "parent",
            "p",
            r#"{"child":"hello_orchestrator","input":"Rome"}"#,
        )
        .await;
    assert_eq!(good["output"], json!({"child": "Hello Rome!"}));
    assert_eq!(app.client.status("p-child0").await["output"], "Hello Rome!");
    let history = app.client.history("p").await;
    assert_eq!(
        event_types(&history),
        [
            "ExecutionStarted",
            "SubOrchestrationInstanceCompleted",
            "ExecutionCompleted"
        ]
    );
    assert_eq!(history[1]["FunctionName"], "hello_orchestrator");
    assert_eq!(
        app.client.history("p-child0").await[0]["Generation"],
        json!(null)
    );

    let bad = app
        .client
        .run("parent", "q", r#"{"child":"fail","input":null}"#)
        .await;
    assert_eq!(
        bad["output"],
        json!({"childFailed": "order 42 rejected: résumé ☃"})
    );
    assert_eq!(
        app.client.status("q-child0").await["output"],
        "my::Rejected: order 42 rejected: résumé ☃"
    );

    let unknown = app
        .client
        .run("parent", "r", r#"{"child":"nope","input":null}"#)
        .await;
    assert_eq!(unknown["output"], json!({"childFailed": null}));
    let failed = &app.client.history("r").await[1];
    assert!(failed["Reason"].as_str().unwrap().starts_with(r#"{"message":"The function 'nope' doesn't exist, is disabled, or is not an orchestrator function."#), "{failed}");
    assert_eq!(failed["FailureDetails"], json!(null));

    app.client
        .begin("wait_events", "taken", r#"{"count":1}"#)
        .await;
    let taken = app
        .client
        .run(
            "parent",
            "s",
            r#"{"child":"hello_orchestrator","input":"x","childId":"taken"}"#,
        )
        .await;
    assert!(
        taken["output"]["childFailed"]
            .as_str()
            .unwrap()
            .contains("taken already exists"),
        "{taken}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_child_fails_for_its_parent() {
    let app = TestApp::start().await;
    app.client
        .begin(
            "parent",
            "p",
            r#"{"child":"wait_events","input":{"count":1}}"#,
        )
        .await;
    app.client.until_status("p-child0", "Running").await;
    app.client
        .post(
            "/runtime/webhooks/durabletask/instances/p-child0/terminate?reason=enough",
            "",
        )
        .await;
    assert_eq!(
        app.client.until_status("p", "Completed").await["output"],
        json!({"childFailed": null})
    );
    assert_eq!(app.client.history("p").await[1]["Reason"], "enough");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn continue_as_new_starts_over_at_once() {
    let app = TestApp::start().await;
    for mode in ["none", "timer"] {
        let input = format!(r#"{{"k":4,"counter":0,"mode":"{mode}","seen":null}}"#);
        let status = app.client.run("eternal", mode, &input).await;
        assert_eq!(status["output"], json!({"counter": 4, "seen": null}));
        assert_eq!(status["customStatus"], json!({"counter": 4}));
        assert_eq!(status["input"]["counter"], 4);
        let history = app.client.history(mode).await;
        assert_eq!(
            event_types(&history),
            ["ExecutionStarted", "ExecutionCompleted"]
        );
        assert_eq!(history[0]["Generation"], json!(null));
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_lost_around_continue_as_new() {
    let app = TestApp::start().await;
    app.client
        .begin(
            "eternal",
            "e",
            r#"{"k":20,"counter":0,"mode":"event","seen":[]}"#,
        )
        .await;
    for number in 0..20 {
        app.client
            .post(
                "/runtime/webhooks/durabletask/instances/e/raiseEvent/tick",
                &number.to_string(),
            )
            .await;
    }
    let status = app.client.until_status("e", "Completed").await;
    assert_eq!(status["output"]["seen"], json!((0..20).collect::<Vec<_>>()));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_instance_gets_its_events_and_waits() {
    let app = TestApp::start().await;
    let post = |path: &'static str, body: &'static str| {
        let client = app.client;
        async move {
            client
                .post(
                    &format!("/runtime/webhooks/durabletask/instances/w/{path}"),
                    body,
                )
                .await
                .status
        }
    };
    app.client.begin("wait_events", "w", r#"{"count":2}"#).await;
    assert_eq!(post("raiseEvent/E", "1").await, 202);
    app.client
        .until("w", |status| status["customStatus"]["received"] == 1)
        .await;
    assert_eq!(post("suspend?reason=hold", "").await, 202);
    let suspended = app.client.until_status("w", "Suspended").await;
    assert_eq!(suspended["output"], "hold");
    assert_eq!(post("raiseEvent/E", "2").await, 202);
    app.client
        .until("w", |status| status["customStatus"]["received"] == 0)
        .await;
    assert_eq!(app.client.status("w").await["runtimeStatus"], "Suspended");
    assert_eq!(post("resume?reason=go", "").await, 202);
    let done = app.client.until_status("w", "Completed").await;
    assert_eq!(done["output"], json!([["E", 1], ["E", 2]]));
    let kinds = event_types(&app.client.history("w").await);
    assert_eq!(
        kinds,
        [
            "ExecutionStarted",
            "EventRaised",
            "ExecutionSuspended",
            "EventRaised",
            "ExecutionResumed",
            "ExecutionCompleted"
        ]
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terminate_ends_with_the_reason() {
    let app = TestApp::start().await;
    app.client.begin("timer", "t", r#"{"ms":600000}"#).await;
    app.client.until_status("t", "Running").await;
    app.client
        .post(
            "/runtime/webhooks/durabletask/instances/t/terminate?reason=by%20http",
            "",
        )
        .await;
    let status = app.client.until_status("t", "Terminated").await;
    assert_eq!(status["output"], "by http");
    assert_eq!(
        event_types(&app.client.history("t").await),
        [
            "ExecutionStarted",
            "TimerCreated",
            "ExecutionTerminated",
            "ExecutionCompleted"
        ]
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_reach_the_orchestrator() {
    let app = TestApp::start_with(
        r#"{"extensions":{"durableTask":{"defaultVersion":"7"}}}"#,
        |builder| builder,
    )
    .await;
    assert_eq!(app.client.run("version", "v", "").await["output"], "7");
    let answer = app
        .client
        .post("/runtime/webhooks/durabletask/orchestrators/version/w?version=5&timeout=60&pollingInterval=1", "")
        .await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "\"5\""));
    app.stop().await;
}

fn versioning(default: &str, strategies: &str) -> String {
    format!(r#"{{"extensions":{{"durableTask":{{"defaultVersion":"{default}"{strategies}}}}}}}"#)
}

const START_2: &str = "/runtime/webhooks/durabletask/orchestrators/version/w?version=2.0";

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_version_waits_for_an_app_that_runs_it() {
    let host_json = versioning("1.10", "");
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().to_owned();
    let app = TestApp::start_with(&host_json, |builder| {
        builder.state(StateLocation::Folder(folder.clone()))
    })
    .await;
    assert_eq!(app.client.run("version", "v", "").await["output"], "1.10");
    assert_eq!(app.client.post(START_2, "").await.status, 202);
    app.lines
        .wait_for("w: The orchestration's version 2.0 is newer than the app's version 1.10")
        .await;
    assert_eq!(app.client.status("w").await["runtimeStatus"], "Pending");
    app.stop().await;
    let host_json = versioning("2.0", "");
    let app = TestApp::start_with(&host_json, |builder| {
        builder.state(StateLocation::Folder(folder))
    })
    .await;
    let status = app.client.until_status("w", "Completed").await;
    assert_eq!(status["output"], "2.0");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_version_fails_where_host_json_says_so() {
    let host_json = versioning("1.10", r#","versionFailureStrategy":"Fail""#);
    let app = TestApp::start_with(&host_json, |builder| builder).await;
    assert_eq!(app.client.post(START_2, "").await.status, 202);
    let status = app.client.until_status("w", "Failed").await;
    assert_eq!(
        status["output"],
        "VersionMismatch: Orchestration version did not comply with Worker Versioning"
    );
    app.lines
        .wait_for("w: The orchestration's version 2.0 is newer than the app's version 1.10")
        .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_versions_run_without_a_match_strategy() {
    let host_json = versioning("1.10", r#","versionMatchStrategy":"none""#);
    let app = TestApp::start_with(&host_json, |builder| builder).await;
    assert_eq!(app.client.post(START_2, "").await.status, 202);
    let status = app.client.until_status("w", "Completed").await;
    assert_eq!(status["output"], "2.0");
    app.stop().await;
}
