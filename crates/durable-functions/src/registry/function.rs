//! A registered function, whatever its kind.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use durable_functions_protocol::failure::Failure;

use super::binding::Binding;
use crate::activity::{self, Activity, ActivityFn};
use crate::argument::States;
use crate::entity::{Dynamic, Entity, EntityFunction, Typed};
use crate::http::{self, HttpCall, HttpFunction, HttpResponse, Refused};
use crate::invocation::Invocation;
use crate::orchestrator::{self, Orchestrator, OrchestratorFn};
use crate::replay::Start;

const ENTITY_TRIGGER: &str = "entityTrigger";

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How a function is called.
#[derive(Clone)]
pub(crate) enum Handler {
    Orchestrator(Arc<Start>),
    Activity(Arc<dyn Fn(Invocation) -> BoxFuture<Result<String, Failure>> + Send + Sync>),
    Entity(Arc<dyn EntityFunction>),
    Http(Arc<dyn Fn(Invocation) -> BoxFuture<Result<HttpResponse, Refused>> + Send + Sync>),
}

/// A function that an app can register. Made of a function with one of the attributes.
#[derive(Clone)]
pub struct Function {
    pub(crate) name: &'static str,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) handler: Handler,
    pub(crate) missing: fn(&States) -> Option<&'static str>,
}

impl Function {
    /// Name of the trigger binding: the first one.
    pub(crate) fn trigger(&self) -> &str {
        self.bindings.first().map_or("", |binding| &binding.name)
    }

    fn activity<A: Activity>() -> Self {
        let mut bindings = vec![Binding::input(A::BINDING, "activityTrigger")];
        let client = || Binding::durable_client(A::TASK_HUB, A::CONNECTION_NAME);
        bindings.extend(A::CLIENT.then(client));
        Self {
            name: A::NAME,
            bindings,
            handler: Handler::Activity(Arc::new(|invocation| {
                Box::pin(activity::run::<A>(invocation))
            })),
            missing: A::missing,
        }
    }

    fn orchestrator<O: Orchestrator>() -> Self {
        Self {
            name: O::NAME,
            bindings: vec![Binding::input(O::BINDING, "orchestrationTrigger")],
            handler: Handler::Orchestrator(Arc::new(orchestrator::start::<O>)),
            missing: |_| None,
        }
    }

    pub(crate) fn entity<E: Entity>() -> Self {
        Self {
            name: E::NAME,
            bindings: vec![Binding::input(E::BINDING, ENTITY_TRIGGER)],
            handler: Handler::Entity(Arc::new(Typed::<E>::new())),
            missing: E::missing,
        }
    }

    /// An entity that is one function over the operation's name.
    pub(crate) fn dynamic_entity(name: &'static str, function: Dynamic) -> Self {
        Self {
            name,
            bindings: vec![Binding::input("context", ENTITY_TRIGGER)],
            handler: Handler::Entity(Arc::new(function)),
            missing: |_| None,
        }
    }

    fn http<H: HttpFunction>() -> Self {
        let trigger = Binding {
            auth_level: Some(H::AUTH_LEVEL),
            methods: (!H::METHODS.is_empty()).then_some(H::METHODS),
            route: H::ROUTE,
            ..Binding::input(H::BINDING, "httpTrigger")
        };
        let mut bindings = vec![trigger];
        let client = || Binding::durable_client(H::TASK_HUB, H::CONNECTION_NAME);
        bindings.extend(H::CLIENT.then(client));
        bindings.push(Binding::http_response());
        Self {
            name: H::NAME,
            bindings,
            handler: Handler::Http(Arc::new(|invocation| Box::pin(http::run::<H>(invocation)))),
            missing: H::missing,
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .field("bindings", &self.bindings)
            .finish_non_exhaustive()
    }
}

/// A function with one of the attributes, to be registered.
///
/// `Marker` tells the kinds apart and can be ignored.
#[diagnostic::on_unimplemented(
    message = "this function can't be registered",
    label = "no attribute on this function",
    note = "put `#[orchestrator]`, `#[activity]` or `#[http_trigger(..)]` on it",
    note = "an entity is a type: `.register_entity::<Counter>()`"
)]
pub trait IntoFunction<Marker> {
    /// Describes the function.
    fn into_function(self) -> Function;
}

/// Marks activities.
#[derive(Debug)]
pub struct AsActivity<Marker>(std::marker::PhantomData<Marker>);
/// Marks orchestrators.
#[derive(Debug)]
pub struct AsOrchestrator<Marker>(std::marker::PhantomData<Marker>);
/// Marks HTTP functions.
#[derive(Debug)]
pub struct AsHttp<Marker>(std::marker::PhantomData<Marker>);

impl<Marker, F: ActivityFn<Marker>> IntoFunction<AsActivity<Marker>> for F {
    fn into_function(self) -> Function {
        Function::activity::<F::Activity>()
    }
}

impl<Marker, F: OrchestratorFn<Marker>> IntoFunction<AsOrchestrator<Marker>> for F {
    fn into_function(self) -> Function {
        Function::orchestrator::<F::Orchestrator>()
    }
}

macro_rules! http_fns {
    ($(($($arg:ident),*))*) => {$(
        impl<F, H, $($arg),*> IntoFunction<AsHttp<(H, $($arg,)*)>> for F
        where
            F: Fn($($arg),*) -> HttpCall<H>,
            H: HttpFunction,
        {
            fn into_function(self) -> Function {
                Function::http::<H>()
            }
        }
    )*};
}
http_fns! { () (A1) (A1, A2) (A1, A2, A3) (A1, A2, A3, A4) (A1, A2, A3, A4, A5) (A1, A2, A3, A4, A5, A6) }
