//! Every recorded scenario without entities, driven through the client on the development host,
//! reaches the recorded outcome, over gRPC and over HTTP.
//!
//! `data/scenarios.json.gz` has the requests that changed something, in their order, and how each
//! instance ended on the real host.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use std::collections::BTreeMap;
use std::thread;

use flate2::read::GzDecoder;
use handler_harness::App;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Scenario {
    scenario: String,
    steps: Vec<Step>,
    /// Runtime status and output, by instance.
    outcomes: BTreeMap<String, (String, String)>,
}

#[derive(Deserialize)]
struct Step {
    /// The orchestrator, with the query of the request.
    start: Option<String>,
    op: Option<String>,
    id: String,
    #[serde(default)]
    body: String,
}

/// Outputs that are not those of the recorded .NET handler, and why.
const OUTPUT_DIFFERS: [(&str, &str); 12] = [
    (
        "custom_status_too_big",
        "refused by the SDK, not by the host",
    ),
    (
        "fail_activity_",
        "our failures have type, message and chain",
    ),
    ("fail_orch", "the type's name is Rust's"),
    ("nondeterministic", "our message"),
    ("raw_results", "ours come through exactly"),
    ("retry_", "has times, or a type's name"),
    ("rewind_", "the type's name is Rust's, or it completes"),
    ("sub_failing_", "our failures have type, message and chain"),
    ("timer_2s", "has times"),
    ("unknown_", "the list of known functions, or our failures"),
    ("values", "ours come through exactly"),
    ("restart_running_children", "the version of none is absent"),
];

/// The .NET handler fails on the timer of its retry policy, ours completes.
const COMPLETES: &str = "rewind_success";

fn app() -> App {
    App::start(
        env!("CARGO_BIN_EXE_conformance"),
        env!("CARGO_MANIFEST_DIR"),
        &["--memory"],
    )
}

fn scenarios() -> Vec<Scenario> {
    let packed = include_bytes!("data/scenarios.json.gz");
    serde_json::from_reader(GzDecoder::new(packed.as_slice())).unwrap()
}

/// An operation, and what it answered.
fn operation(app: &App, transport: &str, op: &str, id: &str, body: &str) -> Value {
    let path = format!("/api/ops/{op}/{id}?transport={transport}");
    let answer = app.post(&path, body);
    assert_eq!(answer.status, 200, "{op} {id}: {}", answer.body);
    answer.json()
}

fn done(app: &App, transport: &str, op: &str, id: &str, body: &str) -> Value {
    let answer = operation(app, transport, op, id, body);
    assert_eq!(answer["ok"], true, "{op} {id}: {answer}");
    answer["result"].clone()
}

fn drive(app: &App, transport: &str, scenario: &Scenario) {
    for step in &scenario.steps {
        let id = &step.id;
        if let Some(start) = &step.start {
            let answer = app.post(&format!("/api/orchestrators/{start}"), &step.body);
            assert_eq!(answer.status, 202, "{start}: {}", answer.body);
            continue;
        }
        let op = step.op.as_deref().unwrap();
        let state = match op {
            // recorded when the instance had ended, or begun
            "rewind" | "restart" => Some("wait"),
            "raise" | "suspend" | "resume" | "terminate" => Some("wait_start"),
            _ => None,
        };
        let state = state.map(|wait| done(app, transport, wait, id, "{}"));
        if op == "resume" {
            app.reached(id, "Suspended");
        }
        if op == "suspend" {
            app.reached(id, "Running");
        }
        let rewound = op == "rewind" && state.is_some_and(|state| is(&state, "COMPLETED"));
        let answer = operation(app, transport, op, id, &step.body);
        if rewound {
            // ours has completed where the recorded one failed again
            assert_eq!(answer["grpcStatus"], "FailedPrecondition", "{answer}");
        } else {
            assert_eq!(answer["ok"], true, "{op} {id}: {answer}");
        }
    }
    let differs = OUTPUT_DIFFERS
        .iter()
        .any(|(name, _)| scenario.scenario.starts_with(name));
    for (id, (status, output)) in &scenario.outcomes {
        let found = done(app, transport, "wait", id, "{}");
        let expected = if scenario.scenario == COMPLETES {
            "COMPLETED"
        } else {
            status.as_str()
        };
        assert!(is(&found, expected), "{id}: {found}");
        if !differs {
            let state = &found["orchestrationState"];
            let text = state["output"].as_str().unwrap_or("null");
            let ours = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
            let recorded: Value = serde_json::from_str(output).unwrap();
            assert_eq!(
                without_empty_versions(ours),
                without_empty_versions(recorded),
                "{id}"
            );
        }
    }
}

