//! Entities in tests.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use durable_functions_protocol::entity::{EntityId, LOCK_GRANTED, Request, Response};
use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{
    EntityBatchRequest, EntityBatchResult, OperationActionOperationActionType as Action,
    OperationRequest, OperationResultResultType, SendSignalAction, StartNewOrchestrationAction,
    TaskFailureDetails, Timestamp,
};
use durable_functions_protocol::time;
use tokio_util::sync::CancellationToken;

use crate::argument::States;
use crate::entity::{EntityFunction, Environment, run_batch};
use crate::invocation::Invocation;
use crate::panic;

/// Answers an operation of an entity: id, name and input as JSON text.
pub(super) type EntityAnswering =
    Box<dyn FnMut(&EntityId, &str, Option<&str>) -> Result<String, Failure>>;

/// What stands for an entity's function.
pub(super) enum Stand {
    Real(Arc<dyn EntityFunction>),
    Answered(EntityAnswering),
}

/// A signal on its way.
struct Signal {
    target: String,
    operation: String,
    input: Option<String>,
    due: Option<Timestamp>,
}

impl From<SendSignalAction> for Signal {
    fn from(signal: SendSignalAction) -> Self {
        Self {
            target: signal.instance_id,
            operation: signal.name,
            input: signal.input,
            due: signal.scheduled_time,
        }
    }
}

/// The entities of a test.
#[derive(Default)]
pub(super) struct Entities {
    functions: HashMap<String, Stand>,
    states: BTreeMap<String, String>,
    /// Signals that arrive later.
    scheduled: Vec<Signal>,
    requests: u64,
}

impl Entities {
    pub(super) fn add(&mut self, name: &str, stand: Stand) {
        self.functions.insert(name.to_lowercase(), stand);
    }

    pub(super) fn set(&mut self, id: &EntityId, state: String) {
        self.states.insert(id.to_string(), state);
    }

    pub(super) fn into_states(self) -> BTreeMap<String, String> {
        self.states
    }

    /// An orchestration sends a request. Gives the answer, if one is waited for. Locks are granted
    /// at once: nobody else holds any, since sub-orchestrations run while there are none.
    pub(super) fn request(
        &mut self,
        target: &str,
        request: Request,
        now: &Timestamp,
        states: &Arc<States>,
    ) -> Result<Option<Response>, String> {
        if request.is_lock_request {
            return Ok(Some(Response::Success(Some(LOCK_GRANTED.into()))));
        }
        let signal = Signal {
            target: target.to_owned(),
            operation: request.op.unwrap_or_default(),
            input: request.input,
            due: request.due.map(|due| due.time()),
        };
        if request.signal {
            return self.signal(signal, now, states).map(|()| None);
        }
        let (response, signals) = self.perform(signal, states)?;
        for signal in signals {
            self.signal(signal, now, states)?;
        }
        Ok(Some(response))
    }

    /// Signals whose time has come arrive.
    pub(super) fn deliver(&mut self, now: &Timestamp, states: &Arc<States>) -> Result<(), String> {
        let is_due = |signal: &mut Signal| is_due(signal, now);
        let mut due: Vec<_> = self.scheduled.extract_if(.., is_due).collect();
        due.sort_by(|a, b| match (&a.due, &b.due) {
            (Some(a), Some(b)) => time::compare(a, b),
            _ => std::cmp::Ordering::Equal,
        });
        for signal in due {
            self.signal(signal, now, states)?;
        }
        Ok(())
    }

    fn signal(
        &mut self,
        signal: Signal,
        now: &Timestamp,
        states: &Arc<States>,
    ) -> Result<(), String> {
        let mut waiting = VecDeque::from([signal]);
        let mut delivered = 0;
        while let Some(signal) = waiting.pop_front() {
            if !is_due(&signal, now) {
                self.scheduled.push(signal);
                continue;
            }
            delivered += 1;
            if delivered > 10_000 {
                return Err(
                    "entities signal each other without end: schedule some of the signals, or stop"
                        .into(),
                );
            }
            let (_, signals) = self.perform(signal, states)?;
            waiting.extend(signals);
        }
        Ok(())
    }

