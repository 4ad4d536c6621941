//! Entities of the test handler, and an orchestrator that does with entities what its input says.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use durable_functions_protocol::proto::{
    ActionType, CompleteOrchestrationAction, CreateTimerAction, EntityBatchRequest,
    EntityBatchResult, EntityLockRequestedEvent, EntityMessageType, EntityOperationCalledEvent,
    EntityOperationSignaledEvent, EntityUnlockSentEvent, EventType, OperationAction,
    OperationActionOperationActionType as Action, OperationResult, OperationResultFailure,
    OperationResultResultType as ResultType, OperationResultSuccess, OrchestrationInstance,
    OrchestrationStatus, OrchestratorAction, OrchestratorRequest, OrchestratorResponse,
    SendEntityMessageAction, SendEventAction, SendSignalAction, StartNewOrchestrationAction,
    TaskFailureDetails, Timestamp,
};
use serde_json::{Value, json};

use crate::crowd;

pub const ENTITIES: &[&str] = &["counter", "odd"];

/// What the handler does with a batch.
pub enum Reply {
    Result(Box<EntityBatchResult>),
    Status(u16),
    Text(&'static str),
    Die,
}

fn failure(message: &str) -> TaskFailureDetails {
    TaskFailureDetails {
        error_type: "my::Error".into(),
        error_message: message.into(),
        ..Default::default()
    }
}

fn success(result: Option<String>) -> OperationResult {
    OperationResult {
        result_type: Some(ResultType::Success(OperationResultSuccess {
            result,
            ..Default::default()
        })),
    }
}

fn failed(message: &str) -> OperationResult {
    OperationResult {
        result_type: Some(ResultType::Failure(OperationResultFailure {
            failure_details: Some(failure(message)),
            ..Default::default()
        })),
    }
}

fn signal_to(key: &str, name: &str, input: &Value, at: Option<Timestamp>) -> Action {
    Action::SendSignal(SendSignalAction {
        instance_id: format!("@counter@{key}"),
        name: name.into(),
        input: Some(input.to_string()),
        scheduled_time: at,
        ..Default::default()
    })
}

fn result(result: EntityBatchResult) -> Reply {
    Reply::Result(Box::new(result))
}

/// A batch of the entity `counter`.
pub async fn counter(request: EntityBatchRequest, first_time: impl Fn(&str) -> bool) -> Reply {
    let mut state: Option<Value> = request
        .entity_state
        .map(|state| serde_json::from_str(&state).unwrap());
    let mut results = Vec::new();
    let mut actions = Vec::new();
    for operation in &request.operations {
        let input: Value = operation
            .input
            .as_deref()
            .map_or(Value::Null, |input| serde_json::from_str(input).unwrap());
        let number = state.as_ref().and_then(Value::as_i64).unwrap_or(0);
        let mut value = None;
        match operation.operation.as_str() {
            "get" => value = Some(state.clone().unwrap_or(json!(0))),
            "add" => {
                state = Some(json!(number + input.as_i64().unwrap()));
                value.clone_from(&state);
            }
            "set" => state = Some(input),
            "delete" => state = None,
            "append" => {
                let mut list = state.take().unwrap_or(json!([]));
                list.as_array_mut().unwrap().push(input);
                state = Some(list);
            }
            // How many operations came together, at most.
            "size" => {
                let size = i64::try_from(request.operations.len()).unwrap();
                state = Some(json!(number.max(size)));
            }
            "signal" => actions.push(signal_to(
                input["key"].as_str().unwrap(),
                "add",
                &input["amount"],
                None,
            )),
            "start" => actions.push(Action::StartNewOrchestration(StartNewOrchestrationAction {
                instance_id: input["id"].as_str().unwrap().into(),
                name: input["name"].as_str().unwrap().into(),
                input: Some(input["input"].to_string()),
                scheduled_time: input["at"]
                    .as_i64()
                    .map(|seconds| Timestamp { seconds, nanos: 0 }),
                ..Default::default()
            })),
            "slow" => tokio::time::sleep(Duration::from_millis(input.as_u64().unwrap())).await,
            "meet" => value = Some(json!(crowd::meet(input.as_u64().unwrap()).await)),
            "hang" if first_time("hang") => std::future::pending().await,
            "hang" => value = Some(json!("in time")),
            "die" if first_time("entity") => return Reply::Die,
            "die" => value = Some(json!("survived")),
            _ => {
                results.push(failed("on purpose"));
                continue;
            }
        }
        results.push(success(value.map(|value| value.to_string())));
    }
    let actions = actions.into_iter().map(|action| OperationAction {
        id: 0,
        operation_action_type: Some(action),
    });
    result(EntityBatchResult {
        results,
        actions: actions.collect(),
        entity_state: state.map(|state| state.to_string()),
        ..Default::default()
    })
}

/// A batch of the entity `odd`, which does wrong what its key says.
pub fn odd(request: &EntityBatchRequest, first_time: impl Fn(&str) -> bool) -> Reply {
    let key = request.instance_id.splitn(3, '@').nth(2).unwrap();
    let one = |state: Option<&str>| EntityBatchResult {
        results: vec![success(Some("1".into()))],
        entity_state: state.map(str::to_owned),
        ..Default::default()
    };
    match key {
        "status" => Reply::Status(500),
        "text" => Reply::Text("out of order"),
        // One at a time, whatever comes.
        "short" => {
            let done = request.entity_state.as_deref().unwrap_or("0");
            let done: i64 = done.parse().unwrap();
            result(one(Some(&(done + 1).to_string())))
        }
        "batch failure" => result(EntityBatchResult {
            results: vec![success(None); request.operations.len() - 1],
            failure_details: Some(failure("the rest fails")),
            ..one(Some("7"))
        }),
        "too many" => result(EntityBatchResult {
            results: vec![success(None); request.operations.len() + 1],
            ..Default::default()
        }),
        "unset" => result(EntityBatchResult {
            results: vec![OperationResult::default()],
            ..Default::default()
        }),
        "nobody" => result(EntityBatchResult {
            actions: vec![OperationAction {
                id: 0,
                operation_action_type: Some(Action::SendSignal(SendSignalAction {
                    instance_id: "nobody".into(),
                    ..Default::default()
                })),
            }],
            ..one(None)
        }),
        "again" if first_time("state") => result(EntityBatchResult {
            requires_state: true,
            ..Default::default()
        }),
        "again" => result(one(Some("1"))),
        other => panic!("{other}"),
    }
}

/// The orchestrator `program`: its input is a list of steps, one after the other. Its output is what
/// the calls came to.
pub fn program(request: &OrchestratorRequest) -> OrchestratorResponse {
    let mut run = Run::of(request);
    run.steps();
    OrchestratorResponse {
        instance_id: request.instance_id.clone(),
        actions: run.actions,
        ..Default::default()
    }
}

#[derive(Default)]
struct Run {
    program: Vec<Value>,
    instance: String,
    execution: String,
    now: Timestamp,
    asked: HashSet<i32>,
    fired: HashSet<i32>,
    raised: HashMap<String, Value>,
    sent: HashMap<String, usize>,
    stamp: usize,
    actions: Vec<OrchestratorAction>,
}

/// The sender's clock counts messages.
fn stamp(number: usize) -> String {
    if number == 0 {
        "0001-01-01T00:00:00".to_owned()
    } else {
        format!("2026-11-23T09:00:00.{number:07}Z")
    }
}

impl Run {
    fn of(request: &OrchestratorRequest) -> Self {
        let mut run = Self {
            instance: request.instance_id.clone(),
            ..Self::default()
        };
        for event in request.past_events.iter().chain(&request.new_events) {
            match event.event_type.as_ref().unwrap() {
                EventType::OrchestratorStarted(_) => run.now = event.timestamp.unwrap(),
                EventType::ExecutionStarted(started) => {
                    run.program = serde_json::from_str(started.input.as_deref().unwrap()).unwrap();
                    let instance = started.orchestration_instance.as_ref().unwrap();
                    run.execution = instance.execution_id.clone().unwrap();
                }
                EventType::EventSent(_) | EventType::TimerCreated(_) => {
                    run.asked.insert(event.event_id);
                }
                EventType::TimerFired(fired) => drop(run.fired.insert(fired.timer_id)),
                EventType::EventRaised(raised) => {
                    let content = raised.input.as_deref().unwrap();
                    let content = serde_json::from_str(content).unwrap();
                    run.raised.insert(raised.name.clone(), content);
                }
                _ => {}
            }
        }
        run
    }

