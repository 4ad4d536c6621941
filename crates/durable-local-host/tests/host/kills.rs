//! Nothing is lost when a process dies.

use std::collections::HashSet;
use std::time::Duration;

use durable_local_host::{LocalHostBuilder, StateLocation};
use serde_json::json;

use crate::app::{BASE, Client, Lines, PATIENCE, TestApp, handler_command, write_app};
use crate::process::{HostProcess, kill_9, signal};

/// The process that serves, by the line that it prints.
pub fn process_of(line: &str) -> u32 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_dies_over_an_activity_is_started_again() {
    let app = TestApp::start().await;
    let output = app
        .client
        .run(
            "call_activity",
            "a",
            r#"{"activity":"die_once","input":null}"#,
        )
        .await;
    assert_eq!(output["output"], json!({"ok": "survived"}));
    app.lines.wait_for("last lines: dying on purpose").await;
    app.lines.wait_for_nth("handler is up", 2).await;
    assert!(
        app.lines
            .all()
            .iter()
            .any(|line| line.contains("exit status: 9")),
        "{:?}",
        app.lines.all()
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_dies_over_a_turn_gets_it_again() {
    let app = TestApp::start().await;
    assert_eq!(
        app.client.run("misbehave", "m", "\"die\"").await["runtimeStatus"],
        "Completed"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_exits_with_0_is_started_again_with_a_remark() {
    let app = TestApp::start().await;
    assert_eq!(
        app.client.run("misbehave", "m", "\"die with 0\"").await["runtimeStatus"],
        "Completed"
    );
    app.lines
        .wait_for("On Azure the handler is not started again after exit code 0")
        .await;
    app.stop().await;
}

const CHAINS: usize = 20;
const STEPS: usize = 10;

/// Starts the chains of a round and waits until one of them has got on.
async fn begin_chains(client: &Client, lines: &Lines, round: usize) {
    let input = json!({ "n": STEPS }).to_string();
    for number in 0..CHAINS {
        let id = format!("c{round}-{number}");
        client.begin("chain", &id, &input).await;
    }
    lines.wait_for(&format!("  slow_hello  c{round}-")).await;
}

async fn chains_complete(client: &Client, round: usize) {
    for number in 0..CHAINS {
        let id = format!("c{round}-{number}");
        let status = client.until_status(&id, "Completed").await;
        assert_eq!(status["output"], STEPS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_handler_under_load_loses_nothing() {
    let app = TestApp::start().await;
    for round in 1..=3 {
        let line = app.lines.wait_for_nth("handler is up", round).await;
        begin_chains(&app.client, &app.lines, round).await;
        let handler = process_of(&line);
        // What is open now has a call at a handler that answers no more.
        signal("-STOP", handler);
        let path = format!("{BASE}/instances?runtimeStatus=Pending,Running");
        let open = app.client.get(&path).await.json();
        assert_ne!(open, json!([]), "nothing is under way in round {round}");
        kill_9(handler);
    }
    for round in 1..=3 {
        chains_complete(&app.client, round).await;
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_host_under_load_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    write_app(folder.path(), &host_json_of_handler());
    let arguments = ["--state", state.path().to_str().unwrap()];
    let start = || HostProcess::start(folder.path(), &arguments);
    let mut host = start().await;
    host.client().begin("timer", "t", r#"{"ms":300}"#).await;
    host.client()
        .begin("wait_events", "w", r#"{"count":2}"#)
        .await;
    host.client()
        .post(&format!("{BASE}/instances/w/raiseEvent/A"), "1")
        .await;
    for round in 1..=2 {
        let handler = process_of(&host.lines.wait_for("handler is up").await);
        begin_chains(&host.client(), &host.lines, round).await;
        kill_9(host.id());
        host.wait().await;
        // The handler goes with its host: its standard input has ended.
        wait_until_gone(handler).await;
        host = start().await;
        host.lines.wait_for("from the last run").await;
    }
    host.client()
        .post(&format!("{BASE}/instances/w/raiseEvent/B"), "2")
        .await;
    for round in 1..=2 {
        chains_complete(&host.client(), round).await;
    }
    assert_eq!(
        host.client().until_status("t", "Completed").await["output"],
        "fired"
    );
    assert_eq!(
        host.client().until_status("w", "Completed").await["output"],
        json!([["A", 1], ["B", 2]])
    );
    host.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_always_kills_the_handler_fails_in_the_end_also_after_a_restart_of_the_host() {
    let state = tempfile::tempdir().unwrap();
    let there =
        |builder: LocalHostBuilder| builder.state(StateLocation::Folder(state.path().to_owned()));
    let app = TestApp::start_with("{}", there).await;
    app.client.begin("misbehave", "m", "\"die always\"").await;
    app.client
        .begin("call_activity", "a", r#"{"activity":"die_always"}"#)
        .await;
    app.lines.wait_for_nth("handler is up", 4).await;
    let app = TestApp::start_in(app.stop().await, there).await;
    let turn = app.client.until_status("m", "Failed").await;
    let details = turn["output"]["details"].as_str().unwrap();
    assert!(details.contains("HttpIOException"), "{details}");
    let activity = app.client.until_status("a", "Completed").await;
    let chain = activity["output"]["failed"].to_string();
    assert!(chain.contains("HttpIOException"), "{chain}");
    // Ten deaths for each at most, and the start before them.
    let starts = app.lines.all();
    let starts = starts.iter().filter(|line| line.contains("handler is up"));
    assert!((2..=21).contains(&starts.count()));
    let others = app.client.run("hello_orchestrator", "h", "\"x\"").await;
    assert_eq!(others["output"], "Hello x!");
    app.stop().await;
}

/// A host.json that names this executable as the handler.
pub fn host_json_of_handler() -> String {
    let command = handler_command();
    let arguments: Vec<String> = command
        .args
        .iter()
        .map(|argument| argument.to_str().unwrap().to_owned())
        .collect();
    json!({"customHandler": {"description": {"defaultExecutablePath": command.program, "arguments": arguments}}}).to_string()
}

pub async fn wait_until_gone(process: u32) {
    let stat = format!("/proc/{process}/stat");
    let deadline = tokio::time::Instant::now() + PATIENCE;
    // A process that nobody has reaped yet is gone, too.
    while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(
            tokio::time::Instant::now() < deadline,
            "process {process} is still there"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_after_a_clean_stop() {
    let state = tempfile::tempdir().unwrap();
    let at_state =
        |builder: LocalHostBuilder| builder.state(StateLocation::Folder(state.path().to_owned()));
    let app = TestApp::start_with("{}", at_state).await;
    app.client.run("hello_orchestrator", "done", "\"x\"").await;
    app.client
        .begin("wait_events", "live", r#"{"count":1}"#)
        .await;
    app.client.until_status("live", "Running").await;
    let before = app.client.history("live").await;
    let folder = app.stop().await;
    let app = TestApp::start_in(folder, at_state).await;
    assert_eq!(app.client.status("done").await["output"], "Hello x!");
    assert_eq!(app.client.history("live").await, before);
    app.client
        .post(
            "/runtime/webhooks/durabletask/instances/live/raiseEvent/E",
            "5",
        )
        .await;
    assert_eq!(
        app.client.until_status("live", "Completed").await["output"],
        json!([["E", 5]])
    );
    let types: HashSet<String> = crate::app::event_types(&app.client.history("live").await)
        .into_iter()
        .collect();
    assert_eq!(types.len(), 3);
    app.stop().await;
}
