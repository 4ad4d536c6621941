//! What an HTTP function answers.

use durable_functions_protocol::reply::HttpResponseData;
use serde::Serialize;

use crate::error::{Error, IntoError};

/// The answer of an HTTP function.
///
/// ```
/// use durable_functions::HttpResponse;
///
/// let response = HttpResponse::text("no such order").with_status(404).with_header("Retry-After", "10");
/// assert_eq!(response.status(), 404);
/// assert_eq!(response.header("retry-after"), Some("10"));
/// ```
///
/// The Functions host allows one value a header and text alone as a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl HttpResponse {
    /// An answer without a body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: None,
        }
    }

    /// 200 with `text/plain`.
    pub fn text(body: impl Into<String>) -> Self {
        Self::new(200)
            .with_header("Content-Type", "text/plain; charset=utf-8")
            .with_body(body)
    }

    /// 200 with `application/json`.
    ///
    /// # Errors
    ///
    /// When the value can't be written as JSON.
    pub fn json(body: &impl Serialize) -> Result<Self, serde_json::Error> {
        let body = serde_json::to_string(body)?;
        Ok(Self::new(200)
            .with_header("Content-Type", "application/json; charset=utf-8")
            .with_body(body))
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets a header, replacing the one of this name.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers
            .retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header; names compare without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body.
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    pub(crate) fn into_data(self) -> HttpResponseData {
        HttpResponseData {
            status: self.status,
            headers: self.headers,
            body: self.body,
        }
    }
}

/// A value that is answered as JSON.
///
/// ```
/// use durable_functions::Json;
/// use durable_functions::prelude::*;
///
/// #[http_trigger(route = "numbers")]
/// async fn numbers() -> Json<Vec<u32>> {
///     Json(vec![1, 2, 3])
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// What an HTTP function may return.
#[diagnostic::on_unimplemented(
    message = "an HTTP function cannot return `{Self}`",
    label = "not an HTTP answer",
    note = "return `HttpResponse`, `Json<T>`, text or nothing, or a `Result` of one of these"
)]
pub trait IntoHttpResponse: 'static {
    /// Converts the value.
    ///
    /// # Errors
    ///
    /// When the function returned an error, or a value that can't be written.
    fn into_http_response(self) -> Result<HttpResponse, Error>;
}

impl IntoHttpResponse for HttpResponse {
    fn into_http_response(self) -> Result<HttpResponse, Error> {
        Ok(self)
    }
}

impl IntoHttpResponse for () {
    fn into_http_response(self) -> Result<HttpResponse, Error> {
        Ok(HttpResponse::new(204))
    }
}

impl IntoHttpResponse for String {
    fn into_http_response(self) -> Result<HttpResponse, Error> {
        Ok(HttpResponse::text(self))
    }
}

impl IntoHttpResponse for &'static str {
    fn into_http_response(self) -> Result<HttpResponse, Error> {
        Ok(HttpResponse::text(self))
    }
}

impl<T: Serialize + 'static> IntoHttpResponse for Json<T> {
    fn into_http_response(self) -> Result<HttpResponse, Error> {
        Ok(HttpResponse::json(&self.0)?)
    }
}

impl<R: IntoHttpResponse, E: IntoError + 'static> IntoHttpResponse for Result<R, E> {
    fn into_http_response(self) -> Result<HttpResponse, Error> {
        self.map_err(E::into_error)?.into_http_response()
    }
}
