//! Timer triggers.

use std::path::Path;
use std::time::Duration;

use durable_local_host::{LocalHostBuilder, StateLocation};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::app::{TestApp, write, write_app};

/// An app whose function `tick` has that schedule and those members.
async fn app(schedule: &str, members: &str, state: Option<&Path>) -> TestApp {
    let location = state.map_or(StateLocation::Memory, |state| {
        StateLocation::Folder(state.to_owned())
    });
    app_with(schedule, members, |builder| builder.state(location)).await
}

async fn app_with(
    schedule: &str,
    members: &str,
    adjust: impl FnOnce(LocalHostBuilder) -> LocalHostBuilder,
) -> TestApp {
    let folder = tempfile::tempdir().unwrap();
    write_app(folder.path(), "{}");
    write(
        folder.path(),
        "local.settings.json",
        r#"{"Values":{"FUNCTIONS_WORKER_RUNTIME":"custom","TEST_HANDLER":"1","WEBSITE_TIME_ZONE":"UTC","EVERY_SECOND":"* * * * * *"}}"#,
    );
    write(
        folder.path(),
        "tick/function.json",
        &format!(
            r#"{{"bindings":[{{"name":"timer","type":"timerTrigger","direction":"in","schedule":"{schedule}"{members}}},
                {{"name":"client","type":"durableClient","direction":"in"}}]}}"#
        ),
    );
    TestApp::start_in(folder, adjust).await
}

/// What the function got in its n-th run: the trigger's value.
async fn run(app: &TestApp, number: usize) -> Value {
    let line = app.lines.wait_for_nth("[tick] ", number).await;
    assert!(line.contains("httpBaseUrl"), "no durable client: {line}");
    let text = line.strip_prefix("[tick] ").unwrap();
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    values.next().unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_runs_when_its_schedule_says() {
    let app = app("%EVERY_SECOND%", "", None).await;
    for number in 1..=2 {
        assert_eq!(
            run(&app, number).await,
            json!({ "Schedule": { "AdjustForDST": true }, "ScheduleStatus": null, "IsPastDue": false })
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_can_run_at_the_start_and_by_hand() {
    let app = app("0 0 0 1 1 *", r#","runOnStartup":true"#, None).await;
    let first = run(&app, 1).await;
    assert_eq!(first["IsPastDue"], false);
    assert_eq!(first["ScheduleStatus"]["Last"], "0001-01-01T00:00:00+00:00");
    let next = first["ScheduleStatus"]["Next"].as_str().unwrap();
    assert!(next.ends_with("-01-01T00:00:00+00:00"), "{next}");
    let by_hand = app.client.post("/admin/functions/Tick", "{}").await;
    assert_eq!((by_hand.status, by_hand.text().as_str()), (202, ""));
    assert_eq!(run(&app, 2).await["ScheduleStatus"]["Next"], next);
    let unknown = app.client.post("/admin/functions/hello", "{}").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(app.client.get("/admin/functions/tick").await.status, 405);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_run_is_made_up_for_once() {
    const HOUR: i64 = 36_000_000_000;
    let state = tempfile::tempdir().unwrap();
    let first = app("0 0 * * * *", "", Some(state.path())).await;
    first.stop().await;
    let file = state.path().join("testhubname.sqlite3");
    // As if the host had been away for a day.
    let moved = Connection::open(&file)
        .unwrap()
        .execute(
            "UPDATE timers SET next = next - 24 * ?1, updated = updated - 24 * ?1",
            [HOUR],
        )
        .unwrap();
    assert_eq!(moved, 1);
    let app = app("0 0 * * * *", "", Some(state.path())).await;
    let run = run(&app, 1).await;
    assert_eq!(run["IsPastDue"], true, "{run}");
    app.lines.wait_for("a run was missed").await;
    app.stop().await;
    let after: (i64, i64) = Connection::open(&file)
        .unwrap()
        .query_row("SELECT last, next FROM timers", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert!(after.1 - after.0 <= HOUR && after.0 > 0, "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_cannot_be_read_stops_nothing_else() {
    let app = app("0 61 * * * *", "", None).await;
    let line = app.lines.wait_for("tick/function.json").await;
    assert!(
        line.contains("minute `61`: 61 is not within 0 to 59"),
        "{line}"
    );
    let status = app.client.run("hello_orchestrator", "h", "\"x\"").await;
    assert_eq!(status["output"], "Hello x!");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_moved_by_hand_brings_every_run() {
    let app = app_with("0 0 6 * * *", "", |builder| builder.memory().manual_time()).await;
    let host = app.host.as_ref().unwrap();
    let day = Duration::from_secs(86_400);
    let mut runs = 0;
    for days in [3, 2] {
        host.advance(day * days).await.unwrap();
        runs += days as usize;
        let seen = app.lines.all();
        let seen = seen.iter().filter(|line| line.starts_with("[tick] "));
        assert_eq!(seen.count(), runs);
    }
    let status = &run(&app, 4).await["ScheduleStatus"];
    let (last, next) = (
        status["Last"].as_str().unwrap(),
        status["Next"].as_str().unwrap(),
    );
    assert!(last.ends_with("T06:00:00+00:00") && next.ends_with("T06:00:00+00:00"));
    assert!(last < next, "{status}");
    app.client.post("/admin/functions/tick", "").await;
    host.advance(Duration::ZERO).await.unwrap();
    assert!(
        app.lines
            .all()
            .iter()
            .filter(|line| line.starts_with("[tick] "))
            .count()
            == runs + 1
    );
    app.stop().await;
}
