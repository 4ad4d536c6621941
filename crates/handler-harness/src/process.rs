//! A handler process.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use durable_functions_protocol::proto::{
    ActionType, CompleteOrchestrationAction, EntityBatchRequest, EntityBatchResult,
    OrchestratorRequest, OrchestratorResponse, TaskFailureDetails,
};
use prost::Message as _;
use serde_json::Value;

use crate::{activity_request, orchestration_request};

/// How long a handler may take to listen, and to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running handler. Dropping it kills the process.
#[derive(Debug)]
pub struct Handler {
    child: Child,
    port: u16,
    agent: ureq::Agent,
    lines: Mutex<Receiver<String>>,
}

impl Handler {
    /// Starts an executable with the variables that the host sets and waits until it answers, as
    /// the host does: by `GET /` every few milliseconds.
    pub fn start(program: impl AsRef<Path>, app: impl AsRef<Path>) -> Self {
        Self::start_with(program, app, &[])
    }

    /// [`start`](Self::start) with further environment variables. Standard input stays open for as
    /// long as this value lives.
    pub fn start_with(
        program: impl AsRef<Path>,
        app: impl AsRef<Path>,
        variables: &[(&str, &str)],
    ) -> Self {
        // nobody else gets this port before the handler does: the system hands out others first
        let port = TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let mut child = Command::new(program.as_ref())
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
            .env(
                "FUNCTIONS_CUSTOMHANDLER_WORKER_ID",
                "3237e850-56fb-4ea7-bb90-0cfec6ea5768",
            )
            .env("FUNCTIONS_APP_ROOT_PATH", app.as_ref())
            .envs(variables.iter().copied())
            .current_dir(app.as_ref())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{} can't be started: {error}", program.as_ref().display())
            });
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        let handler = Self {
            child,
            port,
            agent,
            lines: Mutex::new(lines),
        };
        handler.wait_until_it_answers();
        handler
    }

    fn wait_until_it_answers(&self) {
        let begin = Instant::now();
        while self.agent.get(self.url("")).call().is_err() {
            assert!(
                begin.elapsed() < PATIENCE,
                "the handler does not answer on port {}",
                self.port
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Id of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for a line on standard output for which `wanted` holds.
    pub fn line(&self, wanted: impl Fn(&str) -> bool) -> String {
        let begin = Instant::now();
        while let Some(patience) = PATIENCE.checked_sub(begin.elapsed()) {
            match self
                .lines
                .lock()
                .expect("no reader panicked")
                .recv_timeout(patience)
            {
                Ok(line) if wanted(&line) => return line,
                Ok(_) => {}
                Err(error) => panic!("the line never came: {error}"),
            }
        }
        panic!("the line never came");
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// A connection of one's own, for requests that no HTTP client would send.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a time limit");
        stream
    }

    /// `GET` of a path.
    pub fn get(&self, path: &str) -> Answer {
        Answer::read(self.agent.get(self.url(path)).call().expect("an answer"))
    }

    /// An invocation with any body.
    pub fn post(&self, function: &str, body: &[u8]) -> Answer {
        let request = self
            .agent
            .post(self.url(function))
            .header("Content-Type", "application/json; charset=utf-8")
            .header("User-Agent", "Azure-Functions-Host/4.1037.0.0")
            .header("X-Azure-Functions-HostVersion", "4.1037.0.0")
            .header(
                "X-Azure-Functions-InvocationId",
                "c421c346-9bb0-4120-b6fe-255f89d4ae0d",
            );
        Answer::read(request.send(body).expect("an answer"))
    }

    /// A turn of an orchestration.
    pub fn turn(&self, function: &str, turn: &OrchestratorRequest) -> OrchestratorResponse {
        self.post(function, &orchestration_request(function, turn))
            .orchestration()
    }

    /// A batch of operations on an entity.
    pub fn batch(&self, function: &str, batch: &EntityBatchRequest) -> EntityBatchResult {
        let answer = self.post(function, &orchestration_request(function, batch));
        EntityBatchResult::decode(answer.message().as_slice()).expect("the result of a batch")
    }

    /// A call of an activity; the input is JSON text.
    pub fn activity(&self, function: &str, input: Option<&str>) -> Answer {
        self.post(function, &activity_request(function, "an-instance", input))
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a handler answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The content type, without parameters.
    pub content_type: String,
    /// The header `durable-failure`.
    pub failure: Option<String>,
    /// The body as text.
    pub text: String,
}

impl Answer {
    fn read(mut response: ureq::http::Response<ureq::Body>) -> Self {
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let content_type = header("content-type").unwrap_or_default();
        Self {
            status: response.status().as_u16(),
            content_type: content_type
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned(),
            failure: header("durable-failure"),
            text: response
                .body_mut()
                .with_config()
                .limit(1 << 30)
                .read_to_string()
                .expect("a body of text"),
        }
    }

    /// The body as JSON. Every answer must be 200 and a non-empty object.
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        let value: Value =
            serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert!(
            value.as_object().is_some_and(|object| !object.is_empty()),
            "{self:?}"
        );
        value
    }

    /// The response of a turn.
    pub fn orchestration(&self) -> OrchestratorResponse {
        OrchestratorResponse::decode(self.message().as_slice()).expect("a response")
    }

    /// The message in the answer to a turn or to an entity's batch.
    pub fn message(&self) -> Vec<u8> {
        assert_eq!(self.content_type, "application/json", "{self:?}");
        let body = self.json();
        let message = body["ReturnValue"]
            .as_str()
            .unwrap_or_else(|| panic!("no text as ReturnValue: {self:?}"));
        assert!(!message.is_empty(), "{self:?}");
        base64_simd::STANDARD
            .decode_to_vec(message)
            .expect("base64")
    }

    /// The result of an activity that succeeded.
    pub fn result(&self) -> Value {
        assert_eq!(self.content_type, "application/json", "{self:?}");
        self.json()["ReturnValue"].clone()
    }

    /// The failure of an activity, read out of its header.
    pub fn failure(&self) -> Value {
        assert_eq!(self.content_type, "application/problem+json", "{self:?}");
        let header = self
            .failure
            .as_ref()
            .unwrap_or_else(|| panic!("no failure header: {self:?}"));
        let json = base64_simd::STANDARD.decode_to_vec(header).expect("base64");
        serde_json::from_slice(&json).expect("JSON")
    }

    /// The answer of an HTTP function: status and body.
    pub fn http(&self) -> (u16, String) {
        assert_eq!(self.content_type, "application/json", "{self:?}");
        let response = self.json()["Outputs"]["res"].clone();
        let status = response["statusCode"]
            .as_str()
            .and_then(|status| status.parse().ok());
        let body = response["body"].as_str().unwrap_or_default().to_owned();
        (
            status.unwrap_or_else(|| panic!("no statusCode: {self:?}")),
            body,
        )
    }
}

/// The action that ends an orchestration, if the response has one.
pub fn completion(response: &OrchestratorResponse) -> Option<&CompleteOrchestrationAction> {
    response
        .actions
        .iter()
        .find_map(|action| match &action.orchestrator_action_type {
            Some(ActionType::CompleteOrchestration(complete)) => Some(complete),
            _ => None,
        })
}

/// The failure that a response ends the orchestration with.
pub fn failure(response: &OrchestratorResponse) -> &TaskFailureDetails {
    let details = completion(response).and_then(|complete| complete.failure_details.as_ref());
    details.unwrap_or_else(|| panic!("no failure in {response:?}"))
}
