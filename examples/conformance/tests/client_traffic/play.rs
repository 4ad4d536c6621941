//! Plays a scenario: sends its requests in order, when their time has come.

use std::thread;
use std::time::{Duration, Instant};

use handler_harness::App;
use serde_json::Value;

use super::compare::{Compared, Comparer};
use super::exchange::{Answer, Exchange, Scenario};
use super::exclusions::Part;
use super::words::Place;

/// How long something may take to get where it was when it was recorded.
const PATIENCE: Duration = Duration::from_secs(12);

/// The task hub of an app that names none.
const HUB: &str = "TestHubName";

struct Player<'a> {
    port: u16,
    comparer: Comparer<'a>,
    /// Instances that were started.
    started: Vec<String>,
    /// The token of the last page, and the request that it came for.
    token: Option<(String, String)>,
}

pub fn scenario(scenario: &Scenario) -> Vec<Compared> {
    let app = App::start(
        env!("CARGO_BIN_EXE_conformance"),
        env!("CARGO_MANIFEST_DIR"),
        // the requests were recorded with keys demanded, and KEY instead of the key
        &[
            "--memory",
            "--strict",
            "--enable-auth",
            "--master-key",
            "KEY",
        ],
    );
    let port = app.url().rsplit(':').next().unwrap().parse().unwrap();
    let ours = Place {
        origin: app.url().to_owned(),
        hubs: vec![HUB.to_owned()],
    };
    let mut player = Player {
        port,
        comparer: Comparer::new(scenario, ours),
        started: Vec::new(),
        token: None,
    };
    scenario
        .exchanges
        .iter()
        .enumerate()
        .map(|(number, exchange)| player.play(number, exchange))
        .collect()
}

impl Player<'_> {
    fn play(&mut self, number: usize, exchange: &Exchange) -> Compared {
        if let Some(left_out) = self.comparer.left_out(number) {
            return left_out;
        }
        if !changes(exchange) {
            return self.read(number, exchange);
        }
        self.let_them_begin();
        let ours = exchange.send(self.port, None);
        self.note(exchange);
        self.comparer.compare(number, &ours, None)
    }

    /// Sends a request that only reads, until what it reads is as far as it was.
    fn read(&mut self, number: usize, exchange: &Exchange) -> Compared {
        let begin = Instant::now();
        // asking for the same page again means the next one
        let token = self.token.take().filter(|(_, path)| *path == exchange.path);
        let token = token.as_ref().map(|(token, _)| token.as_str());
        let of_entities =
            exchange.path.contains("/entities/") || exchange.path.contains("_entity/");
        let mut parts = self.comparer.parts(number).iter();
        let other_states = parts.any(|(_, part)| match part {
            Part::At(path, _) => path.is_empty() || path.to_lowercase().ends_with("status"),
            _ => false,
        });
        loop {
            let ours = exchange.send(self.port, token);
            let mut comparer = self.comparer.clone();
            let compared = comparer.compare(number, &ours, token);
            let as_far = match of_entities || other_states {
                true => compared.differences.is_empty(),
                false => is_as_far(&exchange.recorded, &ours),
            };
            if as_far || begin.elapsed() > PATIENCE {
                let next = ours.headers.get("x-ms-continuation-token");
                self.token = next.map(|token| (token.clone(), exchange.path.clone()));
                self.comparer = comparer;
                return compared;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The recorded client waited until what it had started ran.
    fn let_them_begin(&self) {
        for id in &self.started {
            self.status_is(id, |status| status != "Pending");
        }
    }

    fn status_is(&self, id: &str, wanted: impl Fn(&str) -> bool) {
        let exchange = Exchange {
            method: "GET".into(),
            path: format!("/runtime/webhooks/durabletask/instances/{id}?code=KEY"),
            body: None,
            recorded: Answer {
                status: 0,
                headers: Default::default(),
                body: String::new(),
            },
        };
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            let answer = exchange.send(self.port, None);
            let status: Value = serde_json::from_str(&answer.body).unwrap_or_default();
            match status["runtimeStatus"].as_str() {
                Some(status) if !wanted(status) => thread::sleep(Duration::from_millis(5)),
                _ => return,
            }
        }
    }

    /// Remembers what was started, and waits for what was asked to change.
    fn note(&mut self, exchange: &Exchange) {
        let (path, query) = exchange.split();
        if exchange.recorded.status >= 300 {
            return;
        }
        if exchange.recorded.status == 202 && path.contains("/orchestrators/") {
            let id = query
                .split('&')
                .find_map(|pair| pair.strip_prefix("instanceId="))
                .or_else(|| {
                    path.split_once("/durabletask/orchestrators/")?
                        .1
                        .split_once('/')
                        .map(|(_, id)| id)
                });
            let waits = query.contains("startIn=");
            self.started.extend(
                id.filter(|id| !id.starts_with('@') && !waits)
                    .map(str::to_owned),
            );
            return;
        }
        let (id, action) = if let Some(op) = path.strip_prefix("/api/ops/") {
            let (op, id) = op.split_once('/').unwrap();
            if !exchange.recorded.body.starts_with(r#"{"ok":true"#) {
                return;
            }
            (id, op)
        } else if let Some(rest) = path.strip_prefix("/runtime/webhooks/durabletask/instances/") {
            rest.split_once('/').unwrap_or((rest, ""))
        } else {
            return;
        };
        match action {
            "suspend" => self.status_is(id, |status| status == "Suspended"),
            "resume" => self.status_is(id, |status| status != "Suspended"),
            "terminate" => self.status_is(id, |status| status == "Terminated"),
            _ => {}
        }
    }
}

/// Whether a request does more than read.
fn changes(exchange: &Exchange) -> bool {
    let (path, _) = exchange.split();
    let reads = [
        "get",
        "metadata",
        "history",
        "get_entity",
        "query",
        "query_entities",
        "wait",
        "wait_start",
    ];
    match path.strip_prefix("/api/ops/") {
        Some(op) => !reads.iter().any(|name| op.starts_with(&format!("{name}/"))),
        None => exchange.method != "GET",
    }
}

/// Whether ours shows the same state, as far as time has an influence on it.
fn is_as_far(recorded: &Answer, ours: &Answer) -> bool {
    let value = |answer: &Answer| serde_json::from_str(&answer.body).unwrap_or_default();
    let (recorded_value, our_value): (Value, Value) = (value(recorded), value(ours));
    recorded.status == ours.status && states(&recorded_value) == states(&our_value)
}

fn states(value: &Value) -> Vec<(&Value, &Value, bool)> {
    let documents = match value {
        Value::Array(items) => items.iter().collect(),
        value => vec![value],
    };
    documents
        .into_iter()
        .map(|document| {
            let state = &document["result"]["orchestrationState"];
            (
                &document["runtimeStatus"],
                &state["orchestrationStatus"],
                document["customStatus"].is_null(),
            )
        })
        .collect()
}
