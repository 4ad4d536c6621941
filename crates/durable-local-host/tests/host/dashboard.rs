//! The dashboard's files and reads. What it looks like is tested in a browser: `tests/browser`.

use serde_json::Value;

use crate::app::{BASE, Client, TestApp, write, write_app};

async fn read(client: Client, path: &str) -> Value {
    let answer = client.get(&format!("/dashboard/api/{path}")).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

fn ids(list: &Value) -> Vec<&str> {
    let list = list["instances"].as_array().unwrap();
    list.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

fn types(instance: &Value) -> Vec<&str> {
    let events = instance["history"]["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_may_load_nothing_from_elsewhere() {
    let app = TestApp::start().await;
    let page = app.client.get("/dashboard").await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    // All that the page names is there.
    let text = page.text();
    let files: Vec<&str> = text
        .split('"')
        .filter(|part| part.starts_with("/dashboard/"))
        .collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let answer = app.client.get(file).await;
        assert_eq!(answer.status, 200, "{file}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{file}"
        );
    }
    for path in [
        "/dashboard/../host.json",
        "/dashboard/assets/../../host.json",
        "/dashboard/assets/%2e%2e/host.json",
        "/dashboard/assets/",
        "/dashboard/api/",
        "/dashboard/api/nothing",
    ] {
        assert_eq!(app.client.get(path).await.status, 404, "{path}");
    }
    let posted = app.client.post("/dashboard/api/overview", "{}").await;
    assert_eq!(
        (posted.status, posted.header("allow")),
        (405, Some("GET, HEAD"))
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_are_found_by_name_status_and_beginning() {
    let app = TestApp::start().await;
    app.client
        .run("hello_orchestrator", "one", "\"Oslo\"")
        .await;
    app.client.run("fail", "two", "{}").await;
    app.client.begin("timer", "three", r#"{"ms":600000}"#).await;
    app.client.until_status("three", "Running").await;
    assert_eq!(
        ids(&read(app.client, "instances").await),
        ["three", "two", "one"]
    );
    assert_eq!(
        ids(&read(app.client, "instances?status=Failed,Running").await),
        ["three", "two"]
    );
    assert_eq!(ids(&read(app.client, "instances?name=ELLO").await), ["one"]);
    assert_eq!(
        ids(&read(app.client, "instances?prefix=t&status=Failed").await),
        ["two"]
    );
    let first = read(app.client, "instances?top=2").await;
    assert_eq!(ids(&first), ["three", "two"]);
    let next = first["next"].as_str().unwrap();
    let second = read(app.client, &format!("instances?top=2&after={next}")).await;
    assert_eq!((ids(&second), &second["next"]), (vec!["one"], &Value::Null));
    let wrong = app
        .client
        .get("/dashboard/api/instances?status=failed")
        .await;
    assert_eq!(wrong.status, 400);
    let overview = read(app.client, "overview").await;
    assert_eq!(
        overview["statuses"],
        serde_json::json!({"Completed": 1, "Failed": 1, "Running": 1})
    );
    assert_eq!(overview["ended"].as_array().unwrap().len(), 60);
    assert!(
        overview["orchestrators"]
            .as_array()
            .unwrap()
            .contains(&"wait_events".into())
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_followed_down_to_the_activity() {
    let app = TestApp::start().await;
    let input = r#"{"child":"call_activity","rethrow":true,"input":{"activity":"fail_problem","input":"7","rethrow":true}}"#;
    assert_eq!(
        app.client.run("parent", "top", input).await["runtimeStatus"],
        "Failed"
    );
    let top = read(app.client, "instance?id=top").await;
    let failure = &top["failure"];
    assert_eq!(failure["links"][0]["type"], "my::Stopped");
    let call = &failure["call"];
    assert_eq!(
        (call["kind"].as_str(), call["name"].as_str()),
        (Some("activity"), Some("fail_problem"))
    );
    assert_eq!(
        (call["caused"].as_bool(), call["attempts"].as_u64()),
        (Some(true), Some(1))
    );
    assert_eq!(call["path"][0]["id"], "top");
    assert_eq!(call["path"][1]["id"], "top-child0");
    let child = read(app.client, "instance?id=top-child0").await;
    assert_eq!(
        child["parent"],
        serde_json::json!({"id": "top", "name": "parent"})
    );
    let index = call["index"].as_u64().unwrap() as usize;
    assert_eq!(types(&child)[index], "TaskFailed");
    // One that fails by itself has no call to blame.
    app.client.run("fail", "alone", "{}").await;
    let alone = read(app.client, "instance?id=alone").await;
    assert_eq!(
        (
            &alone["failure"]["call"],
            &alone["failure"]["links"][1]["type"]
        ),
        (&Value::Null, &"my::Cause".into())
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_added_to_a_history_is_sent_again() {
    let app = TestApp::start().await;
    app.client.begin("wait_events", "w", r#"{"count":2}"#).await;
    app.client.until_status("w", "Running").await;
    let before = read(app.client, "instance?id=w").await;
    let known = before["history"]["events"].as_array().unwrap().len();
    let (turns, digest) = (
        &before["history"]["turns"],
        before["history"]["digest"].as_str().unwrap(),
    );
    // The wait is there before the change.
    let mark = before["mark"].as_str().unwrap().to_owned();
    let client = app.client;
    let waiting =
        tokio::spawn(async move { read(client, &format!("changes?id=w&mark={mark}")).await });
    let event = format!("{BASE}/instances/w/raiseEvent/go");
    let (raised, changed) = tokio::join!(app.client.post(&event, "1"), waiting);
    assert_eq!(raised.status, 202);
    assert_ne!(changed.unwrap()["mark"], before["mark"]);
    let path = format!("instance?id=w&turns={turns}&digest={digest}&events={known}");
    let after = read(app.client, &path).await;
    assert_eq!(after["history"]["added"], true);
    assert_eq!(after["history"]["events"][0]["index"], known);
    assert!(types(&after).contains(&"EventRaised"));
    assert!(!types(&after).contains(&"ExecutionStarted"));
    // A history that does not begin so is sent whole.
    let other = read(
        app.client,
        &format!("instance?id=w&turns={turns}&digest=0&events={known}"),
    )
    .await;
    assert_eq!(
        (&other["history"]["added"], types(&other)[1]),
        (&false.into(), "ExecutionStarted")
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_any_change_and_with_the_host() {
    let app = TestApp::start().await;
    let overview = read(app.client, "overview").await;
    let mark = overview["mark"].as_str().unwrap().to_owned();
    let client = app.client;
    let waiting = tokio::spawn(async move { read(client, &format!("changes?mark={mark}")).await });
    app.client.run("hello_orchestrator", "a", "\"x\"").await;
    let now = waiting.await.unwrap();
    assert_ne!(now["mark"], overview["mark"]);
    let gone = read(app.client, "changes?id=nobody&mark=").await;
    assert_eq!(gone["mark"], "gone");
    // Those who wait do not hold up the end of the host.
    let mark = read(app.client, "overview").await["mark"]
        .as_str()
        .unwrap()
        .to_owned();
    let waits = [
        format!("changes?mark={mark}"),
        "changes?id=nobody&mark=gone".to_owned(),
    ];
    let mut streams = Vec::new();
    for wait in waits {
        use tokio::io::AsyncWriteExt;
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", app.client.port))
            .await
            .unwrap();
        let head = format!("GET /dashboard/api/{wait} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    // Whether the host has begun with those two or not: neither holds it up.
    read(app.client, "overview").await;
    tokio::time::timeout(crate::app::PATIENCE / 4, app.stop())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn long_values_are_cut_and_can_be_had_whole() {
    let app = TestApp::start().await;
    let long = "ä".repeat(30_000);
    let input = format!(r#"{{"activity":"echo","input":"{long}"}}"#);
    app.client.run("call_activity", "long", &input).await;
    let instance = read(app.client, "instance?id=long").await;
    let cut = &instance["input"];
    assert_eq!(cut["text"].as_str().unwrap().chars().count(), 20_000);
    assert_eq!(cut["length"], input.len());
    let whole = app
        .client
        .get("/dashboard/api/value?id=long&part=input")
        .await;
    assert_eq!(whole.text(), input);
    assert_eq!(
        whole.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    let events = instance["history"]["events"].as_array().unwrap();
    let done = events
        .iter()
        .find(|event| event["type"] == "TaskCompleted")
        .unwrap();
    assert_eq!(
        done["result"]["text"].as_str().unwrap().chars().count(),
        2_000
    );
    let whole = read(
        app.client,
        &format!("event?id=long&index={}", done["index"]),
    )
    .await;
    assert_eq!(whole["result"]["text"], format!("\"{long}\""));
    let message = "no ".repeat(2_000);
    let input = serde_json::json!({ "message": message }).to_string();
    app.client.run("fail", "failed", &input).await;
    let failed = read(app.client, "instance?id=failed").await;
    assert!(failed["failure"]["links"][0]["message"]["length"].is_u64());
    let whole = read(app.client, "failure?id=failed").await;
    let told = whole["links"][0]["message"]["text"].as_str().unwrap();
    assert!(told.contains(&message), "{} characters", told.len());
    let not_failed = app.client.get("/dashboard/api/failure?id=long").await;
    assert_eq!(not_failed.status, 400);
    let beyond = app
        .client
        .get("/dashboard/api/event?id=long&index=999")
        .await;
    assert_eq!(beyond.status, 400);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    write_app(folder.path(), "{}");
    write(
        folder.path(),
        "local.settings.json",
        r#"{"Values":{"FUNCTIONS_WORKER_RUNTIME":"custom","TEST_HANDLER":"1","MY_SECRET":"hunter2-hunter2"}}"#,
    );
    let app = TestApp::start_in(folder, |builder| builder).await;
    app.client.run("hello_orchestrator", "a", "\"x\"").await;
    for path in [
        "/dashboard",
        "/dashboard/api/overview",
        "/dashboard/api/instances",
        "/dashboard/api/instance?id=a",
        "/dashboard/api/value?id=a&part=input",
        "/dashboard/local.settings.json",
        "/local.settings.json",
        "/dashboard/../local.settings.json",
        &format!("{BASE}/instances"),
        &format!("{BASE}/instances/a?showHistory=true&showHistoryOutput=true"),
        &format!("{BASE}/local.settings.json"),
        "/admin/host/status",
    ] {
        let answer = app.client.get(path).await;
        assert!(!answer.text().contains("hunter2"), "{path}");
        assert!(!answer.text().contains("MY_SECRET"), "{path}");
    }
    assert!(!app.lines.all().iter().any(|line| line.contains("hunter2")));
    app.stop().await;
}
