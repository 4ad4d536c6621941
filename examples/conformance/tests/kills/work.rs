//! What runs while processes are killed, and how it has to end.

use fastrand::Rng;
use handler_harness::App;
use serde_json::{Value, json};

const API: &str = "/runtime/webhooks/durabletask";
/// Entities that several orchestrations add to.
const SHARED: usize = 3;

/// An instance that was started.
#[derive(Debug)]
struct Instance {
    id: String,
    expected: Value,
}

/// All instances, and what they have to come to.
#[derive(Debug, Default)]
pub struct Work {
    instances: Vec<Instance>,
    /// Instances that wait for an event.
    waiting: Vec<String>,
    /// What has to be in each shared entity.
    shared: [i64; SHARED],
}

impl Work {
    /// Starts one of the kinds.
    pub fn start(&mut self, app: &App, rng: &mut Rng) {
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
                self.waiting.push(id.clone());
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
        let answer = app.post(&path, &input.to_string());
        assert_eq!(answer.status, 202, "{}", answer.body);
        self.instances.push(Instance { id, expected });
    }

    /// Sends what instances wait for.
    pub fn raise_events(&mut self, app: &App) {
        for id in self.waiting.drain(..) {
            let path = format!("{API}/instances/{id}/raiseEvent/Approval");
            let answer = app.post(&path, &json!({ "for": id }).to_string());
            assert_eq!(answer.status, 202, "{}", answer.body);
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

    /// How many instances were started.
    pub fn count(&self) -> usize {
        self.instances.len()
    }

    /// Their ids.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.instances.iter().map(|instance| instance.id.as_str())
    }
}

fn shared(number: usize) -> String {
    format!("shared-{number}")
}
