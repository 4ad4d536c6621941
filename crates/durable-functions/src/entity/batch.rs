//! A batch of operations: one result for each, and nothing of those that failed.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::SystemTime;

use durable_functions_protocol::entity::EntityId;
use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{
    EntityBatchRequest, EntityBatchResult, OperationAction, OperationRequest, OperationResult,
    OperationResultFailure, OperationResultResultType, OperationResultSuccess, Timestamp,
};
use durable_functions_protocol::time;
use prost_types::value::Kind;

use super::EntityContext;
use crate::invocation::Invocation;
use crate::panic;

/// What an operation does to the state.
#[derive(Debug)]
pub(crate) enum Change {
    Unchanged,
    /// JSON text.
    Set(String),
    Deleted,
}

/// How an operation ended: its result as JSON text, and the state.
pub(crate) struct Performed {
    pub(crate) outcome: Result<String, Failure>,
    pub(crate) change: Change,
}

impl Performed {
    pub(crate) fn failed(failure: Failure) -> Self {
        Self {
            outcome: Err(failure),
            change: Change::Unchanged,
        }
    }
}

/// An operation to be performed.
pub(crate) struct Operation<'a> {
    pub(crate) name: &'a str,
    /// The state as JSON text; none for an entity without state.
    pub(crate) state: Option<&'a str>,
    /// Whether what a failed operation does to the state counts nevertheless.
    pub(crate) keeps_failed: bool,
    pub(crate) context: &'a EntityContext,
    pub(crate) invocation: &'a Invocation,
}

pub(crate) type Performing<'a> = Pin<Box<dyn Future<Output = Performed> + 'a>>;

/// An entity's function.
pub(crate) trait EntityFunction: Send + Sync {
    /// Begins a batch.
    fn load(&self) -> Box<dyn Loaded + '_>;
}

/// The entity of one batch, which may keep its state between two operations.
pub(crate) trait Loaded {
    fn perform<'a>(&'a mut self, operation: Operation<'a>) -> Performing<'a>;

    /// What was kept is not what counts any more.
    fn forget(&mut self);
}

/// What a batch needs of its process.
pub(crate) struct Environment<'a> {
    /// Without a payload, which is that of each operation.
    pub(crate) invocation: Invocation,
    /// Whether the rest of the batch is to be left for another process.
    pub(crate) is_draining: &'a dyn Fn() -> bool,
}

/// Runs the operations of a batch. What has no result is left for later.
pub(crate) async fn run_batch(
    request: EntityBatchRequest,
    entity: &dyn EntityFunction,
    environment: Environment<'_>,
) -> EntityBatchResult {
    let mut result = EntityBatchResult::default();
    if request.entity_state.is_none() && property(&request, "IncludeState") == Some(false) {
        result.requires_state = true;
        return result;
    }
    let keeps_failed = property(&request, "RollbackEntityOperationsOnExceptions") == Some(false);
    let id: EntityId = match request.instance_id.parse() {
        Ok(id) => id,
        Err(problem) => {
            result.entity_state = request.entity_state;
            result.failure_details =
                Some(Failure::new("InvalidRequest", problem.to_string()).to_proto());
            return result;
        }
    };
    let Environment {
        mut invocation,
        is_draining,
    } = environment;
    let id = Arc::new(id);
    let mut state = request.entity_state;
    let mut loaded = entity.load();
    for OperationRequest {
        operation: name,
        request_id,
        input,
        trace_context,
    } in request.operations
    {
        if is_draining() {
            break;
        }
        let begin = now();
        let context = EntityContext::new(Arc::clone(&id), name.clone(), request_id, trace_context);
        invocation.payload = input;
        invocation.entity = Some(context.clone());
        let performed = caught(loaded.perform(Operation {
            name: &name,
            state: state.as_deref(),
            keeps_failed,
            context: &context,
            invocation: &invocation,
        }))
        .await;
        let Performed {
            mut outcome,
            change,
        } = performed.unwrap_or_else(Performed::failed);
        if let Some(refused) = context.take_refused() {
            outcome = outcome.and(Err(refused));
        }
        if outcome.is_ok() || keeps_failed {
            commit(&mut result.actions, context.take_actions());
            match change {
                Change::Unchanged if outcome.is_err() => loaded.forget(),
                Change::Unchanged => {}
                Change::Set(text) => state = Some(text),
                Change::Deleted => state = None,
            }
        } else {
            loaded.forget();
        }
        result.results.push(operation_result(outcome, begin));
    }
    result.entity_state = state;
    result
}

fn property(request: &EntityBatchRequest, name: &str) -> Option<bool> {
    match request.properties.get(name)?.kind {
        Some(Kind::BoolValue(value)) => Some(value),
        _ => None,
    }
}

/// Runs user code; a panic becomes a failure.
async fn caught<T>(user_code: impl Future<Output = T>) -> Result<T, Failure> {
    let mut user_code = pin!(user_code);
    poll_fn(|cx| match panic::catch(|| user_code.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(failure) => std::task::Poll::Ready(Err(failure)),
    })
    .await
}

fn commit(actions: &mut Vec<OperationAction>, new: Vec<OperationAction>) {
    for mut action in new {
        action.id = i32::try_from(actions.len()).unwrap_or(i32::MAX);
        actions.push(action);
    }
}

fn operation_result(outcome: Result<String, Failure>, begin: Option<Timestamp>) -> OperationResult {
    let (start_time_utc, end_time_utc) = (begin, now());
    let result_type = match outcome {
        Ok(result) => OperationResultResultType::Success(OperationResultSuccess {
            // no value and `null` are the same to who called
            result: (result != "null").then_some(result),
            start_time_utc,
            end_time_utc,
        }),
        Err(failure) => OperationResultResultType::Failure(OperationResultFailure {
            failure_details: Some(failure.to_proto()),
            start_time_utc,
            end_time_utc,
        }),
    };
    OperationResult {
        result_type: Some(result_type),
    }
}

pub(super) fn now() -> Option<Timestamp> {
    time::from_system_time(SystemTime::now()).ok()
}
