//! The recorded scenarios on the development host: same outcomes as on the real one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use handler_harness::App;
use serde_json::{Value, json};

fn app() -> App {
    App::start(
        env!("CARGO_BIN_EXE_conformance"),
        env!("CARGO_MANIFEST_DIR"),
        &["--memory"],
    )
}

fn instances(path: &str) -> String {
    format!("/runtime/webhooks/durabletask/instances/{path}")
}

fn start(app: &App, function: &str, id: &str, input: &Value) {
    let path = format!("/api/orchestrators/{function}?instanceId={id}");
    let answer = app.post(&path, &input.to_string());
    assert_eq!(answer.status, 202, "{}", answer.body);
}

fn raise(app: &App, id: &str, name: &str, payload: &Value) {
    let answer = app.post(
        &instances(&format!("{id}/raiseEvent/{name}")),
        &payload.to_string(),
    );
    assert_eq!(answer.status, 202, "{}", answer.body);
}

fn completed(app: &App, id: &str) -> Value {
    let status = app.ended(id);
    assert_eq!(status["runtimeStatus"], "Completed", "{status}");
    status["output"].clone()
}

#[test]
fn chains_and_fan_outs() {
    let app = app();
    start(&app, "chain_n", "chain", &json!({ "n": 20 }));
    start(&app, "fan_out", "fan", &json!({ "n": 50 }));
    assert_eq!(
        completed(&app, "chain"),
        json!({ "count": 20, "last": "Hello 19!" })
    );
    assert_eq!(completed(&app, "fan"), 40_425);
}

#[test]
fn timers() {
    let app = app();
    start(&app, "timer_orch", "timer", &json!({ "seconds": 0.2 }));
    assert!(
        completed(&app, "timer")["waitedMs"]
            .as_i64()
            .is_some_and(|waited| waited > 0)
    );
    start(
        &app,
        "eternal",
        "eternal",
        &json!({ "k": 3, "mode": "none" }),
    );
    assert_eq!(
        completed(&app, "eternal"),
        json!({ "counter": 3, "seen": [] })
    );
}

#[test]
fn sub_orchestrations() {
    let app = app();
    for (id, input) in [
        ("sequential", json!({ "n": 2 })),
        ("parallel", json!({ "n": 3, "parallel": true, "ids": true })),
    ] {
        start(&app, "sub_parent", id, &input);
        let output = completed(&app, id);
        assert_eq!(
            output.as_array().unwrap().len(),
            input["n"].as_u64().unwrap() as usize
        );
        assert_eq!(output[0]["greeting"], "Hello child 0!");
        assert_eq!(output[0]["parent"], id);
        assert_eq!(output[0]["parentName"], "sub_parent");
    }
    assert_eq!(
        completed(&app, "parallel-child2")["greeting"],
        "Hello child 2!"
    );

    start(
        &app,
        "sub_parent",
        "caught",
        &json!({ "n": 1, "fail": true }),
    );
    let output = completed(&app, "caught");
    assert!(
        output[0]
            .as_str()
            .unwrap()
            .contains("child 0 of caught fails on purpose"),
        "{output}"
    );
    start(
        &app,
        "sub_parent",
        "uncaught",
        &json!({ "n": 1, "fail": true, "catch": false }),
    );
    let status = app.ended("uncaught");
    assert_eq!(status["runtimeStatus"], "Failed");
    assert!(
        status["output"]
            .as_str()
            .unwrap()
            .contains("fails on purpose"),
        "{status}"
    );
}

#[test]
fn external_events() {
    let app = app();
    start(
        &app,
        "wait_event",
        "raised",
        &json!({ "event": "Approval" }),
    );
    raise(&app, "raised", "APPROVAL", &json!({ "ok": true }));
    assert_eq!(
        completed(&app, "raised"),
        json!({ "timedOut": false, "payload": { "ok": true } })
    );
    start(
        &app,
        "wait_event",
        "late",
        &json!({ "timeoutSeconds": 0.1 }),
    );
    assert_eq!(
        completed(&app, "late"),
        json!({ "timedOut": true, "payload": null })
    );

    start(&app, "wait_all_orch", "all", &Value::Null);
    for name in ["C", "B", "A"] {
        raise(&app, "all", name, &json!(name));
    }
    assert_eq!(
        completed(&app, "all"),
        json!({ "a": "A", "b": "B", "c": "C" })
    );

    start(
        &app,
        "eternal",
        "burst",
        &json!({ "k": 20, "mode": "event" }),
    );
    for tick in 0..20 {
        raise(&app, "burst", "tick", &json!(tick));
    }
    let seen: Vec<_> = (0..20).collect();
    assert_eq!(
        completed(&app, "burst"),
        json!({ "counter": 20, "seen": seen })
    );
}

