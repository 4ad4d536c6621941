//! Entities: small durable objects, each with a state of its own, that handle one operation after
//! another.

mod batch;
mod context;
mod dynamic;
mod outgoing;
mod signal;
#[cfg(test)]
mod tests;
mod typed;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use durable_functions_protocol::failure::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use batch::{EntityFunction, Environment, run_batch};
pub use context::EntityContext;
pub(crate) use dynamic::Dynamic;
pub use dynamic::EntityOperation;
pub use outgoing::{OutgoingSignal, StartFromEntity};
pub use signal::SignalSender;
pub(crate) use typed::Typed;

use crate::argument::States;
use crate::invocation::Invocation;
use crate::orchestrator::EntityRef;

/// An entity, as the attribute [`macro@crate::entity`] makes it out of a type and its methods. The
/// type is the entity's state.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    label = "no `#[entity]` on an `impl` of this type",
    note = "put `#[entity]` on an `impl {Self}` whose methods are the operations",
    note = "an entity that is known by name alone is called with `ctx.call_entity(id, operation, input)`"
)]
pub trait Entity: Default + Serialize + DeserializeOwned + 'static {
    /// The name by which the host knows it.
    const NAME: &'static str;
    /// Name of the trigger binding in function.json.
    const BINDING: &'static str;
    /// Names of the operations, which have no case.
    const OPERATIONS: &'static [&'static str];
    /// What an orchestrator calls it with: a method for each operation.
    type Calls: Into<EntityRef>;
    /// What it is signalled with: a method for each operation.
    type Signals<S: SignalSender>;

    /// Wraps a reference.
    fn calls(entity: EntityRef) -> Self::Calls;

    /// Wraps what sends a signal.
    fn signals<S: SignalSender>(sender: S) -> Self::Signals<S>;

    /// Begins an operation; `None` for one that the entity does not have.
    fn operate<'a>(
        state: &'a mut Self,
        operation: &str,
        invocation: &'a Invocation,
    ) -> Option<OperationCall<'a>>;

    /// Names the first state that an argument needs and the app lacks.
    fn missing(states: &States) -> Option<&'static str>;
}

/// The methods with which an orchestrator calls an entity: what
/// [`OrchestrationContext::entity`](crate::OrchestrationContext::entity) gives.
pub type CallsOf<E> = <E as Entity>::Calls;

/// The methods with which an entity is signalled by way of `S`.
pub type SignalsOf<E, S> = <E as Entity>::Signals<S>;

type Operating<'a> = Pin<Box<dyn Future<Output = Result<String, Failure>> + 'a>>;

/// An operation under way. Made by the attribute.
#[must_use = "an operation runs when it is awaited"]
pub struct OperationCall<'a> {
    changes: bool,
    future: Operating<'a>,
}

impl<'a> OperationCall<'a> {
    /// Wraps an operation. `changes` says whether it may change the state; its output is JSON text.
    pub fn new(changes: bool, future: impl Future<Output = Result<String, Failure>> + 'a) -> Self {
        Self {
            changes,
            future: Box::pin(future),
        }
    }
}

impl fmt::Debug for OperationCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationCall")
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}

/// Used by the attribute: writes a result.
#[doc(hidden)]
pub fn result<T: Serialize>(returned: Result<T, crate::Error>) -> Result<String, Failure> {
    let value = returned.map_err(crate::Error::into_failure)?;
    serde_json::to_string(&value).map_err(|error| {
        Failure::new(
            "InvalidResult",
            format!("the result of the operation can't be written as JSON: {error}"),
        )
    })
}
