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
