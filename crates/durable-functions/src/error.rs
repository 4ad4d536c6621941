//! Errors of user code, and of the tasks that an orchestrator awaits.

use std::any::{Any, type_name};
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;

use durable_functions_protocol::entity::EntityId;
use durable_functions_protocol::failure::Failure;
use serde_json::Value;

use crate::client::ClientError;
use crate::http::HttpError;
use crate::replay::NON_DETERMINISM;

/// What the functions of the [prelude](crate::prelude) return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Any error, with the name of its type: what `?` makes of an error in a function that returns
/// [`Result`](crate::Result).
///
/// It arrives at the caller of the function (an orchestrator that called the activity, the status
/// of the instance) as a [`Failure`] with type, message and chain of sources. `anyhow::Error` and
/// every type that implements [`std::error::Error`] can be returned as well; this type also keeps
/// the *name* of the error's type, so that the caller can ask for it.
///
/// ```
/// use durable_functions::prelude::*;
///
/// #[activity]
/// async fn parse(text: String) -> Result<i64> {
///     Ok(text.parse()?)
/// }
///
/// # let runtime = tokio::runtime::Runtime::new().unwrap();
/// let error = runtime.block_on(parse("x".into())).unwrap_err();
/// let failure = error.into_failure();
/// assert_eq!(failure.error_type, "core::num::error::ParseIntError");
/// assert_eq!(failure.message, "invalid digit found in string");
/// ```
pub struct Error {
    type_name: &'static str,
    error: BoxError,
    non_retriable: bool,
    properties: BTreeMap<String, Value>,
}

impl Error {
    /// An error that is told by a message alone.
    ///
    /// ```
    /// let error = durable_functions::Error::msg("no stock left");
    /// assert_eq!(error.to_string(), "no stock left");
    /// ```
    pub fn msg(message: impl fmt::Display) -> Self {
        Self {
            type_name: type_name::<Self>(),
            error: message.to_string().into(),
            non_retriable: false,
            properties: BTreeMap::new(),
        }
    }

    /// Marks the error as one that no retry can mend: a retry policy stops at it.
    #[must_use]
    pub fn non_retriable(mut self) -> Self {
        self.non_retriable = true;
        self
    }

    /// Adds data for whoever handles the failure: it arrives in [`Failure::properties`].
    ///
    /// ```
    /// let error = durable_functions::Error::msg("no stock left").property("item", 4711);
    /// assert_eq!(error.into_failure().properties["item"], 4711);
    /// ```
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }

    /// The error itself, if it is a `T`.
    pub fn downcast_ref<T: StdError + 'static>(&self) -> Option<&T> {
        self.error.downcast_ref()
    }

    /// Why a task gave no value, if this is the error of an awaited task.
    pub fn task(&self) -> Option<&TaskError> {
        self.error.downcast_ref()
    }

    /// Whether this is an error of type `T`, or that of a task which failed with one. In a
    /// failure's chain types are compared by their full names, as they were when the error was
    /// raised.
    pub fn is<T: StdError + 'static>(&self) -> bool {
        self.error.is::<T>() || self.task().is_some_and(TaskError::is::<T>)
    }

    /// The failure that travels to the caller: type, message and chain of sources.
    pub fn into_failure(self) -> Failure {
        let mut failure = describe(&*self.error, self.type_name);
        failure.non_retriable |= self.non_retriable;
        failure.properties.extend(self.properties);
        failure
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self {
            type_name: type_name::<E>(),
            error: Box::new(error),
            non_retriable: false,
            properties: BTreeMap::new(),
        }
    }
}

impl From<Error> for BoxError {
    fn from(error: Error) -> Self {
        error.error
    }
}

