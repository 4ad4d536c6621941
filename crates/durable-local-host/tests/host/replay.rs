//! The orchestrators of the test handler: small functions of the history.

use std::collections::{HashMap, HashSet};

use durable_functions_protocol::proto::{
    ActionType, CompleteOrchestrationAction, CreateSubOrchestrationAction, CreateTimerAction,
    EventType, HistoryEvent, OrchestrationInstance, OrchestrationStatus, OrchestratorAction,
    OrchestratorRequest, OrchestratorResponse, ScheduleTaskAction, SendEventAction,
    TaskFailureDetails, Timestamp,
};
use serde_json::{Value, json};

/// What a history says.
pub struct View {
    pub input: Value,
    pub instance: String,
    pub version: Option<String>,
    pub now: Timestamp,
    pub done: HashMap<i32, Result<Value, Option<TaskFailureDetails>>>,
    pub events: Vec<(String, Value)>,
    pub suspended: bool,
    pub terminated: Option<Option<String>>,
    asked: HashSet<i32>,
}

/// What an orchestrator decides.
#[derive(Default)]
pub struct Decision {
    actions: Vec<OrchestratorAction>,
    pub status: Option<String>,
}

impl View {
    pub fn of(request: &OrchestratorRequest) -> Self {
        let mut view = Self {
            input: Value::Null,
            instance: request.instance_id.clone(),
            version: None,
            now: Timestamp::default(),
            done: HashMap::new(),
            events: Vec::new(),
            suspended: false,
            terminated: None,
            asked: HashSet::new(),
        };
        request
            .past_events
            .iter()
            .chain(&request.new_events)
            .for_each(|event| view.take(event));
        view
    }

    fn take(&mut self, event: &HistoryEvent) {
        let json = |text: &Option<String>| {
            text.as_deref()
                .map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
        };
        match event.event_type.as_ref().unwrap() {
            EventType::OrchestratorStarted(_) => self.now = event.timestamp.unwrap(),
            EventType::ExecutionStarted(started) => {
                self.input = json(&started.input);
                self.version.clone_from(&started.version);
            }
            EventType::TaskScheduled(_)
            | EventType::TimerCreated(_)
            | EventType::SubOrchestrationInstanceCreated(_)
            | EventType::EventSent(_) => {
                self.asked.insert(event.event_id);
            }
            EventType::TaskCompleted(done) => drop(
                self.done
                    .insert(done.task_scheduled_id, Ok(json(&done.result))),
            ),
            EventType::TaskFailed(failed) => {
                self.done.insert(
                    failed.task_scheduled_id,
                    Err(failed.failure_details.clone()),
                );
            }
            EventType::SubOrchestrationInstanceCompleted(done) => {
                self.done
                    .insert(done.task_scheduled_id, Ok(json(&done.result)));
            }
            EventType::SubOrchestrationInstanceFailed(failed) => {
                self.done.insert(
                    failed.task_scheduled_id,
                    Err(failed.failure_details.clone()),
                );
            }
            EventType::TimerFired(fired) => drop(self.done.insert(fired.timer_id, Ok(Value::Null))),
            EventType::EventRaised(raised) => {
                self.events.push((raised.name.clone(), json(&raised.input)))
            }
            EventType::ExecutionSuspended(_) => self.suspended = true,
            EventType::ExecutionResumed(_) => self.suspended = false,
            EventType::ExecutionTerminated(terminated) => {
                self.terminated = Some(terminated.input.clone())
            }
            _ => {}
        }
    }

    fn later(&self, milliseconds: i64) -> Timestamp {
        let nanos = i64::from(self.now.nanos) + milliseconds * 1_000_000;
        Timestamp {
            seconds: self.now.seconds + nanos.div_euclid(1_000_000_000),
            nanos: i32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap(),
        }
    }
}

