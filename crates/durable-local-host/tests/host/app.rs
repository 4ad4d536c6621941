//! An app in a temporary folder, and a client of it.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use durable_local_host::{ConsoleLine, HandlerCommand, LocalHost, LocalHostBuilder, StateLocation};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::watch;

pub const BASE: &str = "/runtime/webhooks/durabletask";

/// Longest wait for anything in a test; only a failing test gets there.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the host prints, for tests to wait for.
#[derive(Clone)]
pub struct Lines(Arc<watch::Sender<Vec<String>>>);

impl Lines {
    pub fn new() -> Self {
        Self(Arc::new(watch::channel(Vec::new()).0))
    }

    pub fn push(&self, line: String) {
        self.0.send_modify(|lines| lines.push(line));
    }

    pub fn all(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// Waits for a line with that text in it.
    pub async fn wait_for(&self, text: &str) -> String {
        self.wait_for_nth(text, 1).await
    }

    /// Waits until that many lines have the text in them; the last one.
    pub async fn wait_for_nth(&self, text: &str, count: usize) -> String {
        let mut receiver = self.0.subscribe();
        let found =
            |lines: &Vec<String>| lines.iter().filter(|line| line.contains(text)).count() >= count;
        match tokio::time::timeout(PATIENCE, receiver.wait_for(found)).await {
            Ok(lines) => lines
                .unwrap()
                .iter()
                .filter(|line| line.contains(text))
                .nth(count - 1)
                .unwrap()
                .clone(),
            Err(_) => panic!("no line with {text:?} in {:#?}", self.all()),
        }
    }
}

/// A running host with its app.
pub struct TestApp {
    pub host: Option<LocalHost>,
    pub lines: Lines,
    pub folder: TempDir,
    pub client: Client,
}

/// The handler of these tests: this executable, asked to serve.
pub fn handler_command() -> HandlerCommand {
    HandlerCommand {
        program: std::env::current_exe().unwrap(),
        args: [
            "handler_process",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ]
        .map(OsString::from)
        .into(),
    }
}

/// Writes an app with all functions of the test handler.
pub fn write_app(folder: &Path, host_json: &str) {
    write(folder, "host.json", &with_version(host_json));
    write(
        folder,
        "local.settings.json",
        r#"{"Values":{"FUNCTIONS_WORKER_RUNTIME":"custom","TEST_HANDLER":"1","FROM_SETTINGS":"yes"}}"#,
    );
    for name in crate::handler::ORCHESTRATORS {
        write(
            folder,
            &format!("{name}/function.json"),
            r#"{"bindings":[{"name":"context","type":"orchestrationTrigger","direction":"in"}]}"#,
        );
    }
    for name in crate::handler::ACTIVITIES {
        write(
            folder,
            &format!("{name}/function.json"),
            r#"{"bindings":[{"name":"input","type":"activityTrigger","direction":"in"}]}"#,
        );
    }
    for name in crate::entity_handler::ENTITIES {
        write(
            folder,
            &format!("{name}/function.json"),
            r#"{"bindings":[{"name":"context","type":"entityTrigger","direction":"in"}]}"#,
        );
    }
    let http = |name: &str, methods: &str, route: &str| {
        write(
            folder,
            &format!("{name}/function.json"),
            &format!(
                r#"{{"bindings":[{{"name":"req","type":"httpTrigger","direction":"in","authLevel":"function","methods":[{methods}],"route":"{route}"}},
                   {{"name":"client","type":"durableClient","direction":"in"}},{{"name":"res","type":"http","direction":"out"}}]}}"#
            ),
        );
    };
    http("http_start", r#""post""#, "orchestrators/{functionName}");
    http("http_echo", r#""get","post""#, "plain/{id?}");
    http("http_answer", r#""post""#, "answer");
    http("http_int", "", "typed/{id:int}");
    http("http_rest", "", "typed/{*rest}");
}

/// The text of a host.json, of the version that the real host asks for.
fn with_version(host_json: &str) -> String {
    let mut object: Value = serde_json::from_str(host_json).unwrap();
    if object["version"].is_null() {
        object["version"] = "2.0".into();
    }
    object.to_string()
}

pub fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

impl TestApp {
    /// The usual app, state in memory.
    pub async fn start() -> Self {
        Self::start_with("{}", |builder| builder.state(StateLocation::Memory)).await
    }

    pub async fn start_with(
        host_json: &str,
        adjust: impl FnOnce(LocalHostBuilder) -> LocalHostBuilder,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_app(folder.path(), host_json);
        Self::start_in(folder, adjust).await
    }

    pub async fn start_in(
        folder: TempDir,
        adjust: impl FnOnce(LocalHostBuilder) -> LocalHostBuilder,
    ) -> Self {
        let lines = Lines::new();
        let sink = lines.clone();
        let builder = LocalHost::builder()
            .app(folder.path())
            .handler(handler_command())
            .console(move |line: ConsoleLine| sink.push(line.to_string()));
        let host = adjust(builder)
            .start()
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let client = Client { port: host.port() };
        Self {
            host: Some(host),
            lines,
            folder,
            client,
        }
    }

    pub async fn stop(mut self) -> TempDir {
        self.host.take().unwrap().shutdown().await;
        self.folder
    }
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: hyper::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Talks to a host as its users do.
#[derive(Clone, Copy)]
pub struct Client {
    pub port: u16,
}

impl Client {
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", format!("localhost:{}", self.port));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::copy_from_slice(body)))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(
            "POST",
            path,
            &[("content-type", "application/json")],
            body.as_bytes(),
        )
        .await
    }

    /// Starts an orchestration over the management API; its id.
    pub async fn begin(&self, name: &str, id: &str, input: &str) -> String {
        let answer = self
            .post(&format!("{BASE}/orchestrators/{name}/{id}"), input)
            .await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Starts an orchestration and waits for its end; its status document.
    pub async fn run(&self, name: &str, id: &str, input: &str) -> Value {
        let answer = self
            .post(
                &format!("{BASE}/orchestrators/{name}/{id}?timeout=60&pollingInterval=1"),
                input,
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.status(id).await
    }

    pub async fn status(&self, id: &str) -> Value {
        self.get(&format!("{BASE}/instances/{id}")).await.json()
    }

    pub async fn history(&self, id: &str) -> Value {
        let path = format!("{BASE}/instances/{id}?showHistory=true&showHistoryOutput=true");
        self.get(&path).await.json()["historyEvents"].clone()
    }

    /// Waits until the status document is as wanted.
    pub async fn until(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let answer = self.get(&format!("{BASE}/instances/{id}")).await;
            let status = if answer.status == 404 {
                Value::Null
            } else {
                let status = answer.json();
                if wanted(&status) {
                    return status;
                }
                status
            };
            assert!(tokio::time::Instant::now() < deadline, "{id}: {status}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until an event of that type is in the history.
    pub async fn until_event(&self, id: &str, kind: &str) -> Value {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let history = self.history(id).await;
            if event_types(&history).iter().any(|event| event == kind) {
                return history;
            }
            assert!(tokio::time::Instant::now() < deadline, "{id}: {history}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn until_status(&self, id: &str, status: &str) -> Value {
        self.until(id, |document| document["runtimeStatus"] == status)
            .await
    }
}

/// The event types of a rendered history.
pub fn event_types(history: &Value) -> Vec<String> {
    history
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["EventType"].as_str().unwrap().to_owned())
        .collect()
}
