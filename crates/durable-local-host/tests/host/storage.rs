//! A state that can't be used, or can't be written for a while, is told and loses nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use durable_functions_protocol::proto::CleanEntityStorageRequest;
use durable_local_host::{Error, LocalHost, LocalHostBuilder, StateLocation};
use rusqlite::Connection;
use serde_json::Value;
use tonic::Code;

use crate::app::{BASE, TestApp, handler_command, write_app};
use crate::kills::{host_json_of_handler, process_of};
use crate::process::{HostProcess, signal};
use crate::rpc::Rpc;

const FILE: &str = "testhubname.sqlite3";

fn at(state: &Path) -> impl FnOnce(LocalHostBuilder) -> LocalHostBuilder {
    let location = StateLocation::Folder(state.to_owned());
    |builder| builder.state(location)
}

/// Why a host does not start with that state.
async fn refusal(state: &Path) -> String {
    let app = tempfile::tempdir().unwrap();
    write_app(app.path(), "{}");
    let builder = LocalHost::builder()
        .app(app.path())
        .handler(handler_command());
    let error: Error = at(state)(builder).start().await.unwrap_err();
    error.to_string()
}

/// A state with an instance that has ended and one that waits.
async fn used_state() -> (tempfile::TempDir, PathBuf) {
    let state = tempfile::tempdir().unwrap();
    let app = TestApp::start_with("{}", at(state.path())).await;
    app.client.run("hello_orchestrator", "done", "\"x\"").await;
    app.client
        .begin("wait_events", "live", r#"{"count":1}"#)
        .await;
    app.client.until_status("live", "Running").await;
    app.stop().await;
    let file = state.path().join(FILE);
    assert!(file.is_file());
    (state, file)
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let parent = tempfile::tempdir().unwrap();
    for with_keys in [false, true] {
        let state = parent.path().join(format!("state-{with_keys}"));
        let app = TestApp::start_with("{}", |builder| {
            let builder = at(&state)(builder);
            if with_keys {
                builder.enable_auth()
            } else {
                builder
            }
        })
        .await;
        assert_eq!(mode(&state), 0o700);
        let files: Vec<PathBuf> = std::fs::read_dir(&state)
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        assert!(files.contains(&state.join(FILE)), "{files:?}");
        for file in files {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
        app.stop().await;
    }
    // What is there already stays as it was.
    let shared = parent.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o755)).unwrap();
    TestApp::start_with("{}", at(&shared)).await.stop().await;
    assert_eq!(mode(&shared), 0o755);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_a_file_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    std::fs::write(&file, "").unwrap();
    let error = refusal(&file).await;
    assert!(error.contains(&file.display().to_string()), "{error}");
    assert!(
        error.contains("Choose a folder that you may write to with --state DIR"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_is_refused_with_what_to_do() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join(FILE);
    std::fs::write(&file, "something else altogether ".repeat(500)).unwrap();
    let error = refusal(state.path()).await;
    assert!(error.contains(&file.display().to_string()), "{error}");
    assert!(error.contains("The file is damaged"), "{error}");
}

/// An entity whose status or state is not what the host writes is not taken for one without them,
/// which would be cleaned away.
#[tokio::test(flavor = "multi_thread")]
async fn an_entity_that_cannot_be_read_is_told_and_kept() {
    let state = tempfile::tempdir().unwrap();
    let app = TestApp::start_with("{}", at(state.path())).await;
    let path = format!("{BASE}/entities/counter/a");
    app.client.post(&format!("{path}?op=add"), "5").await;
    let exists = |status: &Value| status["customStatus"]["entityExists"] == true;
    app.client.until("@counter@a", exists).await;
    app.stop().await;
    let change = |text: &str| {
        let connection = Connection::open(state.path().join(FILE)).unwrap();
        let changed = connection.execute(text, []).unwrap();
        assert_eq!(changed, 1);
    };
    for (damage, route) in [
        (
            "UPDATE instances SET custom_status = '{\"entityExists\":true'",
            "entities",
        ),
        (
            "UPDATE instances SET custom_status = '{}', input = '{\"state\":5}'",
            "entities/counter/a",
        ),
    ] {
        change(damage);
        let app =
            TestApp::start_with("{}", |builder| at(state.path())(builder).manual_time()).await;
        let host = app.host.as_ref().unwrap();
        host.advance(Duration::from_secs(86_400)).await.unwrap();
        let rpc = Rpc::connect(&app.client).await;
        let clean = CleanEntityStorageRequest {
            remove_empty_entities: true,
            ..Default::default()
        };
        let (code, text) = rpc.fail("CleanEntityStorage", clean).await;
        assert_eq!(code, Code::Internal);
        assert!(
            text.contains("of the entity @counter@a is not what"),
            "{text}"
        );
        let answer = app.client.get(&format!("{BASE}/{route}")).await;
        assert_eq!(answer.status, 500, "{}", answer.text());
        assert!(answer.text().contains("@counter@a"), "{}", answer.text());
        app.stop().await;
    }
    change("DELETE FROM instances WHERE id = '@counter@a'");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_refused_with_what_to_do() {
    let (state, file) = used_state().await;
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.iter_mut().skip(4096).for_each(|byte| *byte = !*byte);
    std::fs::write(&file, bytes).unwrap();
    let error = refusal(state.path()).await;
    assert!(error.contains("The file is damaged"), "{error}");
    assert!(error.contains(".recover"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_cannot_be_read_stops_no_other() {
    let (state, file) = used_state().await;
    let changed = Connection::open(&file)
        .unwrap()
        .execute(
            "UPDATE history SET events = x'ffffffff' WHERE instance = 'live'",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    let app = TestApp::start_with("{}", at(state.path())).await;
    let raise = format!("{BASE}/instances/live/raiseEvent/E");
    assert_eq!(app.client.post(&raise, "1").await.status, 202);
    app.lines
        .wait_for("live: the instance cannot be read, and waits until it can")
        .await;
    let other = app.client.run("hello_orchestrator", "other", "\"y\"").await;
    assert_eq!(other["output"], "Hello y!");
    let history = format!("{BASE}/instances/live?showHistory=true");
    assert_eq!(app.client.get(&history).await.status, 500);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_somebody_else_holds_is_told() {
    let (state, file) = used_state().await;
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = refusal(state.path()).await;
    assert!(error.contains("Another program holds the file"), "{error}");
}

/// Sets how large files of a process may get. Root may lift it again, and so may everybody as
/// long as the hard limit stays.
#[cfg(target_os = "linux")]
fn limit_files(process: u32, limit: &str) {
    let status = Command::new("prlimit")
        .args(["--pid", &process.to_string(), &format!("--fsize={limit}:")])
        .status()
        .unwrap();
    assert!(status.success());
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_no_more_holds_orchestrations_up_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    write_app(folder.path(), &host_json_of_handler());
    let arguments = ["--state", state.path().to_str().unwrap()];
    let host = HostProcess::start_with_small_files(folder.path(), &arguments).await;
    let handler = process_of(&host.lines.wait_for("handler is up").await);
    let begin = async |id: &str| host.client().begin("chain", id, r#"{"n":20}"#).await;
    for number in 0..5 {
        begin(&format!("running{number}")).await;
    }
    host.lines.wait_for("  slow_hello  running").await;
    // However late the limit comes, some are not through by then.
    signal("-STOP", handler);
    for number in 0..5 {
        begin(&format!("pending{number}")).await;
    }
    let log = state.path().join(format!("{FILE}-wal"));
    let size = std::fs::metadata(&log).unwrap().len();
    limit_files(host.id(), &size.to_string());
    signal("-CONT", handler);
    let line = host.lines.wait_for("cannot be written").await;
    assert!(line.contains(FILE), "{line}");
    assert!(
        line.contains("The disk or its file system refuses"),
        "{line}"
    );
    let refused = host
        .client()
        .post(&format!("{BASE}/orchestrators/chain/late"), r#"{"n":1}"#)
        .await;
    assert_eq!(refused.status, 500, "{}", refused.text());
    assert!(refused.text().contains("The disk"), "{}", refused.text());
    for number in 0..5 {
        let status = host.client().status(&format!("pending{number}")).await;
        assert_ne!(status["runtimeStatus"], "Completed", "{status}");
    }
    limit_files(host.id(), "unlimited");
    host.lines.wait_for("the state can be written again").await;
    for number in 0..5 {
        for kind in ["running", "pending"] {
            let id = format!("{kind}{number}");
            let status = host.client().until_status(&id, "Completed").await;
            assert_eq!(status["output"], 20);
        }
    }
    assert_eq!(
        host.client()
            .get(&format!("{BASE}/instances/late"))
            .await
            .status,
        404
    );
    host.terminate().await;
}
