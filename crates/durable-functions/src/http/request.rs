//! The request that an HTTP function serves.

use durable_functions_protocol::binding::HttpRequestData;
use durable_functions_protocol::failure::Failure;
use serde::de::DeserializeOwned;

use super::HttpError;
use crate::argument::{Argument, HttpTrigger};
use crate::invocation::Invocation;

/// The request that an HTTP function serves, as the Functions host passes it on.
///
/// ```
/// use durable_functions::HttpRequest;
///
/// let request = HttpRequest::new("POST", "http://localhost:7071/api/orchestrators/hello?x=1")
///     .with_route_param("functionName", "hello")
///     .with_header("Content-Type", "application/json")
///     .with_body(r#"{"name":"Seoul"}"#);
/// assert_eq!(request.route_param("functionName"), Ok("hello"));
/// assert_eq!(request.query("x"), Some("1"));
/// assert_eq!(request.header("content-type"), Some("application/json"));
/// ```
#[derive(Clone, Debug)]
pub struct HttpRequest {
    data: HttpRequestData,
}

impl HttpRequest {
    /// A request for a unit test of an HTTP function. The query is read from the URL.
    pub fn new(method: &str, url: &str) -> Self {
        let mut data = HttpRequestData {
            method: method.to_owned(),
            url: url.to_owned(),
            ..HttpRequestData::default()
        };
        if let Ok(parsed) = reqwest::Url::parse(url) {
            data.query = parsed
                .query_pairs()
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect();
        }
        Self { data }
    }

    /// Adds a route parameter.
    #[must_use]
    pub fn with_route_param(mut self, name: &str, value: &str) -> Self {
        self.data
            .params
            .push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.data
            .headers
            .push((name.to_owned(), vec![value.to_owned()]));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<String>) -> Self {
        self.data.body = Some(body.into());
        self
    }

    /// The method in upper case, as the host sends it.
    pub fn method(&self) -> &str {
        &self.data.method
    }

    /// The whole URL, as the caller's request line and `Host` header give it.
    pub fn url(&self) -> &str {
        &self.data.url
    }

    /// A parameter of the route.
    ///
    /// # Errors
    ///
    /// 400, when the route has no parameter of this name or the request gave it no value.
    pub fn route_param(&self, name: &str) -> Result<&str, HttpError> {
        self.route_param_opt(name).ok_or_else(|| {
            HttpError::bad_request(format!(
                "the request has no value for the route parameter '{name}'"
            ))
        })
    }

    /// An optional parameter of the route, such as `{id?}`.
    pub fn route_param_opt(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .data
            .params
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        value.as_deref()
    }

    /// A query parameter, percent-decoded. The host joins repeated ones with commas.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, value) = self.data.query.iter().find(|(key, _)| key == name)?;
        Some(value)
    }

    /// The first value of a header; names compare without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// All values of a header.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let matching = self
            .data
            .headers
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        matching.flat_map(|(_, values)| values.iter().map(String::as_str))
    }

    /// The body as text, if there is one. The host passes the bodies of `application/octet-stream`
    /// and `multipart/*` requests as base64, and none at all of a chunked request.
    pub fn body(&self) -> Option<&str> {
        self.data.body.as_deref()
    }

    /// The body, read as JSON. No body is `null`.
    ///
    /// # Errors
    ///
    /// 400, when the body is no such JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_str(self.body().unwrap_or("null"))
            .map_err(|error| HttpError::bad_request(format!("the body can't be read: {error}")))
    }
}

impl From<HttpRequestData> for HttpRequest {
    fn from(data: HttpRequestData) -> Self {
        Self { data }
    }
}

impl Argument<HttpTrigger> for HttpRequest {
    type Payload<Rest> = Rest;

    fn extract(invocation: &Invocation) -> Result<Self, Failure> {
        invocation
            .request
            .clone()
            .ok_or_else(|| invocation.lacks("HTTP request", "httpTrigger"))
    }
}
