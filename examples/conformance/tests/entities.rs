//! The recorded scenarios with entities on the development host, and money under locks while the
//! handler dies.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use std::process::Command;
use std::thread;
use std::time::Duration;

use handler_harness::App;
use serde_json::{Value, json};

fn app() -> App {
    App::start(
        env!("CARGO_BIN_EXE_conformance"),
        env!("CARGO_MANIFEST_DIR"),
        &["--memory"],
    )
}

fn start(app: &App, function: &str, id: &str, input: &Value) {
    let path = format!("/api/orchestrators/{function}?instanceId={id}");
    let answer = app.post(&path, &input.to_string());
    assert_eq!(answer.status, 202, "{}", answer.body);
}

fn completed(app: &App, id: &str) -> Value {
    let status = app.ended(id);
    assert_eq!(status["runtimeStatus"], "Completed", "{status}");
    status["output"].clone()
}

fn operation(app: &App, transport: &str, op: &str, id: &str, body: Value) -> Value {
    let path = format!("/api/ops/{op}/{id}?transport={transport}");
    let answer = app.post(&path, &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = answer.json();
    assert_eq!(answer["ok"], true, "{op} {id}: {answer}");
    answer["result"].clone()
}

/// The state of a counter as it is read; `None` if there is none.
fn state(app: &App, transport: &str, key: &str) -> Option<i64> {
    let id = format!("@counter@{key}");
    let found = operation(app, transport, "get_entity", &id, json!({}));
    let state = found["entity"]["serializedState"].as_str()?;
    Some(state.parse().unwrap())
}

/// Signals are run some time after they were taken.
fn until(app: &App, transport: &str, key: &str, expected: Option<i64>) {
    for _ in 0..3000 {
        if state(app, transport, key) == expected {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!(
        "{key} is {:?}, not {expected:?}",
        state(app, transport, key)
    );
}

#[test]
fn calls_failures_and_locks_end_as_recorded() {
    let app = app();
    start(
        &app,
        "call_entity_orch",
        "entity_calls",
        &json!({ "key": "k" }),
    );
    let output = completed(&app, "entity_calls");
    for (member, value) in [
        ("added", 5),
        ("got", 5),
        ("afterSignal", 8),
        ("afterFailure", 8),
    ] {
        assert_eq!(output[member], value, "{output}");
    }
    assert_eq!(output["failure"]["operation"], "set_then_fail");
    let message = &output["failure"]["details"]["ErrorMessage"];
    assert_eq!(message, "counter fails after a state change");
    assert_eq!(state(&app, "grpc", "k"), Some(8));
    assert_eq!(state(&app, "http", "must-not-happen"), None);

    start(&app, "lock_orch", "entity_lock", &json!({ "amount": 7 }));
    assert_eq!(
        completed(&app, "entity_lock"),
        json!({ "before": false, "inside": true, "after": false, "a": -7, "b": 7 })
    );
    let contended =
        |a: &str, b: &str, amount| json!({ "a": a, "b": b, "amount": amount, "holdSeconds": 0.2 });
    start(&app, "lock_orch", "contended", &contended("A", "B", 1));
    start(&app, "lock_orch", "contended-2", &contended("B", "A", 2));
    completed(&app, "contended");
    completed(&app, "contended-2");
    assert_eq!(
        (state(&app, "grpc", "A"), state(&app, "grpc", "B")),
        (Some(1), Some(-1))
    );
}

#[test]
fn the_client_does_all_of_it_over_both_transports() {
    let app = app();
    for transport in ["grpc", "http"] {
        let key = format!("client-{transport}");
        let id = format!("@Counter@{key}");
        let signal = |body: Value| operation(&app, transport, "signal", &id, body);
        assert_eq!(state(&app, transport, &key), None);
        signal(json!({ "op": "add", "input": 5 }));
        signal(json!({ "op": "ADD", "input": 6 }));
        signal(json!({ "op": "set_then_fail", "input": 1000 }));
        let route = format!("/runtime/webhooks/durabletask/entities/counter/{key}?op=add");
        assert_eq!(app.post(&route, "7").status, 202);
        until(&app, transport, &key, Some(18));
        let found = operation(
            &app,
            transport,
            "query_entities",
            "-",
            json!({ "prefix": "counter" }),
        );
        let entities = found["entities"].as_array().unwrap();
        let listed = entities
            .iter()
            .find(|entity| entity["instanceId"] == format!("@counter@{key}").as_str());
        assert_eq!(listed.unwrap()["serializedState"], "18", "{found}");
        signal(json!({ "op": "delete" }));
        until(&app, transport, &key, None);
    }
    let id = "@counter@later";
    operation(
        &app,
        "grpc",
        "signal",
        id,
        json!({ "op": "add", "input": 1, "delaySeconds": 1 }),
    );
    until(&app, "grpc", "later", Some(1));
    operation(&app, "grpc", "clean_entities", "-", json!({}));
    let path = "/api/ops/clean_entities/-?transport=http";
    assert_eq!(app.post(path, "{}").json()["grpcStatus"], "Unimplemented");
}

fn signal(signal: &str, processes: &[u32]) {
    for process in processes {
        let status = Command::new("kill")
            .args([signal, &process.to_string()])
            .status();
        assert!(status.unwrap().success(), "{signal} {process}");
    }
}

/// 1,000 orchestrations move money between 20 accounts under locks while the handler is killed five
/// times: each transfer takes place once, and nobody waits for ever.
#[test]
fn transfers_survive_the_death_of_the_handler() {
    const TRANSFERS: usize = 1000;
    const ACCOUNTS: usize = 20;
    const KILLS: usize = 5;
    let app = app();
    let transfer = |number: usize| {
        let from = number * 7 % ACCOUNTS;
        let to = (from + 1 + number * 3 % (ACCOUNTS - 1)) % ACCOUNTS;
        (from, to, i64::try_from(number % 13 + 1).unwrap())
    };
    let mut expected = [0; ACCOUNTS];
    for number in 0..TRANSFERS {
        let (from, to, amount) = transfer(number);
        expected[from] -= amount;
        expected[to] += amount;
    }
    let mut numbers: Vec<_> = (0..TRANSFERS).collect();
    for part in 0..=KILLS {
        let rest = numbers.split_off(numbers.len().min(TRANSFERS / (KILLS + 1)));
        for number in std::mem::replace(&mut numbers, rest) {
            let (from, to, amount) = transfer(number);
            let path =
                format!("/runtime/webhooks/durabletask/orchestrators/lock_orch/transfer-{number}");
            let input = json!({ "a": format!("a{from}"), "b": format!("a{to}"), "amount": amount });
            let answer = app.post(&path, &input.to_string());
            assert_eq!(answer.status, 202, "{}", answer.body);
        }
        if part < KILLS {
            app.ended(&format!("transfer-{}", part * TRANSFERS / (KILLS + 1)));
            let handlers = app.handlers();
            assert!(!handlers.is_empty(), "nobody is there to be killed");
            // What is open now has a call at a handler that answers no more, or waits for a lock.
            signal("-STOP", &handlers);
            let path =
                "/runtime/webhooks/durabletask/instances?runtimeStatus=Pending,Running&top=1";
            assert_ne!(app.get(path).json(), json!([]), "nothing is under way");
            signal("-KILL", &handlers);
        }
    }
    for number in numbers {
        let (from, to, amount) = transfer(number);
        let path =
            format!("/runtime/webhooks/durabletask/orchestrators/lock_orch/transfer-{number}");
        let input = json!({ "a": format!("a{from}"), "b": format!("a{to}"), "amount": amount });
        assert_eq!(app.post(&path, &input.to_string()).status, 202);
    }
    for number in 0..TRANSFERS {
        completed(&app, &format!("transfer-{number}"));
    }
    for (account, expected) in expected.into_iter().enumerate() {
        until(&app, "grpc", &format!("a{account}"), Some(expected));
    }
}