impl Decision {
    fn act(&mut self, view: &View, id: i32, action: ActionType) {
        if !view.asked.contains(&id) {
            self.actions.push(OrchestratorAction {
                id,
                orchestrator_action_type: Some(action),
            });
        }
    }

    fn task(&mut self, view: &View, id: i32, name: &str, input: &Value) {
        let task = ScheduleTaskAction {
            name: name.into(),
            input: Some(input.to_string()),
            ..Default::default()
        };
        self.act(view, id, ActionType::ScheduleTask(task));
    }

    fn timer(&mut self, view: &View, id: i32, milliseconds: i64) {
        // The fire time is only read when the timer is made; later turns do not send it again.
        let timer = CreateTimerAction {
            fire_at: Some(view.later(milliseconds)),
        };
        self.act(view, id, ActionType::CreateTimer(timer));
    }

    fn sub(&mut self, view: &View, id: i32, name: &str, instance: String, input: &Value) {
        let sub = CreateSubOrchestrationAction {
            instance_id: instance,
            name: name.into(),
            version: Some(String::new()),
            input: Some(input.to_string()),
            tags: tags(&view.input["tags"]),
            ..Default::default()
        };
        self.act(view, id, ActionType::CreateSubOrchestration(sub));
    }

    fn end(
        &mut self,
        status: OrchestrationStatus,
        result: Option<String>,
        failure: Option<TaskFailureDetails>,
    ) {
        self.completion(CompleteOrchestrationAction {
            orchestration_status: status as i32,
            result,
            failure_details: failure,
            ..Default::default()
        });
    }

    fn completion(&mut self, completion: CompleteOrchestrationAction) {
        let action = ActionType::CompleteOrchestration(completion);
        self.actions.push(OrchestratorAction {
            id: 1000,
            orchestrator_action_type: Some(action),
        });
    }

    /// Fails because of what failed below, as orchestrators do that catch nothing.
    fn rethrow(&mut self, inner: &TaskFailureDetails) {
        let mut outer = failure("my::Stopped", "a step failed");
        outer.inner_failure = Some(Box::new(inner.clone()));
        self.end(OrchestrationStatus::Failed, None, Some(outer));
    }

    fn complete(&mut self, output: &Value) {
        self.end(
            OrchestrationStatus::Completed,
            Some(output.to_string()),
            None,
        );
    }
}

fn tags(object: &Value) -> HashMap<String, String> {
    let members = object.as_object().into_iter().flatten();
    members
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect()
}

fn failure(kind: &str, message: &str) -> TaskFailureDetails {
    TaskFailureDetails {
        error_type: kind.into(),
        error_message: message.into(),
        ..Default::default()
    }
}

/// One turn.
pub fn turn(name: &str, request: &OrchestratorRequest) -> OrchestratorResponse {
    let view = View::of(request);
    let mut decision = Decision::default();
    if let Some(reason) = &view.terminated {
        decision.end(OrchestrationStatus::Terminated, reason.clone(), None);
    } else {
        decide(name, &view, &mut decision);
    }
    OrchestratorResponse {
        instance_id: request.instance_id.clone(),
        actions: decision.actions,
        custom_status: decision.status,
        ..Default::default()
    }
}

/// Fails with the first failure, or completes when all is done and the event there that it may wait
/// for.
fn strictly(view: &View, decision: &mut Decision, count: i32) {
    let waits = view.input["waits"] == true && view.events.is_empty();
    let failed = (0..count).find_map(|id| view.done.get(&id)?.as_ref().err());
    if let Some(failed) = failed {
        let failed = failed.clone().unwrap_or_default();
        decision.end(OrchestrationStatus::Failed, None, Some(failed));
    } else if !waits && (0..count).all(|id| view.done.contains_key(&id)) {
        let results: Vec<&Value> = (0..count)
            .filter_map(|id| view.done[&id].as_ref().ok())
            .collect();
        decision.complete(&json!(results));
    }
}

