//! Activities: the functions that do the work.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use durable_functions_protocol::failure::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::argument::{ActivityTrigger, Argument};
use crate::invocation::Invocation;

/// An activity, as the attribute [`macro@crate::activity`] makes it out of a function.
///
/// The type has the name of the function; nobody makes a value of it.
pub trait Activity: Sized + 'static {
    /// The name by which the host knows it.
    const NAME: &'static str;
    /// Name of the trigger binding in function.json.
    const BINDING: &'static str;
    /// Whether one of the arguments is a [`DurableClient`](crate::DurableClient).
    const CLIENT: bool;
    /// The task hub that the client works on; the host's own if there is none.
    const TASK_HUB: Option<&'static str> = None;
    /// The app setting with the client's storage connection; the host's own if there is none.
    const CONNECTION_NAME: Option<&'static str> = None;
    /// The type of the payload; `()` without one.
    type Input: Serialize + DeserializeOwned + 'static;
    /// The type of the result.
    type Output: Serialize + DeserializeOwned + 'static;
    /// What the function returns: the output, or a `Result` of it.
    type Return: 'static;

    /// Takes the arguments out of the invocation and calls the function.
    ///
    /// # Errors
    ///
    /// When an argument can't be had.
    fn invoke(invocation: &Invocation) -> Result<ActivityCall<Self>, Failure>;

    /// Converts what the function returned.
    ///
    /// # Errors
    ///
    /// When the function returned an error.
    fn outcome(returned: Self::Return) -> Result<Self::Output, crate::Error>;

    /// Names the first state that an argument needs and the app lacks.
    fn missing(states: &crate::macro_support::States) -> Option<&'static str>;
}

/// A call of an activity's function, to be awaited: what `hello("x".into())` gives.
///
/// This runs the function right here, as a unit test does. An orchestrator calls an activity with
/// [`OrchestrationContext::call`](crate::OrchestrationContext::call).
#[must_use = "an activity that is called like a function runs when it is awaited"]
pub struct ActivityCall<A: Activity>(Pin<Box<dyn Future<Output = A::Return> + Send>>);

impl<A: Activity> ActivityCall<A> {
    /// Wraps the call.
    pub fn new(call: impl Future<Output = A::Return> + Send + 'static) -> Self {
        Self(Box::pin(call))
    }
}

impl<A: Activity> Future for ActivityCall<A> {
    type Output = A::Return;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<A::Return> {
        self.0.as_mut().poll(cx)
    }
}

impl<A: Activity> fmt::Debug for ActivityCall<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActivityCall({})", A::NAME)
    }
}

/// A function with the attribute [`macro@crate::activity`].
///
/// `Marker` holds its argument types and can be ignored.
#[diagnostic::on_unimplemented(
    message = "this is not an activity",
    label = "no `#[activity]` on this function",
    note = "put `#[activity]` on the function, or call it by name: `ctx.call_by_name::<Output>(\"name\", input)`",
    note = "an orchestrator is called with `ctx.call_sub_orchestrator(..)`"
)]
pub trait ActivityFn<Marker>: Copy {
    /// The activity.
    type Activity: Activity;
}

macro_rules! activity_fns {
    ($(($($arg:ident),*))*) => {$(
        impl<F, A, $($arg),*> ActivityFn<(A, $($arg,)*)> for F
        where
            F: Fn($($arg),*) -> ActivityCall<A> + Copy,
            A: Activity,
        {
            type Activity = A;
        }
    )*};
}
activity_fns! { () (A1) (A1, A2) (A1, A2, A3) (A1, A2, A3, A4) (A1, A2, A3, A4, A5) (A1, A2, A3, A4, A5, A6) }

/// What an activity may know about the call it serves. Ask for it as an argument.
///
/// ```
/// use durable_functions::prelude::*;
///
/// #[activity]
/// async fn export(ctx: ActivityContext, rows: u64) -> Result<u64> {
///     let mut done = 0;
///     while done < rows && !ctx.is_cancelled() {
///         done += 1;
///     }
///     Ok(done)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ActivityContext {
    name: &'static str,
    instance_id: String,
    invocation_id: String,
    cancellation: CancellationToken,
    deadline: Option<Instant>,
}

impl ActivityContext {
    /// A context for a unit test of an activity.
    pub fn new(instance_id: impl Into<String>) -> Self {
        Self {
            name: "test",
            instance_id: instance_id.into(),
            invocation_id: String::new(),
            cancellation: CancellationToken::new(),
            deadline: None,
        }
    }

    /// Name of the activity.
    pub fn name(&self) -> &str {
        self.name
    }

    /// Id of the orchestration instance that called the activity. The host tells neither the
    /// orchestration's name nor how often this was tried before.
    pub fn instance_id(&self) -> &str {
        &self.instance_id
    }

    /// The host's id of this invocation, as it stands in the host's log.
    pub fn invocation_id(&self) -> &str {
        &self.invocation_id
    }

    /// When the activity should stop at the latest: shortly before host.json's `functionTimeout`
    /// is over, at which the host kills the process. `None` if host.json does not say; the host's
    /// default is 5 or 30 minutes, by plan.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether the activity should stop: its [`deadline`](Self::deadline) is there, or the process
    /// is asked to end. An activity that stops can still say how far it came.
    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
            || self
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Waits until the activity should stop; see [`is_cancelled`](Self::is_cancelled).
    pub async fn cancelled(&self) {
        match self.deadline {
            None => self.cancellation.cancelled().await,
            Some(deadline) => tokio::select! {
                () = self.cancellation.cancelled() => {}
                () = tokio::time::sleep_until(deadline.into()) => {}
            },
        }
    }
}

impl Argument<ActivityTrigger> for ActivityContext {
    type Payload<Rest> = Rest;

    fn extract(invocation: &Invocation) -> Result<Self, Failure> {
        Ok(Self {
            name: invocation.function,
            instance_id: invocation.instance_id.clone().unwrap_or_default(),
            invocation_id: invocation.id.clone(),
            cancellation: invocation.cancellation.clone(),
            deadline: invocation.deadline,
        })
    }
}

/// Runs an activity to its result as JSON text.
pub(crate) async fn run<A: Activity>(invocation: Invocation) -> Result<String, Failure> {
    let call = A::invoke(&invocation)?;
    drop(invocation);
    let output = A::outcome(call.await).map_err(crate::Error::into_failure)?;
    serde_json::to_string(&output).map_err(|error| {
        Failure::new(
            "InvalidResult",
            format!(
                "the result of '{}' can't be written as JSON: {error}",
                A::NAME
            ),
        )
    })
}
