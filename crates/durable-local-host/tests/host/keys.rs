//! Keys, when the host asks for them.

use durable_local_host::{Error, LocalHost, StateLocation};

use crate::app::{Answer, BASE, Client, TestApp, handler_command, write, write_app};

const MASTER: &str = "the+master/key=";

/// The usual app with a function for each level.
async fn start() -> TestApp {
    let folder = tempfile::tempdir().unwrap();
    write_app(folder.path(), "{}");
    for level in ["anonymous", "function", "admin"] {
        write(
            folder.path(),
            &format!("http_{level}/function.json"),
            &format!(
                r#"{{"bindings":[{{"name":"req","type":"httpTrigger","direction":"in","authLevel":"{level}"}},{{"name":"res","type":"http","direction":"out"}}]}}"#
            ),
        );
    }
    TestApp::start_in(folder, |builder| {
        builder.state(StateLocation::Memory).master_key(MASTER)
    })
    .await
}

impl TestApp {
    /// A key that the console has shown.
    fn shown(&self, whose: &str) -> String {
        let lines = self.lines.all().join("\n");
        let mark = format!("\t{whose}: ");
        let (_, rest) = lines.split_once(&mark).unwrap_or_else(|| panic!("{lines}"));
        rest.lines().next().unwrap().to_owned()
    }
}

async fn with(client: &Client, path: &str, key: &str) -> Answer {
    client
        .send("GET", path, &[("x-functions-key", key)], b"")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_opens_what_it_opens_on_azure() {
    let app = start().await;
    let keys = [
        "none",
        "wrong",
        &app.shown("function http_function"),
        &app.shown("function http_echo"),
        &app.shown("all functions"),
        &app.shown("management API"),
        MASTER,
    ];
    assert_eq!(app.shown("master"), "as given");
    assert!(!app.lines.all().iter().any(|line| line.contains(MASTER)));
    let instances = format!("{BASE}/instances");
    for (path, expected) in [
        ("/api/http_anonymous", [200, 200, 200, 200, 200, 200, 200]),
        ("/api/http_function", [401, 401, 200, 401, 200, 401, 200]),
        ("/api/http_admin", [401, 401, 401, 401, 401, 401, 200]),
        (&instances, [401, 401, 401, 401, 401, 200, 200]),
        (
            "/dashboard/api/overview",
            [401, 401, 401, 401, 401, 200, 200],
        ),
        // this host has no API for administrators
        ("/admin/host/status", [401, 401, 401, 401, 401, 401, 404]),
        ("/api/unknown", [404; 7]),
    ] {
        for (key, status) in keys.iter().zip(expected) {
            let answer = match *key {
                "none" => app.client.get(path).await,
                key => with(&app.client, path, key).await,
            };
            assert_eq!(
                answer.status,
                status,
                "{path} with {key}: {}",
                answer.text()
            );
            if status == 401 {
                assert_eq!(answer.text(), "", "{path}");
                let bearer = (!path.starts_with("/api/")).then_some("Bearer");
                assert_eq!(answer.header("www-authenticate"), bearer, "{path}");
            }
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_in_the_query_or_in_a_header_which_counts_first() {
    let app = start().await;
    let path = |key: &str| format!("/api/http_admin?x=1&code={key}");
    let encoded = "the%2Bmaster%2Fkey%3D";
    assert_eq!(app.client.get(&path(encoded)).await.status, 200);
    assert_eq!(app.client.get(&path("bad")).await.status, 401);
    assert_eq!(app.client.get("/api/http_admin?code").await.status, 401);
    assert_eq!(with(&app.client, &path("bad"), MASTER).await.status, 200);
    assert_eq!(with(&app.client, &path(encoded), "bad").await.status, 401);
    app.stop().await;
}

/// URLs that the host gives out carry the key of the management API, and so do clients' bindings.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_host_gives_out_opens_the_management_api() {
    let app = start().await;
    let start = "/api/orchestrators/hello_orchestrator?instanceId=a&code=";
    let started = app
        .client
        .post(&format!("{start}{}", app.shown("all functions")), "")
        .await;
    assert_eq!(started.status, 202, "{}", started.text());
    let documents = started.json();
    let location = documents["statusQueryGetUri"].as_str().unwrap();
    let (_, path) = location.split_once("/runtime").unwrap();
    let status = app.client.get(&format!("/runtime{path}")).await;
    assert_eq!(status.json()["instanceId"], "a");
    app.stop().await;
}

/// The page has no secrets and asks for the key itself; no other origin may read what it reads.
#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_loads_and_reads_with_a_key() {
    let app = start().await;
    for path in ["/dashboard", "/dashboard/assets/key.js"] {
        let page = app.client.get(path).await;
        assert_eq!(page.status, 200);
        assert!(!page.text().contains(MASTER));
    }
    let key = app.shown("management API");
    let link = app.lines.wait_for("/dashboard#key=").await;
    assert!(link.contains(&key), "{link}");
    let read = with(&app.client, "/dashboard/api/instances", &key).await;
    assert_eq!(read.status, 200, "{}", read.text());
    assert_eq!(
        read.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
    assert_eq!(read.header("access-control-allow-origin"), None);
    let refused = app.client.get("/dashboard/api/instances").await;
    assert_eq!(refused.status, 401);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_keeps_them() {
    let state = tempfile::tempdir().unwrap();
    let location = || StateLocation::Folder(state.path().to_owned());
    let first = TestApp::start_with("{}", |builder| builder.state(location()).enable_auth()).await;
    let names = [
        "master",
        "all functions",
        "management API",
        "function http_echo",
    ];
    let keys = names.map(|name| first.shown(name));
    first.stop().await;
    let second = TestApp::start_with("{}", |builder| builder.state(location()).enable_auth()).await;
    assert_eq!(names.map(|name| second.shown(name)), keys);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_it_nobody_is_asked_and_no_key_is_shown() {
    let app = TestApp::start().await;
    assert_eq!(app.client.get("/api/plain").await.status, 200);
    assert_eq!(
        app.client.get(&format!("{BASE}/instances")).await.status,
        200
    );
    assert!(
        app.lines
            .all()
            .iter()
            .all(|line| !line.contains("Keys are asked for"))
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_master_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_app(folder.path(), "{}");
    let started = LocalHost::builder()
        .app(folder.path())
        .handler(handler_command())
        .master_key(" ")
        .start()
        .await;
    assert!(matches!(started, Err(Error::EmptyKey)), "{started:?}");
}
