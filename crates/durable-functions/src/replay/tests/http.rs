//! HTTP calls that the host carries out.

use durable_functions_protocol::proto::OrchestratorRequest;
use serde_json::{Value, json};

use super::*;
use crate::{DurableHttpRequest, RetryPolicy};

async fn fetch(ctx: OrchestrationContext) -> Result<String> {
    let request = DurableHttpRequest::post("https://a.example/jobs?x=1").content("go");
    Ok(ctx.call_http(request).await?.text().to_owned())
}

fn request(response: &OrchestratorResponse) -> Value {
    let calls = calls(response);
    assert_eq!(calls.len(), 1, "{response:?}");
    assert_eq!(calls[0].1, "BuiltIn::HttpActivity");
    let input: Value = serde_json::from_str(calls[0].2.unwrap()).unwrap();
    assert_eq!(
        input.as_array().unwrap().len(),
        1,
        "the host wants a list of one"
    );
    input[0].clone()
}

fn answer(status: u16, headers: Value, content: &str) -> String {
    json!({ "statusCode": status, "headers": headers, "content": content }).to_string()
}

#[test]
fn an_answer_is_the_result() {
    let response = run(&first(), fetch);
    assert_eq!(request(&response)["uri"], "https://a.example/jobs?x=1");
    let turn = first().answered(&response);
    for status in [200, 404, 500] {
        let turn = turn
            .clone()
            .completed(0, &answer(status, json!({}), "done"));
        assert_eq!(output(&run(&turn, fetch)), r#""done""#);
    }
}

#[test]
fn an_answer_that_names_a_place_is_followed() {
    let turn = first().answered(&run(&first(), fetch));
    let later = answer(
        202,
        json!({ "location": "/jobs/7", "Retry-After": ["9"] }),
        "",
    );
    let turn = turn.completed(0, &later);
    let response = run(&turn, fetch);
    assert_eq!(timers(&response).len(), 1);
    let turn = turn.answered(&response).fired(1);
    let response = run(&turn, fetch);
    let polled = request(&response);
    assert_eq!(
        (&polled["method"], &polled["uri"], &polled["content"]),
        (
            &json!("GET"),
            &json!("https://a.example/jobs/7"),
            &Value::Null
        )
    );
    // without a time, the app's own setting counts
    let mut turn = turn
        .answered(&response)
        .completed(2, &answer(202, json!({ "Location": "8" }), ""));
    let with = |turn: &mut Turn, millis: f64| {
        let value = prost_types::Value {
            kind: Some(prost_types::value::Kind::NumberValue(millis)),
        };
        let OrchestratorRequest { properties, .. } = turn.request_mut();
        properties.insert("HttpDefaultAsyncRequestSleepTimeMilliseconds".into(), value);
    };
    let default = timers(&run(&turn, fetch))[0].1;
    with(&mut turn, 5_000.0);
    let response = run(&turn, fetch);
    assert_eq!(default - timers(&response)[0].1, 25);
    let turn = turn.answered(&response).fired(3);
    let response = run(&turn, fetch);
    assert_eq!(request(&response)["uri"], "https://a.example/jobs/8");
    let turn = turn
        .answered(&response)
        .completed(4, &answer(200, json!(null), "done"));
    assert_eq!(output(&run(&turn, fetch)), r#""done""#);
}

#[test]
fn polling_can_be_left_out() {
    let orchestrator = async |ctx: OrchestrationContext| {
        let request = DurableHttpRequest::get("https://a.example/").without_polling();
        Ok(ctx.call_http(request).await?.status().to_string())
    };
    let turn = first().answered(&run(&first(), orchestrator));
    let turn = turn.completed(0, &answer(202, json!({ "Location": "/" }), ""));
    assert_eq!(output(&run(&turn, orchestrator)), r#""202""#);
}

#[test]
fn a_request_that_could_not_be_sent_is_told_as_that_and_can_be_retried() {
    let turn = first().answered(&run(&first(), fetch)).failed(0, None);
    let failure = failure_of(&run(&turn, fetch));
    assert!(
        failure
            .message
            .contains("POST https://a.example/jobs?x=1 could not be carried out"),
        "{failure}"
    );
    let response = run(&turn, async |ctx: OrchestrationContext| {
        let request = DurableHttpRequest::get("https://a.example/")
            .retry(RetryPolicy::fixed(2, Duration::from_secs(1)));
        Ok(ctx.call_http(request).await?.text().to_owned())
    });
    assert_eq!(timers(&response).len(), 1);
}

#[test]
fn senseless_requests_and_places_are_errors_of_the_call() {
    let caught = async |ctx: OrchestrationContext| {
        let error = ctx
            .call_http(DurableHttpRequest::get("nowhere"))
            .await
            .unwrap_err();
        Ok(error.to_string())
    };
    let response = run(&first(), caught);
    assert!(
        output(&response).contains("GET nowhere can't be made"),
        "{response:?}"
    );
    let turn = first().answered(&run(&first(), fetch));
    let turn = turn.completed(0, &answer(202, json!({ "Location": "ftp://x/" }), ""));
    let failure = failure_of(&run(&turn, fetch));
    assert!(failure.message.contains("ftp://x/"), "{failure}");
}
