//! An app under its development host, as `cargo run` starts it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(120);

/// An app's executable that is host and handler at once. Dropping it kills the host.
#[derive(Debug)]
pub struct App {
    host: Child,
    url: String,
    agent: ureq::Agent,
}

/// What the host answered.
#[derive(Clone, Debug)]
pub struct HostAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: ureq::http::HeaderMap,
    /// The body as text.
    pub body: String,
}

impl HostAnswer {
    /// A header, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }
}

impl App {
    /// Starts an executable for the app in a folder, on a free port, and waits until it listens.
    pub fn start(program: impl AsRef<Path>, folder: impl AsRef<Path>, arguments: &[&str]) -> Self {
        let mut host = Command::new(program.as_ref())
            .args(["--port", "0"])
            .args(arguments)
            .env_remove("FUNCTIONS_CUSTOMHANDLER_PORT")
            .current_dir(folder.as_ref())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{} can't be started: {error}", program.as_ref().display())
            });
        let (sender, lines) = channel();
        let stdout = BufReader::new(host.stdout.take().expect("a pipe"));
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // the test may have ended; the host must not block on a full pipe
                let _ = sender.send(line);
            }
        });
        let mut url = None;
        while url.is_none() {
            let line = lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|error| panic!("it never listened: {error}"));
            let address = line
                .split_whitespace()
                .find(|word| word.starts_with("http://localhost:"));
            url = address
                .filter(|_| line.starts_with("Listening"))
                .map(|url| url.trim_end_matches('.').to_owned());
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        Self {
            host,
            url: url.unwrap_or_default(),
            agent: agent.into(),
        }
    }

    /// Its address, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The host's process.
    pub fn host(&mut self) -> &mut Child {
        &mut self.host
    }

    fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<HostAnswer, ureq::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(HostAnswer {
            status,
            headers,
            body: response.body_mut().read_to_string()?,
        })
    }

    /// [`get`](Self::get) from a host that may be gone.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn try_get(&self, path: &str) -> Result<HostAnswer, ureq::Error> {
        let url = format!("{}{path}", self.url);
        Self::read(self.agent.get(url).call()?)
    }

    /// `GET` of a path.
    pub fn get(&self, path: &str) -> HostAnswer {
        self.try_get(path).expect("an answer")
    }

    /// [`post`](Self::post) to a host that may be gone.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn try_post(&self, path: &str, body: &str) -> Result<HostAnswer, ureq::Error> {
        let post = self.agent.post(format!("{}{path}", self.url));
        Self::read(post.content_type("application/json").send(body)?)
    }

    /// `POST` of JSON to a path.
    pub fn post(&self, path: &str, body: &str) -> HostAnswer {
        self.try_post(path, body).expect("an answer")
    }

    /// The status of an instance once it has ended.
    pub fn ended(&self, instance_id: &str) -> Value {
        self.status(instance_id, |answer, _| answer.status == 200)
    }

    /// The status of an instance once its `runtimeStatus` is this.
    pub fn reached(&self, instance_id: &str, runtime_status: &str) -> Value {
        self.status(instance_id, |_, status| {
            status["runtimeStatus"] == runtime_status
        })
    }

    /// Id of the host's process.
    pub fn host_id(&self) -> u32 {
        self.host.id()
    }

    fn status(&self, instance_id: &str, wanted: impl Fn(&HostAnswer, &Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let answer = self.get(&format!(
                "/runtime/webhooks/durabletask/instances/{instance_id}"
            ));
            let status = answer.json();
            if wanted(&answer, &status) {
                return status;
            }
            assert_eq!(answer.status, 202, "{}", answer.body);
            assert!(
                begin.elapsed() < PATIENCE,
                "{instance_id} never gets there: {}",
                answer.body
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Process ids of the handlers that the host has started and that run.
    #[cfg(target_os = "linux")]
    pub fn handlers(&self) -> Vec<u32> {
        let threads = Path::new("/proc")
            .join(self.host.id().to_string())
            .join("task");
        let mut handlers = Vec::new();
        for thread in std::fs::read_dir(threads).into_iter().flatten().flatten() {
            let children =
                std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            handlers.extend(
                children
                    .split_whitespace()
                    .filter_map(|id| id.parse::<u32>().ok()),
            );
        }
        handlers
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.host.kill();
        let _ = self.host.wait();
    }
}
