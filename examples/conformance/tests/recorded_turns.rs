//! Every recorded turn and every batch of an entity, fed to the real executable, asks for what was recorded.
//!
//! `data/turns.json.gz` has scenario, function, request and response of each, in the order in which
//! they were recorded. What may differ stands in [`ALLOWED`] and [`comparable`], and nowhere else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use std::collections::HashMap;

use durable_functions_protocol::proto::{
    ActionType, EntityBatchResult, OperationResultResultType, OrchestratorAction,
    OrchestratorResponse, SendEventAction,
};
use durable_functions_protocol::value;
use flate2::read::GzDecoder;
use handler_harness::Handler;
use prost::Message as _;
use serde_json::{Value, json};

fn payload(text: Option<&String>) -> Value {
    text.map_or(Value::Null, |text| {
        serde_json::from_str(text).unwrap_or_else(|_| json!(text))
    })
}

/// The input of an activity, which travels wrapped if the host would alter it.
fn input(text: Option<&String>) -> Value {
    text.map_or(Value::Null, |text| {
        payload(Some(&value::unwrap(text).unwrap().into_owned()))
    })
}

/// An action in the form in which two of them are compared. Left out are the details of failures,
/// whose types, texts and stacks are each SDK's own; a version that is empty is none.
fn comparable(action: &OrchestratorAction) -> Value {
    let version = |version: &Option<String>| version.clone().filter(|version| !version.is_empty());
    let id = action.id;
    match action.orchestrator_action_type.as_ref().unwrap() {
        ActionType::ScheduleTask(task) => json!({
            "id": id, "call": task.name, "version": version(&task.version), "input": input(task.input.as_ref()), "tags": task.tags,
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
            json!({ "id": id, "send": event.name, "to": target, "data": sent(event) })
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

/// What is sent. Messages to entities are compared as text, but for the time of the sender's clock,
/// which serves traces alone.
fn sent(event: &SendEventAction) -> Value {
    let target = &event.instance.as_ref().unwrap().instance_id;
    if !target.starts_with('@') {
        return payload(event.data.as_ref());
    }
    let data = event.data.clone().unwrap();
    match data.split_once("\"requestTime\":\"") {
        None => json!(data),
        Some((before, after)) => json!([before, after.split_once('"').unwrap().1]),
    }
}

/// The answer to an entity's batch, in the form in which two of them are compared. Left out are the
/// times of the worker's clock, and the details of failures.
fn batch(message: &[u8]) -> Value {
    let result = EntityBatchResult::decode(message).unwrap();
    assert_eq!(result.failure_details, None);
    assert!(!result.requires_state);
    let results = result.results.iter().map(|result| {
        match result.result_type.as_ref().unwrap() {
            OperationResultResultType::Success(success) => {
                assert!(success.start_time_utc.is_some() && success.end_time_utc.is_some());
                json!({ "result": payload(success.result.as_ref()), "is_set": success.result.is_some() })
            }
            OperationResultResultType::Failure(failure) => {
                let message = &failure.failure_details.as_ref().unwrap().error_message;
                json!({ "failed": message })
            }
        }
    });
    json!({
        "results": results.collect::<Vec<_>>(),
        "actions": format!("{:?}", result.actions),
        "state": result.entity_state,
    })
}

fn response(text: &str) -> OrchestratorResponse {
    let message = base64_simd::STANDARD.decode_to_vec(text).unwrap();
    OrchestratorResponse::decode(message.as_slice()).unwrap()
}

/// What may differ in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// The output, which tells of a failure in the words of the SDK.
    Output,
    /// The actions as a whole: ours are these.
    Actions(&'static [Ours]),
}

/// An action of ours, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ours {
    Calls(i32, &'static str),
    Fails(i32),
}

/// Scenario, which of its turns (all, if none is given), what differs and why that is right.
const ALLOWED: &[(&str, Option<usize>, Difference, &str)] = {
    use Difference::{Actions, Output};
    use Ours::{Calls, Fails};
    const WORDS: &str = "the output tells of a failure in our words";
    &[
        ("sub_failing_caught", Some(2), Output, WORDS),
        ("unknown_sub", Some(1), Output, WORDS),
        ("unknown_activity", Some(1), Output, WORDS),
        ("fail_activity_caught_a", Some(1), Output, WORDS),
        ("fail_activity_caught_a64", Some(1), Output, WORDS),
        ("fail_activity_caught_c", Some(1), Output, WORDS),
        ("fail_activity_caught_d", Some(1), Output, WORDS),
        (
            "custom_status_too_big",
            Some(0),
            Actions(&[Fails(0)]),
            "a status that the host refuses is told before it is sent",
        ),
        (
            "nondeterministic",
            Some(1),
            Actions(&[Fails(1)]),
            "we fail at the first action that differs, the .NET SDK uses up another id",
        ),
        (
            "retry_exhausted",
            Some(5),
            Actions(&[Fails(5)]),
            "the .NET SDK sets a timer after the last attempt",
        ),
        (
            "retry_exhausted",
            Some(6),
            Actions(&[Fails(5)]),
            "the instance failed a turn ago; the .NET SDK's timer is ignored",
        ),
        (
            "rewind_success",
            Some(1),
            Actions(&[Fails(1)]),
            "the .NET SDK sets a timer after the last attempt",
        ),
        (
            "rewind_success",
            Some(2),
            Actions(&[Fails(1)]),
            "the instance failed a turn ago; the .NET SDK's timer is ignored",
        ),
        (
            "rewind_success",
            Some(3),
            Actions(&[Calls(0, "flaky")]),
            "a retry timer that outlived a rewind is passed over, not an error",
        ),
        (
            "rewind_success",
            Some(4),
            Actions(&[]),
            "the call is under way, so there is nothing to ask for; the .NET SDK fails again",
        ),
    ]
};

fn ours(action: &OrchestratorAction) -> Ours {
    match action.orchestrator_action_type.as_ref().unwrap() {
        ActionType::ScheduleTask(task) if task.name == "flaky" => Ours::Calls(action.id, "flaky"),
        ActionType::CompleteOrchestration(complete) if complete.failure_details.is_some() => {
            Ours::Fails(action.id)
        }
        other => panic!("not in the list: {other:?}"),
    }
}

#[test]
fn recorded_turns_are_answered_as_recorded() {
    let handler = Handler::start(
        env!("CARGO_BIN_EXE_conformance"),
        env!("CARGO_MANIFEST_DIR"),
    );
    let data = include_bytes!("data/turns.json.gz");
    let turns: Vec<Value> = serde_json::from_reader(GzDecoder::new(&data[..])).unwrap();
    let mut turns_of = HashMap::<&str, usize>::new();
    let mut differences = 0;
    for turn in &turns {
        let text = |member: &str| turn[member].as_str().unwrap();
        let (scenario, function) = (text("scenario"), text("function"));
        let number = turns_of.entry(scenario).or_default();
        let place = format!("{scenario}, turn {number}: {function}");
        let allowed = ALLOWED
            .iter()
            .find(|(name, turn, ..)| *name == scenario && turn.is_none_or(|turn| turn == *number))
            .map(|(_, _, difference, _)| *difference);
        *number += 1;
        let answer = handler.post(function, text("request").as_bytes());
        if function == "counter" {
            let recorded = base64_simd::STANDARD.decode_to_vec(text("response"));
            assert_eq!(
                batch(&answer.message()),
                batch(&recorded.unwrap()),
                "{place}"
            );
            continue;
        }
        let answer = answer.orchestration();
        let recorded = response(text("response"));
        assert_eq!(answer.instance_id, recorded.instance_id, "{place}");
        differences += usize::from(allowed.is_some());
        if let Some(Difference::Actions(expected)) = allowed {
            let actions: Vec<_> = answer.actions.iter().map(ours).collect();
            assert_eq!(actions, expected, "{place}");
            continue;
        }
        let [mut actions, mut recorded_actions] = [&answer, &recorded]
            .map(|response| response.actions.iter().map(comparable).collect::<Vec<_>>());
        if allowed == Some(Difference::Output) {
            let last = |actions: &mut Vec<Value>| actions.last_mut().unwrap()["result"].take();
            assert_ne!(
                last(&mut actions),
                last(&mut recorded_actions),
                "{place}: not needed"
            );
        }
        assert_eq!(actions, recorded_actions, "{place}");
        assert_eq!(
            payload(answer.custom_status.as_ref()),
            payload(recorded.custom_status.as_ref()),
            "{place}: custom status"
        );
    }
    println!(
        "{} turns of {} scenarios compared",
        turns.len(),
        turns_of.len()
    );
    println!("{differences} of them differ as they should");
    assert_eq!((turns.len(), differences), (315, ALLOWED.len()));
}