#[test]
fn events_between_orchestrations() {
    let app = app();
    start(&app, "suspend_orch", "target", &json!({ "count": 1 }));
    start(
        &app,
        "send_event_orch",
        "sender",
        &json!({ "target": "target", "payload": { "n": 1 } }),
    );
    assert_eq!(completed(&app, "sender"), "sent");
    assert_eq!(completed(&app, "target"), json!([{ "n": 1 }]));
}

#[test]
fn suspended_instances_hold_still() {
    let app = app();
    start(&app, "suspend_orch", "held", &json!({ "count": 2 }));
    raise(&app, "held", "E", &json!(1));
    assert_eq!(
        app.post(&instances("held/suspend?reason=stop"), "").status,
        202
    );
    app.reached("held", "Suspended");
    raise(&app, "held", "E", &json!(2));
    assert_eq!(
        app.post(&instances("held/resume?reason=go"), "").status,
        202
    );
    assert_eq!(completed(&app, "held"), json!([1, 2]));
}

#[test]
fn termination() {
    let app = app();
    start(&app, "long_timer", "long", &json!({ "days": 10 }));
    assert_eq!(
        app.post(&instances("long/terminate?reason=enough"), "")
            .status,
        202
    );
    let status = app.ended("long");
    assert_eq!(
        (&status["runtimeStatus"], &status["output"]),
        (&json!("Terminated"), &json!("enough"))
    );
}

#[test]
fn retries() {
    let app = app();
    for (id, mode, fail_times) in [("thrice", "a", 2), ("envelope", "b", 2), ("never", "a", 9)] {
        let input =
            json!({ "mode": mode, "failTimes": fail_times, "maxAttempts": 3, "firstMs": 50 });
        start(&app, "retry_orch", id, &input);
    }
    for id in ["thrice", "envelope"] {
        let output = completed(&app, id);
        assert_eq!(output["result"], json!({ "attempt": 3, "key": id }));
    }
    let status = app.ended("never");
    assert_eq!(status["runtimeStatus"], "Failed", "{status}");
    let output = status["output"].as_str().unwrap();
    assert!(output.contains("attempt 3 of never fails"), "{output}");
}

#[test]
fn failures_of_activities() {
    let app = app();
    for mode in ["a", "a64", "b", "c", "d"] {
        let input = json!({ "mode": mode, "message": format!("declined in {mode}") });
        let (caught, uncaught) = (format!("caught-{mode}"), format!("uncaught-{mode}"));
        start(&app, "catch_activity_orch", &caught, &input);
        start(&app, "fail_activity_orch", &uncaught, &input);
        let output = completed(&app, &caught);
        assert_eq!(output["caught"], true);
        let failure = &output["failure"];
        let details = if mode == "b" {
            failure
        } else {
            &failure["details"]
        };
        assert_eq!(
            details["ErrorMessage"],
            format!("declined in {mode}"),
            "{output}"
        );
        let error_type = details["ErrorType"].as_str().unwrap();
        assert!(
            error_type.ends_with("CardDeclinedException"),
            "{error_type}"
        );
        let status = app.ended(&uncaught);
        assert_eq!(status["runtimeStatus"], "Failed", "{status}");
        assert!(
            status["output"].as_str().unwrap().contains("declined in"),
            "{status}"
        );
    }
}

#[test]
fn what_nobody_knows() {
    let app = app();
    for (id, kind) in [("activity", "activity"), ("sub", "sub")] {
        start(&app, "unknown_orch", id, &json!({ "kind": kind }));
        assert_eq!(completed(&app, id)["caught"], true);
    }
    // the HTTP management API refuses to start what the host does not know, the endpoint does not
    let path = "/runtime/webhooks/durabletask/orchestrators/no_such_orchestrator";
    let answer = app.post(path, "");
    assert_eq!(answer.status, 400, "{}", answer.body);
    start(&app, "no_such_orchestrator", "nobody", &Value::Null);
    let status = app.ended("nobody");
    assert_eq!(status["runtimeStatus"], "Failed");
    let message = status["output"]["message"].as_str().unwrap();
    assert!(message.contains("no_such_orchestrator"), "{status}");
}

#[test]
fn other_code_than_before() {
    let app = app();
    start(&app, "nondet_orch", "nondeterministic", &Value::Null);
    let status = app.ended("nondeterministic");
    assert_eq!(status["runtimeStatus"], "Failed", "{status}");
    let output = status["output"].as_str().unwrap();
    assert!(
        output.contains("'hello'") && output.contains("'echo'"),
        "{output}"
    );
}

