//! Turns that go wrong, and what the instance comes to.

use serde_json::{Value, json};

use crate::app::TestApp;

fn details(status: &Value) -> &str {
    assert_eq!(status["runtimeStatus"], "Failed", "{status}");
    assert_eq!(
        status["output"]["message"],
        "Function 'misbehave' failed with an unhandled exception."
    );
    let details = status["output"]["details"].as_str().unwrap();
    assert!(
        details.starts_with("Microsoft.Azure.WebJobs.Host.FunctionInvocationException: Exception while executing function: Functions.misbehave\n ---> "),
        "{details}"
    );
    details
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_cannot_be_read_fail_the_orchestration() {
    let app = TestApp::start().await;
    for (mode, text) in [
        (
            "status",
            "System.Net.Http.HttpRequestException: Response status code does not indicate success: 503 (Service Unavailable).",
        ),
        (
            "text",
            "UnsupportedMediaTypeException: No MediaTypeFormatter is available",
        ),
        (
            "no json",
            "Newtonsoft.Json.JsonReaderException: Unexpected character encountered while parsing value: o.",
        ),
        ("empty", "On Azure this call hangs".trim_start()),
        (
            "null",
            "The function invocation resulted in a null response.",
        ),
        (
            "number",
            "The function invocation resulted in a null response.",
        ),
        (
            "no base64",
            "System.FormatException: The input is not a valid Base-64 string",
        ),
        (
            "no protobuf",
            "Google.Protobuf.InvalidProtocolBufferException",
        ),
    ] {
        let status = app
            .client
            .run(
                "misbehave",
                mode.replace(' ', "-").as_str(),
                &json!(mode).to_string(),
            )
            .await;
        let details = details(&status);
        assert!(
            details.to_lowercase().contains(&text.to_lowercase()),
            "{mode}: {details}"
        );
        let history = app.client.history(&mode.replace(' ', "-")).await;
        assert_eq!(history[1]["FailureDetails"], json!(null), "{mode}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_comes_again_when_the_handler_asks_for_it() {
    let app = TestApp::start().await;
    assert_eq!(
        app.client.run("misbehave", "a", "\"again\"").await["runtimeStatus"],
        "Completed"
    );
    app.stop().await;
    let app = TestApp::start().await;
    assert_eq!(
        app.client.run("misbehave", "p", "\"platform\"").await["runtimeStatus"],
        "Completed"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_orchestration_shows_type_and_message() {
    let app = TestApp::start().await;
    let status = app.client.run("fail", "f", "").await;
    assert_eq!(
        status["output"],
        "my::Rejected: order 42 rejected: résumé ☃"
    );
    let history = app.client.history("f").await;
    assert_eq!(
        history[1]["FailureDetails"]["InnerFailure"]["ErrorType"],
        "my::Cause"
    );
    assert_eq!(history[1]["Result"], json!(null));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_orchestrator_fails_when_an_orchestration_starts_it_and_is_refused_to_clients() {
    let app = TestApp::start().await;
    let answer = app
        .client
        .post("/runtime/webhooks/durabletask/orchestrators/nope", "")
        .await;
    assert_eq!(answer.status, 400);
    let message = answer.json()["Message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("The function 'nope' doesn't exist, is disabled, or is not an orchestrator function. Additional info: The following are the known orchestrator functions: 'big_status', "), "{message}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_host_refuses_fails_the_orchestration() {
    let app = TestApp::start().await;
    let status = app.client.run("big_status", "b", "").await;
    assert!(
        status["output"]["details"].as_str().unwrap().contains("System.ArgumentException: CustomStatus is too large: limit = 16 KB (UTF-16), actual = 39.07 KB."),
        "{status}"
    );
    assert_eq!(status["customStatus"], json!(null));
    let status = app.client.run("empty_child_id", "e", "").await;
    assert!(
        status["output"]["details"]
            .as_str()
            .unwrap()
            .contains("without an instance id"),
        "{status}"
    );
    app.stop().await;
}
