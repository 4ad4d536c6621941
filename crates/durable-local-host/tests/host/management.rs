//! The management API: statuses, headers and bodies as recorded.

use serde_json::json;

use crate::app::{Answer, BASE, TestApp};

fn shape(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_answers_with_the_urls() {
    let app = TestApp::start_with(
        r#"{"extensions":{"durableTask":{"hubName":"RefHub"}}}"#,
        |builder| builder,
    )
    .await;
    let answer = app
        .client
        .post(
            &format!("{BASE}/orchestrators/hello_orchestrator/a%20b?code=x&taskHub=refhub"),
            "\"Oslo\"",
        )
        .await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("retry-after"), Some("10"));
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    let location = answer.header("location").unwrap();
    let instance = format!("http://localhost:{}{BASE}/instances/a+b", app.client.port);
    assert!(
        location.starts_with(&format!(
            "{instance}?taskHub=RefHub&connection=Storage&code="
        )),
        "{location}"
    );
    let keys: Vec<&str> = vec![
        "id",
        "statusQueryGetUri",
        "sendEventPostUri",
        "terminatePostUri",
        "purgeHistoryDeleteUri",
        "restartPostUri",
        "suspendPostUri",
        "resumePostUri",
    ];
    let mut at = 0;
    for key in keys {
        at += answer.text()[at..]
            .find(&format!("\"{key}\":"))
            .unwrap_or_else(|| panic!("{key} is not in its place"));
    }
    let made = app
        .client
        .post(&format!("{BASE}/orchestrators/hello_orchestrator"), "")
        .await
        .json();
    assert_eq!(made["id"].as_str().unwrap().len(), 32);
    app.client.until_status("a%20b", "Completed").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_and_waiting() {
    let app = TestApp::start().await;
    let wait = |path: &'static str, body: &'static str| {
        let client = app.client;
        async move {
            client
                .post(&format!("{BASE}/orchestrators/{path}"), body)
                .await
        }
    };
    assert_eq!(
        shape(
            &wait(
                "hello_orchestrator?timeout=60&pollingInterval=1",
                "\"Rome\""
            )
            .await
        ),
        (200, "\"Hello Rome!\"".into())
    );
    let failed = wait("fail/f?timeout=60&pollingInterval=1", "{}").await;
    assert_eq!(
        (failed.status, failed.json()["runtimeStatus"].as_str()),
        (200, Some("Failed"))
    );
    assert_eq!(
        wait("timer/t?timeout=0.05&pollingInterval=1", r#"{"ms":600000}"#)
            .await
            .status,
        202
    );
    assert_eq!(
        wait("hello_orchestrator?timeout=abc", "\"x\"").await.status,
        202
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_the_wrong_way() {
    let app = TestApp::start().await;
    let start = format!("{BASE}/orchestrators/hello_orchestrator");
    assert_eq!(
        shape(&app.client.post(&start, "{not json").await),
        (400, r#"{"Message":"Invalid JSON content","ExceptionMessage":"Invalid character after parsing property name. Expected ':' but got: j. Path '', line 1, position 5.","ExceptionType":"Newtonsoft.Json.JsonReaderException","StackTrace":""}"#.into())
    );
    app.client.begin("timer", "live", r#"{"ms":600000}"#).await;
    app.client.until_status("live", "Running").await;
    assert_eq!(
        shape(&app.client.post(&format!("{start}/live"), "").await),
        (
            409,
            r#"{"Message":"An Orchestration instance with the status Running already exists."}"#
                .into()
        )
    );
    assert_eq!(
        shape(&app.client.post(&format!("{start}/a%2Fb"), "").await),
        (404, String::new())
    );
    app.client
        .run("hello_orchestrator", "again", "\"one\"")
        .await;
    assert_eq!(
        app.client
            .run("hello_orchestrator", "again", "\"two\"")
            .await["output"],
        "Hello two!"
    );
    assert_eq!(
        app.client.history("again").await.as_array().unwrap().len(),
        3
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_document() {
    let app = TestApp::start().await;
    app.client
        .run("hello_orchestrator", "done", "\"Oslo\"")
        .await;
    let done = app.client.get(&format!("{BASE}/instances/done")).await;
    let text = done.text();
    let (head, times) = text.split_once(",\"createdTime\":").unwrap();
    assert_eq!(
        head,
        r#"{"name":"hello_orchestrator","instanceId":"done","runtimeStatus":"Completed","input":"Oslo","customStatus":null,"output":"Hello Oslo!""#
    );
    assert_eq!(
        times.len(),
        r#""2026-11-23T09:03:41Z","lastUpdatedTime":"2026-11-23T09:03:41Z"}"#.len()
    );
    assert_eq!((done.status, done.header("location")), (200, None));

    app.client
        .begin("wait_events", "live", r#"{"count": 1}"#)
        .await;
    app.client.until_status("live", "Running").await;
    let path = format!("{BASE}/instances/live?showInput=false");
    let live = app.client.get(&path).await;
    assert_eq!(live.status, 202);
    assert_eq!(
        live.header("location"),
        Some(format!("http://localhost:{}{path}", app.client.port).as_str())
    );
    assert_eq!(live.header("retry-after"), Some("5"));
    assert_eq!(live.json()["input"], json!(null));
    assert_eq!(live.json()["customStatus"], json!({"received": 0}));
    assert_eq!(
        shape(&app.client.get(&format!("{BASE}/instances/nope")).await),
        (404, String::new())
    );

    app.client.run("fail", "bad", "{}").await;
    assert_eq!(
        app.client
            .get(&format!("{BASE}/instances/bad"))
            .await
            .status,
        200
    );
    assert_eq!(
        app.client
            .get(&format!(
                "{BASE}/instances/bad?returnInternalServerErrorOnFailure=true"
            ))
            .await
            .status,
        500
    );
    let without = app
        .client
        .get(&format!("{BASE}/instances/done?showHistory=true"))
        .await
        .json();
    assert_eq!(without["historyEvents"][1].get("Result"), None);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acting_on_instances() {
    let app = TestApp::start().await;
    app.client.run("hello_orchestrator", "done", "").await;
    app.client
        .begin("wait_events", "live", r#"{"count":5}"#)
        .await;
    app.client.until_status("live", "Running").await;
    let post = |path: &'static str, body: &'static str| {
        let client = app.client;
        async move { shape(&client.post(&format!("{BASE}/instances/{path}"), body).await) }
    };
    for action in ["raiseEvent/x", "terminate", "suspend", "resume"] {
        let of = |id: &str| {
            app.client.post(
                Box::leak(format!("{BASE}/instances/{id}/{action}?reason=r").into_boxed_str()),
                "{}",
            )
        };
        assert_eq!(shape(&of("nope").await), (404, String::new()), "{action}");
        assert_eq!(shape(&of("done").await), (410, String::new()), "{action}");
    }
    assert_eq!(
        shape(
            &app.client
                .send(
                    "POST",
                    &format!("{BASE}/instances/live/raiseEvent/x"),
                    &[],
                    b"1"
                )
                .await
        ),
        (
            400,
            r#"{"Message":"Only application/json request content is supported"}"#.into()
        )
    );
    assert_eq!(
        post("live/raiseEvent/x", "not json").await,
        (400, r#"{"Message":"Invalid JSON content","ExceptionMessage":"Unexpected character encountered while parsing value: n. Path '', line 0, position 0.","ExceptionType":"Newtonsoft.Json.JsonReaderException","StackTrace":""}"#.into())
    );
    assert_eq!(
        post("live/resume", "").await,
        (500, r#"{"Message":"Something went wrong while processing your request","ExceptionMessage":"Cannot resume the orchestration instance live because instance is in the Running state.","ExceptionType":"System.InvalidOperationException","StackTrace":""}"#.into())
    );
    assert_eq!(
        post("live/suspend?reason=w%20x", "").await,
        (202, String::new())
    );
    assert_eq!(
        app.client.until_status("live", "Suspended").await["output"],
        "w x"
    );
    assert_eq!(
        post("live/suspend", "").await.1,
        r#"{"Message":"Something went wrong while processing your request","ExceptionMessage":"Cannot suspend the orchestration instance live because instance is in the Suspended state.","ExceptionType":"System.InvalidOperationException","StackTrace":""}"#
    );
    assert_eq!(post("live/terminate", "").await, (202, String::new()));
    // Without a reason the last one stays, as on the real host.
    assert_eq!(
        app.client.until_status("live", "Terminated").await["output"],
        "w x"
    );
    assert_eq!(
        post("nope/rewind", "").await,
        (
            404,
            r#""No orchestration with instance ID \"$nope\" found.""#.into()
        )
    );
    assert_eq!(
        post("done/rewind", "").await,
        (412, r#""This orchestration has status Completed, but only orchestrations in the \"Failed\" state can be rewound.""#.into())
    );
    assert_eq!(post("done/unknown", "").await, (404, String::new()));
    assert_eq!(
        shape(&app.client.get(&format!("{BASE}/bogus")).await),
        (404, String::new())
    );
    assert_eq!(
        shape(&app.client.get(&format!("{BASE}/makeprimary")).await),
        (200, String::new())
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarting() {
    let app = TestApp::start().await;
    let restart = |id: &'static str, query: &'static str| {
        let client = app.client;
        async move {
            client
                .post(&format!("{BASE}/instances/{id}/restart?{query}"), "")
                .await
        }
    };
    assert_eq!(
        shape(&restart("nope", "").await),
        (400, r#"{"Message":"InstanceId does not match a valid orchestration instance.","ExceptionMessage":"No instance with ID 'nope' was found. (Parameter 'instanceId')","ExceptionType":"System.ArgumentException","StackTrace":""}"#.into())
    );
    app.client.run("hello_orchestrator", "r", "\"Bern\"").await;
    let new = restart("r", "timeout=60&pollingInterval=1").await;
    assert_eq!(shape(&new), (200, "\"Hello Bern!\"".into()));
    assert_eq!(
        restart(
            "r",
            "restartWithNewInstanceId=false&timeout=60&pollingInterval=1"
        )
        .await
        .status,
        200
    );
    assert_eq!(app.client.history("r").await[0]["Generation"], 1);
    app.client.begin("timer", "t", r#"{"ms":600000}"#).await;
    app.client.until_status("t", "Running").await;
    assert_eq!(
        shape(&restart("t", "restartWithNewInstanceId=false").await),
        (409, r#"{"Message":"A non-terminal instance with this instance ID already exists.","ExceptionMessage":"An Orchestration instance with the status Running already exists.","ExceptionType":"DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException","StackTrace":""}"#.into())
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listing_and_purging() {
    let app = TestApp::start().await;
    for id in ["m-a", "m-c"] {
        app.client.run("hello_orchestrator", id, "\"x\"").await;
    }
    app.client.run("fail", "m-b", "").await;
    app.client.begin("timer", "z", r#"{"ms":600000}"#).await;
    app.client.until_status("z", "Running").await;
    let ids = |answer: &Answer| -> Vec<String> {
        answer
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|status| status["instanceId"].as_str().unwrap().to_owned())
            .collect()
    };
    let list = |query: &'static str| {
        let client = app.client;
        async move { client.get(&format!("{BASE}/instances?{query}")).await }
    };
    assert_eq!(ids(&list("").await), ["m-a", "m-b", "m-c", "z"]);
    assert_eq!(
        ids(&list("runtimeStatus=Failed,Running&top=abc").await),
        ["m-b", "z"]
    );
    assert_eq!(
        ids(&list("runtimeStatus=Failed&runtimeStatus=Completed").await),
        ["m-a", "m-b", "m-c"]
    );
    assert_eq!(
        ids(&list("instanceIdPrefix=m-&createdTimeFrom=nonsense").await),
        ["m-a", "m-b", "m-c"]
    );
    assert_eq!(
        ids(&list("createdTimeFrom=2020-01-01T00:00:00Z&createdTimeTo=2021-01-01").await),
        Vec::<String>::new()
    );
    let mut token = String::new();
    let mut seen = Vec::new();
    loop {
        let headers = [("x-ms-continuation-token", token.as_str())];
        let page = app
            .client
            .send("GET", &format!("{BASE}/instances?top=3"), &headers, b"")
            .await;
        seen.extend(ids(&page));
        match page.header("x-ms-continuation-token") {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["m-a", "m-b", "m-c", "z"]);

    let delete = |path: &'static str| {
        let client = app.client;
        async move {
            shape(
                &client
                    .send("DELETE", &format!("{BASE}/instances{path}"), &[], b"")
                    .await,
            )
        }
    };
    assert_eq!(
        delete("/z").await,
        (412, r#""Only orchestrations in a terminal state can be purged, but the orchestration with instance ID z has status Running""#.into())
    );
    assert_eq!(
        delete("/m-a").await,
        (200, r#"{"instancesDeleted":1}"#.into())
    );
    assert_eq!(delete("/m-a").await, (404, String::new()));
    assert_eq!(
        delete("").await,
        (
            400,
            r#""Please provide value for 'createdTimeFrom' parameter.""#.into()
        )
    );
    assert_eq!(
        delete("?createdTimeFrom=2020-01-01&runtimeStatus=Failed,Completed").await,
        (200, r#"{"instancesDeleted":2}"#.into())
    );
    assert_eq!(
        delete("?createdTimeFrom=2020-01-01").await,
        (404, String::new())
    );
    assert_eq!(ids(&list("").await), ["z"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_starts_over_is_of_the_next_generation() {
    let app = TestApp::start().await;
    for generation in 0..3 {
        app.client.run("hello_orchestrator", "a", "\"x\"").await;
        let history = app.client.history("a").await;
        assert_eq!(history[0]["EventType"], "ExecutionStarted");
        assert_eq!(history[0]["Generation"], generation, "{history}");
    }
    app.stop().await;
}
