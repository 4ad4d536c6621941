//! The commands for people at a terminal: the real executable against a running host.

use durable_local_host::StateLocation;
use serde_json::json;

use crate::app::TestApp;
use crate::command::{command, run, run_words};

#[tokio::test(flavor = "multi_thread")]
async fn an_orchestration_is_started_shown_and_listed() {
    let app = TestApp::start().await;
    let started = run(&app, "instances start hello_orchestrator --id a")
        .await
        .good();
    assert_eq!(started.out, "Started hello_orchestrator with the id a\n");
    app.client.until_status("a", "Completed").await;
    let started = run(&app, "instances start echo --id b --json").await;
    started.fault(
        1,
        &[
            "starting echo failed at http://localhost:",
            "status 400",
            "echo",
        ],
    );

    let shown = run(&app, "instances show a").await.good();
    let fields = [
        "Instance  a\nName      hello_orchestrator\nStatus    Completed\nCreated   20",
        " UTC, ",
        "\nOutput\n  Hello Seoul!\n",
    ];
    for field in fields {
        assert!(shown.out.contains(field), "{field}: {shown:?}");
    }
    let document = run(&app, "instances show a --json").await.good();
    assert_eq!(document.json(), app.client.status("a").await);

    let listed = run(&app, "instances list").await.good();
    let lines: Vec<&str> = listed.out.lines().collect();
    assert_eq!(lines.len(), 2, "{listed:?}");
    assert!(
        lines[0].starts_with("STATUS     INSTANCE  NAME                CREATED (UTC)"),
        "{listed:?}"
    );
    assert!(
        lines[1].starts_with("Completed  a         hello_orchestrator  20"),
        "{listed:?}"
    );
    let listed = run(&app, "instances list -o json").await.good();
    assert_eq!(listed.json(), json!([app.client.status("a").await]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_are_listed_although_others_come_first() {
    let app = TestApp::start_with("{}", |builder| {
        builder.state(StateLocation::Memory).manual_time()
    })
    .await;
    for id in ["a", "b", "c"] {
        app.client.run("hello_orchestrator", id, "").await;
        let second = std::time::Duration::from_secs(1);
        app.host.as_ref().unwrap().advance(second).await.unwrap();
    }
    let listed = run(&app, "instances list --top 2").await.good();
    let ids: Vec<&str> = listed
        .out
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    assert_eq!(ids, ["c", "b"], "{listed:?}");
    let listed = run(&app, "instances list --top 2 --json").await.good();
    let ids = [0, 1].map(|number| listed.json()[number]["instanceId"].clone());
    assert_eq!(ids, ["b", "c"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_and_paged() {
    let app = TestApp::start().await;
    for number in 0..5 {
        app.client
            .run("hello_orchestrator", &format!("h{number}"), "")
            .await;
    }
    app.client.run("fail", "f", "").await;
    app.client.begin("wait_events", "w", r#"{"count":1}"#).await;
    app.client.until_status("w", "Running").await;
    app.client
        .run("program", "p", r#"[["call","k","add",5]]"#)
        .await;
    let ids = async |line: &str| -> Vec<String> {
        let listed = run(&app, &format!("instances list --json {line}"))
            .await
            .good()
            .json();
        listed
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["instanceId"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids("").await, ["f", "h0", "h1", "h2", "h3", "h4", "p", "w"]);
    assert_eq!(ids("--status Failed,Running").await, ["f", "w"]);
    assert_eq!(ids("--status failed --status running").await, ["f", "w"]);
    assert_eq!(ids("--prefix h --top 2").await.len(), 2);
    assert_eq!(ids("--name WAIT_events").await, ["w"]);
    assert_eq!(ids("--name fail --top 1").await, ["f"]);
    assert_eq!(ids("--prefix @").await, ["@counter@k"]);
    assert_eq!(
        ids("--created-from 1h --created-to 2100-01-01").await.len(),
        8
    );
    assert_eq!(ids("--created-to 1h").await, [""; 0]);
    assert_eq!(ids("--all").await.len(), 8);
    let listed = run(&app, "instances list --top 3").await.good();
    assert_eq!(listed.out.lines().count(), 4, "{listed:?}");
    assert!(listed.err.contains("The newest 3 of 8"), "{listed:?}");
    run(&app, "instances list --top 0")
        .await
        .fault(2, &["--top"]);
    let none = run(&app, "instances list --prefix x").await.good();
    assert_eq!(none.out, "");
    assert!(
        none.err.contains("No instance at http://localhost:"),
        "{none:?}"
    );
    assert_eq!(
        run(&app, "instances list --prefix x --json")
            .await
            .good()
            .out,
        "[]\n"
    );
    run(&app, "instances list --status Lost")
        .await
        .fault(2, &["Lost", "Suspended"]);
    run(&app, "instances list --created-from soon")
        .await
        .fault(2, &["30m"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_shows_how_it_ended() {
    let app = TestApp::start().await;
    let good = run(&app, "instances start hello_orchestrator --id a --wait")
        .await
        .good();
    assert!(good.out.contains("Status    Completed"), "{good:?}");
    // The id is known whatever happens; nothing moves without a terminal.
    assert_eq!(good.err, "Started hello_orchestrator with the id a\n");
    let good = run(
        &app,
        "instances start hello_orchestrator --id b --wait 30 --json",
    )
    .await
    .good();
    assert_eq!(good.json()["output"], "Hello Seoul!");
    let bad = run(&app, "instances start fail --id f --wait").await;
    assert!(bad.out.contains("Status    Failed"), "{bad:?}");
    bad.fault(1, &["f ended as Failed"]);
    let late = run_words(
        &app,
        &[
            "instances",
            "start",
            "wait_events",
            "--id",
            "w",
            "--wait",
            "0.1",
            "--input",
            r#"{"count":1}"#,
        ],
    )
    .await;
    late.fault(1, &["w is still Running after 0.1 seconds"]);
    run(&app, "instances start --wait hello_orchestrator")
        .await
        .fault(2, &["number of seconds"]);
    let again = run(&app, "instances start wait_events --id w").await;
    again.fault(1, &["status 409", "already exists"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_host_can_do_is_told_as_such() {
    let app = TestApp::start().await;
    run(&app, "instances start hello_orchestrator --id a/b")
        .await
        .fault(1, &["'a/b' can't be the id of an instance"]);
    run_words(&app, &["instances", "show", ""])
        .await
        .fault(2, &["an id or a name is empty"]);
    let port = app.client.port;
    for (name, value, exit, text) in [
        ("DURABLE_HOST_KEY", "a\nb".to_owned(), 2, "a line feed"),
        ("DURABLE_HOST_URL", "99999".to_owned(), 2, "from 1 to 65535"),
        (
            "DURABLE_HOST_URL",
            format!("https://localhost:{port}"),
            1,
            "speaks http://, not https://",
        ),
    ] {
        let variables = [(name, value.as_str())];
        command(&["instances", "list"], &variables, "")
            .await
            .fault(exit, &[text]);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_color_goes_before_clicolor_force() {
    let app = TestApp::start().await;
    app.client.run("hello_orchestrator", "a", "").await;
    let url = app.client.port.to_string();
    let forced = [("DURABLE_HOST_URL", url.as_str()), ("CLICOLOR_FORCE", "1")];
    let listed = command(&["instances", "list"], &forced, "").await.good();
    assert!(listed.out.contains('\u{1b}'), "{listed:?}");
    let both = [&forced[..], &[("NO_COLOR", "1")]].concat();
    let listed = command(&["instances", "list"], &both, "").await.good();
    assert!(!listed.out.contains('\u{1b}'), "{listed:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_come_from_everywhere() {
    let app = TestApp::start().await;
    let input = r#"{"activity":"echo","input":[1.5,"x"]}"#;
    let start = ["instances", "start", "call_activity", "--wait", "--json"];
    let as_text = run_words(&app, &[&start[..], &["--input", input]].concat())
        .await
        .good();
    assert_eq!(as_text.json()["output"], json!({"ok": [1.5, "x"]}));
    let file = app.folder.path().join("input.json");
    std::fs::write(&file, input).unwrap();
    let file = file.to_str().unwrap();
    let from_file = run_words(&app, &[&start[..], &["--input-file", file]].concat())
        .await
        .good();
    assert_eq!(from_file.json()["output"], json!({"ok": [1.5, "x"]}));
    let url = app.client.port.to_string();
    let piped = command(
        &[&start[..], &["--input-file", "-"]].concat(),
        &[("DURABLE_HOST_URL", &url)],
        input,
    )
    .await;
    assert_eq!(piped.good().json()["output"], json!({"ok": [1.5, "x"]}));
    run(&app, "instances start echo --input Seoul")
        .await
        .fault(2, &["--input is no JSON", "quotes"]);
    run(&app, "instances start echo --input-file /no/such")
        .await
        .fault(1, &["/no/such"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_are_steered() {
    let app = TestApp::start().await;
    app.client.begin("wait_events", "w", r#"{"count":1}"#).await;
    app.client.until_status("w", "Running").await;
    let said = run(&app, "instances suspend w --reason lunch").await.good();
    assert_eq!(said.out, "w will be suspended.\n");
    app.client.until_status("w", "Suspended").await;
    run(&app, "instances suspend w").await.fault(
        1,
        &[
            "suspend of 'w' failed",
            "500",
            "The instance is Suspended, which is probably why",
        ],
    );
    run(&app, "instances resume w --json").await.good();
    app.client.until_status("w", "Running").await;
    let raised = run(&app, "instances raise w Go --input 5").await.good();
    assert_eq!(raised.out, "The event Go is on its way to w.\n");
    app.client.until_status("w", "Completed").await;
    run(&app, "instances raise w Go")
        .await
        .fault(1, &["'w'", "has ended as Completed"]);
    run(&app, "instances terminate w")
        .await
        .fault(1, &["has ended as Completed"]);

    app.client.begin("wait_events", "x", r#"{"count":1}"#).await;
    let said = run(&app, "instances terminate x --reason enough")
        .await
        .good();
    assert_eq!(said.out, "x will be terminated.\n");
    assert_eq!(
        app.client.until_status("x", "Terminated").await["output"],
        "enough"
    );

    let anew = run(&app, "instances restart w --json").await.good();
    let id = anew.json()["id"].as_str().unwrap().to_owned();
    assert_ne!(id, "w");
    assert!(
        ["Pending", "Running"].contains(
            &app.client.status(&id).await["runtimeStatus"]
                .as_str()
                .unwrap()
        )
    );
    run(&app, &format!("instances terminate {id}")).await.good();
    let same = run(&app, "instances restart w --same-id").await.good();
    assert_eq!(same.out, "Started w anew with the id w\n");
    app.client.until_status("w", "Running").await;
    run(&app, "instances restart w --same-id")
        .await
        .fault(1, &["409"]);

    app.client
        .run("strict", "f", r#"{"tasks":[["fail_once",1]]}"#)
        .await;
    run(&app, "instances rewind w")
        .await
        .fault(1, &["412", "Running"]);
    let said = run(&app, "instances rewind f").await.good();
    assert_eq!(said.out, "f will run its failed calls again.\n");
    for action in [
        "suspend",
        "resume",
        "terminate",
        "rewind",
        "restart",
        "show",
        "history",
    ] {
        let unknown = run(&app, &format!("instances {action} nobody")).await;
        unknown.fault(
            1,
            &[
                "no instance 'nobody' at http://localhost:",
                "instances list",
            ],
        );
    }
    run(&app, "instances raise nobody Go")
        .await
        .fault(1, &["no instance 'nobody'"]);
    run(&app, "instances show ..").await.fault(2, &["'..'"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn purging_asks_before() {
    let app = TestApp::start().await;
    for id in ["a", "b", "c"] {
        app.client.run("hello_orchestrator", id, "").await;
    }
    app.client.run("fail", "f", "").await;
    app.client.begin("wait_events", "w", r#"{"count":1}"#).await;
    run(&app, "instances purge a")
        .await
        .fault(2, &["delete what is kept of the instance 'a'", "--yes"]);
    run(&app, "instances purge --all")
        .await
        .fault(2, &["all ended instances", "--yes"]);
    assert_eq!(app.client.status("a").await["runtimeStatus"], "Completed");
    run(&app, "instances purge").await.fault(2, &["required"]);
    run(&app, "instances purge a --all --yes")
        .await
        .fault(2, &["cannot be used with"]);
    let said = run(&app, "instances purge a --yes").await.good();
    assert_eq!(said.out, "1 instance was deleted.\n");
    run(&app, "instances purge a --yes")
        .await
        .fault(1, &["no instance 'a'"]);
    run(&app, "instances purge w --yes")
        .await
        .fault(1, &["412", "terminal state"]);
    let said = run(&app, "instances purge --status Failed --yes --json")
        .await
        .good();
    assert_eq!(said.json(), json!({"instancesDeleted": 1}));
    let said = run(&app, "instances purge --created-to 1h --yes")
        .await
        .good();
    assert!(said.out.contains("nothing was deleted"), "{said:?}");
    let said = run(&app, "instances purge --all --yes").await.good();
    assert_eq!(said.out, "2 instances were deleted.\n");
    let said = run(&app, "instances purge --all --yes --json").await.good();
    assert_eq!(said.json(), json!({"instancesDeleted": 0}));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_are_drawn() {
    let app = TestApp::start().await;
    app.client
        .run("strict", "f", r#"{"tasks":[["fail_status",1]]}"#)
        .await;
    let drawn = run(&app, "instances history f --width 80").await.good();
    let lines: Vec<&str> = drawn.out.lines().collect();
    assert!(lines[0].starts_with("f  strict  Failed  "), "{drawn:?}");
    assert!(
        lines[2].trim().starts_with('├') && lines[2].ends_with('┤'),
        "{drawn:?}"
    );
    let of = |name: &str| *lines.iter().find(|line| line.starts_with(name)).unwrap();
    assert!(of("fail_status").contains("✗"), "{drawn:?}");
    assert!(!drawn.out.contains('\u{1b}'), "{drawn:?}");
    app.client.run("hello_orchestrator", "h", "").await;
    let good = run(&app, "instances history h").await.good();
    let bar = good
        .out
        .lines()
        .find(|line| line.starts_with("hello "))
        .unwrap();
    assert!(bar.contains('█') && bar.contains('✓'), "{good:?}");
    let ascii = run(&app, "instances history f --ascii").await.good();
    assert!(
        ascii.out.is_ascii() && ascii.out.contains("FAILED"),
        "{ascii:?}"
    );
    let coloured = run(&app, "instances history f --color always").await.good();
    assert!(
        coloured.out.contains("\u{1b}[1m\u{1b}[31m█"),
        "{coloured:?}"
    );
    let events = run(&app, "instances history f --events").await.good();
    assert!(
        events.out.contains("TaskFailed") && events.out.contains("ExecutionCompleted"),
        "{events:?}"
    );
    let document = run(&app, "instances history f --json").await.good();
    assert_eq!(
        document.json()["historyEvents"],
        app.client.history("f").await
    );
    let shown = run(&app, "instances show f").await.good();
    assert!(
        shown
            .out
            .contains("\nLast failed call\n  activity fail_status\n"),
        "{shown:?}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_are_listed_shown_and_signalled() {
    let app = TestApp::start().await;
    app.client
        .run(
            "program",
            "p",
            r#"[["call","k","add",5],["call","l","add",1],["call","@counter@","add",3]]"#,
        )
        .await;
    let listed = run(&app, "entities list").await.good();
    let lines: Vec<&str> = listed.out.lines().collect();
    assert!(
        lines[0].starts_with("NAME     KEY  LAST OPERATION (UTC)  STATE"),
        "{listed:?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("counter  k    20") && line.ends_with("  5")),
        "{listed:?}"
    );
    let listed = run(&app, "entities list --name counter --top 2 --json")
        .await
        .good();
    assert_eq!(listed.json().as_array().unwrap().len(), 2);
    assert_eq!(listed.json()[0]["entityId"]["name"], "counter");
    assert_eq!(
        run(&app, "entities list --all --json")
            .await
            .good()
            .json()
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(
        run(&app, "entities list --name odd --json")
            .await
            .good()
            .out,
        "[]\n"
    );
    assert_eq!(run(&app, "entities show counter k").await.good().out, "5\n");
    assert_eq!(
        run_words(&app, &["entities", "show", "counter", "", "--json"])
            .await
            .good()
            .out,
        "3\n"
    );
    run(&app, "entities show counter none")
        .await
        .fault(1, &["no entity @counter@none", "entities list"]);
    let said = run(&app, "entities signal counter k add --input 4")
        .await
        .good();
    assert_eq!(said.out, "The signal add is on its way to @counter@k.\n");
    app.client
        .run("program", "q", r#"[["call","k","add",0]]"#)
        .await;
    assert_eq!(run(&app, "entities show counter k").await.good().out, "9\n");
    run(&app, "entities signal nothing k add")
        .await
        .fault(1, &["400", "nothing"]);
    run(&app, "entities signal counter k add --input x")
        .await
        .fault(2, &["no JSON"]);
    app.stop().await;
}
