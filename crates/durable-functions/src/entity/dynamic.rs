//! Entities that are one function over the operation's name.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use durable_functions_protocol::failure::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::EntityContext;
use super::batch::{Change, EntityFunction, Loaded, Operation, Performed, Performing};
use crate::error::Error;
use crate::invocation::excerpt;

/// One operation of an entity that is a function: what
/// [`FunctionApp::register_entity_fn`](crate::FunctionApp::register_entity_fn) hands to it.
///
/// A clone is the same operation.
#[derive(Clone, Debug)]
pub struct EntityOperation {
    context: EntityContext,
    input: Option<String>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    text: Option<String>,
    changed: bool,
}

impl EntityOperation {
    /// Name of the operation, as the sender spelt it. Names should compare without case.
    pub fn name(&self) -> &str {
        self.context.operation()
    }

    /// What an operation can do besides.
    pub fn context(&self) -> &EntityContext {
        &self.context
    }

    /// Whether there is an input.
    pub fn has_input(&self) -> bool {
        self.input.is_some()
    }

    /// The input; that of an operation without one reads as `null`.
    ///
    /// # Errors
    ///
    /// When it is not a `T`.
    pub fn input<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let text = self.input.as_deref().unwrap_or("null");
        serde_json::from_str(text).map_err(|error| {
            Error::msg(format!(
                "operation '{}' takes a `{}` as its input, but was given {}: {error}",
                self.name(),
                std::any::type_name::<T>(),
                excerpt(text)
            ))
        })
    }

    /// The state; none if the entity has none.
    ///
    /// # Errors
    ///
    /// When it is not a `T`.
    pub fn state<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        let state = self.lock();
        let Some(text) = state.text.as_deref() else {
            return Ok(None);
        };
        serde_json::from_str(text).map_err(|error| {
            Error::msg(format!(
                "the state of entity '{}' is not a `{}`: {error}; it is {}",
                self.context.id(),
                std::any::type_name::<T>(),
                excerpt(text)
            ))
        })
    }

    /// Replaces the state.
    ///
    /// # Errors
    ///
    /// When it can't be written as JSON.
    pub fn set_state(&self, state: impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string(&state)?;
        *self.lock() = State {
            text: Some(text),
            changed: true,
        };
        Ok(())
    }

    /// Deletes the state, and with it the entity.
    pub fn delete_state(&self) {
        *self.lock() = State {
            text: None,
            changed: true,
        };
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> Change {
        if self.context.is_deleted() {
            return Change::Deleted;
        }
        let state = &mut *self.lock();
        match (state.changed, state.text.take()) {
            (false, _) => Change::Unchanged,
            (true, Some(text)) => Change::Set(text),
            (true, None) => Change::Deleted,
        }
    }
}

type Handling = Pin<Box<dyn Future<Output = Result<String, Failure>>>>;

/// An entity that is a function.
pub(crate) struct Dynamic(Box<dyn Fn(EntityOperation) -> Handling + Send + Sync>);

impl Dynamic {
    pub(crate) fn new<F, T, E>(
        function: impl Fn(EntityOperation) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: Serialize,
        E: crate::error::IntoError,
    {
        Self(Box::new(move |operation| {
            let handling = function(operation);
            Box::pin(async move { super::result(handling.await.map_err(E::into_error)) })
        }))
    }
}

impl EntityFunction for Dynamic {
    fn load(&self) -> Box<dyn Loaded + '_> {
        Box::new(Batch(self))
    }
}

/// Keeps nothing between two operations.
struct Batch<'f>(&'f Dynamic);

impl Loaded for Batch<'_> {
    fn perform<'a>(&'a mut self, operation: Operation<'a>) -> Performing<'a> {
        Box::pin(async move {
            let handled = EntityOperation {
                context: operation.context.clone(),
                input: operation.invocation.payload.clone(),
                state: Arc::new(Mutex::new(State {
                    text: operation.state.map(str::to_owned),
                    changed: false,
                })),
            };
            let outcome = (self.0.0)(handled.clone()).await;
            Performed {
                outcome,
                change: handled.change(),
            }
        })
    }

    fn forget(&mut self) {}
}
