//! Arguments by type: what a function asks for is what it gets.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use durable_functions_protocol::failure::Failure;
use serde::de::DeserializeOwned;

use crate::invocation::Invocation;

/// The kind of function that an argument belongs to.
pub trait Trigger: 'static {
    /// The word for it in messages.
    const NAME: &'static str;
}

/// Marks arguments of an activity.
#[derive(Debug)]
pub enum ActivityTrigger {}

/// Marks arguments of an HTTP function.
#[derive(Debug)]
pub enum HttpTrigger {}

/// Marks arguments of an entity's operation.
#[derive(Debug)]
pub enum EntityTrigger {}

impl Trigger for EntityTrigger {
    const NAME: &'static str = "entity";
}

impl Trigger for ActivityTrigger {
    const NAME: &'static str = "activity";
}

impl Trigger for HttpTrigger {
    const NAME: &'static str = "HTTP function";
}

/// A type that a function of kind `K` can have as an argument.
///
/// One argument may be the *payload*: any type that implements [`serde::Deserialize`]. It is the
/// input of an activity, or the JSON body of an HTTP request. The others are taken from the
/// invocation or the app: [`State`], [`ActivityContext`](crate::ActivityContext),
/// [`HttpRequest`](crate::HttpRequest), [`DurableClient`](crate::DurableClient).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of this kind of function",
    label = "not an argument",
    note = "the payload is any type that implements `serde::Deserialize`: put `#[derive(serde::Serialize, serde::Deserialize)]` on a type of your own",
    note = "besides, an activity takes `State<T>`, `ActivityContext` and `DurableClient`; an HTTP function takes `HttpRequest`, `State<T>` and `DurableClient`; an operation of an entity takes `State<T>` and `EntityContext`",
    note = "what is in a `State<T>` is shared between threads: it has to be `Send` and `Sync`"
)]
pub trait Argument<K: Trigger>: Sized {
    /// The function's input type, given what the arguments after this one say it is.
    type Payload<Rest>;
    /// How many payloads this is: 1 or 0.
    const PAYLOADS: usize = 0;
    /// Whether function.json needs a `durableClient` binding for it.
    const CLIENT: bool = false;

    /// Takes the argument out of an invocation.
    ///
    /// # Errors
    ///
    /// When the invocation has no such thing, or it can't be read as this type.
    fn extract(invocation: &Invocation) -> Result<Self, Failure>;

    /// What the app lacks for this argument, found when it starts.
    fn missing(_states: &States) -> Option<&'static str> {
        None
    }
}

impl<T: DeserializeOwned, K: Trigger> Argument<K> for T {
    type Payload<Rest> = T;
    const PAYLOADS: usize = 1;

    fn extract(invocation: &Invocation) -> Result<Self, Failure> {
        invocation.payload()
    }
}

/// Used by the attributes: whether one of the arguments is so.
#[doc(hidden)]
pub const fn any(arguments: &[bool]) -> bool {
    let mut rest = arguments;
    while let [first, others @ ..] = rest {
        if *first {
            return true;
        }
        rest = others;
    }
    false
}

/// Used by the attributes: whether the arguments have at most one payload among them.
#[doc(hidden)]
pub const fn at_most_one(arguments: &[usize]) -> bool {
    payloads(arguments) <= 1
}

/// Used by the attributes: how many payloads the arguments have among them.
#[doc(hidden)]
pub const fn payloads(arguments: &[usize]) -> usize {
    let (mut rest, mut sum) = (arguments, 0);
    while let [first, others @ ..] = rest {
        sum += *first;
        rest = others;
    }
    sum
}

/// What the app shares with its activities and HTTP functions: a pool, a client, settings.
///
/// ```
/// use durable_functions::prelude::*;
///
/// struct Rates {
///     euro: f64,
/// }
///
/// #[activity]
/// async fn convert(rates: State<Rates>, dollars: f64) -> f64 {
///     dollars * rates.euro
/// }
///
/// let app = FunctionApp::new().state(Rates { euro: 0.9 }).register(convert);
/// # let _ = app;
/// ```
///
/// An orchestrator can't have it: it must depend on its input and history alone.
#[derive(Debug)]
pub struct State<T>(Arc<T>);

impl<T> State<T> {
    /// Wraps a value, as a unit test of an activity does.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + Sync + 'static, K: Trigger> Argument<K> for State<T> {
    type Payload<Rest> = Rest;

    fn extract(invocation: &Invocation) -> Result<Self, Failure> {
        invocation.states.get().ok_or_else(|| {
            Failure::new(
                "MissingState",
                format!("the app has no state of type `{0}`; add `.state(..)` with one to the FunctionApp", type_name::<T>()),
            )
        })
    }

    fn missing(states: &States) -> Option<&'static str> {
        (!states.0.contains_key(&TypeId::of::<T>())).then(type_name::<T>)
    }
}

/// The shared states of an app, one of each type.
#[derive(Clone, Default)]
pub struct States(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl States {
    /// Adds a state. Says `false` and keeps the first if there is one of this type already.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) -> bool {
        match self.0.entry(TypeId::of::<T>()) {
            std::collections::hash_map::Entry::Occupied(_) => false,
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Arc::new(value));
                true
            }
        }
    }

    fn get<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        let state = Arc::clone(self.0.get(&TypeId::of::<T>())?);
        state.downcast().ok().map(State)
    }
}

impl std::fmt::Debug for States {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "States({})", self.0.len())
    }
}
