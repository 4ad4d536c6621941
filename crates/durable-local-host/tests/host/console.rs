//! What the host prints while it runs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::app::{TestApp, handler_command, write, write_app};
use crate::process::HostProcess;

/// An app with the test handler in its host.json.
fn app() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let command = handler_command();
    let arguments: Vec<_> = command
        .args
        .iter()
        .map(|argument| argument.to_str().unwrap())
        .collect();
    let description = json!({"defaultExecutablePath": command.program, "arguments": arguments});
    let host_json = json!({"customHandler": {"description": description}}).to_string();
    write_app(folder.path(), &host_json);
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn each_invocation_is_a_line() {
    let folder = app();
    let host = HostProcess::start(folder.path(), &["--memory"]).await;
    let path = "/api/orchestrators/hello_orchestrator?instanceId=a&code=s3cret";
    assert_eq!(host.client().post(path, "").await.status, 202);
    host.client().until_status("a", "Completed").await;
    host.lines
        .wait_for("hello_orchestrator  a  completed")
        .await;
    host.lines
        .wait_for("http_start  POST /api/orchestrators/hello_orchestrator -> 202  (")
        .await;
    let lines = host.lines.all();
    let with = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(with("  hello_orchestrator  a  waits  ("), 1, "{lines:#?}");
    assert_eq!(with("  hello  a  ("), 1, "{lines:#?}");
    assert_eq!(with("s3cret"), 0, "{lines:#?}");
    assert_eq!(with("\u{1b}"), 0, "{lines:#?}");
    assert_eq!(with("/runtime/webhooks"), 0, "requests are details");
    host.client().run("fail", "f", "").await;
    host.lines.wait_for("FAILED").await;
    host.client()
        .run("program", "p", r#"[["call","k","add",5]]"#)
        .await;
    host.lines
        .wait_for("counter  @counter@k  1 operation  (")
        .await;
    host.client()
        .run("call_activity", "l", r#"{"activity":"logs","input":null}"#)
        .await;
    host.lines.wait_for("  [logs] second line").await;
    let up = host.lines.wait_for("handler is up").await;
    assert!(up.contains("  [handler] "), "{up}");
    host.lines
        .wait_for("  [handler!] a warning of the handler")
        .await;
    assert!(host.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn details_are_told_when_asked_for() {
    let folder = app();
    let host = HostProcess::start(folder.path(), &["--memory", "--verbose"]).await;
    host.client().run("hello_orchestrator", "a", "").await;
    host.lines
        .wait_for(". a: 2 new events; asks for hello")
        .await;
    host.lines.wait_for(". hello  a  begins  (").await;
    host.lines
        .wait_for(". GET /runtime/webhooks/durabletask/instances/a -> 200 in ")
        .await;
    assert!(host.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_there_when_asked_for() {
    let folder = app();
    let host = HostProcess::start(folder.path(), &["--memory", "--color", "always"]).await;
    host.client().run("hello_orchestrator", "a", "").await;
    host.lines.wait_for("\u{1b}[32mok    \u{1b}[0m").await;
    assert!(host.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn json_logs_are_an_object_a_line() {
    let folder = app();
    write(
        folder.path(),
        "nightly/function.json",
        r#"{"bindings":[{"name":"t","type":"queueTrigger"}]}"#,
    );
    let host = HostProcess::start(folder.path(), &["--memory", "--log", "json"]).await;
    host.client().run("hello_orchestrator", "a", "").await;
    host.client().run("fail", "f", "").await;
    host.client().run("misbehave", "p", "\"null\"").await;
    host.lines.wait_for(r#""instanceId":"f""#).await;
    host.lines.wait_for("a warning of the handler").await;
    let lines = host.lines.clone();
    assert!(host.terminate().await.success());
    lines.wait_for("Stopping.").await;
    let entries: Vec<Value> = lines
        .all()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for entry in &entries {
        for name in ["timestamp", "level", "source", "message"] {
            assert!(entry[name].is_string(), "{entry}");
        }
    }
    let levels: BTreeSet<&str> = entries
        .iter()
        .map(|entry| entry["level"].as_str().unwrap())
        .collect();
    assert_eq!(levels, BTreeSet::from(["error", "info", "warning"]));
    let of = |function: &str| -> Vec<&Value> {
        entries
            .iter()
            .filter(|entry| entry["source"] == "invocation" && entry["function"] == function)
            .collect()
    };
    let turns = of("hello_orchestrator");
    assert_eq!(turns.len(), 2, "{turns:?}");
    for turn in turns.iter().chain(&of("hello")) {
        assert_eq!(
            (&turn["instanceId"], &turn["outcome"]),
            (&json!("a"), &json!("ok"))
        );
        assert!(turn["invocationId"].as_str().unwrap().len() == 36 && turn["durationMs"].is_f64());
    }
    assert_eq!(of("hello").len(), 1);
    assert_eq!(of("fail")[0]["outcome"], "failed");
    let problems: Vec<&Value> = entries
        .iter()
        .filter(|entry| entry["source"] == "host" && entry["instanceId"] == "p")
        .collect();
    let turn = of("misbehave")[0];
    assert_eq!(problems.len(), 1, "{entries:#?}");
    for name in ["function", "invocationId"] {
        assert_eq!(problems[0][name], turn[name], "{entries:#?}");
    }
    // What is wrong is said, and not only that something is.
    let cause = problems[0]["message"].as_str().unwrap();
    assert!(cause.contains("Exception: "), "{cause}");
    let told = |text: &str| {
        entries
            .iter()
            .any(|entry| entry["message"].as_str().unwrap().contains(text))
    };
    assert!(told("nightly: not served"), "{entries:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_functions_are_listed_first_and_skipped_ones_last() {
    let folder = tempfile::tempdir().unwrap();
    write_app(folder.path(), "{}");
    write(
        folder.path(),
        "a_queue/function.json",
        r#"{"bindings":[{"name":"q","type":"queueTrigger"}]}"#,
    );
    let app = TestApp::start_in(folder, |builder| builder).await;
    app.lines.wait_for("Task hub").await;
    let lines = app.lines.all();
    let place = |text: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(text))
            .unwrap()
    };
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("! a_queue/function.json: the function is skipped"))
    );
    assert!(place("\thttp_start: [POST]") < place("\tchain: orchestrationTrigger"));
    assert!(place("\tsquare: activityTrigger") < place("\ta_queue: not served"));
    app.client.run("hello_orchestrator", "a", "").await;
    // Those who take lines themselves get invocations too.
    let line = app.lines.wait_for("hello_orchestrator  a  completed").await;
    assert!(line.starts_with("ok  "), "{line}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_output_nobody_reads_works_and_ends() {
    use std::process::Stdio;
    use tokio::io::AsyncBufReadExt;

    let folder = app();
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_durable-local-host"))
        .args(["start", "--port", "0", "--memory", "--verbose", "--app"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = tokio::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let port = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some(rest) = line.strip_prefix("Listening on http://localhost:") {
            break rest.split('.').next().unwrap().parse().unwrap();
        }
    };
    // From here on the pipe fills up: each request is a line, and a pipe holds 64 KiB.
    let client = crate::app::Client { port };
    for _ in 0..2000 {
        client
            .get("/runtime/webhooks/durabletask/instances/nobody")
            .await;
    }
    let status = client.run("hello_orchestrator", "a", "").await;
    assert_eq!(status["output"], "Hello Seoul!");
    crate::process::signal("-TERM", child.id().unwrap());
    let ended = tokio::time::timeout(crate::app::PATIENCE, child.wait()).await;
    assert!(ended.unwrap().unwrap().success());
    drop(lines);
}
