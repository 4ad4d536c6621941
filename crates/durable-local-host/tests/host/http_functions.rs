//! HTTP functions as their callers see them.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{Answer, TestApp, write, write_app};

#[tokio::test(flavor = "multi_thread")]
async fn functions_see_what_was_recorded() {
    let app = TestApp::start().await;
    let seen = app
        .client
        .get("/api/plain/7?x=1&x=2&y=%20a%2Bb&empty=")
        .await;
    assert_eq!(seen.status, 200);
    assert_eq!(
        seen.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    let envelope = seen.json();
    let request = &envelope["Data"]["req"];
    assert_eq!(
        request["Url"],
        format!(
            "http://localhost:{}/api/plain/7?x=1&x=2&y=%20a%2Bb&empty=",
            app.client.port
        )
    );
    assert_eq!(
        request["Query"],
        json!({"x": "1,2", "y": " a+b", "empty": ""})
    );
    assert_eq!(request["Params"], json!({"id": "7"}));
    assert_eq!(request.get("Body"), None);
    assert_eq!(envelope["Metadata"]["x"], "\"2\"");
    assert_eq!(envelope["Metadata"]["Query"]["x"], "2");
    let client: String =
        serde_json::from_str(envelope["Data"]["client"].as_str().unwrap()).unwrap();
    let client: Value = serde_json::from_str(&client).unwrap();
    assert_eq!(client["taskHubName"], "TestHubName");
    let endpoint = client["rpcBaseUrl"].as_str().unwrap();
    assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint}");
    assert_eq!(
        client["httpBaseUrl"],
        format!(
            "http://localhost:{}/runtime/webhooks/durabletask",
            app.client.port
        )
    );
    assert!(
        client["requiredQueryStringParameters"]
            .as_str()
            .unwrap()
            .starts_with("code=")
    );
    assert_eq!(
        app.client.get("/API/PLAIN").await.json()["Data"]["req"]["Params"],
        json!({"id": null})
    );
    assert_eq!(
        app.client
            .post("/api/plain/a%20b/", r#"{"j":1}"#)
            .await
            .json()["Metadata"]["j"],
        "\"1\""
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_answers_404_with_nothing() {
    let app = TestApp::start().await;
    for (method, path) in [
        ("PUT", "/api/plain/1"),
        ("DELETE", "/api/plain/1"),
        ("HEAD", "/api/plain/1"),
        ("OPTIONS", "/api/plain/1"),
        ("PATCH", "/api/plain/1"),
        ("GET", "/api/unknown"),
        ("GET", "/api"),
        ("GET", "/api/"),
        ("GET", "/api/hello"),
        ("GET", "/api/http_start"),
        ("GET", "/api/orchestrators"),
        ("GET", "/api/orchestrators/hello_orchestrator"),
        ("GET", "/plain"),
        ("GET", "/apiplain"),
    ] {
        let answer = app.client.send(method, path, &[], b"").await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (404, ""),
            "{method} {path}"
        );
        assert_eq!(answer.header("content-type"), None);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_are_chosen_by_constraint_and_rank() {
    let app = TestApp::start().await;
    let name = |path: &'static str| {
        let client = app.client;
        async move {
            client.get(path).await.json()["Metadata"]["sys"]["MethodName"]
                .as_str()
                .unwrap()
                .to_owned()
        }
    };
    assert_eq!(name("/api/typed/5").await, "http_int");
    assert_eq!(name("/api/typed/x").await, "http_rest");
    assert_eq!(
        app.client
            .send("DELETE", "/api/typed/a/b", &[], b"")
            .await
            .json()["Data"]["req"]["Params"],
        json!({"rest": "a/b"})
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_text_or_base64() {
    let app = TestApp::start().await;
    let body = |content_type: &'static str, bytes: &'static [u8]| {
        let client = app.client;
        async move {
            let answer = client
                .send(
                    "POST",
                    "/api/plain",
                    &[("content-type", content_type)],
                    bytes,
                )
                .await;
            answer.json()["Data"]["req"]["Body"].clone()
        }
    };
    assert_eq!(
        body("text/plain; charset=utf-8", "Zürich ☃".as_bytes()).await,
        "Zürich ☃"
    );
    assert_eq!(body("application/octet-stream", &[0, 255]).await, "AP8=");
    assert_eq!(
        body("multipart/form-data; boundary=B", b"--B").await,
        "LS1C"
    );
    assert_eq!(body("application/json", b"").await, json!(null));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn header_names_keep_their_casing_and_chunked_bodies_are_dropped() {
    let app = TestApp::start().await;
    let mut stream = TcpStream::connect(("127.0.0.1", app.client.port))
        .await
        .unwrap();
    // Two requests on one connection: the second one's names are not the first one's.
    for (name, close) in [("X-MuLti", "keep-alive"), ("x-MULTI", "close")] {
        let request = format!(
            "POST /api/plain HTTP/1.1\r\nhost: localhost\r\n{name}: v1\r\ntransfer-encoding: chunked\r\nconnection: {close}\r\n\r\n2\r\nab\r\n0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&seen).contains("RandGuid") {
            let count = stream.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0);
            seen.extend_from_slice(&buffer[..count]);
        }
        let seen = String::from_utf8_lossy(&seen).into_owned();
        assert!(seen.contains(&format!("\"{name}\":[\"v1\"]")), "{seen}");
        assert!(seen.contains("\"Host\":[\"localhost\"]"), "{seen}");
        assert!(!seen.contains("\"Body\""), "{seen}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_follow_the_rules_of_the_envelope() {
    let app = TestApp::start().await;
    let made = app
        .client
        .post("/api/answer", r#"{"Outputs":{"res":{"statusCode":201,"body":{"a":1},"headers":{"X-One":"1","Content-Type":"application/xml"}}},"Logs":["said"]}"#)
        .await;
    assert_eq!(
        (made.status, made.text().as_str()),
        (201, "{\n  \"a\": 1\n}")
    );
    assert_eq!(made.header("x-one"), Some("1"));
    assert_eq!(
        made.header("content-type"),
        Some("application/xml; charset=utf-8")
    );
    app.lines.wait_for("[http_answer] said").await;
    let text = app
        .client
        .post("/api/answer", r#"{"Outputs":{"res":{"body":"hi"}}}"#)
        .await;
    assert_eq!(
        (text.status, text.header("content-type")),
        (200, Some("text/plain; charset=utf-8"))
    );
    let nothing = app.client.post("/api/answer", "{}").await;
    assert_eq!((nothing.status, nothing.text().as_str()), (200, ""));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_a_500_and_told_on_the_console() {
    let app = TestApp::start().await;
    for (path, body, told) in [
        (
            "/api/answer",
            r#"{"Outputs":{"res":5}}"#,
            "Output is not in expected format",
        ),
        (
            "/api/answer?type=text/plain",
            "hello",
            "UnsupportedMediaTypeException",
        ),
        ("/api/answer", "not json", "JsonReaderException"),
        ("/api/answer?status=418", "{}", "418"),
        (
            "/api/answer?status=302",
            "{}",
            "with the status within the envelope",
        ),
        ("/api/answer", "null", "functionTimeout"),
    ] {
        let answer = app.client.post(path, body).await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (500, ""),
            "{path} {body}"
        );
        app.lines.wait_for(told).await;
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_route_prefix_may_be_empty_or_long() {
    let folder = tempfile::tempdir().unwrap();
    write_app(
        folder.path(),
        r#"{"extensions":{"http":{"routePrefix":""}}}"#,
    );
    write(
        folder.path(),
        "http_board/function.json",
        r#"{"bindings":[{"name":"req","type":"httpTrigger","route":"dashboard"},{"name":"res","type":"http","direction":"out"}]}"#,
    );
    let app = TestApp::start_in(folder, |builder| builder).await;
    assert_eq!(app.client.get("/plain/1").await.status, 200);
    app.lines
        .wait_for("http_board/function.json: /dashboard is this host's own")
        .await;
    assert_eq!(app.client.get("/api/plain/1").await.status, 404);
    app.stop().await;
    let app = TestApp::start_with(
        r#"{"extensions":{"http":{"routePrefix":"v1/Api"}}}"#,
        |builder| builder,
    )
    .await;
    assert_eq!(app.client.get("/V1/api/plain/1").await.status, 200);
    app.stop().await;
}

/// The host with one pure HTTP function and what it answers to a request.
async fn forwarded(section: &str, head: &str, body: &str) -> (u16, String, TestApp) {
    let folder = tempfile::tempdir().unwrap();
    write_app(folder.path(), section);
    write(
        folder.path(),
        "pure/function.json",
        r#"{"bindings":[{"name":"req","type":"httpTrigger","direction":"in","authLevel":"anonymous","route":"pure/{id}"},{"name":"res","type":"http","direction":"out"}]}"#,
    );
    let app = TestApp::start_in(folder, |builder| builder.memory()).await;
    let mut stream = TcpStream::connect(("127.0.0.1", app.client.port))
        .await
        .unwrap();
    let request = format!("{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer[9..12].parse().unwrap();
    (status, answer, app)
}

#[tokio::test(flavor = "multi_thread")]
async fn pure_http_functions_get_requests_as_they_came() {
    let request = "PUT /api/pure/a%20b?x=1&x=2 HTTP/1.1\r\nX-Mine: yes\r\nContent-Type: text/html\r\nContent-Length: 2";
    for (section, seen) in [
        (
            r#"{"customHandler":{"enableForwardingHttpRequest":true}}"#,
            "PUT /api/pure/a%20b?x=1%2C2 text/html yes hi",
        ),
        (
            r#"{"customHandler":{"enableProxyingHttpRequest":"true"}}"#,
            "PUT /api/pure/a%20b?x=1&x=2 text/html yes hi",
        ),
        (r#"{"httpWorker":{}}"#, "PUT /pure?x=1%2C2 text/html yes hi"),
    ] {
        let (status, answer, app) = forwarded(section, request, "hi").await;
        assert_eq!(status, 302, "{answer}");
        assert!(answer.contains("location: /elsewhere"), "{answer}");
        assert!(answer.ends_with(seen), "{section}: {answer}");
        // One with another input gets the envelope all the same.
        let other: Answer = app.client.get("/api/plain/1").await;
        assert_eq!(other.json()["Metadata"]["sys"]["MethodName"], "http_echo");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_a_length_is_forwarded_by_the_proxy_only() {
    let request = "POST /api/pure/1 HTTP/1.1\r\nTransfer-Encoding: chunked";
    let body = "2\r\nhi\r\n0\r\n\r\n";
    let proxied = r#"{"customHandler":{"enableProxyingHttpRequest":true}}"#;
    let (_, answer, app) = forwarded(proxied, request, body).await;
    assert!(answer.ends_with(" hi"), "{answer}");
    app.stop().await;
    let whole = r#"{"customHandler":{"enableForwardingHttpRequest":true}}"#;
    let (status, _, app) = forwarded(whole, request, body).await;
    assert_eq!(status, 500);
    app.lines.wait_for("without Content-Length").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_without_a_length_is_read_and_dropped() {
    let app = TestApp::start().await;
    let mut stream = TcpStream::connect(("127.0.0.1", app.client.port))
        .await
        .unwrap();
    let (mut reader, mut writer) = stream.split();
    let write = async {
        let head = "POST /api/plain HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
        writer.write_all(head.as_bytes()).await.unwrap();
        let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
        for _ in 0..16 {
            writer.write_all(chunk.as_bytes()).await.unwrap();
        }
        writer.write_all(b"0\r\n\r\n").await.unwrap();
    };
    let mut answer = String::new();
    let (_, read) = tokio::join!(write, reader.read_to_string(&mut answer));
    read.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!answer.contains("\"Body\""), "{answer}");
    app.stop().await;
}