fn decide(name: &str, view: &View, decision: &mut Decision) {
    let number = |name: &str| view.input[name].as_i64().unwrap_or(0);
    match name {
        "hello_orchestrator" => {
            let city = if view.input.is_null() {
                json!("Seoul")
            } else {
                view.input.clone()
            };
            decision.task(view, 0, "hello", &city);
            match view.done.get(&0) {
                Some(Ok(greeting)) => decision.complete(greeting),
                Some(Err(failure)) => {
                    decision.end(
                        OrchestrationStatus::Failed,
                        None,
                        Some(failure.clone().unwrap_or_default()),
                    );
                }
                None => {}
            }
        }
        "chain" => {
            let mut id = 0;
            while id < number("n") as i32 {
                decision.task(view, id, "slow_hello", &json!(id.to_string()));
                if !view.done.contains_key(&id) {
                    return;
                }
                id += 1;
            }
            decision.complete(&json!(id));
        }
        "fan_out" => {
            let n = number("n") as i32;
            let activity = view.input["activity"].as_str().unwrap_or("square");
            (0..n).for_each(|id| decision.task(view, id, activity, &json!(id)));
            if view.done.len() == n as usize {
                let results = view
                    .done
                    .values()
                    .map(|value| value.as_ref().unwrap().as_i64().unwrap());
                decision.complete(&json!(results.sum::<i64>()));
            }
        }
        "call_activity" => {
            decision.task(
                view,
                0,
                view.input["activity"].as_str().unwrap(),
                &view.input["input"],
            );
            match view.done.get(&0) {
                Some(Ok(value)) => decision.complete(&json!({"ok": value})),
                Some(Err(None)) => decision.complete(&json!({"failed": null})),
                Some(Err(Some(inner))) if view.input["rethrow"] == true => decision.rethrow(inner),
                Some(Err(Some(failure))) => {
                    let mut chain = Vec::new();
                    let mut at = Some(failure);
                    while let Some(failure) = at {
                        chain.push(json!([failure.error_type, failure.error_message]));
                        at = failure.inner_failure.as_deref();
                    }
                    decision.complete(&json!({"failed": chain}));
                }
                None => {}
            }
        }
        "timer" => {
            decision.timer(view, 0, number("ms"));
            if view.done.contains_key(&0) {
                decision.complete(&json!("fired"));
            }
        }
        "wait_events" => {
            let wanted = number("count") as usize;
            let received = if view.suspended { 0 } else { view.events.len() };
            decision.status = Some(json!({"received": received}).to_string());
            if view.events.len() >= wanted && !view.suspended {
                let payloads: Vec<Value> = view
                    .events
                    .iter()
                    .map(|(name, data)| json!([name, data]))
                    .collect();
                decision.complete(&json!(payloads));
            }
        }
        "parent" => {
            let child = |id: i32| match view.input["childId"].as_str() {
                Some(fixed) => fixed.to_owned(),
                None => format!("{}-child{id}", view.instance),
            };
            decision.sub(
                view,
                0,
                view.input["child"].as_str().unwrap(),
                child(0),
                &view.input["input"],
            );
            match view.done.get(&0) {
                Some(Ok(value)) => decision.complete(&json!({"child": value})),
                Some(Err(Some(inner))) if view.input["rethrow"] == true => decision.rethrow(inner),
                Some(Err(failure)) => {
                    let message = failure
                        .as_ref()
                        .map(|failure| failure.error_message.clone());
                    decision.complete(&json!({"childFailed": message}));
                }
                None => {}
            }
        }
        "fail" => {
            let message = view.input["message"].as_str();
            let message = message.unwrap_or("order 42 rejected: résumé ☃");
            let mut outer = failure("my::Rejected", message);
            outer.inner_failure = Some(Box::new(failure("my::Cause", "the inner reason")));
            decision.end(OrchestrationStatus::Failed, None, Some(outer));
        }
        "eternal" => {
            let counter = number("counter");
            decision.status = Some(json!({"counter": counter}).to_string());
            if counter >= number("k") {
                return decision.complete(&json!({"counter": counter, "seen": view.input["seen"]}));
            }
            let mut next = view.input.clone();
            match view.input["mode"].as_str().unwrap_or("none") {
                "timer" => {
                    decision.timer(view, 0, 5);
                    if !view.done.contains_key(&0) {
                        return;
                    }
                }
                "event" => {
                    let Some((_, data)) = view.events.first() else {
                        return;
                    };
                    let mut seen = next["seen"].as_array().cloned().unwrap_or_default();
                    seen.push(data.clone());
                    next["seen"] = json!(seen);
                }
                _ => {}
            }
            next["counter"] = json!(counter + 1);
            let carried: Vec<HistoryEvent> = view
                .events
                .iter()
                .skip(1)
                .map(|(name, data)| HistoryEvent {
                    event_id: -1,
                    timestamp: Some(view.now),
                    event_type: Some(EventType::EventRaised(
                        durable_functions_protocol::proto::EventRaisedEvent {
                            name: name.clone(),
                            input: Some(data.to_string()),
                        },
                    )),
                })
                .collect();
            decision.end(
                OrchestrationStatus::ContinuedAsNew,
                Some(next.to_string()),
                None,
            );
            if let Some(ActionType::CompleteOrchestration(completion)) = decision
                .actions
                .last_mut()
                .unwrap()
                .orchestrator_action_type
                .as_mut()
            {
                completion.carryover_events = carried;
            }
        }
        "ends_as" => decision.completion(CompleteOrchestrationAction {
            orchestration_status: view.input.as_i64().unwrap() as i32,
            ..Default::default()
        }),
        // The first execution sets a status, the last but one may wait for an event.
        "generations" => {
            decision.status = view.input["status"]
                .as_str()
                .map(|text| json!(text).to_string());
            let left = number("left");
            if left == 0 {
                return decision.complete(&json!(null));
            }
            if left == 1 && view.input["waits"] == true && view.events.is_empty() {
                return;
            }
            let mut next = view.input.clone();
            next["left"] = json!(left - 1);
            next["status"] = json!(null);
            decision.completion(CompleteOrchestrationAction {
                orchestration_status: OrchestrationStatus::ContinuedAsNew as i32,
                result: Some(next.to_string()),
                new_version: view.input["version"].as_str().map(str::to_owned),
                tags: tags(&view.input["tags"]),
                ..Default::default()
            });
        }
        "sender" => {
            let instance = OrchestrationInstance {
                instance_id: view.input["target"].as_str().unwrap().into(),
                execution_id: None,
            };
            let sent = SendEventAction {
                instance: Some(instance),
                name: "E".into(),
                data: Some(view.input["payload"].to_string()),
            };
            decision.act(view, 0, ActionType::SendEvent(sent));
            decision.complete(&json!("sent"));
        }
        "strict" => {
            let tasks = view.input["tasks"].as_array().unwrap();
            let count = tasks.len() as i32;
            for (id, task) in (0..).zip(tasks) {
                decision.task(view, id, task[0].as_str().unwrap(), &task[1]);
            }
            let timers = i32::from(!view.input["ms"].is_null());
            if timers == 1 {
                decision.timer(view, count, number("ms"));
            }
            strictly(view, decision, count + timers);
        }
        "strict_parent" => {
            let child = format!("{}-child", view.instance);
            decision.sub(view, 0, "strict", child, &view.input);
            strictly(view, decision, 1);
        }
        "version" => decision.complete(&json!(view.version)),
        "big_status" => {
            decision.status = Some(json!("s".repeat(20_000)).to_string());
            decision.complete(&json!(null));
        }
        "empty_child_id" => {
            decision.sub(view, 0, "hello_orchestrator", String::new(), &json!(null))
        }
        other => panic!("no orchestrator {other}"),
    }
}
