//! Handlers that a script starts, and those that want to clean up.

use durable_local_host::{HandlerCommand, StateLocation};

use crate::app::{TestApp, handler_command};
use crate::kills::{process_of, wait_until_gone};

/// The handler as the child of a shell, which runs `script`: `"$0" "$@"` is the handler.
fn wrapped(script: &str) -> HandlerCommand {
    let inner = handler_command();
    let mut args = vec!["-c".into(), script.into(), inner.program.into_os_string()];
    args.extend(inner.args);
    HandlerCommand {
        program: "sh".into(),
        args,
    }
}

async fn start(host_json: &str, script: &str) -> TestApp {
    TestApp::start_with(host_json, |builder| {
        builder
            .state(StateLocation::Memory)
            .handler(wrapped(script))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_wrapper_starts_is_killed_with_it() {
    // Whatever comes after the handler keeps the shell from becoming it.
    let app = start(
        r#"{"functionTimeout":"00:00:03"}"#,
        "\"$0\" \"$@\"; exit $?",
    )
    .await;
    let first = process_of(&app.lines.wait_for("handler is up").await);
    app.client
        .run("call_activity", "h", r#"{"activity":"hang","input":null}"#)
        .await;
    wait_until_gone(first).await;
    assert_eq!(
        app.client.run("hello_orchestrator", "a", "").await["output"],
        "Hello Seoul!"
    );
    let second = process_of(&app.lines.wait_for_nth("handler is up", 2).await);
    assert_ne!(first, second);
    app.stop().await;
    wait_until_gone(second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_wrapper_leaves_behind_is_killed_before_the_next_start() {
    let app = start("{}", "exec 3<&0; \"$0\" \"$@\" <&3 & echo wrapper $$; wait").await;
    let first = process_of(&app.lines.wait_for("handler is up").await);
    let wrapper = process_of(&app.lines.wait_for("wrapper ").await);
    crate::process::kill_9(wrapper);
    wait_until_gone(first).await;
    app.lines.wait_for_nth("handler is up", 2).await;
    assert_eq!(
        app.client.run("hello_orchestrator", "a", "").await["output"],
        "Hello Seoul!"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_may_clean_up_before_it_ends() {
    let script = "trap 'echo cleaning up; exit 0' TERM; exec 3<&0; \"$0\" \"$@\" <&3 & while :; do wait; done";
    let app = start("{}", script).await;
    let lines = app.lines.clone();
    app.stop().await;
    lines.wait_for("[handler] cleaning up").await;
}
