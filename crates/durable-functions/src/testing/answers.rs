//! What a test answers in place of an activity or a sub-orchestration.

use std::sync::Arc;

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::TaskFailureDetails;
use durable_functions_protocol::value;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::activity::{self, Activity};
use crate::argument::States;
use crate::error::{Error, IntoError};
use crate::invocation::Invocation;
use crate::panic;

/// How a task ends: with a result as JSON text, or with what the host says of its failure.
pub(super) type Outcome = Result<String, Option<Box<TaskFailureDetails>>>;

/// Answers a task, given its input as JSON text.
pub(super) type Answering = Box<dyn FnMut(&str) -> Outcome>;

/// Runs an activity for an instance, given its input as JSON text.
pub(super) type RealActivity = fn(&str, &str, &Arc<States>) -> Outcome;

/// What a closure may return that stands for a task: the task's output, or a `Result` of it with
/// any error.
///
/// `Marker` tells the two apart and can be ignored.
pub trait TestAnswer<T, Marker> {
    /// The output, or the error that the task ends with.
    ///
    /// # Errors
    ///
    /// The error of the task.
    fn into_outcome(self) -> Result<T, Error>;
}

/// Marks a bare output.
#[derive(Debug)]
pub struct Bare;

/// Marks a `Result`.
#[derive(Debug)]
pub struct Fallible;

impl<T> TestAnswer<T, Bare> for T {
    fn into_outcome(self) -> Result<T, Error> {
        Ok(self)
    }
}

impl<T, E: IntoError> TestAnswer<T, Fallible> for Result<T, E> {
    fn into_outcome(self) -> Result<T, Error> {
        self.map_err(E::into_error)
    }
}

/// The error that stands for a worker which went away while the activity ran: the orchestrator
/// sees what the host reports then.
///
/// ```
/// use durable_functions::prelude::*;
/// use durable_functions::testing::{LostWorker, TestOrchestration};
///
/// #[orchestrator]
/// async fn order(ctx: OrchestrationContext) -> Result<String> {
///     ctx.call_by_name("charge", 4711).await
/// }
///
/// let mut calls = 0;
/// let run = TestOrchestration::new(order)
///     .activity_by_name("charge", move |_card: u32| {
///         calls += 1;
///         if calls == 1 { Err(LostWorker) } else { Ok("paid") }
///     })
///     .run();
/// assert_eq!(run.output().unwrap(), "paid");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the worker is lost")]
pub struct LostWorker;

/// The error that stands for a failure of which the host gives no details, as for an activity that
/// it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host gives no details")]
pub struct NoDetails;

/// Makes a closure over values one over JSON text.
pub(super) fn answering<I, O, A, Marker>(mut answer: impl FnMut(I) -> A + 'static) -> Answering
where
    I: DeserializeOwned,
    O: Serialize,
    A: TestAnswer<O, Marker>,
{
    Box::new(move |input| {
        let input = value::unwrap(input)
            .map_err(|error| Error::msg(error.to_string()))
            .and_then(|input| Ok(serde_json::from_str::<I>(&input)?));
        let outcome = input
            .and_then(|input| answer(input).into_outcome())
            .and_then(|output| Ok(serde_json::to_string(&output)?));
        outcome.map_err(details)
    })
}

/// Runs an activity itself, on a thread and a runtime of its own: the test may have a runtime
/// already, and in a runtime none can be waited for.
pub(super) fn real<A: Activity>(instance_id: &str, input: &str, states: &Arc<States>) -> Outcome {
    let payload = value::unwrap(input).map_err(|error| details(Error::msg(error.to_string())))?;
    let invocation = Invocation {
        function: A::NAME,
        id: "test-invocation".into(),
        instance_id: Some(instance_id.to_owned()),
        payload: Some(payload.into_owned()),
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
            .build();
        let runtime = runtime.map_err(|error| Error::from(error).into_failure())?;
        panic::catch(|| runtime.block_on(activity::run::<A>(invocation)))?
    };
    let ended = std::thread::scope(|scope| scope.spawn(run).join());
    ended
        .unwrap_or_else(|_| Err(Failure::new(panic::PANIC, "the activity's thread panicked")))
        .map_err(|failure| Some(Box::new(failure.to_proto())))
}

fn details(error: Error) -> Option<Box<TaskFailureDetails>> {
    if error.is::<NoDetails>() {
        return None;
    }
    if error.is::<LostWorker>() {
        let link = |error_type: &str, message: &str| Failure::new(error_type, message);
        let ended = link(
            "System.Net.Http.HttpIOException",
            "The response ended prematurely. (ResponseEnded)",
        );
        let failed = link(
            "Microsoft.Azure.WebJobs.Host.FunctionInvocationException",
            "Exception while executing function",
        );
        return Some(Box::new(failed.with_cause(ended).to_proto()));
    }
    Some(Box::new(error.into_failure().to_proto()))
}