    fn act(&mut self, id: i32, action: ActionType) {
        if !self.asked.contains(&id) {
            self.actions.push(OrchestratorAction {
                id,
                orchestrator_action_type: Some(action),
            });
        }
    }

    fn send(&mut self, id: i32, target: &str, name: &str, content: &Value) {
        let sent = SendEventAction {
            instance: Some(OrchestrationInstance {
                instance_id: target.into(),
                execution_id: None,
            }),
            name: name.into(),
            data: Some(content.to_string()),
        };
        self.act(id, ActionType::SendEvent(sent));
    }

    fn native(&mut self, id: i32, message: EntityMessageType) {
        let action = SendEntityMessageAction {
            entity_message_type: Some(message),
        };
        self.act(id, ActionType::SendEntityMessage(action));
    }

    /// A request with the labels that the host asks for.
    fn labelled(&mut self, target: &str, mut request: Value) -> Value {
        self.stamp += 1;
        let predecessor = self.sent.insert(target.into(), self.stamp).unwrap_or(0);
        request["parent"] = json!(self.instance);
        request["parentExecution"] = json!(self.execution);
        request["Timestamp"] = json!(stamp(self.stamp));
        request["Predecessor"] = json!(stamp(predecessor));
        request
    }

    fn guid(&self, id: i32) -> String {
        let name = format!("{}/{}/{id}", self.instance, self.execution);
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
    }

