//! Faults of the host itself. What panics here is the console of the program that runs the host, in
//! the middle of the host's work.

use std::sync::atomic::{AtomicU32, Ordering};

use durable_local_host::{ConsoleLine, ConsoleSource};
use serde_json::json;

use crate::app::{BASE, Lines, TestApp};

/// An app on whose console there is no room for the first lines about calls of a function for an
/// instance.
async fn app_without_room(
    function: &'static str,
    instance: &'static str,
    times: u32,
) -> (TestApp, Lines) {
    let lines = Lines::new();
    let sink = lines.clone();
    let count = AtomicU32::new(0);
    let app = TestApp::start_with("{}", |builder| {
        builder.memory().console(move |line: ConsoleLine| {
            let meant = line.source == ConsoleSource::Executed
                && line.function.as_deref() == Some(function)
                && line.instance_id.as_deref() == Some(instance);
            if meant && count.fetch_add(1, Ordering::SeqCst) < times {
                panic!("no room");
            }
            sink.push(line.to_string());
        })
    })
    .await;
    (app, lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_at_which_the_host_failed_comes_again() {
    let (app, lines) = app_without_room("hello_orchestrator", "a", 2).await;
    let status = app.client.run("hello_orchestrator", "a", "").await;
    assert_eq!(status["output"], "Hello Seoul!");
    lines
        .wait_for_nth("! a: the host itself failed: no room; it is tried again", 2)
        .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orchestration_at_which_the_host_always_fails_fails() {
    let (app, lines) = app_without_room("hello_orchestrator", "a", u32::MAX).await;
    let status = app.client.run("hello_orchestrator", "a", "").await;
    assert_eq!(status["runtimeStatus"], "Failed");
    let output = status["output"].to_string();
    assert!(
        output.contains("The host itself failed: no room."),
        "{output}"
    );
    lines
        .wait_for("a: the host itself failed: no room; it fails now")
        .await;
    // Others do not mind.
    let status = app.client.run("hello_orchestrator", "b", "").await;
    assert_eq!(status["output"], "Hello Seoul!");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_at_which_the_host_failed_fails() {
    let (app, lines) = app_without_room("hello", "a", u32::MAX).await;
    let status = app.client.run("hello_orchestrator", "a", "").await;
    assert_eq!(status["runtimeStatus"], "Failed");
    let history = app.client.history("a").await.to_string();
    assert!(
        history.contains("The host itself failed: no room."),
        "{history}"
    );
    lines
        .wait_for("a: the host itself failed: no room; the task fails")
        .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_at_which_the_host_failed_goes_on() {
    let (app, lines) = app_without_room("counter", "@counter@a", 4).await;
    let signal = format!("{BASE}/entities/counter/a?op=add");
    // Tried three times, then it fails, and nobody waits for a signal.
    app.client.post(&signal, "1").await;
    lines
        .wait_for("@counter@a: the host itself failed: no room; it fails now")
        .await;
    // This one succeeds with the second attempt.
    app.client.post(&signal, "10").await;
    let path = format!("{BASE}/entities/counter/a");
    let deadline = tokio::time::Instant::now() + crate::app::PATIENCE;
    loop {
        let answer = app.client.get(&path).await;
        if answer.status == 200 && answer.json() == json!(10) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{}", answer.text());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    app.stop().await;
}
