//! The whole path: client, development host, handler and back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use handler_harness::App;

fn start(arguments: &[&str]) -> App {
    App::start(
        env!("CARGO_BIN_EXE_handler"),
        env!("CARGO_MANIFEST_DIR"),
        arguments,
    )
}

#[test]
fn hello_seoul() {
    let app = start(&["--memory"]);
    let answer = app.post("/api/orchestrators/hello_orchestrator", "");
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(
        answer.header("content-type"),
        "application/json; charset=utf-8"
    );
    assert_eq!(answer.header("retry-after"), "10");

    // key order and shape as the real extension answers
    let document = answer.json();
    let id = document["id"].as_str().unwrap();
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
    assert_eq!(answer.header("location"), document["statusQueryGetUri"]);
    let url = format!("{}/runtime/webhooks/durabletask/instances/{id}", app.url());
    let location = answer.header("location");
    let query = location
        .strip_prefix(&format!("{url}?"))
        .unwrap_or_else(|| panic!("{location}"));
    assert!(query.starts_with("code="), "{query}");
    let expected = format!(
        r#"{{"id":"{id}","statusQueryGetUri":"{url}?{query}","sendEventPostUri":"{url}/raiseEvent/{{eventName}}?{query}","terminatePostUri":"{url}/terminate?reason={{text}}&{query}","purgeHistoryDeleteUri":"{url}?{query}","restartPostUri":"{url}/restart?{query}","suspendPostUri":"{url}/suspend?reason={{text}}&{query}","resumePostUri":"{url}/resume?reason={{text}}&{query}"}}"#
    );
    assert_eq!(answer.body, expected);

    let status = app.ended(id);
    assert_eq!(status["runtimeStatus"], "Completed");
    assert_eq!(status["output"], "Hello Seoul!");
    assert_eq!(status["name"], "hello_orchestrator");
    let same = app.get(&format!(
        "/runtime/webhooks/durabletask/instances/{id}?taskHub=TestHubName&connection=Storage"
    ));
    assert_eq!(
        (same.status, same.json()["output"].as_str()),
        (200, Some("Hello Seoul!"))
    );
}

#[test]
fn unknown_orchestrators_and_ids_are_told() {
    let app = start(&["--memory"]);
    // the host takes every name, and the instance fails
    let answer = app.post("/api/orchestrators/nope", "");
    assert_eq!(answer.status, 202, "{}", answer.body);
    let status = app.ended(answer.json()["id"].as_str().expect("an id"));
    let message = status["output"]["message"].as_str().expect("a message");
    assert_eq!(status["runtimeStatus"], "Failed");
    assert!(
        message.contains("nope") && message.contains("hello_orchestrator"),
        "{message}"
    );
    assert_eq!(
        app.get("/runtime/webhooks/durabletask/instances/nope")
            .status,
        404
    );
    assert_eq!(app.get("/api/orchestrators/hello_orchestrator").status, 404);
    assert_eq!(
        app.post("/api/hello", "").status,
        404,
        "an activity is no HTTP function"
    );
}

#[cfg(target_os = "linux")]
mod kills {
    use std::collections::BTreeSet;
    use std::process::{Command, Stdio};
    use std::thread;

    use super::*;

    const INSTANCES: usize = 200;

    fn signal(name: &str, processes: &[u32]) {
        for process in processes {
            // it may have ended already
            let _ = Command::new("kill")
                .args([name, &process.to_string()])
                .stderr(Stdio::null())
                .status();
        }
    }

    /// Starts all instances, four at a time, and gives the ids. The handlers stop in the middle, so
    /// that the second half is open.
    fn start_all(app: &App, handlers: &[u32]) -> BTreeSet<String> {
        assert_eq!(handlers.len(), 1, "{handlers:?}");
        let ids: Vec<_> = (0..INSTANCES)
            .map(|index| format!("hello-{index}"))
            .collect();
        let path = |id: &str| {
            format!("/runtime/webhooks/durabletask/orchestrators/hello_orchestrator/{id}")
        };
        let (first, second) = ids.split_at(INSTANCES / 2);
        let start = |ids: &[String]| {
            thread::scope(|scope| {
                for ids in ids.chunks(INSTANCES / 8) {
                    scope.spawn(move || {
                        ids.iter()
                            .for_each(|id| assert_eq!(app.post(&path(id), "").status, 202))
                    });
                }
            });
        };
        start(first);
        signal("-STOP", handlers);
        start(second);
        ids.into_iter().collect()
    }

    fn assert_all_complete(app: &App, ids: &BTreeSet<String>) {
        assert_eq!(ids.len(), INSTANCES);
        for id in ids {
            let status = app.ended(id);
            assert_eq!(status["runtimeStatus"], "Completed", "{status}");
            assert_eq!(status["output"], "Hello Seoul!", "{status}");
        }
    }

    #[test]
    fn every_orchestration_survives_the_death_of_the_handler() {
        let app = start(&["--memory"]);
        let handlers = app.handlers();
        let ids = start_all(&app, &handlers);
        signal("-KILL", &handlers);
        assert_all_complete(&app, &ids);
    }

    #[test]
    fn every_orchestration_survives_the_death_of_the_host() {
        let folder = tempfile::tempdir().unwrap();
        let state = ["--state", folder.path().to_str().unwrap()];
        let mut app = start(&state);
        let handlers = app.handlers();
        let ids = start_all(&app, &handlers);
        app.host().kill().unwrap();
        app.host().wait().unwrap();
        signal("-CONT", &handlers);
        let restarted = start(&state);
        assert_all_complete(&restarted, &ids);
        for handler in handlers {
            assert!(
                !is_handler(handler),
                "handler {handler} of the dead host still runs"
            );
        }
    }

    fn is_handler(pid: u32) -> bool {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        name.trim() == "handler" && !state.contains(") Z ")
    }

    #[test]
    fn control_c_stops_both() {
        let mut app = start(&["--memory"]);
        let handlers = app.handlers();
        assert_eq!(handlers.len(), 1);
        let interrupted = Command::new("kill")
            .args(["-INT", &app.host().id().to_string()])
            .status()
            .unwrap();
        assert!(interrupted.success());
        assert!(app.host().wait().unwrap().success());
        assert!(!is_handler(handlers[0]));
    }
}

#[test]
fn a_taken_port_is_told() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_handler"))
        .args(["--port", &port, "--memory"])
        .env_remove("FUNCTIONS_CUSTOMHANDLER_PORT")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(&port) && error.contains("--port"), "{error}");
}

#[test]
fn the_executable_talks_to_a_running_host() {
    let app = start(&["--memory"]);
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_handler"))
            .args(arguments)
            .env_remove("FUNCTIONS_CUSTOMHANDLER_PORT")
            .env("DURABLE_HOST_URL", app.url())
            .output()
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), text)
    };
    let (success, text) = run(&["instances", "start", "hello_orchestrator", "--wait"]);
    assert!(success && text.contains("  Hello Seoul!\n"), "{text}");
    let (success, text) = run(&["instances", "list", "--json"]);
    assert!(
        success && text.contains(r#""output":"Hello Seoul!""#),
        "{text}"
    );
    let (success, text) = run(&["completions", "bash"]);
    assert!(success && text.contains("complete -F _handler"), "{text}");
    let (success, text) = run(&["--help"]);
    assert!(
        success
            && [
                "functions",
                "package",
                "start",
                "instances",
                "entities",
                "--port"
            ]
            .iter()
            .all(|word| text.contains(word)),
        "{text}"
    );
}
