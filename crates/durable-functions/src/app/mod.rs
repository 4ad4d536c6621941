//! The function app: what is registered, and what its process does.

mod command_line;
mod package;

use std::future::Future;
use std::process::ExitCode;

use serde::Serialize;

use crate::argument::States;
use crate::entity::{Dynamic, Entity, EntityOperation};
use crate::error::IntoError;
use crate::registry::{AppError, Function, IntoFunction, Registry};

/// A function app: the functions of one process, and what they share.
///
/// ```no_run
/// use durable_functions::prelude::*;
///
/// #[activity]
/// async fn hello(name: String) -> String {
///     format!("Hello {name}!")
/// }
///
/// fn main() -> std::process::ExitCode {
///     FunctionApp::new().register(hello).run()
/// }
/// ```
#[derive(Debug, Default)]
#[must_use = "an app does nothing before `run()`"]
pub struct FunctionApp {
    functions: Vec<Function>,
    states: States,
    problems: Vec<String>,
    holds: bool,
}

impl FunctionApp {
    /// An app without functions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function: one with `#[orchestrator]`, `#[activity]` or `#[http_trigger]`.
    ///
    /// [`run`](Self::run) refuses an app with two functions of one name; names compare without
    /// case.
    pub fn register<Marker>(mut self, function: impl IntoFunction<Marker>) -> Self {
        self.functions.push(function.into_function());
        self
    }

    /// Adds an entity: a type with `#[entity]` on an `impl`.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Default, Serialize, Deserialize)]
    /// struct Counter(i64);
    ///
    /// #[entity]
    /// impl Counter {
    ///     fn add(&mut self, n: i64) -> i64 {
    ///         self.0 += n;
    ///         self.0
    ///     }
    /// }
    ///
    /// let app = FunctionApp::new().register_entity::<Counter>();
    /// # let _ = app;
    /// ```
    pub fn register_entity<E: Entity>(mut self) -> Self {
        self.functions.push(Function::entity::<E>());
        self
    }

    /// Adds an entity that is one function over the operation's name, for operations that are
    /// known when it runs only.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    /// use durable_functions::{EntityOperation, Error};
    ///
    /// async fn tally(operation: EntityOperation) -> Result<i64> {
    ///     let count = operation.state::<i64>()?.unwrap_or_default();
    ///     match operation.name().to_ascii_lowercase().as_str() {
    ///         "get" => Ok(count),
    ///         "add" => {
    ///             let count = count + operation.input::<i64>()?;
    ///             operation.set_state(count)?;
    ///             Ok(count)
    ///         }
    ///         other => Err(Error::msg(format!("tally has no operation '{other}'"))),
    ///     }
    /// }
    ///
    /// let app = FunctionApp::new().register_entity_fn("tally", tally);
    /// # let _ = app;
    /// ```
    pub fn register_entity_fn<F, T, E>(
        mut self,
        name: &'static str,
        function: impl Fn(EntityOperation) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: Serialize,
        E: IntoError,
    {
        let function = Dynamic::new(function);
        self.functions
            .push(Function::dynamic_entity(name, function));
        self
    }

    /// Shares a value with every activity, entity and HTTP function that has a
    /// [`State<T>`](crate::State) argument. One value of each type.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        if !self.states.insert(value) {
            self.problems.push(format!(
                "two states of type `{}`; wrap one in a type of its own",
                std::any::type_name::<T>()
            ));
        }
        self
    }

    /// Holds instances whose orchestrators no longer fit their histories, instead of failing them:
    /// they stand still until the right code is deployed again, and then go on. Meanwhile the host
    /// asks every few seconds, and each time the log says which instance is held and why.
    pub fn hold_non_deterministic(mut self) -> Self {
        self.holds = true;
        self
    }

    /// Does what this process was started for, and returns when that is over:
    ///
    /// - started by the Functions host (`FUNCTIONS_CUSTOMHANDLER_PORT` is set): serves the host;
    /// - started with a subcommand, such as `functions --write`: does that;
    /// - otherwise: starts the development host on port 7071, which starts this executable again as
    ///   its handler (with the feature `local-host`).
    ///
    /// Problems of the app itself, such as two functions of one name, are told on standard error
    /// and end the process with code 1.
    pub fn run(self) -> ExitCode {
        command_line::run(self)
    }

    /// Checks the app and makes it ready to be served.
    pub(crate) fn build(self) -> Result<Registry, AppError> {
        let mut registry = Registry::new(self.functions, self.states, self.problems)?;
        registry.holds = self.holds;
        Ok(registry)
    }
}
