//! What web pages can and can't reach, over the wire.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use durable_local_host::StateLocation;

use crate::app::{BASE, Client, TestApp, write, write_app};

/// The status line's number and the whole answer.
async fn raw(client: Client, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", client.port))
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

async fn send(client: Client, line: &str, headers: &[&str]) -> (u16, String) {
    let headers = headers.join("\r\n");
    raw(
        client,
        &format!("{line} HTTP/1.1\r\n{headers}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_under_a_name_of_its_own_reaches_nothing() {
    let app = TestApp::start().await;
    for path in [
        "/dashboard",
        "/dashboard/api/overview",
        &format!("{BASE}/instances"),
        "/api/plain/1",
        "/nothing",
    ] {
        let evil = format!("Host: evil.example:{}", app.client.port);
        let (status, answer) = send(app.client, &format!("GET {path}"), &[&evil]).await;
        assert_eq!(status, 403, "{path}");
        assert!(answer.contains("--allow-host"), "{answer}");
        let absolute = format!("GET http://evil.example{path}");
        assert_eq!(
            send(app.client, &absolute, &["Host: localhost"]).await.0,
            403,
            "{path}"
        );
        let good = format!("Host: LOCALHOST:{}", app.client.port);
        assert_ne!(
            send(app.client, &format!("GET {path}"), &[&good]).await.0,
            403,
            "{path}"
        );
    }
    app.lines.wait_for("\"evil.example").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_allowed_is_answered() {
    let app = TestApp::start_with("{}", |builder| builder.allow_host("dev.example")).await;
    assert_eq!(
        send(app.client, "GET /dashboard", &["Host: dev.example"])
            .await
            .0,
        200
    );
    assert_eq!(
        send(app.client, "GET /dashboard", &["Host: other.example"])
            .await
            .0,
        403
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_change_nothing() {
    let app = TestApp::start().await;
    let host = format!("Host: localhost:{}", app.client.port);
    let own = format!("Origin: http://localhost:{}", app.client.port);
    let start = |id: &str| format!("POST {BASE}/orchestrators/timer/{id}?x=");
    for header in [
        "Origin: http://evil.example",
        "Origin: null",
        "Origin: http://localhost:1",
        "Sec-Fetch-Site: cross-site",
    ] {
        let (status, answer) = send(app.client, &start("made"), &[&host, header]).await;
        assert_eq!(status, 403, "{header}");
        assert!(answer.contains("another origin"), "{answer}");
        let purge = format!("DELETE {BASE}/instances?createdTimeFrom=2000-01-01");
        assert_eq!(
            send(app.client, &purge, &[&host, header]).await.0,
            403,
            "{header}"
        );
    }
    assert_eq!(
        app.client
            .get(&format!("{BASE}/instances/made"))
            .await
            .status,
        404
    );
    // The dashboard, and programs.
    assert_eq!(
        send(
            app.client,
            &start("a"),
            &[&host, &own, "Sec-Fetch-Site: same-origin"]
        )
        .await
        .0,
        202
    );
    assert_eq!(send(app.client, &start("b"), &[&host]).await.0, 202);
    // A front end under development may call functions; a page on the internet may not.
    let call = "POST /api/plain/1";
    assert_eq!(
        send(
            app.client,
            call,
            &[
                &host,
                "Origin: http://localhost:3000",
                "Sec-Fetch-Site: same-site"
            ]
        )
        .await
        .0,
        200
    );
    assert_eq!(
        send(app.client, call, &[&host, "Origin: https://evil.example"])
            .await
            .0,
        403
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_long_are_not_read() {
    let app = TestApp::start().await;
    for path in [
        &format!("{BASE}/orchestrators/hello_orchestrator"),
        "/api/plain/1",
    ] {
        // The body never comes: the length alone is enough.
        let (status, _) = raw(
            app.client,
            &format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857601\r\nConnection: close\r\n\r\n"),
        )
        .await;
        assert_eq!(status, 413, "{path}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_is_listened_on_when_told_and_warned_of() {
    let app = TestApp::start_with("{}", |builder| builder.bind([0, 0, 0, 0].into())).await;
    app.lines.wait_for("no key is asked for").await;
    assert_eq!(
        send(app.client, "GET /dashboard", &["Host: 192.168.7.7:80"])
            .await
            .0,
        200
    );
    assert_eq!(
        send(app.client, "GET /dashboard", &["Host: evil.example"])
            .await
            .0,
        403
    );
    app.stop().await;
    let app = TestApp::start().await;
    assert!(
        !app.lines
            .all()
            .iter()
            .any(|line| line.contains("no key is asked for"))
    );
    app.stop().await;
}

/// `Host.CORS` of local.settings.json: for functions, and for nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_origins_that_the_developer_names_may_call_functions() {
    let folder = tempfile::tempdir().unwrap();
    write_app(folder.path(), "{}");
    write(
        folder.path(),
        "local.settings.json",
        r#"{"Values":{"FUNCTIONS_WORKER_RUNTIME":"custom","TEST_HANDLER":"1"},
            "Host":{"CORS":"https://shop.example,http://other.example","CORSCredentials":true}}"#,
    );
    let app = TestApp::start_in(folder, |builder| builder.state(StateLocation::Memory)).await;
    let host = format!("Host: localhost:{}", app.client.port);
    let allowed = "access-control-allow-origin: https://shop.example\r\n";
    let shop = ["Origin: https://shop.example", "Sec-Fetch-Site: cross-site"];
    let evil = ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site"];
    let ask =
        "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-a,content-type";

    let (status, answer) = send(
        app.client,
        "OPTIONS /api/plain/1",
        &[&host, shop[0], shop[1], ask],
    )
    .await;
    assert_eq!(status, 204, "{answer}");
    for line in [
        allowed,
        "access-control-allow-methods: POST\r\n",
        "access-control-allow-headers: x-a,content-type\r\n",
        "access-control-allow-credentials: true\r\n",
        "vary: Origin\r\n",
    ] {
        assert!(answer.contains(line), "{line}: {answer}");
    }
    let post = "POST /api/plain/1";
    let (status, answer) = send(app.client, post, &[&host, shop[0], shop[1]]).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains(allowed), "{answer}");
    assert!(!answer.contains("access-control-allow-methods"), "{answer}");

    let (status, answer) = send(
        app.client,
        "OPTIONS /api/plain/1",
        &[&host, evil[0], evil[1], ask],
    )
    .await;
    assert_eq!(status, 204);
    assert!(!answer.contains("access-control"), "{answer}");
    let (status, answer) = send(app.client, post, &[&host, evil[0], evil[1]]).await;
    assert_eq!(status, 403, "{answer}");
    for path in [format!("{BASE}/instances"), "/dashboard".to_owned()] {
        let line = format!("GET {path}");
        let (_, answer) = send(app.client, &line, &[&host, shop[0], shop[1]]).await;
        assert!(!answer.contains("access-control"), "{path}: {answer}");
        let line = format!("POST {path}");
        let (status, _) = send(app.client, &line, &[&host, shop[0], shop[1]]).await;
        assert_eq!(status, 403, "{path}");
    }
    app.stop().await;
}