/// Lets `?` work in functions that return `anyhow::Result`.
impl From<Error> for anyhow::Error {
    fn from(error: Error) -> Self {
        // through a box anyhow would lose the types that are looked for again later
        let error = match error.error.downcast::<TaskError>() {
            Ok(task) => return Self::new(*task),
            Err(other) => other,
        };
        match error.downcast::<HttpError>() {
            Ok(http) => Self::new(*http),
            Err(other) => Self::from_boxed(other),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.type_name, self.error)?;
        let mut source = self.error.source();
        while let Some(error) = source {
            write!(f, "\n  caused by: {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// An error that a function may return: `anyhow::Error`, [`Error`], text, or any type that
/// implements [`std::error::Error`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a function",
    label = "not an error type",
    note = "implement `std::error::Error` for it (with `Send + Sync + 'static`), or return `durable_functions::Result`"
)]
pub trait IntoError {
    /// Converts the error, keeping the name of its type.
    fn into_error(self) -> Error;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError> + 'static> IntoError for E {
    fn into_error(self) -> Error {
        let error: Box<dyn Any> = Box::new(self);
        let error = match error.downcast::<Error>() {
            Ok(own) => return *own,
            Err(other) => other,
        };
        let error = match error.downcast::<anyhow::Error>() {
            Ok(anyhow) => return from_anyhow(*anyhow),
            Err(other) => other,
        };
        match error.downcast::<E>() {
            Ok(error) => Error {
                type_name: type_name::<E>(),
                error: (*error).into(),
                non_retriable: false,
                properties: BTreeMap::new(),
            },
            Err(_) => Error::msg(type_name::<E>()),
        }
    }
}

/// Keeps the errors of this crate that `anyhow` carried from one `?` to the next.
fn from_anyhow(error: anyhow::Error) -> Error {
    let error = match error.downcast::<TaskError>() {
        Ok(task) => return task.into(),
        Err(other) => other,
    };
    let error = match error.downcast::<ClientError>() {
        Ok(client) => return client.into(),
        Err(other) => other,
    };
    match error.downcast::<HttpError>() {
        Ok(http) => http.into(),
        Err(other) => Error {
            type_name: type_name::<anyhow::Error>(),
            error: other.into(),
            non_retriable: false,
            properties: BTreeMap::new(),
        },
    }
}

/// Types whose names are known for the errors inside a chain, where only `dyn Error` is left.
fn known_type(error: &(dyn StdError + 'static)) -> &'static str {
    macro_rules! names {
        ($($known:ty),* $(,)?) => { $( if error.is::<$known>() { return type_name::<$known>(); } )* };
    }
    names!(
        std::io::Error,
        std::num::ParseIntError,
        std::num::ParseFloatError,
        std::num::TryFromIntError,
        std::str::Utf8Error,
        std::string::FromUtf8Error,
        fmt::Error,
        serde_json::Error,
        reqwest::Error,
    );
    "Error"
}

fn as_failure<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Failure> {
    error
        .downcast_ref::<Failure>()
        .or_else(|| error.downcast_ref::<Box<Failure>>().map(|boxed| &**boxed))
}

/// A failure with the chain of `error`'s sources.
pub(crate) fn describe(error: &(dyn StdError + 'static), name: &str) -> Failure {
    if let Some(failure) = as_failure(error) {
        return failure.clone();
    }
    let mut links = vec![Failure::new(name, error.to_string())];
    let mut source = error.source();
    let mut last = None;
    while let Some(error) = source {
        if let Some(failure) = as_failure(error) {
            last = Some(failure.clone());
            break;
        }
        links.push(Failure::new(known_type(error), error.to_string()));
        source = error.source();
    }
    if let Some(failure) = links.first_mut()
        && let Some(task) = error.downcast_ref::<TaskError>()
    {
        failure.error_type = "TaskFailed".into();
        failure.non_retriable = task.failure().is_some_and(|failure| failure.non_retriable);
    }
    let chain = links.into_iter().rev().fold(last, |cause, mut link| {
        link.cause = cause.map(Box::new);
        Some(link)
    });
    chain.unwrap_or_else(|| Failure::new(name, error.to_string()))
}

/// What an activity returns that gives up because [its context](crate::ActivityContext) says that
/// it is cancelled. The orchestrator that called it sees [`TaskError::Cancelled`].
///
/// ```
/// use durable_functions::Cancelled;
/// use durable_functions::prelude::*;
///
/// #[activity]
/// async fn count(ctx: ActivityContext, rows: u64) -> Result<u64> {
///     for row in 0..rows {
///         if ctx.is_cancelled() {
///             return Err(Cancelled::after(format!("{row} of {rows} rows")).into());
///         }
///     }
///     Ok(rows)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled after {progress}")]
pub struct Cancelled {
    progress: String,
}

impl Cancelled {
    /// Tells how far the activity came.
    pub fn after(progress: impl Into<String>) -> Self {
        Self {
            progress: progress.into(),
        }
    }
}

/// Why a task that an orchestrator awaited gave no value.
///
/// ```
/// use durable_functions::TaskError;
/// use durable_functions::prelude::*;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("card {0} declined")]
/// struct CardDeclined(u32);
///
/// #[activity]
/// async fn charge(card: u32) -> Result<(), CardDeclined> {
///     Err(CardDeclined(card))
/// }
///
/// #[orchestrator]
/// async fn order(ctx: OrchestrationContext, card: u32) -> Result<String> {
///     match ctx.call(charge, card).await {
///         Ok(()) => Ok("paid".into()),
///         Err(error) if error.is::<CardDeclined>() => Ok("declined".into()),
///         Err(error) => Err(error),
///     }
/// }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The activity failed.
    #[error("activity '{name}' failed: {failure}")]
    Activity {
        /// Name of the activity.
        name: String,
        /// What it failed with: the activity's own error, or what the host says of a crash or a
        /// time-out.
        #[source]
        failure: Box<Failure>,
    },
    /// The sub-orchestration failed or was terminated.
    #[error("sub-orchestration '{name}' failed: {failure}")]
    SubOrchestration {
        /// Name of its orchestrator.
        name: String,
        /// What it failed with.
        #[source]
        failure: Box<Failure>,
    },
    /// The operation of an entity failed, or a lock was refused.
    #[error("operation '{operation}' of entity '{entity}' failed: {failure}")]
    Entity {
        /// Which entity.
        entity: EntityId,
        /// Name of the operation.
        operation: String,
        /// What it failed with: the entity's own error, or what the host says of an entity that
        /// it does not know.
        #[source]
        failure: Box<Failure>,
    },
    /// The activity gave up because its time was nearly over or its worker was about to end; see
    /// [`Cancelled`].
    #[error("activity '{name}' was cancelled: {failure}")]
    Cancelled {
        /// Name of the activity.
        name: String,
        /// What it said.
        #[source]
        failure: Box<Failure>,
    },
    /// The sub-orchestration's code no longer fits its history.
    #[error("sub-orchestration '{name}' can't go on: {failure}")]
    NonDeterminism {
        /// Name of its orchestrator.
        name: String,
        /// Which event differs, and what to do about it.
        #[source]
        failure: Box<Failure>,
    },
    /// The event did not come in time.
    #[error("event '{name}' did not come in time")]
    Timeout {
        /// Name of the event.
        name: String,
    },
    /// The value is there, but is not what the caller expects.
    #[error("{what} is not a `{expected}`: {problem}; it is {excerpt}")]
    Decode {
        /// What could not be read, such as the result of which activity.
        what: String,
        /// The Rust type that was expected.
        expected: &'static str,
        /// What the decoder said.
        problem: String,
        /// The beginning of the value's JSON text.
        excerpt: String,
    },
}

impl TaskError {
    pub(crate) fn activity(name: &str, failure: Failure) -> Self {
        let (name, failure) = (name.to_owned(), Box::new(failure));
        if failure.error_type == type_name::<Cancelled>() {
            Self::Cancelled { name, failure }
        } else {
            Self::Activity { name, failure }
        }
    }

    pub(crate) fn sub_orchestration(name: &str, failure: Failure) -> Self {
        let (name, failure) = (name.to_owned(), Box::new(failure));
        if failure.error_type == NON_DETERMINISM {
            Self::NonDeterminism { name, failure }
        } else {
            Self::SubOrchestration { name, failure }
        }
    }

    pub(crate) fn entity(entity: &EntityId, operation: &str, failure: Failure) -> Self {
        Self::Entity {
            entity: entity.clone(),
            operation: operation.to_owned(),
            failure: Box::new(failure),
        }
    }

    /// The failure, if the task itself failed.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Activity { failure, .. }
            | Self::SubOrchestration { failure, .. }
            | Self::Entity { failure, .. }
            | Self::Cancelled { failure, .. }
            | Self::NonDeterminism { failure, .. } => Some(failure),
            Self::Timeout { .. } | Self::Decode { .. } => None,
        }
    }

    /// Whether an error of type `T` is in the chain. Types are compared by their full names, as
    /// they were when the error was raised.
    pub fn is<T>(&self) -> bool {
        self.failure().is_some_and(|failure| {
            failure
                .chain()
                .any(|link| link.error_type == type_name::<T>())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::num::ParseIntError);

    fn outer() -> Outer {
        Outer("x".parse::<i32>().unwrap_err())
    }

    fn types(failure: &Failure) -> Vec<&str> {
        failure
            .chain()
            .map(|link| link.error_type.as_str())
            .collect()
    }

    #[test]
    fn keeps_type_and_chain() {
        let failure = Error::from(outer()).into_failure();
        assert_eq!(
            types(&failure),
            [type_name::<Outer>(), "core::num::error::ParseIntError"]
        );
        assert_eq!(outer().into_error().into_failure(), failure);
    }

    #[test]
    fn own_error_is_not_wrapped_again() {
        let failure = Error::from(outer())
            .non_retriable()
            .into_error()
            .into_failure();
        assert_eq!(failure.error_type, type_name::<Outer>());
        assert!(failure.non_retriable);
    }

    #[test]
    fn text_and_anyhow_are_errors() {
        assert_eq!("broken".into_error().into_failure().message, "broken");
        let failure = anyhow::Error::from(outer())
            .context("while ordering")
            .into_error()
            .into_failure();
        assert_eq!(failure.error_type, "anyhow::Error");
        let messages: Vec<_> = failure.chain().map(|link| link.message.as_str()).collect();
        assert_eq!(
            messages,
            ["while ordering", "outer", "invalid digit found in string"]
        );
    }

    #[test]
    fn a_task_error_keeps_the_failure_as_its_cause() {
        let mut inner = Failure::new("orders::CardDeclined", "card 1 declined");
        inner.non_retriable = true;
        let error = TaskError::Activity {
            name: "charge".into(),
            failure: Box::new(inner.clone()),
        };
        let failure = Error::from(error).into_failure();
        assert_eq!(types(&failure), ["TaskFailed", "orders::CardDeclined"]);
        assert!(failure.non_retriable);
        assert!(
            failure.message.contains("'charge'") && failure.message.contains("card 1 declined")
        );
        assert_eq!(failure.cause.as_deref(), Some(&inner));
    }
}