    fn later(&self, milliseconds: i64) -> Timestamp {
        let nanos = i64::from(self.now.nanos) + milliseconds * 1_000_000;
        Timestamp {
            seconds: self.now.seconds + nanos.div_euclid(1_000_000_000),
            nanos: i32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap(),
        }
    }

    fn end(&mut self, status: OrchestrationStatus, result: Option<String>) {
        let failed = status == OrchestrationStatus::Failed;
        let completion = CompleteOrchestrationAction {
            orchestration_status: status as i32,
            result,
            failure_details: failed.then(|| failure("on purpose")),
            ..Default::default()
        };
        self.actions.push(OrchestratorAction {
            id: 1_000_000,
            orchestrator_action_type: Some(ActionType::CompleteOrchestration(completion)),
        });
    }

    fn steps(&mut self) {
        let mut results = Vec::new();
        let mut locked: Vec<String> = Vec::new();
        let mut section = String::new();
        let mut id = 0;
        for step in self.program.clone() {
            id += 1;
            let guid = self.guid(id);
            let name = |at: usize| step[at].as_str().unwrap_or_default().to_owned();
            let target = entity(&name(1));
            let input = (!step[3].is_null()).then(|| step[3].to_string());
            let request = json!({"op": name(2), "input": input, "id": guid});
            let parent = Some(self.instance.clone());
            let keys = || -> Vec<String> {
                let keys = step[1].as_array().unwrap().iter();
                keys.map(|key| entity(key.as_str().unwrap())).collect()
            };
            let lockset = |keys: &[String]| -> Value {
                let split = |id: &String| {
                    let (name, key) = id[1..].split_once('@').unwrap();
                    json!({"name": name, "key": key})
                };
                keys.iter().map(split).collect()
            };
            let mut waits = false;
            match step[0].as_str().unwrap() {
                "call" => {
                    let request = self.labelled(&target, request);
                    self.send(id, &target, "op", &request);
                    waits = true;
                }
                "unlabelled call" => {
                    let mut request = request;
                    request["parent"] = json!(self.instance);
                    self.send(id, &target, "op", &request);
                    waits = true;
                }
                "native call" => {
                    let called = EntityOperationCalledEvent {
                        request_id: guid.clone(),
                        operation: name(2),
                        input,
                        parent_instance_id: parent,
                        parent_execution_id: Some(self.execution.clone()),
                        target_instance_id: Some(target),
                        ..Default::default()
                    };
                    self.native(id, EntityMessageType::EntityOperationCalled(called));
                    waits = true;
                }
                "signal" => {
                    let mut request = self.labelled(&target, request);
                    request["signal"] = json!(true);
                    self.send(id, &target, "op", &request);
                }
                "native signal" => {
                    let signaled = EntityOperationSignaledEvent {
                        request_id: guid.clone(),
                        operation: name(2),
                        input,
                        target_instance_id: Some(target),
                        scheduled_time: step[4].as_i64().map(|after| self.later(after)),
                    };
                    self.native(id, EntityMessageType::EntityOperationSignaled(signaled));
                }
                // So many signals at once, the last one first.
                "burst" => {
                    let count = step[4].as_u64().unwrap();
                    let labelled: Vec<Value> = (0..count)
                        .map(|number| {
                            let input = if step[3].is_null() { json!(number) } else { step[3].clone() };
                            let guid = self.guid(id + i32::try_from(number).unwrap());
                            let request = json!({"op": name(2), "input": input.to_string(), "id": guid, "signal": true});
                            self.labelled(&target, request)
                        })
                        .collect();
                    for request in labelled.iter().rev() {
                        self.send(id, &target, "op", request);
                        id += 1;
                    }
                }
                "lock" => {
                    locked = keys();
                    section.clone_from(&guid);
                    let request = json!({"op": null, "id": guid, "lockset": lockset(&locked), "IsLockRequest": true});
                    let first = locked[0].clone();
                    let request = self.labelled(&first, request);
                    self.send(id, &first, "op", &request);
                    waits = true;
                }
                "native lock" => {
                    let lock = EntityLockRequestedEvent {
                        critical_section_id: guid.clone(),
                        lock_set: keys(),
                        position: 0,
                        parent_instance_id: parent,
                    };
                    self.native(id, EntityMessageType::EntityLockRequested(lock));
                    waits = true;
                }
                "release" => {
                    for target in std::mem::take(&mut locked) {
                        let release = json!({"parent": self.instance, "id": section});
                        self.send(id, &target, "release", &release);
                        id += 1;
                    }
                }
                "native release" => {
                    for target in std::mem::take(&mut locked) {
                        let unlock = EntityUnlockSentEvent {
                            critical_section_id: section.clone(),
                            parent_instance_id: Some(self.instance.clone()),
                            target_instance_id: Some(target),
                        };
                        self.native(id, EntityMessageType::EntityUnlockSent(unlock));
                        id += 1;
                    }
                }
                "timer" => {
                    let timer = CreateTimerAction {
                        fire_at: Some(self.later(step[1].as_i64().unwrap())),
                    };
                    self.act(id, ActionType::CreateTimer(timer));
                    if !self.fired.contains(&id) {
                        return;
                    }
                }
                "wait" => {
                    if !self.raised.contains_key(&name(1)) {
                        return;
                    }
                }
                "fail" => return self.end(OrchestrationStatus::Failed, None),
                other => panic!("{other}"),
            }
            if waits {
                let Some(answer) = self.raised.get(&guid) else {
                    return;
                };
                results.push(outcome(answer));
            }
        }
        let output = Value::Array(results).to_string();
        self.end(OrchestrationStatus::Completed, Some(output));
    }
}

/// Steps name counters by their keys, and other entities by their ids.
fn entity(key: &str) -> String {
    if key.starts_with('@') {
        key.to_owned()
    } else {
        format!("@counter@{key}")
    }
}

fn outcome(answer: &Value) -> Value {
    let mut failure = &answer["failureDetails"];
    if failure.is_null() {
        // What a lock's owner reads is no JSON.
        return answer["result"].as_str().map_or(Value::Null, |text| {
            serde_json::from_str(text).unwrap_or(json!(text))
        });
    }
    let mut chain = Vec::new();
    while !failure.is_null() {
        chain.push(json!([
            failure["ErrorType"],
            failure["ErrorMessage"],
            failure["IsNonRetriable"]
        ]));
        failure = &failure["InnerFailure"];
    }
    json!({"failed": chain})
}
