//! `http_functions` of the recordings: how HTTP triggers are routed, and what functions see.
//!
//! `data/http_functions.json` has the requests with their statuses and headers; the recorded
//! functions answer with their envelope, which is `seen`.

use durable_local_host::StateLocation;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{TestApp, write};

async fn start() -> TestApp {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "host.json", "{}");
    write(
        folder.path(),
        "local.settings.json",
        r#"{"Values":{"FUNCTIONS_WORKER_RUNTIME":"custom","TEST_HANDLER":"1"}}"#,
    );
    for (name, level, methods, route) in [
        ("http_plain", "anonymous", r#""get","post""#, "plain/{id?}"),
        ("http_keyed", "function", r#""get""#, "keyed/{id:int}"),
    ] {
        write(
            folder.path(),
            &format!("{name}/function.json"),
            &format!(
                r#"{{"bindings":[{{"name":"req","type":"httpTrigger","direction":"in","authLevel":"{level}","methods":[{methods}],"route":"{route}"}},
                   {{"name":"res","type":"http","direction":"out"}}]}}"#
            ),
        );
    }
    TestApp::start_in(folder, |builder| {
        builder.state(StateLocation::Memory).enable_auth()
    })
    .await
}

/// As the recorded client sends it, which writes header names in its own way.
fn request(exchange: &Value) -> String {
    let text = |name: &str| exchange[name].as_str();
    let (method, path) = (text("method").unwrap(), text("path").unwrap());
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nAccept-Encoding: identity\r\nHost: localhost:7071\r\nUser-Agent: Python-urllib/3.11\r\nConnection: close\r\n"
    );
    for (member, header) in [("contentType", "Content-Type"), ("cookie", "Cookie")] {
        if let Some(value) = text(member) {
            head += &format!("{header}: {value}\r\n");
        }
    }
    // recorded headers that nothing else tells of
    for (name, values) in exchange["seen"]["Data"]["req"]["Headers"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.starts_with("X-"))
    {
        for value in values.as_array().unwrap() {
            head += &format!("{name}: {}\r\n", value.as_str().unwrap());
        }
    }
    head
}

async fn send(port: u16, exchange: &Value) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let body = exchange["bytes"]
        .as_array()
        .map(|bytes| {
            bytes
                .iter()
                .map(|byte| byte.as_u64().unwrap() as u8)
                .collect()
        })
        .unwrap_or_else(|| {
            exchange["body"]
                .as_str()
                .unwrap_or_default()
                .as_bytes()
                .to_vec()
        });
    let mut message = request(exchange);
    if exchange.get("body").is_some() || exchange.get("bytes").is_some() {
        message += &format!("Content-Length: {}\r\n", body.len());
    }
    message += "\r\n";
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(message.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .filter(|(name, _)| !["content-length", "connection", "date"].contains(&name.as_str()))
        .collect();
    (status.parse().unwrap(), headers, answer[end + 4..].to_vec())
}

/// Time and id of the invocation are its own.
fn normal(mut envelope: Value) -> Value {
    for name in ["UtcNow", "RandGuid"] {
        let member = &mut envelope["Metadata"]["sys"][name];
        assert!(member.is_string(), "{name}");
        *member = json!(name);
    }
    envelope
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_are_found_and_see_what_was_recorded() {
    let exchanges: Vec<Value> =
        serde_json::from_str(include_str!("data/http_functions.json")).unwrap();
    assert_eq!(exchanges.len(), 23);
    let app = start().await;
    for exchange in &exchanges {
        let name = format!(
            "{} {} {:?}",
            exchange["method"],
            exchange["path"],
            exchange.get("contentType")
        );
        let (status, headers, body) = send(app.client.port, exchange).await;
        assert_eq!(status, exchange["status"], "{name}");
        let headers: serde_json::Map<_, _> = headers
            .into_iter()
            .map(|(name, value)| (name, json!(value)))
            .collect();
        assert_eq!(Value::Object(headers), exchange["headers"], "{name}");
        match exchange.get("seen") {
            Some(seen) => {
                let ours: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(normal(ours), normal(seen.clone()), "{name}");
            }
            None => assert!(body.is_empty(), "{name}"),
        }
    }
    app.stop().await;
}
