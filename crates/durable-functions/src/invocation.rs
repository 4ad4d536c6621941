//! One call of an activity or an HTTP function, as its arguments see it.

use std::any::type_name;
use std::sync::Arc;
use std::time::Instant;

use durable_functions_protocol::failure::Failure;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::argument::States;
use crate::client::DurableClient;
use crate::entity::EntityContext;
use crate::http::HttpRequest;

/// One call of an activity or an HTTP function. [`Argument`](crate::macro_support::Argument)s are
/// taken out of it.
#[derive(Debug)]
pub struct Invocation {
    pub(crate) function: &'static str,
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    /// JSON text of an activity's input or of an HTTP request's body.
    pub(crate) payload: Option<String>,
    pub(crate) request: Option<HttpRequest>,
    pub(crate) client: Option<DurableClient>,
    /// Of an operation of an entity.
    pub(crate) entity: Option<EntityContext>,
    pub(crate) states: Arc<States>,
    pub(crate) cancellation: CancellationToken,
    /// When an activity should stop.
    pub(crate) deadline: Option<Instant>,
}

impl Invocation {
    /// Reads the payload.
    pub(crate) fn payload<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let text = self.payload.as_deref().unwrap_or("null");
        serde_json::from_str(text).map_err(|error| {
            let mut failure = Failure::new("InvalidInput", self.unreadable::<T>(&error));
            failure.non_retriable = true;
            failure
        })
    }

    fn unreadable<T>(&self, error: &serde_json::Error) -> String {
        let function = self.function;
        match (&self.request, self.payload.as_deref()) {
            // a caller from outside is told of its JSON, not of our types
            (Some(_), None) => "the request has no body, and a JSON body is needed".into(),
            (Some(_), Some(_)) => format!("the request's body can't be read: {error}"),
            (None, None) => format!(
                "'{function}' takes a `{}` as its input, but it was given none: {error}",
                type_name::<T>()
            ),
            (None, Some(text)) => format!(
                "'{function}' takes a `{}` as its input, but it was given {}: {error}",
                type_name::<T>(),
                excerpt(text)
            ),
        }
    }

    pub(crate) fn lacks(&self, what: &str, binding: &str) -> Failure {
        Failure::new(
            "MissingBinding",
            format!(
                "the host sent '{}' no {what}: its function.json has no `{binding}` binding; run `cargo run -- functions --write`",
                self.function
            ),
        )
    }
}

/// The beginning of a text, for messages.
pub(crate) fn excerpt(text: &str) -> String {
    const LIMIT: usize = 80;
    match text.char_indices().nth(LIMIT) {
        None => text.to_owned(),
        Some((end, _)) => format!(
            "{}... ({} bytes)",
            text.get(..end).unwrap_or_default(),
            text.len()
        ),
    }
}
