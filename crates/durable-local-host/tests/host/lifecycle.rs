//! Starting, stopping, and what is said when that does not work.

use std::net::Ipv4Addr;

use durable_local_host::{Error, HandlerCommand, LocalHost, StartArgs, StateLocation};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::app::{BASE, PATIENCE, TestApp, handler_command, write, write_app};
use crate::process::{HostProcess, signal};

async fn error_of(files: &[(&str, &str)], handler: Option<HandlerCommand>) -> Error {
    let folder = tempfile::tempdir().unwrap();
    files
        .iter()
        .for_each(|(path, text)| write(folder.path(), path, text));
    let mut builder = LocalHost::builder()
        .app(folder.path())
        .state(StateLocation::Memory);
    if let Some(command) = handler {
        builder = builder.handler(command);
    }
    builder.start().await.err().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_are_listed_as_func_start_does() {
    let app = TestApp::start().await;
    let port = app.client.port;
    app.lines
        .wait_for(&format!(
            "\thttp_start: [POST] http://localhost:{port}/api/orchestrators/{{functionName}}\n"
        ))
        .await;
    app.lines
        .wait_for(&format!(
            "\thttp_rest: http://localhost:{port}/api/typed/{{*rest}}\n"
        ))
        .await;
    app.lines.wait_for("\thello: activityTrigger\n").await;
    app.lines
        .wait_for("\thello_orchestrator: orchestrationTrigger\n")
        .await;
    app.lines
        .wait_for("[handler!] a warning of the handler")
        .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_is_told_as_it_is() {
    let app = TestApp::start_with("{}", |builder| {
        builder.memory().bind(Ipv4Addr::new(127, 0, 0, 2).into())
    })
    .await;
    let host = app.host.as_ref().unwrap();
    let authority = format!("127.0.0.2:{}", host.port());
    assert_eq!(host.url(), format!("http://{authority}"));
    app.lines
        .wait_for(&format!("Dashboard: http://{authority}/dashboard"))
        .await;
    app.lines
        .wait_for(&format!("http://{authority}/api/typed/"))
        .await;
    let mut stream = TcpStream::connect(&authority).await.unwrap();
    let request =
        format!("GET /api/plain/1 HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let envelope: serde_json::Value = serde_json::from_str(body).unwrap();
    let binding = envelope["Data"]["client"].as_str().unwrap();
    let base = format!("http://{authority}/runtime/webhooks/durabletask");
    assert!(binding.contains(&base), "{binding}");

    let taken = LocalHost::builder()
        .app(app.folder.path())
        .bind(Ipv4Addr::new(127, 0, 0, 2).into())
        .port(host.port());
    let error = taken.start().await.unwrap_err().to_string();
    assert!(error.contains("on 127.0.0.2 is in use"), "{error}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_function_is_skipped_and_told() {
    let folder = tempfile::tempdir().unwrap();
    write_app(folder.path(), "{}");
    write(
        folder.path(),
        "broken/function.json",
        r#"{"bindings":[{"name":"in_put","type":"activityTrigger","direction":"in"}]}"#,
    );
    write(
        folder.path(),
        "odd/function.json",
        r#"{"bindings":[{"name":"req","type":"httpTrigger","route":"{a}{b}"},{"name":"res","type":"http","direction":"out"}]}"#,
    );
    let app = TestApp::start_in(folder, |builder| builder).await;
    app.lines.wait_for("! broken/function.json: the function is skipped: bindings[0]: `in_put` can't be a binding name").await;
    app.lines
        .wait_for("odd/function.json: the route cannot be read")
        .await;
    assert_eq!(app.client.get("/api/plain/1").await.status, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_the_host_from_starting_is_told() {
    assert!(matches!(error_of(&[], None).await, Error::NoHostJson(_)));
    let broken = error_of(&[("host.json", "{\n oops")], None)
        .await
        .to_string();
    assert!(broken.contains("host.json:2:"), "{broken}");
    let settings = error_of(&[("host.json", "{}"), ("local.settings.json", "[]")], None)
        .await
        .to_string();
    assert!(settings.contains("local.settings.json:1:1"), "{settings}");
    let unnamed = error_of(&[("host.json", "{}")], None).await.to_string();
    assert!(
        unnamed.contains("customHandler.description.defaultExecutablePath"),
        "{unnamed}"
    );
    let missing = error_of(
        &[(
            "host.json",
            r#"{"customHandler":{"description":{"defaultExecutablePath":"bin/h"}}}"#,
        )],
        None,
    )
    .await;
    assert!(matches!(missing, Error::HandlerMissing { .. }), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_never_gets_ready_is_told_with_its_last_lines() {
    let settings = r#"{"Values":{"FUNCTIONS_WORKER_RUNTIME":"custom","TEST_HANDLER":"dies"}}"#;
    let error = error_of(
        &[("host.json", "{}"), ("local.settings.json", settings)],
        Some(handler_command()),
    )
    .await;
    let text = error.to_string();
    assert!(
        text.contains("exit status: 3") && text.contains("no database"),
        "{text}"
    );

    // One that runs but does not listen.
    let silent = HandlerCommand {
        program: "sleep".into(),
        args: vec!["600".into()],
    };
    let quick = r#"{"customHandler":{"initializationTimeout":"00:00:00.3"}}"#;
    let text = error_of(&[("host.json", quick)], Some(silent))
        .await
        .to_string();
    assert!(
        text.contains("FUNCTIONS_CUSTOMHANDLER_PORT") && text.contains("initializationTimeout"),
        "{text}"
    );

    let nothing = HandlerCommand {
        program: "/no/such/program".into(),
        args: vec![],
    };
    let error = error_of(&[("host.json", "{}")], Some(nothing)).await;
    assert!(matches!(error, Error::HandlerStart { .. }), "{error}");
    assert!(error.to_string().contains("/no/such/program"), "{error}");

    // A file without its executable bit, which host.json names.
    let named = r#"{"customHandler":{"description":{"defaultExecutablePath":"run.sh"}}}"#;
    let error = error_of(&[("host.json", named), ("run.sh", "#!/bin/sh\n")], None).await;
    assert!(error.to_string().contains("chmod +x /"), "{error}");

    let idle = HandlerCommand::new("true");
    let text = error_of(&[("host.json", "{}")], Some(idle))
        .await
        .to_string();
    assert!(
        text.contains("exited with code 0 each of the 3 times") && !text.contains("started again"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_waits_for_its_handler_says_so_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let host_json = r#"{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"sleep","arguments":["600"]}}}"#;
    write(folder.path(), "host.json", host_json);
    let mut host = HostProcess::spawn(folder.path(), &["--port", "0", "--memory"]);
    let line = host.lines.wait_for("waiting for `").await;
    assert!(
        line.contains("sleep 600` to answer on port ")
            && line.contains("initializationTimeout, 30s"),
        "{line}"
    );
    signal("-TERM", host.id());
    assert_eq!(host.wait().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    write_app(folder.path(), "{}");
    let mut host = HostProcess::spawn(folder.path(), &["--port", &port.to_string(), "--memory"]);
    let line = host.lines.wait_for("is in use").await;
    assert!(
        line.contains(&format!("port {port}")) && line.contains("--port N"),
        "{line}"
    );
    assert_eq!(host.wait().await.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_do_not_share_a_state() {
    let state = tempfile::tempdir().unwrap();
    let app = TestApp::start_with("{}", |builder| {
        builder.state(StateLocation::Folder(state.path().to_owned()))
    })
    .await;
    let second = LocalHost::builder()
        .app(app.folder.path())
        .state(StateLocation::Folder(state.path().to_owned()))
        .handler(handler_command())
        .start()
        .await
        .err()
        .unwrap();
    assert!(
        second.to_string().contains("another host is using it"),
        "{second}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_stop_both_processes() {
    for name in ["-TERM", "-INT", "-HUP"] {
        let folder = tempfile::tempdir().unwrap();
        let command = handler_command();
        let arguments: Vec<_> = command
            .args
            .iter()
            .map(|argument| argument.to_str().unwrap())
            .collect();
        let description = json!({"defaultExecutablePath": command.program, "arguments": arguments});
        write_app(
            folder.path(),
            &json!({"customHandler": {"description": description}}).to_string(),
        );
        let mut host = HostProcess::start(folder.path(), &[]).await;
        assert_eq!(
            host.client().run("hello_orchestrator", "a", "").await["output"],
            "Hello Seoul!"
        );
        let handler = host
            .lines
            .wait_for("handler is up")
            .await
            .rsplit(' ')
            .next()
            .unwrap()
            .to_owned();
        let state = host.lines.wait_for("Orchestrations are kept in ").await;
        let state = state.split("kept in ").nth(1).unwrap();
        let state = state.split(" until").next().unwrap();
        assert!(std::path::Path::new(state).is_dir(), "{state}");
        signal(name, host.id());
        assert_eq!(host.wait().await.code(), Some(0), "{:?}", host.lines.all());
        assert!(
            !std::path::Path::new(&format!("/proc/{handler}")).exists(),
            "the handler is still there"
        );
        assert!(!std::path::Path::new(state).exists(), "{state}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_state_goes_with_the_host() {
    let app = TestApp::start_with("{}", |builder| builder).await;
    let line = app.lines.wait_for("Orchestrations are kept in ").await;
    let folder = line
        .split("kept in ")
        .nth(1)
        .unwrap()
        .split(" until")
        .next()
        .unwrap()
        .to_owned();
    assert!(
        std::path::Path::new(&folder)
            .join("testhubname.sqlite3")
            .is_file(),
        "{folder}"
    );
    app.client.run("hello_orchestrator", "a", "").await;
    app.stop().await;
    assert!(!std::path::Path::new(&folder).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_takes_too_long_takes_the_handler_with_it() {
    let app = TestApp::start_with(r#"{"functionTimeout":"00:00:03"}"#, |builder| builder).await;
    let output = app
        .client
        .run("call_activity", "h", r#"{"activity":"hang","input":null}"#)
        .await["output"]
        .clone();
    assert_eq!(
        output["failed"][1],
        json!([
            "Microsoft.Azure.WebJobs.Host.FunctionTimeoutException",
            "Timeout value of 00:00:03 was exceeded by function: Functions.hang"
        ])
    );
    app.lines.wait_for("longer than functionTimeout").await;
    assert_eq!(
        app.client.run("hello_orchestrator", "a", "").await["output"],
        "Hello Seoul!"
    );
    app.stop().await;
}

#[test]
fn the_defaults_are_those_of_func_start() {
    let args = StartArgs::default();
    assert_eq!(
        (args.port, args.app, args.state, args.memory),
        (None, None, None, false)
    );
}

async fn stops(app: TestApp) {
    let stopped = tokio::time::timeout(PATIENCE, app.stop()).await;
    drop(stopped.expect("it does not stop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_finish_its_request_does_not_keep_the_host() {
    let app = TestApp::start().await;
    let mut client = TcpStream::connect(("127.0.0.1", app.client.port))
        .await
        .unwrap();
    let head = format!(
        "POST {BASE}/orchestrators/hello_orchestrator HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    // The host is reading the body when it says so.
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    client.write_all(b"12345").await.unwrap();
    stops(app).await;
    drop(client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_the_host_itself_does_not_keep_it() {
    let app = TestApp::start().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let input = json!({
        "activity": "BuiltIn::HttpActivity",
        "input": [{"method": "GET", "uri": url, "timeout": "1.00:00:00"}],
    });
    app.client
        .begin("call_activity", "a", &input.to_string())
        .await;
    let (_connection, _) = silent.accept().await.unwrap();
    stops(app).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_dropped_takes_its_handler_with_it() {
    let mut app = TestApp::start().await;
    let line = app.lines.wait_for("handler is up").await;
    drop(app.host.take());
    crate::kills::wait_until_gone(crate::kills::process_of(&line)).await;
}
