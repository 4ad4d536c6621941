//! HTTP functions: what starts and steers orchestrations from outside.

mod error;
mod request;
mod response;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use durable_functions_protocol::failure::Failure;

pub use error::HttpError;
pub use request::HttpRequest;
pub use response::{HttpResponse, IntoHttpResponse, Json};

use crate::invocation::Invocation;

/// An HTTP function, as the attribute [`macro@crate::http_trigger`] makes it out of a function.
///
/// The type has the name of the function; nobody makes a value of it.
pub trait HttpFunction: Sized + 'static {
    /// The name by which the host knows it.
    const NAME: &'static str;
    /// The route below `/api`; the host takes the function's name without one.
    const ROUTE: Option<&'static str>;
    /// The methods that are served, in lower case; all of them if there is none.
    const METHODS: &'static [&'static str];
    /// Who may call it: `anonymous`, `function` or `admin`.
    const AUTH_LEVEL: &'static str;
    /// Name of the trigger binding in function.json.
    const BINDING: &'static str;
    /// Whether one of the arguments is a [`DurableClient`](crate::DurableClient).
    const CLIENT: bool;
    /// The task hub that the client works on; the host's own if there is none.
    const TASK_HUB: Option<&'static str> = None;
    /// The app setting with the client's storage connection; the host's own if there is none.
    const CONNECTION_NAME: Option<&'static str> = None;
    /// What the function returns.
    type Return: 'static;

    /// Takes the arguments out of the invocation and calls the function.
    ///
    /// # Errors
    ///
    /// When an argument can't be had.
    fn invoke(invocation: &Invocation) -> Result<HttpCall<Self>, Failure>;

    /// Converts what the function returned.
    ///
    /// # Errors
    ///
    /// When the function returned an error.
    fn outcome(returned: Self::Return) -> Result<HttpResponse, crate::Error>;

    /// Names the first state that an argument needs and the app lacks.
    fn missing(states: &crate::macro_support::States) -> Option<&'static str>;
}

/// A call of an HTTP function, to be awaited.
#[must_use = "an HTTP function that is called like a function runs when it is awaited"]
pub struct HttpCall<H: HttpFunction>(Pin<Box<dyn Future<Output = H::Return> + Send>>);

impl<H: HttpFunction> HttpCall<H> {
    /// Wraps the call.
    pub fn new(call: impl Future<Output = H::Return> + Send + 'static) -> Self {
        Self(Box::pin(call))
    }
}

impl<H: HttpFunction> Future for HttpCall<H> {
    type Output = H::Return;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<H::Return> {
        self.0.as_mut().poll(cx)
    }
}

impl<H: HttpFunction> fmt::Debug for HttpCall<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpCall({})", H::NAME)
    }
}

/// Used by the attribute: what a returned value says to the caller.
#[doc(hidden)]
pub fn outcome<R: IntoHttpResponse>(returned: R) -> Result<HttpResponse, crate::Error> {
    returned.into_http_response()
}

/// Why an HTTP function gave no answer of its own.
pub(crate) enum Refused {
    /// An argument could not be had.
    Argument(Failure),
    /// The function returned an error.
    Error(crate::Error),
}

/// Runs an HTTP function to its answer.
pub(crate) async fn run<H: HttpFunction>(invocation: Invocation) -> Result<HttpResponse, Refused> {
    let call = H::invoke(&invocation).map_err(Refused::Argument)?;
    drop(invocation);
    H::outcome(call.await).map_err(Refused::Error)
}