#[test]
fn large_values() {
    let app = app();
    let input = json!({ "activityBytes": 1_000_000, "outputBytes": 100_000, "statusBytes": 1_000 });
    start(&app, "big_orch", "big", &input);
    let output = completed(&app, "big");
    assert_eq!(output["activityLength"], 1_000_000);
    assert_eq!(output["output"].as_str().unwrap().len(), 100_000);
    start(
        &app,
        "big_orch",
        "status",
        &json!({ "statusBytes": 20_000 }),
    );
    let status = app.ended("status");
    assert_eq!(status["runtimeStatus"], "Failed", "{status}");
    assert!(
        status["output"].as_str().unwrap().contains("custom status"),
        "{status}"
    );
}

/// The texts of `values.json` and `raw_results.json`; the host would alter many of them.
const VALUES: [&str; 28] = [
    "null",
    "true",
    "0",
    "-1.5",
    "12345678901234567890",
    "1e+300",
    r#""""#,
    r#""2020-01-01T00:00:00Z""#,
    r#""2020-01-01T00:00:00+02:00""#,
    r#""aGVsbG8=""#,
    r#""{\"a\":1}""#,
    r#""\u2028😀""#,
    "[]",
    "{}",
    r#"[1,[2,{"a":null}]]"#,
    r#"{"a.b":1,"A":1,"a":2}"#,
    "0.1",
    "1.0",
    "1e5",
    r#"{"a":1.10,"d":"2020-01-01T00:00:00.000Z"}"#,
    "[1,2.50]",
    "123456789012345678901234567890",
    "-0.0",
    "1.10",
    r#"{"$type":"System.String"}"#,
    r#"{"ReturnValue":1}"#,
    r#""durable-json:1""#,
    r#"{"instanceId":"other"}"#,
];

#[test]
fn values_come_through_exactly() {
    let app = app();
    for (number, text) in VALUES.iter().enumerate() {
        let id = format!("value-{number}");
        let path = format!("/api/orchestrators/raw_result_orch?instanceId={id}");
        let answer = app.post(&path, &json!({ "raw": text }).to_string());
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
    for (number, text) in VALUES.iter().enumerate() {
        let id = format!("value-{number}");
        let status = app.ended(&id);
        assert_eq!(status["runtimeStatus"], "Completed", "{status}");
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(status["output"], expected, "{text}");
    }
}

fn rewind(app: &App, id: &str) {
    let answer = app.post(&instances(&format!("{id}/rewind?reason=again")), "");
    assert_eq!(answer.status, 202, "{}", answer.body);
}

#[test]
fn rewinds() {
    let app = app();
    // the only attempt fails, and succeeds when it is made again
    let input = json!({ "failTimes": 1, "maxAttempts": 1 });
    start(&app, "retry_orch", "success", &input);
    assert_eq!(app.ended("success")["runtimeStatus"], "Failed");
    rewind(&app, "success");
    let output = completed(&app, "success");
    assert_eq!(output["result"], json!({ "attempt": 2, "key": "success" }));

    // retries with timers between them, which stay in the history
    let input = json!({ "failTimes": 3, "maxAttempts": 2, "firstMs": 20 });
    start(&app, "retry_orch", "retried", &input);
    assert_eq!(app.ended("retried")["runtimeStatus"], "Failed");
    rewind(&app, "retried");
    let output = completed(&app, "retried");
    assert_eq!(output["result"], json!({ "attempt": 4, "key": "retried" }));

    // what fails again is failed again, and can be rewound again
    start(
        &app,
        "fail_activity_orch",
        "failed",
        &json!({ "mode": "a" }),
    );
    for _ in 0..2 {
        assert_eq!(app.ended("failed")["runtimeStatus"], "Failed");
        rewind(&app, "failed");
    }
    assert_eq!(app.ended("failed")["runtimeStatus"], "Failed");

    // a parent goes on when its child ends
    let input = json!({ "n": 1, "fail": true, "ids": true, "catch": false });
    start(&app, "sub_parent", "parent", &input);
    assert_eq!(app.ended("parent")["runtimeStatus"], "Failed");
    rewind(&app, "parent");
    for id in ["parent-child0", "parent"] {
        assert_eq!(app.ended(id)["runtimeStatus"], "Failed", "{id}");
    }
}

#[test]
fn scheduled_starts() {
    let app = app();
    let path = "/api/orchestrators/hello_orchestrator?instanceId=later&startIn=0.3&tags=k=v";
    let answer = app.post(path, r#""Oslo""#);
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(completed(&app, "later"), "Hello Oslo!");
    let path = "/api/orchestrators/long_timer?instanceId=much-later&startIn=86400";
    assert_eq!(app.post(path, "").status, 202);
    assert_eq!(
        app.reached("much-later", "Pending")["runtimeStatus"],
        "Pending"
    );
}
