//! Orchestrators: the functions that say what happens in which order.

mod call;
mod combinators;
mod context;
mod continue_as_new;
mod entity;
mod event;
mod http;
mod random;
mod result;
mod retry;
mod retry_options;
mod sub_orchestration;
pub(crate) mod timer;
mod version;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use durable_functions_protocol::failure::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use call::Call;
pub use combinators::{All, Any, Either, EitherOf, Race, Winner};
pub use context::OrchestrationContext;
pub use continue_as_new::{ContinueAsNew, ContinueAsNewOptions};
pub use entity::{EntityCall, EntityLock, EntityRef, EntitySignal, LockGuard};
pub use event::EventWait;
pub use http::{DurableHttpRequest, DurableHttpResponse, HttpCall, TokenSource};
pub use random::OrchestrationRng;
pub use retry::{FailedAttempt, RetryDecision, RetryPolicy};
pub use sub_orchestration::SubOrchestration;
pub use timer::Sleep;
pub use version::compare_versions;

use crate::invocation::excerpt;
use crate::replay::Running;

/// An orchestrator, as the attribute [`macro@crate::orchestrator`] makes it out of a function.
///
/// The type has the name of the function; nobody makes a value of it.
pub trait Orchestrator: Sized + 'static {
    /// The name by which the host knows it.
    const NAME: &'static str;
    /// Name of the trigger binding in function.json.
    const BINDING: &'static str;
    /// The type of the payload; `()` without one, in which case any input is taken.
    type Input: Serialize + DeserializeOwned + 'static;
    /// The type of the output.
    type Output: Serialize + DeserializeOwned + 'static;
    /// What the function returns: the output, or a `Result` of it.
    type Return: 'static;

    /// Reads the input, which is JSON text, and calls the function.
    ///
    /// # Errors
    ///
    /// When the input can't be read as the payload's type.
    fn start(
        ctx: OrchestrationContext,
        input: Option<&str>,
    ) -> Result<Orchestration<Self>, Failure>;

    /// Converts what the function returned.
    ///
    /// # Errors
    ///
    /// When the function returned an error.
    fn outcome(returned: Self::Return) -> Result<Self::Output, crate::Error>;
}

/// A call of an orchestrator's function: the future that the engine runs.
///
/// There is an orchestrator to run only where the engine made its context, so nobody else needs
/// this.
#[must_use = "an orchestrator is run by the engine"]
pub struct Orchestration<O: Orchestrator>(Pin<Box<dyn Future<Output = O::Return>>>);

impl<O: Orchestrator> Orchestration<O> {
    /// Wraps the call.
    pub fn new(call: impl Future<Output = O::Return> + 'static) -> Self {
        Self(Box::pin(call))
    }
}

impl<O: Orchestrator> Future for Orchestration<O> {
    type Output = O::Return;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O::Return> {
        self.0.as_mut().poll(cx)
    }
}

impl<O: Orchestrator> fmt::Debug for Orchestration<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Orchestration({})", O::NAME)
    }
}

/// A function with the attribute [`macro@crate::orchestrator`].
///
/// `Marker` holds its argument types and can be ignored.
#[diagnostic::on_unimplemented(
    message = "this is not an orchestrator",
    label = "no `#[orchestrator]` on this function",
    note = "put `#[orchestrator]` on the function, or give its name as text",
    note = "an activity is called with `ctx.call(..)`, by an orchestrator"
)]
pub trait OrchestratorFn<Marker>: Copy {
    /// The orchestrator.
    type Orchestrator: Orchestrator;
}

impl<F, O> OrchestratorFn<(O,)> for F
where
    F: Fn(OrchestrationContext) -> Orchestration<O> + Copy,
    O: Orchestrator,
{
    type Orchestrator = O;
}

impl<F, O, A> OrchestratorFn<(O, A)> for F
where
    F: Fn(OrchestrationContext, A) -> Orchestration<O> + Copy,
    O: Orchestrator,
{
    type Orchestrator = O;
}

/// Starts an orchestrator with its input as JSON text.
pub(crate) fn start<O: Orchestrator>(
    ctx: OrchestrationContext,
    input: Option<&str>,
) -> Result<Running, Failure> {
    let call = O::start(ctx, input)?;
    Ok(Box::pin(async move {
        let output = O::outcome(call.await).map_err(crate::Error::into_failure)?;
        serde_json::to_string(&output).map_err(|error| {
            Failure::new(
                "InvalidResult",
                format!(
                    "the output of '{}' can't be written as JSON: {error}",
                    O::NAME
                ),
            )
        })
    }))
}

/// Used by the attribute: reads the input of an orchestrator that has a payload argument.
#[doc(hidden)]
pub fn input<O: Orchestrator>(input: Option<&str>) -> Result<O::Input, Failure> {
    serde_json::from_str(input.unwrap_or("null")).map_err(|error| {
        let given = input.map_or_else(
            || "it was started with none".into(),
            |text| format!("it was started with {}", excerpt(text)),
        );
        let mut failure = Failure::new(
            "InvalidInput",
            format!(
                "'{}' takes a `{}` as its input, but {given}: {error}",
                O::NAME,
                std::any::type_name::<O::Input>()
            ),
        );
        failure.non_retriable = true;
        failure
    })
}
