//! What activities get and give.

use serde_json::{Value, json};

use crate::app::{BASE, TestApp, write, write_app};

async fn call(app: &TestApp, id: &str, activity: &str, input: Value) -> Value {
    let request = json!({"activity": activity, "input": input});
    app.client
        .run("call_activity", id, &request.to_string())
        .await["output"]
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn results_pass_through_the_hosts_json() {
    let app = TestApp::start().await;
    for (number, (answer, result)) in [
        (r#"{"ReturnValue":1.0}"#, json!(1.0)),
        (
            r#"{"ReturnValue":"2020-01-01T00:00:00+02:00"}"#,
            json!("2019-12-31T22:00:00+00:00"),
        ),
        (
            r#"{"ReturnValue":{"$type":"x","d":"2020-01-01T00:00:00.000Z"}}"#,
            json!({"d": "2020-01-01T00:00:00Z"}),
        ),
        (r#"{"returnvalue":[1,null]}"#, json!([1, null])),
        ("{}", json!(null)),
        (
            r#"{"ReturnValue":"durable-json:{\"n\":1.10}"}"#,
            json!("durable-json:{\"n\":1.10}"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let output = call(&app, &format!("r{number}"), "raw", json!(answer)).await;
        assert_eq!(output, json!({"ok": result}), "{answer}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_come_through() {
    let app = TestApp::start().await;
    for (number, input) in [
        json!("Zürich ☃ \"quoted\""),
        json!({"a": [1, {"b": null}], "instanceId": "x"}),
        json!(null),
        json!(-5),
        json!([]),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(
            call(&app, &format!("i{number}"), "echo", input.clone()).await,
            json!({"ok": input})
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_arrive_as_the_hosts_chain() {
    let app = TestApp::start().await;
    let problem = call(&app, "p", "fail_problem", json!(null)).await;
    let chain = problem["failed"].as_array().unwrap();
    assert_eq!(
        chain[0],
        json!([
            "Microsoft.Azure.WebJobs.Host.FunctionInvocationException",
            "Exception while executing function: Functions.fail_problem"
        ])
    );
    assert_eq!(chain[1][0], "System.InvalidOperationException");
    let quoted = chain[1][1].as_str().unwrap();
    assert!(quoted.starts_with("Invalid HttpResponseMessage:\nStatusCode: 200, ReasonPhrase: 'OK', Version: 1.1, Content: System.Net.Http.HttpConnectionResponseContent, Headers:\n{\n"), "{quoted}");
    assert!(
        quoted.contains("\n  durable-failure: eyJhIjoxfQ==\n"),
        "{quoted}"
    );
    assert!(quoted.ends_with("}\n {\"title\":\"declined\"}"), "{quoted}");
    assert_eq!(
        chain[2],
        json!([
            "System.Net.Http.UnsupportedMediaTypeException",
            "No MediaTypeFormatter is available to read an object of type 'HttpScriptInvocationResult' from content with media type 'application/problem+json'."
        ])
    );
    let failed = &app.client.history("p").await[1];
    assert_eq!(failed["EventType"], "TaskFailed");
    assert_eq!(
        failed["Reason"],
        "Function 'fail_problem' failed with an unhandled exception."
    );
    assert_eq!(failed["FailureDetails"]["Properties"], json!(null));

    let status = call(&app, "s", "fail_status", json!(null)).await;
    assert_eq!(
        status["failed"][1],
        json!([
            "System.Net.Http.HttpRequestException",
            "Response status code does not indicate success: 500 (Internal Server Error)."
        ])
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_activity_fails_without_details() {
    let app = TestApp::start().await;
    assert_eq!(
        call(&app, "u", "no_such_activity", json!("x")).await,
        json!({"failed": null})
    );
    let reason = app.client.history("u").await[1]["Reason"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(reason.starts_with("The function 'no_such_activity' doesn't exist, is disabled, or is not an activity function. Additional info: The following are the known activity functions: 'crowd', 'die_always', 'die_once', 'echo'"), "{reason}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_shown() {
    let app = TestApp::start().await;
    assert_eq!(
        call(&app, "l", "logs", json!(null)).await,
        json!({"ok": null})
    );
    assert_eq!(app.lines.wait_for("first line").await, "[logs] first line");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handler_has_the_environment_of_the_real_one() {
    let app = TestApp::start().await;
    let environment = call(&app, "e", "environment", json!(null)).await["ok"].clone();
    assert_eq!(environment["worker"].as_str().unwrap().len(), 36);
    assert_eq!(environment["legacyPort"], true);
    assert_eq!(
        environment["root"],
        json!(app.folder.path().canonicalize().unwrap())
    );
    assert_eq!(environment["directory"], environment["root"]);
    assert_eq!(environment["settings"], "yes");
    assert_eq!(environment["local"], "1");
    assert_eq!(
        environment["site"],
        format!("localhost:{}", app.client.port)
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_sends_http_requests_itself() {
    let app = TestApp::start().await;
    let url = app.host.as_ref().unwrap().url();
    let uri = format!("{url}/runtime/webhooks/durabletask/instances/nobody");
    let request = json!([{ "method": "GET", "uri": uri }]);
    let output = call(&app, "http", "BuiltIn::HttpActivity", request).await;
    assert_eq!(output["ok"]["statusCode"], 404, "{output}");

    let request = json!([{ "method": "GET", "uri": "http://127.0.0.1:1/" }]);
    let output = call(&app, "refused", "builtin::httpactivity", request).await;
    assert!(output["ok"].is_null(), "{output}");
    app.lines.wait_for("GET http://127.0.0.1:1/").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_grpc_clients_cannot_read_is_told() {
    let limit = r#"{"extensions":{"durableTask":{"maxGrpcMessageSizeInBytes":100000}}}"#;
    let app = TestApp::start_with(limit, |builder| builder.memory()).await;
    call(&app, "large", "echo", json!("x".repeat(200_000))).await;
    let line = app.lines.wait_for("`echo` has 0.2 MB").await;
    assert!(line.contains("maxGrpcMessageSizeInBytes"), "{line}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_output_holds_is_started() {
    let folder = tempfile::tempdir().unwrap();
    write_app(folder.path(), "{}");
    let output = r#"{"name":"start","type":"durableClient","direction":"out"}"#;
    let bindings = |trigger: &str| format!(r#"{{"bindings":[{trigger},{output}]}}"#);
    for (name, trigger) in [
        (
            "raw",
            r#"{"name":"input","type":"activityTrigger","direction":"in"}"#,
        ),
        (
            "http_answer",
            r#"{"name":"req","type":"httpTrigger","direction":"in","route":"answer"},{"name":"res","type":"http","direction":"out"}"#,
        ),
        (
            "tick_starts",
            r#"{"name":"timer","type":"timerTrigger","direction":"in","schedule":"0 0 0 1 1 *"}"#,
        ),
    ] {
        write(
            folder.path(),
            &format!("{name}/function.json"),
            &bindings(trigger),
        );
    }
    let app = TestApp::start_in(folder, |builder| builder.memory()).await;
    let start = |id: &str, name: &str| {
        json!({"Outputs": {"start": {"FunctionName": name, "InstanceId": id, "Input": "Seoul"}}})
            .to_string()
    };
    let by_activity = start("by-activity", "hello_orchestrator");
    assert_eq!(
        call(&app, "a", "raw", json!(by_activity)).await,
        json!({"ok": null})
    );
    let by_http = start("by-http", "hello_orchestrator");
    assert_eq!(app.client.post("/api/answer", &by_http).await.status, 200);
    assert_eq!(
        app.client
            .post("/admin/functions/tick_starts", "")
            .await
            .status,
        202
    );
    for id in ["by-activity", "by-http", "by-timer"] {
        let status = app.client.until_status(id, "Completed").await;
        assert_eq!(status["input"], "Seoul");
    }

    let unknown = start("x", "nobody");
    let failed = call(&app, "b", "raw", json!(unknown)).await;
    assert_eq!(
        failed["failed"][1][0], "System.ArgumentException",
        "{failed}"
    );
    assert_eq!(app.client.post("/api/answer", &unknown).await.status, 500);
    app.lines
        .wait_for("The function 'nobody' doesn't exist")
        .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn durable_functions_get_their_clients() {
    let folder = tempfile::tempdir().unwrap();
    write_app(folder.path(), "{}");
    for (name, kind, trigger) in [
        ("hello_orchestrator", "orchestrationTrigger", "context"),
        ("hello", "activityTrigger", "input"),
        ("counter", "entityTrigger", "context"),
    ] {
        let json = format!(
            r#"{{"bindings":[{{"name":"{trigger}","type":"{kind}","direction":"in"}},{{"name":"client","type":"durableClient","direction":"in"}}]}}"#
        );
        write(folder.path(), &format!("{name}/function.json"), &json);
    }
    let app = TestApp::start_in(folder, |builder| builder.memory()).await;
    app.client.run("hello_orchestrator", "c", "null").await;
    app.client
        .post(&format!("{BASE}/entities/counter/k?op=add"), "1")
        .await;
    for name in ["hello_orchestrator", "hello", "counter"] {
        let line = app.lines.wait_for(&format!("{name} has the client")).await;
        assert!(line.contains("rpcBaseUrl"), "{line}");
    }
    app.stop().await;
}