    fn perform(
        &mut self,
        signal: Signal,
        states: &Arc<States>,
    ) -> Result<(Response, Vec<Signal>), String> {
        let Signal {
            target,
            operation,
            input,
            ..
        } = signal;
        let id: EntityId = target.parse().map_err(|problem| format!("{problem}"))?;
        let name = id.name().to_owned();
        match self.functions.get_mut(&name) {
            None => Err(format!(
                "it sends '{operation}' to entity '{id}', which this test does not answer: add `.entity::<..>()` or `.entity_answer(\"{name}\", ..)`"
            )),
            Some(Stand::Answered(answer)) => {
                let response = match answer(&id, &operation, input.as_deref()) {
                    Ok(result) => Response::Success((result != "null").then_some(result)),
                    Err(failure) => Response::Failure(failure),
                };
                Ok((response, Vec::new()))
            }
            Some(Stand::Real(function)) => {
                self.requests += 1;
                let request = OperationRequest {
                    operation,
                    request_id: format!("test-request-{}", self.requests),
                    input,
                    trace_context: None,
                };
                let batch = EntityBatchRequest {
                    instance_id: target.clone(),
                    entity_state: self.states.get(&target).cloned(),
                    operations: vec![request],
                    ..EntityBatchRequest::default()
                };
                let result = run(&name, &**function, batch, states)?;
                match result.entity_state {
                    Some(state) => self.states.insert(target, state),
                    None => self.states.remove(&target),
                };
                let signals = result.actions.into_iter().filter_map(|action| {
                    match action.operation_action_type {
                        Some(Action::SendSignal(signal)) => Some(signal.into()),
                        _ => None,
                    }
                });
                let signals = signals.collect();
                let mut outcomes = result.results.into_iter().map(outcome);
                let response = match outcomes.next() {
                    Some(Ok(result)) => Response::Success((result != "null").then_some(result)),
                    Some(Err(failure)) => Response::Failure(failure),
                    None => return Err(format!("entity '{id}' did not answer")),
                };
                Ok((response, signals))
            }
        }
    }
}

fn is_due(signal: &Signal, now: &Timestamp) -> bool {
    signal
        .due
        .is_none_or(|due| time::compare(&due, now).is_le())
}

/// How an operation ended: its result as JSON text.
pub(super) fn outcome(
    result: durable_functions_protocol::proto::OperationResult,
) -> Result<String, Failure> {
    match result.result_type {
        Some(OperationResultResultType::Success(success)) => {
            Ok(success.result.unwrap_or_else(|| "null".into()))
        }
        Some(OperationResultResultType::Failure(failure)) => {
            let details: Option<TaskFailureDetails> = failure.failure_details;
            Err(details.as_ref().map_or_else(
                || Failure::new("NoDetails", "the operation failed"),
                Failure::from_proto,
            ))
        }
        None => Err(Failure::new("NoResult", "the operation has no result")),
    }
}

/// What an operation started.
pub(super) fn starts(result: &EntityBatchResult) -> Vec<StartNewOrchestrationAction> {
    let start = |action: &durable_functions_protocol::proto::OperationAction| match &action
        .operation_action_type
    {
        Some(Action::StartNewOrchestration(start)) => Some(start.clone()),
        _ => None,
    };
    result.actions.iter().filter_map(start).collect()
}

/// What an operation signalled.
pub(super) fn signals(result: &EntityBatchResult) -> Vec<SendSignalAction> {
    let signal = |action: &durable_functions_protocol::proto::OperationAction| match &action
        .operation_action_type
    {
        Some(Action::SendSignal(signal)) => Some(signal.clone()),
        _ => None,
    };
    result.actions.iter().filter_map(signal).collect()
}

/// Runs a batch, on a thread and a runtime of its own: the test may have a runtime already, and in
/// a runtime none can be waited for.
pub(super) fn run(
    name: &str,
    function: &dyn EntityFunction,
    batch: EntityBatchRequest,
    states: &Arc<States>,
) -> Result<EntityBatchResult, String> {
    let invocation = Invocation {
        function: "test-entity",
        id: "test-invocation".into(),
        instance_id: None,
        payload: None,
        request: None,
        client: None,
        entity: None,
        states: Arc::clone(states),
        cancellation: CancellationToken::new(),
        deadline: None,
    };
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let environment = Environment {
            invocation,
            is_draining: &|| false,
        };
        panic::catch(|| runtime.block_on(run_batch(batch, function, environment)))
            .map_err(|failure| failure.to_string())
    };
    let ended = std::thread::scope(|scope| scope.spawn(run).join());
    ended.unwrap_or_else(|_| Err(format!("the thread of entity '{name}' panicked")))
}
