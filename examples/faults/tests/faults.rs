//! Kind of function x fault -> what the host is answered.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::thread;

use durable_functions_protocol::proto::{
    EntityBatchRequest, OperationRequest, OrchestrationStatus, OrchestratorResponse, Timestamp,
};
use handler_harness::{
    Handler, Turn, activity_request, completion, failure, orchestration_request,
};
use serde_json::{Value, json};

fn handler() -> Handler {
    Handler::start(env!("CARGO_BIN_EXE_faults"), env!("CARGO_MANIFEST_DIR"))
}

fn first(name: &str, input: Option<&str>) -> Turn {
    Turn::first(name, "an-instance", input)
}

fn http_request(method: &str, params: Value, body: Option<&str>) -> Vec<u8> {
    let mut request = json!({
        "Url": "http://localhost:7071/api/x",
        "Method": method,
        "Query": {},
        "Headers": {"Host": ["localhost:7071"]},
        "Params": params,
    });
    if let Some(body) = body {
        request["Body"] = body.into();
    }
    json!({"Data": {"req": request}, "Metadata": {}})
        .to_string()
        .into_bytes()
}

#[track_caller]
fn assert_failed(response: &OrchestratorResponse, error_type: &str, words: &str) {
    let details = failure(response);
    assert_eq!(details.error_type, error_type, "{details:?}");
    assert!(details.error_message.contains(words), "{details:?}");
}

#[track_caller]
fn assert_activity_failed(failure: &Value, error_type: &str, words: &str) {
    assert_eq!(failure["errorType"], error_type, "{failure}");
    assert!(
        failure["errorMessage"].as_str().unwrap().contains(words),
        "{failure}"
    );
}

