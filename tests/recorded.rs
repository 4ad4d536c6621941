//! Traffic of the real Functions host, fed to the real executable.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use durable_functions_protocol::failure::is_lost_worker;
use durable_functions_protocol::proto::{
    OrchestrationStatus, OrchestratorResponse, TaskFailureDetails,
};
use handler_harness::{Handler, Turn, completion, failure};
use prost::Message as _;
use serde_json::Value;

fn handler() -> Handler {
    Handler::start(env!("CARGO_BIN_EXE_handler"), env!("CARGO_MANIFEST_DIR"))
}

fn exchanges(recording: &str) -> Vec<(String, String, Value)> {
    let recording: Vec<Value> = serde_json::from_str(recording).unwrap();
    let text = |exchange: &Value, member: &str| exchange[member].as_str().unwrap().to_owned();
    recording
        .iter()
        .map(|exchange| {
            let function = text(exchange, "path").trim_start_matches('/').to_owned();
            let answer = serde_json::from_str(&text(exchange, "response")).unwrap();
            (function, text(exchange, "request"), answer)
        })
        .collect()
}

fn recorded_turn(answer: &Value) -> OrchestratorResponse {
    let message = base64_simd::STANDARD
        .decode_to_vec(answer["ReturnValue"].as_str().unwrap())
        .unwrap();
    OrchestratorResponse::decode(message.as_slice()).unwrap()
}

#[test]
fn hello_orchestrator_answers_as_recorded() {
    let handler = handler();
    let (mut turns, mut activities) = (0, 0);
    for (function, request, recorded) in exchanges(include_str!("data/hello_orchestrator.json")) {
        match function.as_str() {
            "hello_orchestrator" => {
                let response = handler.post(&function, request.as_bytes()).orchestration();
                assert_eq!(response, recorded_turn(&recorded));
                turns += 1;
            }
            "hello" => {
                let result = handler.post(&function, request.as_bytes()).result();
                assert_eq!(result, recorded["ReturnValue"]);
                activities += 1;
            }
            _ => {}
        }
    }
    assert_eq!((turns, activities), (2, 1));
}

#[test]
fn the_activity_of_hello_unicode_answers_as_recorded() {
    let handler = handler();
    let exchanges = exchanges(include_str!("data/hello_unicode.json"));
    assert_eq!(exchanges.len(), 1);
    for (function, request, recorded) in exchanges {
        assert_eq!(
            handler.post(&function, request.as_bytes()).result(),
            recorded["ReturnValue"]
        );
    }
}

#[test]
fn turns_built_by_hand_are_answered_the_same_way() {
    let handler = handler();
    let first = Turn::first("hello_orchestrator", "by-hand", None);
    let response = handler.turn("hello_orchestrator", first.request());
    assert_eq!(response.instance_id, "by-hand");
    assert_eq!((response.actions.len(), response.actions[0].id), (1, 0));
    let later = first
        .scheduled(0, "hello")
        .next()
        .completed(0, r#""Hello Seoul!""#);
    let response = handler.turn("hello_orchestrator", later.request());
    let complete = completion(&response).unwrap();
    assert_eq!(
        complete.orchestration_status(),
        OrchestrationStatus::Completed
    );
    assert_eq!(complete.result.as_deref(), Some(r#""Hello Seoul!""#));
    assert_eq!(response.actions[0].id, 1);
}

fn details(value: &Value) -> Option<TaskFailureDetails> {
    let text = |member: &str| value[member].as_str().unwrap_or_default().to_owned();
    value.is_object().then(|| TaskFailureDetails {
        error_type: text("errorType"),
        error_message: text("errorMessage"),
        stack_trace: Some(text("stackTrace")),
        inner_failure: details(&value["innerFailure"]).map(Box::new),
        ..TaskFailureDetails::default()
    })
}

/// The chain of a failure, outermost first.
fn chain(failure: &TaskFailureDetails) -> Vec<(&str, &str)> {
    std::iter::successors(Some(failure), |failure| failure.inner_failure.as_deref())
        .map(|failure| (failure.error_type.as_str(), failure.error_message.as_str()))
        .collect()
}

#[test]
fn every_way_an_activity_fails_on_the_real_host_reaches_the_orchestration() {
    let handler = handler();
    let recorded =
        include_str!("../crates/durable-functions-protocol/tests/data/task-failures.json");
    let recorded: Vec<Value> = serde_json::from_str(recorded).unwrap();
    assert_eq!(recorded.len(), 9);
    let mut lost_workers = 0;
    for (index, case) in recorded.iter().enumerate() {
        let failure_details = details(&case["failureDetails"]);
        let mut turn = Turn::first("hello_orchestrator", "failing", None)
            .scheduled(0, "hello")
            .next()
            .failed(0, failure_details.clone());
        let mut response = handler.turn("hello_orchestrator", turn.request());
        if failure_details.as_ref().is_some_and(is_lost_worker) {
            // the activity is called once more, after a timer
            lost_workers += 1;
            turn = turn.answered(&response).fired(1);
            let again = handler.turn("hello_orchestrator", turn.request());
            turn = turn.answered(&again).failed(2, failure_details);
            response = handler.turn("hello_orchestrator", turn.request());
        }
        let chain = chain(failure(&response));
        assert_eq!(chain[0].0, "TaskFailed", "{chain:?}");
        assert!(chain[0].1.contains("'hello'"), "{chain:?}");
        match index {
            0 => {
                assert_eq!(
                    chain[1..],
                    [
                        (
                            "orders::CardDeclined",
                            "card 4711 declined: résumé ☃\nsecond line"
                        ),
                        ("std::io::Error", "timed out"),
                    ]
                );
                assert!(
                    failure(&response).is_non_retriable,
                    "the mark of the cause holds for the whole"
                );
            }
            8 => assert_eq!(
                chain[1].0, "TaskFailed",
                "the host gives no details of an unknown activity"
            ),
            _ => assert_eq!(
                chain[1].0, "Microsoft.Azure.WebJobs.Host.FunctionInvocationException",
                "{chain:?}"
            ),
        }
    }
    assert_eq!(
        lost_workers, 2,
        "a process that ended and a connection that was cut"
    );
}
