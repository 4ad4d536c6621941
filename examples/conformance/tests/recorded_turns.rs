//! Every recorded turn of these orchestrators, fed to the real executable, asks for what was
//! recorded.
//!
//! Differences that are right: the text of failures is ours, not .NET's, and a version that is not
//! given is absent where .NET sends an empty one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use durable_functions_protocol::proto::{ActionType, OrchestratorAction, OrchestratorResponse};
use handler_harness::Handler;
use prost::Message as _;
use serde_json::{Value, json};

fn payload(text: Option<&String>) -> Value {
    text.map_or(Value::Null, |text| {
        serde_json::from_str(text).unwrap_or_else(|_| json!(text))
    })
}

/// An action in the form in which two of them are compared.
fn comparable(action: &OrchestratorAction) -> Value {
    let version = |version: &Option<String>| version.clone().filter(|version| !version.is_empty());
    let id = action.id;
    match action.orchestrator_action_type.as_ref().unwrap() {
        ActionType::ScheduleTask(task) => json!({
            "id": id, "call": task.name, "version": version(&task.version), "input": payload(task.input.as_ref()), "tags": task.tags,
        }),
        ActionType::CreateSubOrchestration(sub) => json!({
            "id": id, "sub": sub.name, "instance": sub.instance_id, "version": version(&sub.version), "input": payload(sub.input.as_ref()), "tags": sub.tags,
        }),
        ActionType::CreateTimer(timer) => {
            let fire_at = timer.fire_at.unwrap();
            json!({ "id": id, "timer": [fire_at.seconds, fire_at.nanos] })
        }
        ActionType::SendEvent(event) => {
            let target = event
                .instance
                .as_ref()
                .map(|instance| &instance.instance_id);
            json!({ "id": id, "send": event.name, "to": target, "data": payload(event.data.as_ref()) })
        }
        ActionType::CompleteOrchestration(complete) => {
            let failed = complete.failure_details.is_some();
            let carried: Vec<_> = complete
                .carryover_events
                .iter()
                .map(|event| format!("{:?}", event.event_type))
                .collect();
            json!({
                "id": id,
                "status": complete.orchestration_status,
                "result": if failed { Value::Null } else { payload(complete.result.as_ref()) },
                "failed": failed,
                "carried": carried,
            })
        }
        other => panic!("nobody asks for {other:?}"),
    }
}

fn response(text: &str) -> OrchestratorResponse {
    let message = base64_simd::STANDARD.decode_to_vec(text).unwrap();
    OrchestratorResponse::decode(message.as_slice()).unwrap()
}

/// Turns whose output tells of a failure in .NET's words.
const FAILURES_IN_WORDS: [&str; 2] = ["sub_failing_caught", "unknown_sub"];

#[test]
fn recorded_turns_are_answered_as_recorded() {
    let handler = Handler::start(
        env!("CARGO_BIN_EXE_conformance"),
        env!("CARGO_MANIFEST_DIR"),
    );
    let turns: Vec<Value> = serde_json::from_str(include_str!("data/turns.json")).unwrap();
    let mut compared = 0;
    for turn in &turns {
        let text = |member: &str| turn[member].as_str().unwrap();
        let (scenario, function) = (text("scenario"), text("function"));
        let ours = handler
            .post(function, text("request").as_bytes())
            .orchestration();
        let recorded = response(text("response"));
        let mut ours_compared: Vec<_> = ours.actions.iter().map(comparable).collect();
        let mut recorded_compared: Vec<_> = recorded.actions.iter().map(comparable).collect();
        if FAILURES_IN_WORDS.contains(&scenario) {
            for action in ours_compared.iter_mut().chain(&mut recorded_compared) {
                action["result"] = Value::Null;
            }
        }
        assert_eq!(ours_compared, recorded_compared, "{scenario}: {function}");
        assert_eq!(
            payload(ours.custom_status.as_ref()),
            payload(recorded.custom_status.as_ref()),
            "{scenario}: custom status"
        );
        assert_eq!(ours.instance_id, recorded.instance_id);
        compared += 1;
    }
    println!("{compared} turns compared");
    assert_eq!(compared, 133);
}
