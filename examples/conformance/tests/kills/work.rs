//! What runs while processes are killed, and how it has to end.

use std::collections::{HashSet, VecDeque};
use std::fmt::Display;

use fastrand::Rng;
use handler_harness::{App, HostAnswer};
use serde_json::{Value, json};

const API: &str = "/runtime/webhooks/durabletask";
/// Entities that several orchestrations add to.
const SHARED: usize = 3;

/// An instance, and how it has to end.
#[derive(Debug)]
struct Instance {
    id: String,
    expected: Value,
}

/// What a client wants of the host, until it knows that it was done.
#[derive(Debug)]
enum Request {
    Start {
        id: String,
        path: String,
        input: Value,
    },
    Raise {
        id: String,
    },
}

/// All instances, and what they have to come to.
#[derive(Debug, Default)]
pub struct Work {
    instances: Vec<Instance>,
    requests: VecDeque<Request>,
    /// Instances that are sent their event in the next round.
    later: Vec<String>,
    /// Whether the first request was sent to a host that died before it answered.
    unanswered: bool,
    /// Instances that were sent their event more than once.
    asked_twice: HashSet<String>,
    /// What has to be in each shared entity.
    shared: [i64; SHARED],
}

impl Work {
    /// Adds so many instances to what is to be started.
    pub fn plan(&mut self, count: usize, rng: &mut Rng) {
        let raises = std::mem::take(&mut self.later);
        for _ in 0..count {
            self.plan_one(rng);
        }
        // Among the starts, so that it is chance what a kill cuts off, but behind its own start and
        // the request that may be unanswered.
        for id in raises {
            let is_start =
                |request: &Request| matches!(request, Request::Start { id: of, .. } if *of == id);
            let start = self.requests.iter().position(is_start).unwrap_or(0);
            let at = rng.usize(start + 1..=self.requests.len().max(start + 1));
            let at = at.min(self.requests.len());
            self.requests.insert(at, Request::Raise { id });
        }
    }

    fn plan_one(&mut self, rng: &mut Rng) {
        let number = self.instances.len();
        let id = format!("i{number}");
        let (name, input, expected) = match rng.u8(0..8) {
            0 => {
                let n = rng.i64(1..10);
                let last = format!("Hello {}!", n - 1);
                (
                    "chain_n",
                    json!({ "n": n }),
                    json!({ "count": n, "last": last }),
                )
            }
            1 => {
                let n = rng.i64(1..30);
                let sum: i64 = (0..n).map(|i| i * i).sum();
                ("fan_out", json!({ "n": n }), json!(sum))
            }
            2 => {
                let child = |i: usize| {
                    json!({
                        "greeting": format!("Hello child {i}!"),
                        "parent": id,
                        "parentName": "sub_parent",
                        "version": "",
                    })
                };
                let parallel = rng.bool();
                (
                    "sub_parent",
                    json!({ "n": 3, "parallel": parallel, "ids": true }),
                    json!([child(0), child(1), child(2)]),
                )
            }
            3 => (
                "eternal",
                json!({ "k": 4, "mode": "none" }),
                json!({ "counter": 4, "seen": [] }),
            ),
            4 => {
                // The event is awaited while somebody is killed.
                self.later.push(id.clone());
                (
                    "wait_event",
                    json!({ "event": "Approval", "timeoutSeconds": 86_400 }),
                    json!({ "timedOut": false, "payload": { "for": id } }),
                )
            }
            5 => {
                let seconds = rng.f64() / 10.0;
                (
                    "long_timer",
                    json!({ "seconds": seconds }),
                    json!("long timer done"),
                )
            }
            6 => ("call_entity_orch", json!({ "key": id }), Value::Null),
            _ => {
                let (from, amount) = (rng.usize(0..SHARED), rng.i64(1..100));
                let to = (from + 1) % SHARED;
                self.shared[from] -= amount;
                self.shared[to] += amount;
                (
                    "lock_orch",
                    json!({ "a": shared(from), "b": shared(to), "amount": amount }),
                    Value::Null,
                )
            }
        };
        let path = format!("{API}/orchestrators/{name}/{id}");
        self.instances.push(Instance {
            id: id.clone(),
            expected,
        });
        self.requests.push_back(Request::Start { id, path, input });
    }

    /// Sends what is to be sent, until all of it is answered or the host is gone.
    pub fn send(&mut self, app: &App) {
        while let Some(request) = self.requests.front() {
            let done = match request {
                Request::Start { id, path, input } => {
                    let known = if self.unanswered {
                        match app.try_get(&format!("{API}/instances/{id}")) {
                            Ok(answer) => answer.status != 404,
                            Err(_) => return,
                        }
                    } else {
                        false
                    };
                    known || accepted(app.try_post(path, &input.to_string()), &[202])
                }
                Request::Raise { id } => {
                    let path = format!("{API}/instances/{id}/raiseEvent/Approval");
                    // What was unanswered may have come all the same.
                    let statuses: &[u16] = if self.unanswered {
                        self.asked_twice.insert(id.clone());
                        &[202, 410]
                    } else {
                        &[202]
                    };
                    let event = json!({ "for": id }).to_string();
                    accepted(app.try_post(&path, &event), statuses)
                }
            };
            self.unanswered = !done;
            if !done {
                return;
            }
            self.requests.pop_front();
        }
    }

    /// Each instance ends with its result, and each entity with its sum.
    pub fn check_results(&self, app: &App) {
        for Instance { id, expected } in &self.instances {
            let status = app.ended(id);
            assert_eq!(status["runtimeStatus"], "Completed", "{status}");
            match status["name"].as_str().unwrap() {
                "call_entity_orch" => {
                    let output = &status["output"];
                    assert_eq!((&output["added"], &output["got"]), (&json!(5), &json!(5)));
                    assert_eq!(output["afterSignal"], 8, "{status}");
                }
                "lock_orch" => assert_eq!(status["output"]["inside"], true, "{status}"),
                _ => assert_eq!(&status["output"], expected, "{status}"),
            }
        }
        for (number, expected) in self.shared.iter().enumerate() {
            let answer = app.get(&format!("{API}/entities/counter/{}", shared(number)));
            if answer.status == 404 {
                assert_eq!(*expected, 0);
            } else {
                assert_eq!(answer.json(), *expected, "{}", shared(number));
            }
        }
    }

    /// Whether an event of the instance may be there twice, as it was sent twice.
    pub fn was_asked_twice(&self, id: &str) -> bool {
        self.asked_twice.contains(id)
    }

    /// How many instances were started.
    pub fn count(&self) -> usize {
        self.instances.len()
    }

    /// Their ids.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.instances.iter().map(|instance| instance.id.as_str())
    }
}

/// Whether there is an answer; it has to be one of these.
fn accepted(answer: Result<HostAnswer, impl Display>, statuses: &[u16]) -> bool {
    match answer {
        Ok(answer) => {
            let status = answer.status;
            assert!(statuses.contains(&status), "{status} {}", answer.body);
            true
        }
        Err(_) => false,
    }
}

fn shared(number: usize) -> String {
    format!("shared-{number}")
}
