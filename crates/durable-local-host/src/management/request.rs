//! Requests and replies of the API.

use crate::media_type::media_type;
use crate::newtonsoft::{Json, render};
use crate::store::StoreError;
use crate::time::Ticks;
use crate::urls::decode_query;

/// A request below the API's base path.
#[derive(Clone, Debug)]
pub(crate) struct ManagementRequest {
    /// Method.
    pub(crate) method: String,
    /// Scheme and authority that the caller used.
    pub(crate) origin: String,
    /// The whole URL.
    pub(crate) url: String,
    /// Decoded segments of the path below the base.
    pub(crate) path: Vec<String>,
    /// The query, still encoded.
    pub(crate) query: String,
    /// `Content-Type`, if any.
    pub(crate) content_type: Option<String>,
    /// `x-ms-continuation-token`, if any.
    pub(crate) continuation: Option<String>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl ManagementRequest {
    /// Whether its content is JSON, as it says.
    pub(super) fn is_json(&self) -> bool {
        let content_type = self.content_type.as_deref().unwrap_or_default();
        media_type(content_type) == "application/json"
    }

    /// Values of a query parameter.
    pub(super) fn values(&self, name: &str) -> Vec<String> {
        self.query
            .split('&')
            .filter_map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                decode_query(key)
                    .eq_ignore_ascii_case(name)
                    .then(|| decode_query(value))
            })
            .collect()
    }

    /// The last value of a query parameter.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        self.values(name).pop()
    }

    /// A switch; what can't be read counts as not given.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        match self.value(name) {
            Some(value) if value.trim().eq_ignore_ascii_case("true") => true,
            Some(value) if value.trim().eq_ignore_ascii_case("false") => false,
            _ => default,
        }
    }

    /// A time; what can't be read counts as not given.
    pub(super) fn time(&self, name: &str) -> Option<Ticks> {
        self.value(name).and_then(|value| Ticks::parse(&value))
    }

    /// A text that counts as not given when it is empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.value(name).filter(|value| !value.is_empty())
    }
}

/// What the caller gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// Status.
    pub(crate) status: u16,
    /// Headers besides those of the content.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// JSON text; empty for none.
    pub(crate) body: String,
}

impl Reply {
    /// A reply without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// A reply with JSON.
    pub(super) fn json(status: u16, value: &Json) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: render(value),
        }
    }

    /// The same with one more header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// An error with nothing but a message.
    pub(super) fn message(status: u16, message: &str) -> Self {
        Self::json(status, &object([("Message", text(message))]))
    }

    /// An error with the exception behind it. The stack is empty: there is no .NET behind it.
    pub(super) fn exception(status: u16, message: &str, kind: &str, exception: &str) -> Self {
        Self::json(
            status,
            &object([
                ("Message", text(message)),
                ("ExceptionMessage", text(exception)),
                ("ExceptionType", text(kind)),
                ("StackTrace", text("")),
            ]),
        )
    }
}

impl From<StoreError> for Reply {
    fn from(error: StoreError) -> Self {
        Self::exception(
            500,
            "Something went wrong while processing your request",
            "System.InvalidOperationException",
            &format!("The state cannot be read or written: {error}"),
        )
    }
}

/// A JSON string.
pub(super) fn text(text: &str) -> Json {
    Json::String(text.to_owned())
}

/// A JSON object.
pub(super) fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    Json::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}
