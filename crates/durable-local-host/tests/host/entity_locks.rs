//! Critical sections.

use serde_json::{Value, json};

use durable_functions_protocol::proto::{CleanEntityStorageRequest, CleanEntityStorageResponse};

use crate::app::{TestApp, event_types, write_app};
use crate::process::{HostProcess, kill_9};
use crate::rpc::Rpc;

const GRANTED: &str = "Lock Acquisition Completed";

/// Waits until an entity is locked by an instance, and that many requests wait.
async fn until_locked(client: &crate::app::Client, key: &str, by: &str, waiting: u64) {
    let locked = |status: &Value| {
        status["customStatus"]["lockedBy"] == by
            && status["customStatus"]["queueSize"].as_u64().unwrap_or(0) == waiting
    };
    client.until(&format!("@counter@{key}"), locked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_works_and_the_others_wait() {
    let app = TestApp::start().await;
    let client = &app.client;
    let first = json!([
        ["lock", ["A", "B"]],
        ["call", "A", "get"],
        ["wait", "go"],
        ["call", "A", "set", -1],
        ["call", "B", "add", 1],
        ["release"]
    ]);
    client.begin("program", "first", &first.to_string()).await;
    until_locked(client, "B", "first", 0).await;
    // All others, whatever they want, get it when the section ends, in this order.
    let second = json!([
        ["lock", ["A", "B"]],
        ["call", "A", "add", 10],
        ["release"],
        ["call", "B", "get"]
    ]);
    client.begin("program", "second", &second.to_string()).await;
    until_locked(client, "A", "first", 1).await;
    client
        .begin("program", "third", r#"[["call", "A", "add", 100]]"#)
        .await;
    until_locked(client, "A", "first", 2).await;
    let answer = client
        .post(
            "/runtime/webhooks/durabletask/entities/counter/B?op=add",
            "5",
        )
        .await;
    assert_eq!(answer.status, 202);
    until_locked(client, "B", "first", 1).await;
    assert_eq!(client.status("second").await["runtimeStatus"], "Running");
    client
        .post(
            "/runtime/webhooks/durabletask/instances/first/raiseEvent/go",
            "1",
        )
        .await;
    let output = async |id: &str| client.until_status(id, "Completed").await["output"].clone();
    assert_eq!(output("first").await, json!([GRANTED, 0, null, 1]));
    assert_eq!(output("second").await, json!([GRANTED, 9, 6]));
    assert_eq!(output("third").await, json!([109]));
    let history = client.history("first").await;
    let granted = &history[2];
    assert_eq!(
        granted["Input"],
        r#"{"result":"Lock Acquisition Completed"}"#
    );
    let sent: Value = serde_json::from_str(history[1]["Input"].as_str().unwrap()).unwrap();
    assert_eq!(granted["Name"], sent["id"]);
    let sent = event_types(&history);
    assert_eq!(sent.iter().filter(|kind| *kind == "EventSent").count(), 6);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_and_their_queues_survive_a_killed_host() {
    let folder = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    write_app(folder.path(), &crate::kills::host_json_of_handler());
    let arguments = ["--state", state.path().to_str().unwrap()];
    let mut host = HostProcess::start(folder.path(), &arguments).await;
    let client = host.client();
    let section = json!([
        ["lock", ["A", "B"]],
        ["wait", "go"],
        ["call", "A", "append", "x"],
        ["call", "B", "append", "x"],
        ["release"]
    ]);
    let with = |id: &str| section.to_string().replace("\"x\"", &format!("\"{id}\""));
    client.begin("program", "o0", &with("o0")).await;
    until_locked(&client, "B", "o0", 0).await;
    for number in 1..=4 {
        let id = format!("o{number}");
        client.begin("program", &id, &with(&id)).await;
        until_locked(&client, "A", "o0", number).await;
    }
    kill_9(host.id());
    host.wait().await;
    host = HostProcess::start(folder.path(), &arguments).await;
    let client = host.client();
    until_locked(&client, "A", "o0", 4).await;
    for number in 0..=4 {
        // Each gets the lock from the one before, and the host dies once in between.
        until_locked(&client, "B", &format!("o{number}"), 0).await;
        let path = format!("/runtime/webhooks/durabletask/instances/o{number}/raiseEvent/go");
        assert_eq!(client.post(&path, "1").await.status, 202);
        client
            .until_status(&format!("o{number}"), "Completed")
            .await;
    }
    for key in ["A", "B"] {
        let entity = client.status(&format!("@counter@{key}")).await;
        assert_eq!(entity["input"]["state"], r#"["o0","o1","o2","o3","o4"]"#);
        assert_eq!(entity["customStatus"], json!({"entityExists": true}));
    }
    host.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_under_locks_survive_a_killed_handler() {
    let app = TestApp::start().await;
    let transfers = 60;
    let ends = |number: usize| {
        let from = number % 5;
        (from, (from + 1 + number / 5 % 4) % 5)
    };
    let amount = |number: usize| i64::try_from(number).unwrap() + 1;
    for number in 0..transfers {
        let (from, to) = ends(number);
        let (first, second) = (from.min(to), from.max(to));
        let account = |number: usize| format!("account{number}");
        let steps = json!([
            ["lock", [account(first), account(second)]],
            ["call", account(from), "add", -amount(number)],
            ["call", account(to), "add", amount(number)],
            ["release"]
        ]);
        app.client
            .begin("program", &format!("t{number}"), &steps.to_string())
            .await;
    }
    for round in 1..=3 {
        let line = app.lines.wait_for_nth("handler is up", round).await;
        let handler = line.rsplit(' ').next().unwrap().parse().unwrap();
        app.client
            .until(&format!("t{}", round * 10 + 1), |status| {
                status["runtimeStatus"] != "Pending"
            })
            .await;
        kill_9(handler);
    }
    let mut expected = [0_i64; 5];
    for number in 0..transfers {
        let (from, to) = ends(number);
        app.client
            .until_status(&format!("t{number}"), "Completed")
            .await;
        expected[from] -= amount(number);
        expected[to] += amount(number);
    }
    for (number, balance) in expected.iter().enumerate() {
        let free = |status: &Value| status["customStatus"] == json!({"entityExists": true});
        let account = app
            .client
            .until(&format!("@counter@account{number}"), free)
            .await;
        assert_eq!(account["input"]["state"], balance.to_string());
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orphaned_locks_are_released_on_demand() {
    let app = TestApp::start().await;
    app.client
        .begin("program", "gone", r#"[["lock", ["k"]], ["fail"]]"#)
        .await;
    app.client.until_status("gone", "Failed").await;
    app.client
        .begin(
            "program",
            "alive",
            r#"[["lock", ["other"]], ["wait", "x"]]"#,
        )
        .await;
    until_locked(&app.client, "other", "alive", 0).await;
    app.client
        .begin("program", "o", r#"[["call", "k", "add", 1]]"#)
        .await;
    until_locked(&app.client, "k", "gone", 1).await;
    let rpc = Rpc::connect(&app.client).await;
    let request = CleanEntityStorageRequest {
        release_orphaned_locks: true,
        ..Default::default()
    };
    let cleaned: CleanEntityStorageResponse =
        rpc.call("CleanEntityStorage", request).await.unwrap();
    assert_eq!(
        cleaned,
        CleanEntityStorageResponse {
            orphaned_locks_released: 1,
            ..Default::default()
        }
    );
    app.client.until_status("o", "Completed").await;
    until_locked(&app.client, "other", "alive", 0).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn native_locks_and_releases_work_where_nothing_is_sorted() {
    let host_json = r#"{"extensions":{"durableTask":{"entityMessageReorderWindowInMinutes":0}}}"#;
    let app = TestApp::start_with(host_json, |builder| {
        builder.state(durable_local_host::StateLocation::Memory)
    })
    .await;
    let steps = json!([
        ["native lock", ["A", "B"]],
        ["native call", "B", "add", 2],
        ["native release"],
        ["native call", "A", "add", 3]
    ]);
    let status = app.client.run("program", "o", &steps.to_string()).await;
    assert_eq!(status["output"], json!([GRANTED, 2, 3]));
    app.stop().await;
}