/// Bodies that are no invocation of an orchestrator, and what is said of each.
fn unreadable_turns() -> Vec<(Vec<u8>, &'static str)> {
    let quoted = |text: &str| Value::from(text).to_string();
    let context = |context: &str| {
        json!({"Data": {"context": quoted(context)}, "Metadata": {}})
            .to_string()
            .into_bytes()
    };
    vec![
        (b"".to_vec(), "it is empty"),
        (b"this is no JSON".to_vec(), "it is no JSON"),
        (b"[1]".to_vec(), "expected a JSON object"),
        (br#"{"Metadata":{}}"#.to_vec(), "it has no `Data`"),
        (
            br#"{"Data":{},"Metadata":{}}"#.to_vec(),
            "no member \"context\"",
        ),
        (
            br#"{"Data":{"context":null},"Metadata":{}}"#.to_vec(),
            "it is null",
        ),
        (context("not base64!"), "it is no base64"),
        (context("AAA"), "it is no base64"),
        (context("//////8="), "a number that does not end"),
        (context(""), "it is empty"),
    ]
}

#[test]
fn a_turn_that_cannot_be_read_fails_with_the_reason() {
    let handler = handler();
    for (body, words) in unreadable_turns() {
        let answer = handler.post("orchestrator_fails", &body);
        assert_failed(&answer.orchestration(), "InvalidRequest", words);
    }
}

#[test]
fn a_call_of_an_activity_that_cannot_be_read_fails_with_the_reason() {
    let handler = handler();
    for body in [
        &b""[..],
        b"this is no JSON",
        b"[1]",
        br#"{"Metadata":{}}"#,
        br#"{"Data":{}}"#,
    ] {
        let failure = handler.post("activity_takes_order", body).failure();
        assert_activity_failed(&failure, "InvalidRequest", "cannot read");
    }
}

#[test]
fn a_request_for_an_http_function_that_cannot_be_read_is_a_500() {
    let handler = handler();
    for body in [&b""[..], b"this is no JSON", br#"{"Data":{"req":5}}"#] {
        assert_eq!(handler.post("http_fails", body).http().0, 500);
    }
}

#[test]
fn an_unknown_function_is_answered_by_what_the_host_sent() {
    let handler = handler();
    let response = handler.turn("nope", first("nope", None).request());
    assert_failed(&response, "OrchestratorNotRegistered", "'nope'");
    assert_eq!(response.instance_id, "an-instance");
    assert_activity_failed(
        &handler.activity("nope", Some("1")).failure(),
        "ActivityNotRegistered",
        "'nope'",
    );
    assert_activity_failed(
        &handler.post("nope", b"garbage").failure(),
        "ActivityNotRegistered",
        "'nope'",
    );
    assert_eq!(
        handler
            .post("nope", &http_request("GET", json!({}), None))
            .http()
            .0,
        404
    );
}

#[test]
fn errors_carry_type_message_and_chain() {
    let handler = handler();
    let response = handler.turn(
        "orchestrator_fails",
        first("orchestrator_fails", None).request(),
    );
    assert_failed(&response, "faults::OrderRejected", "order 42 rejected");
    assert_eq!(
        failure(&response)
            .inner_failure
            .as_ref()
            .unwrap()
            .error_message,
        "card 4711 declined"
    );

    let failure = handler.activity("activity_fails", Some("7")).failure();
    assert_activity_failed(&failure, "faults::OrderRejected", "order 7 rejected");
    assert_eq!(
        failure["innerFailure"]["errorMessage"],
        "card 4711 declined"
    );
    assert_ne!(failure["isNonRetriable"], true);
    let failure = handler
        .activity("activity_fails_for_good", Some("7"))
        .failure();
    assert_eq!(failure["isNonRetriable"], true);
}

#[test]
fn a_failure_of_any_length_fits_its_header() {
    let handler = handler();
    let answer = handler.activity("activity_fails_at_length", Some("10000000"));
    assert!(answer.failure.as_ref().unwrap().len() <= 48 * 1024);
    assert_activity_failed(&answer.failure(), "alloc::string::String", "no! no!");
}

#[test]
fn panics_carry_message_and_place() {
    let handler = handler();
    let response = handler.turn(
        "orchestrator_panics",
        first("orchestrator_panics", None).request(),
    );
    assert_failed(&response, "Panic", "an-instance has no stock (at ");
    assert!(failure(&response).error_message.contains("main.rs:"));
    let failure = handler.activity("activity_panics", Some("9")).failure();
    assert_activity_failed(&failure, "Panic", "9 is too many (at ");
    let (status, body) = handler
        .post("http_panics", &http_request("GET", json!({}), None))
        .http();
    assert_eq!(status, 500);
    assert!(
        !body.contains("is bad"),
        "a caller from outside is not told: {body}"
    );
    handler.line(|line| line.contains("http://localhost:7071/api/x is bad"));
}

#[test]
fn http_errors_have_their_own_status() {
    let handler = handler();
    let (status, body) = handler
        .post("http_fails", &http_request("GET", json!({}), None))
        .http();
    assert_eq!(status, 500);
    assert!(!body.contains("rejected"), "{body}");
    let (status, body) = handler
        .post(
            "http_refuses",
            &http_request("GET", json!({"id": null}), None),
        )
        .http();
    assert_eq!(status, 400);
    assert!(body.contains("'id'"), "{body}");
    let (status, body) = handler
        .post(
            "http_refuses",
            &http_request("GET", json!({"id": "5"}), None),
        )
        .http();
    assert_eq!(status, 404);
    assert!(body.contains("there is no order 5"), "{body}");
}

#[test]
fn wrong_input_is_told_with_the_type_that_is_wanted() {
    let handler = handler();
    for input in [
        None,
        Some("5"),
        Some(r#"{"number":-1}"#),
        Some(r#"{"number":99999999999}"#),
    ] {
        let response = handler.turn(
            "orchestrator_takes_order",
            first("orchestrator_takes_order", input).request(),
        );
        assert_failed(&response, "InvalidInput", "faults::Order");
        let failure = handler.activity("activity_takes_order", input).failure();
        assert_activity_failed(&failure, "InvalidInput", "faults::Order");
    }
    for body in [None, Some("5"), Some("{")] {
        let (status, answer) = handler
            .post("http_takes_order", &http_request("POST", json!({}), body))
            .http();
        assert_eq!(status, 400);
        assert!(
            !answer.contains("faults::"),
            "a caller is not told our types: {answer}"
        );
    }
    let taken = handler
        .activity("activity_takes_order", Some(r#"{"number":7}"#))
        .result();
    assert_eq!(taken, 7);
    let (status, body) = handler
        .post(
            "http_takes_order",
            &http_request("POST", json!({}), Some(r#"{"number":7}"#)),
        )
        .http();
    assert_eq!((status, body.as_str()), (200, "7"));
}

#[test]
fn a_missing_client_binding_is_told() {
    let handler = handler();
    assert_eq!(
        handler
            .post("http_starts", &http_request("POST", json!({}), None))
            .http()
            .0,
        500
    );
    handler.line(|line| line.contains("durableClient"));
}

#[test]
fn numbers_beyond_every_range_are_told_or_ignored() {
    let handler = handler();
    for id in [i32::MAX, i32::MIN, -2, 1_000_000] {
        let turn = first("orchestrator_calls", None)
            .scheduled(0, "activity_measures")
            .next()
            .completed(id, "5");
        assert!(
            completion(&handler.turn("orchestrator_calls", turn.request())).is_none(),
            "{id} answers nobody"
        );
    }
    let turn = first("orchestrator_calls", None)
        .scheduled(i32::MAX, "activity_measures")
        .next();
    assert_failed(
        &handler.turn("orchestrator_calls", turn.request()),
        "NonDeterministicOrchestration",
        "2147483647",
    );
    for timestamp in [
        Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        },
        Timestamp {
            seconds: i64::MIN,
            nanos: 0,
        },
        Timestamp {
            seconds: 0,
            nanos: -1,
        },
        Timestamp {
            seconds: 0,
            nanos: i32::MAX,
        },
    ] {
        let mut turn = first("orchestrator_calls", None);
        turn.request_mut().new_events[0].timestamp = Some(timestamp);
        assert_failed(
            &handler.turn("orchestrator_calls", turn.request()),
            "InvalidRequest",
            "timestamp",
        );
    }
}

#[test]
fn an_instance_of_other_code_is_held_if_the_app_wants_it_so() {
    let handler = Handler::start_with(
        env!("CARGO_BIN_EXE_faults"),
        env!("CARGO_MANIFEST_DIR"),
        &[("HOLD_NON_DETERMINISTIC", "1")],
    );
    let turn = first("orchestrator_calls", None)
        .scheduled(0, "another_activity")
        .next();
    let response = handler.turn("orchestrator_calls", turn.request());
    assert!(response.requires_history, "{response:?}");
    assert!(response.actions.is_empty(), "{response:?}");
    let line = handler.line(|line| line.contains("is held"));
    assert!(line.contains("ERROR"), "{line}");
    // what fits goes on
    let turn = first("orchestrator_calls", None)
        .scheduled(0, "activity_measures")
        .next();
    let response = handler.turn("orchestrator_calls", turn.request());
    assert!(!response.requires_history, "{response:?}");
    // other failures are failures
    let turn = first("orchestrator_panics", None);
    let response = handler.turn("orchestrator_panics", turn.request());
    assert!(completion(&response).is_some(), "{response:?}");
}

#[test]
fn a_history_of_other_code_fails_with_what_differs() {
    let handler = handler();
    let turn = first("orchestrator_calls", None)
        .scheduled(0, "another_activity")
        .next()
        .completed(0, "5");
    let response = handler.turn("orchestrator_calls", turn.request());
    assert_failed(
        &response,
        "NonDeterministicOrchestration",
        "'another_activity'",
    );
    assert_failed(
        &response,
        "NonDeterministicOrchestration",
        "'activity_measures'",
    );
}

#[test]
fn a_foreign_await_fails_instead_of_hanging() {
    let handler = handler();
    let turn = first("orchestrator_waits_for_nothing", None);
    assert_failed(
        &handler.turn("orchestrator_waits_for_nothing", turn.request()),
        "ForeignAwait",
        "activity",
    );
}

#[test]
fn fifty_megabytes_pass() {
    let handler = handler();
    let text = Value::from("x".repeat(50 << 20)).to_string();
    assert_eq!(
        handler.activity("activity_measures", Some(&text)).result(),
        50 << 20
    );
    let turn = first("orchestrator_calls", Some(&text))
        .scheduled(0, "activity_measures")
        .next()
        .completed(0, "5");
    let response = handler.turn("orchestrator_calls", turn.request());
    assert_eq!(completion(&response).unwrap().result.as_deref(), Some("5"));
}

/// More than there are threads for asynchronous code.
const MANY: usize = 24;

#[test]
fn user_code_that_blocks_stalls_nobody_else() {
    let handler = handler();
    let folder = tempfile::tempdir().unwrap();
    let until = folder.path().join("go on");
    let input = json!(until).to_string();
    thread::scope(|scope| {
        let blocked: Vec<_> = (0..MANY)
            .map(|_| {
                scope.spawn(|| {
                    let turn = first("orchestrator_blocks", Some(&input));
                    let response = handler.turn("orchestrator_blocks", turn.request());
                    assert_eq!(
                        completion(&response).unwrap().result.as_deref(),
                        Some(r#""unblocked""#)
                    );
                    assert_eq!(
                        handler.activity("activity_blocks", Some(&input)).result(),
                        "unblocked"
                    );
                })
            })
            .collect();
        assert_eq!(handler.get("").status, 200);
        assert_eq!(
            handler
                .activity("activity_measures", Some(r#""abc""#))
                .result(),
            3
        );
        assert_failed(
            &handler.turn(
                "orchestrator_fails",
                first("orchestrator_fails", None).request(),
            ),
            "faults::OrderRejected",
            "order",
        );
        assert!(blocked.iter().all(|thread| !thread.is_finished()));
        File::create(&until).unwrap();
    });
}

#[test]
fn an_activity_goes_on_when_its_caller_is_gone() {
    let handler = handler();
    let folder = tempfile::tempdir().unwrap();
    let until = folder.path().join("go on");
    let body = activity_request(
        "activity_outlives_its_caller",
        "i",
        Some(&json!(until).to_string()),
    );
    let mut caller = handler.connect();
    write!(
        caller,
        "POST /activity_outlives_its_caller HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    caller.write_all(&body).unwrap();
    handler.line(|line| line == "activity_outlives_its_caller started");
    drop(caller);
    File::create(&until).unwrap();
    handler.line(|line| line == "activity_outlives_its_caller went on");
    assert_eq!(
        handler
            .activity("activity_measures", Some(r#""abc""#))
            .result(),
        3
    );
}

#[test]
fn half_a_request_and_no_http_at_all_harm_nobody() {
    let handler = handler();
    let body = orchestration_request(
        "orchestrator_fails",
        first("orchestrator_fails", None).request(),
    );
    let mut half = handler.connect();
    write!(
        half,
        "POST /orchestrator_fails HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    half.write_all(&body[..body.len() / 2]).unwrap();
    drop(half);
    let mut garbage = handler.connect();
    garbage
        .write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    let _ = garbage.read_to_end(&mut answer);
    let turn = first("orchestrator_fails", None);
    assert_failed(
        &handler.turn("orchestrator_fails", turn.request()),
        "faults::OrderRejected",
        "order",
    );
}

#[test]
fn chunked_requests_are_read() {
    let handler = handler();
    let body = activity_request("activity_measures", "i", Some(r#""abcd""#));
    let mut caller = handler.connect();
    write!(caller, "POST /activity_measures HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n").unwrap();
    for chunk in body.chunks(7) {
        write!(caller, "{:x}\r\n", chunk.len()).unwrap();
        caller.write_all(chunk).unwrap();
        caller.write_all(b"\r\n").unwrap();
    }
    caller.write_all(b"0\r\n\r\n").unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(r#""ReturnValue":4}"#),
        "{answer}"
    );
}

#[cfg(unix)]
mod ending {
    use std::process::Command;

    use super::*;

    fn signal(handler: &Handler, name: &str) {
        let sent = Command::new("kill")
            .args([name, &handler.pid().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    #[test]
    fn a_handler_that_is_asked_to_end_finishes_activities_and_gives_turns_back() {
        let mut handler = handler();
        let folder = tempfile::tempdir().unwrap();
        let until = folder.path().join("go on");
        let input = json!(until).to_string();
        thread::scope(|scope| {
            let blocked =
                scope.spawn(|| handler.activity("activity_blocks", Some(&input)).result());
            handler.line(|line| line == "activity_blocks started");
            let cancelled = scope.spawn(|| {
                handler
                    .activity("activity_waits_to_be_cancelled", None)
                    .result()
            });
            handler.line(|line| line == "activity_waits_to_be_cancelled started");
            signal(&handler, "-TERM");
            assert_eq!(cancelled.join().unwrap(), "cancelled");
            let turn = first("orchestrator_fails", None);
            let response = handler.turn("orchestrator_fails", turn.request());
            assert!(
                response.requires_history && response.actions.is_empty(),
                "{response:?}"
            );
            assert_eq!(response.instance_id, "an-instance");
            assert_eq!(
                handler
                    .activity("activity_measures", Some(r#""abc""#))
                    .result(),
                3
            );
            assert!(!blocked.is_finished());
            File::create(&until).unwrap();
            assert_eq!(blocked.join().unwrap(), "unblocked");
        });
        assert_eq!(
            handler.child().wait().unwrap().code(),
            Some(200),
            "the host starts a handler again only then"
        );
    }

    #[test]
    fn a_batch_is_answered_as_far_as_it_got() {
        let mut handler = handler();
        let folder = tempfile::tempdir().unwrap();
        let until = folder.path().join("go on");
        let operation = |operation: &str, input: Value| OperationRequest {
            operation: operation.to_owned(),
            input: Some(input.to_string()),
            ..OperationRequest::default()
        };
        let batch = EntityBatchRequest {
            instance_id: "@ledger@k".to_owned(),
            entity_state: Some("5".to_owned()),
            operations: vec![
                operation("add", json!(1)),
                operation("add_late", json!(until)),
                operation("add", json!(100)),
            ],
            ..EntityBatchRequest::default()
        };
        let result = thread::scope(|scope| {
            let running = scope.spawn(|| handler.batch("ledger", &batch));
            handler.line(|line| line == "add_late started");
            signal(&handler, "-TERM");
            // It has been heard when turns are given back.
            let turn = first("orchestrator_fails", None);
            while !handler
                .turn("orchestrator_fails", turn.request())
                .requires_history
            {}
            File::create(&until).unwrap();
            running.join().unwrap()
        });
        assert_eq!(
            result.results.len(),
            2,
            "the host brings the third operation again: {result:?}"
        );
        assert_eq!(result.entity_state.as_deref(), Some("16"));
        assert_eq!(handler.child().wait().unwrap().code(), Some(200));
    }

    #[test]
    fn an_idle_handler_ends_at_once() {
        let mut handler = handler();
        signal(&handler, "-TERM");
        assert_eq!(handler.child().wait().unwrap().code(), Some(200));
    }

    #[test]
    fn a_handler_ends_with_the_development_host_that_started_it() {
        let mut handler = Handler::start_with(
            env!("CARGO_BIN_EXE_faults"),
            env!("CARGO_MANIFEST_DIR"),
            &[("DURABLE_LOCAL_HOST", "1")],
        );
        drop(handler.child().stdin.take());
        assert!(handler.child().wait().unwrap().success());
    }
}

#[test]
fn stale_function_json_files_are_told_at_start() {
    let app = tempfile::tempdir().unwrap();
    copy_folders(Path::new(env!("CARGO_MANIFEST_DIR")), app.path());
    fs::remove_dir_all(app.path().join("activity_fails")).unwrap();
    let handler = Handler::start(env!("CARGO_BIN_EXE_faults"), app.path());
    let line = handler.line(|line| line.contains("function.json"));
    assert!(
        line.contains("activity_fails") && line.contains("missing"),
        "{line}"
    );
}

#[test]
fn an_activity_is_told_when_its_time_is_nearly_over() {
    let app = tempfile::tempdir().unwrap();
    fs::write(
        app.path().join("host.json"),
        r#"{"functionTimeout":"00:00:01"}"#,
    )
    .unwrap();
    let handler = Handler::start(env!("CARGO_BIN_EXE_faults"), app.path());
    let answer = handler.activity("activity_waits_to_be_cancelled", None);
    assert_eq!(answer.result(), "cancelled");
}

fn copy_folders(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let folder = entry.unwrap().path();
        let file = folder.join("function.json");
        if file.is_file() {
            let copy = to.join(folder.file_name().unwrap());
            fs::create_dir(&copy).unwrap();
            fs::copy(&file, copy.join("function.json")).unwrap();
        }
    }
}

#[test]
fn a_completed_orchestration_is_completed() {
    let handler = handler();
    let turn = first("orchestrator_calls", None)
        .scheduled(0, "activity_measures")
        .next()
        .completed(0, "5");
    let response = handler.turn("orchestrator_calls", turn.request());
    assert_eq!(
        completion(&response).unwrap().orchestration_status(),
        OrchestrationStatus::Completed
    );
}