/// The .NET sub-orchestrations tell their version, which is empty.
fn without_empty_versions(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(without_empty_versions).collect(),
        Value::Object(members) => {
            let members = members.into_iter().filter(|(key, _)| key != "version");
            Value::Object(members.collect())
        }
        value => value,
    }
}

fn is(found: &Value, status: &str) -> bool {
    let name = found["orchestrationState"]["orchestrationStatus"].as_str();
    name.is_some_and(|name| {
        name.trim_start_matches("ORCHESTRATION_STATUS_")
            .eq_ignore_ascii_case(status)
    })
}

fn every_scenario(transport: &str) {
    let app = app();
    let scenarios = scenarios();
    assert_eq!(scenarios.len(), 50);
    thread::scope(|scope| {
        for scenario in &scenarios {
            scope.spawn(|| drive(&app, transport, scenario));
        }
    });
}

#[test]
fn every_scenario_over_grpc() {
    every_scenario("grpc");
}

#[test]
fn every_scenario_over_http() {
    every_scenario("http");
}

/// What the operations say of instances that are missing or in the wrong state, and what they give,
/// is the same over both transports but for what HTTP does not have.
#[test]
fn both_transports_say_the_same() {
    let app = app();
    for transport in ["grpc", "http"] {
        let id = |name: &str| format!("{name}-{transport}");
        let call = |op: &str, id: &str, body: &str| operation(&app, transport, op, id, body);
        let refused = |op: &str, id: &str, body: &str| {
            let answer = call(op, id, body);
            assert_eq!(answer["ok"], false, "{op}: {answer}");
            answer["grpcStatus"].as_str().unwrap().to_owned()
        };

        let missing = id("missing");
        for op in [
            "raise",
            "terminate",
            "suspend",
            "resume",
            "rewind",
            "restart",
            "wait",
            "wait_start",
        ] {
            assert_eq!(refused(op, &missing, "{}"), "NotFound", "{op} {transport}");
        }
        assert_eq!(
            call("get", &missing, "{}"),
            json!({ "ok": true, "result": {} })
        );
        assert_eq!(
            call("purge", &missing, "{}"),
            json!({ "ok": true, "result": {} })
        );
        for op in ["get", "suspend", "purge"] {
            assert_eq!(refused(op, "@entity@key", "{}"), "InvalidArgument", "{op}");
        }

        let running = id("running");
        let path = format!("/api/orchestrators/long_timer?instanceId={running}");
        assert_eq!(app.post(&path, r#"{"seconds":600}"#).status, 202);
        app.reached(&running, "Running");
        assert_eq!(refused("resume", &running, "{}"), "FailedPrecondition");
        assert_eq!(refused("rewind", &running, "{}"), "FailedPrecondition");
        assert_eq!(refused("purge", &running, "{}"), "FailedPrecondition");
        assert_eq!(
            refused("restart", &running, r#"{"newId":false}"#),
            "FailedPrecondition"
        );
        assert_eq!(
            refused("wait", &running, r#"{"timeout":0}"#),
            "DeadlineExceeded"
        );
        assert_eq!(call("suspend", &running, r#"{"reason":"r"}"#)["ok"], true);
        app.reached(&running, "Suspended");
        assert_eq!(refused("suspend", &running, "{}"), "FailedPrecondition");
        assert_eq!(call("resume", &running, "{}")["ok"], true);
        assert_eq!(
            call("terminate", &running, r#"{"reason":"end"}"#)["ok"],
            true
        );
        let ended = call("wait", &running, "{}");
        assert!(is(&ended["result"], "TERMINATED"), "{ended}");
        // a status document shows a text and its JSON alike
        let output = match transport {
            "http" => "end",
            _ => r#""end""#,
        };
        assert_eq!(ended["result"]["orchestrationState"]["output"], output);
        for op in ["raise", "terminate", "suspend", "resume", "rewind"] {
            assert_eq!(
                refused(op, &running, "{}"),
                "FailedPrecondition",
                "{op} {transport}"
            );
        }

        let path = format!("/api/orchestrators/fail_orch?instanceId={}", id("failed"));
        assert_eq!(app.post(&path, "{}").status, 202);
        let failed = call("wait", &id("failed"), "{}");
        let failure = &failed["result"]["orchestrationState"]["failureDetails"];
        assert_eq!(
            failure["innerFailure"]["innerFailure"]["errorMessage"], "the innermost reason",
            "{failed}"
        );

        let restarted = call("restart", &running, "{}");
        let new_id = restarted["result"]["instanceId"].as_str().unwrap();
        assert_ne!(new_id, running);
        assert_eq!(call("terminate", new_id, "{}")["ok"], true);
        call("wait", new_id, "{}");

        for number in 0..5 {
            let path = format!(
                "/api/orchestrators/hello_orchestrator?instanceId=page-{transport}-{number}"
            );
            app.post(&path, "");
            app.ended(&format!("page-{transport}-{number}"));
        }
        let mut seen = Vec::new();
        let mut token = Value::Null;
        loop {
            let body = json!({ "prefix": format!("page-{transport}"), "size": "2", "token": token, "status": "Completed" });
            let page = done(&app, transport, "query", "-", &body.to_string());
            let states = page["orchestrationState"].as_array().unwrap();
            assert!(states.len() <= 2);
            seen.extend(
                states
                    .iter()
                    .map(|state| state["instanceId"].as_str().unwrap().to_owned()),
            );
            token = page["continuationToken"].clone();
            if token.is_null() {
                break;
            }
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 5, "{seen:?}");
        let body = json!({ "prefix": format!("page-{transport}"), "size": 1 }).to_string();
        let ids = done(&app, transport, "list_ids", "-", &body);
        assert_eq!(ids["instanceIds"].as_array().unwrap().len(), 5);

        match transport {
            "grpc" => {
                let history = done(&app, transport, "history", &id("failed"), "{}");
                assert!(
                    history["events"][1]["executionStarted"].is_object(),
                    "{history}"
                );
                assert_eq!(refused("history", &missing, "{}"), "NotFound");
            }
            _ => assert_eq!(refused("history", &id("failed"), "{}"), "Unimplemented"),
        }
        assert_eq!(call("hello", "-", "{}")["ok"], true);
        let binding = done(&app, transport, "binding", "-", "{}");
        assert!(binding["httpBaseUrl"].is_string(), "{binding}");
        assert_eq!(
            done(&app, transport, "purge", &running, "{}")["deletedInstanceCount"],
            1
        );
    }
    let purged = done(&app, "http", "purge_filter", "-", r#"{"status":"Failed"}"#);
    assert_eq!(purged["deletedInstanceCount"], 2);
    let purged = done(&app, "grpc", "purge_filter", "-", "{}");
    assert!(
        purged["deletedInstanceCount"].as_u64() > Some(10),
        "{purged}"
    );
    let purged = done(&app, "grpc", "purge_filter", "-", "{}");
    assert_eq!(purged, json!({}));
}
