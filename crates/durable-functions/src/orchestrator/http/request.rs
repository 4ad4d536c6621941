//! What an HTTP call asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use durable_functions_protocol::time_span;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use crate::error::Error;
use crate::orchestrator::RetryPolicy;

/// An HTTP request that the host sends for an orchestrator:
/// [`OrchestrationContext::call_http`](crate::OrchestrationContext::call_http).
///
/// ```
/// use durable_functions::{DurableHttpRequest, TokenSource};
/// use std::time::Duration;
///
/// let request = DurableHttpRequest::post("https://management.azure.com/vm/restart?api-version=1")
///     .header("Accept", "application/json")
///     .json(&serde_json::json!({ "force": true }))
///     .token_source(TokenSource::managed_identity("https://management.core.windows.net/.default"))
///     .timeout(Duration::from_secs(60));
/// # let _ = request;
/// ```
#[derive(Clone, Debug)]
pub struct DurableHttpRequest {
    method: String,
    uri: String,
    headers: BTreeMap<String, String>,
    content: Option<String>,
    token_source: Option<TokenSource>,
    timeout: Option<Duration>,
    pub(super) polls: bool,
    pub(super) retry: Option<RetryPolicy>,
    retried: Vec<u16>,
    problem: Option<String>,
}

impl DurableHttpRequest {
    /// A request with this method to this absolute URI.
    pub fn new(method: impl Into<String>, uri: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            uri: uri.into(),
            headers: BTreeMap::new(),
            content: None,
            token_source: None,
            timeout: None,
            polls: true,
            retry: None,
            retried: Vec::new(),
            problem: None,
        }
    }

    /// A GET request.
    pub fn get(uri: impl Into<String>) -> Self {
        Self::new("GET", uri)
    }

    /// A POST request.
    pub fn post(uri: impl Into<String>) -> Self {
        Self::new("POST", uri)
    }

    /// A PUT request.
    pub fn put(uri: impl Into<String>) -> Self {
        Self::new("PUT", uri)
    }

    /// A PATCH request.
    pub fn patch(uri: impl Into<String>) -> Self {
        Self::new("PATCH", uri)
    }

    /// A DELETE request.
    pub fn delete(uri: impl Into<String>) -> Self {
        Self::new("DELETE", uri)
    }

    /// Sets a header; one of the same name, in whatever case, is replaced.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.headers
            .retain(|other, _| !other.eq_ignore_ascii_case(&name));
        self.headers.insert(name, value.into());
        self
    }

    /// Sets the body. Without a `Content-Type` header the host sends it as `text/plain`.
    #[must_use]
    pub fn content(mut self, content: impl Into<String>) -> Self {
        self.content = Some(content.into());
        self
    }

    /// Sets the body to a value as JSON, and `Content-Type` to `application/json`.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(body) => self
                .header("Content-Type", "application/json")
                .content(body),
            Err(error) => {
                self.problem = Some(format!("its body can't be written as JSON: {error}"));
                self
            }
        }
    }

    /// Lets the host add a token of the app's identity as `Authorization` header.
    #[must_use]
    pub fn token_source(mut self, source: TokenSource) -> Self {
        self.token_source = Some(source);
        self
    }

    /// How long one request may take; the host's own limit is 100 s.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Sends a request that could not be sent, or was not answered in time, again.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// Counts answers with these status codes as failures, so that [`retry`](Self::retry) sends the
    /// request again. Without this every answer is a success.
    #[must_use]
    pub fn retry_on(mut self, status_codes: impl IntoIterator<Item = u16>) -> Self {
        self.retried.extend(status_codes);
        self
    }

    /// Takes an answer 202 as it is. Otherwise one with a `Location` means that the work goes on
    /// elsewhere, and that place is asked until it answers something else.
    #[must_use]
    pub fn without_polling(mut self) -> Self {
        self.polls = false;
        self
    }

    /// The URI, if the request can be sent at all.
    pub(super) fn url(&self) -> Result<Url, Error> {
        let Self { method, uri, .. } = self;
        let refuse = |problem: &dyn std::fmt::Display| {
            Error::msg(format!(
                "the HTTP call {method} {uri} can't be made: {problem}"
            ))
        };
        if let Some(problem) = &self.problem {
            return Err(refuse(problem));
        }
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(refuse(&"its method is no word"));
        }
        let url = Url::parse(uri).map_err(|error| refuse(&error))?;
        match url.scheme() {
            "http" | "https" => Ok(url),
            other => Err(refuse(&format!(
                "the host sends http and https, not {other}"
            ))),
        }
    }

    /// The request in words.
    pub(super) fn describe(&self) -> String {
        format!("{} {}", self.method, self.uri)
    }

    /// The request that asks the place that an answer 202 named. To another origin nothing goes
    /// along that could be a credential.
    pub(super) fn poll(&self, from: &Url, location: &Url) -> Self {
        const HARMLESS: [&str; 3] = ["accept", "accept-language", "user-agent"];
        let same_origin = from.origin() == location.origin();
        let goes_along = |name: &str| {
            let name = name.to_ascii_lowercase();
            !name.starts_with("content-") && (same_origin || HARMLESS.contains(&name.as_str()))
        };
        Self {
            method: "GET".into(),
            uri: location.to_string(),
            headers: self
                .headers
                .iter()
                .filter(|(name, _)| goes_along(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            content: None,
            token_source: self.token_source.clone().filter(|_| same_origin),
            ..self.clone()
        }
    }

    /// The input of the host's activity: a list with one request, in the form of the extension's
    /// `DurableHttpRequest`.
    pub(super) fn to_input(&self) -> Value {
        let mut request = json!({
            "method": self.method,
            "uri": self.uri,
            "headers": self.headers,
            "content": self.content,
            "asynchronousPatternEnabled": self.polls,
        });
        let mut set = |name: &str, value: Option<Value>| {
            if let (Some(request), Some(value)) = (request.as_object_mut(), value) {
                request.insert(name.into(), value);
            }
        };
        set(
            "timeout",
            self.timeout.map(|limit| time_span::format(limit).into()),
        );
        set(
            "tokenSource",
            self.token_source.as_ref().map(TokenSource::to_json),
        );
        if !self.retried.is_empty() {
            let mut options = match &self.retry {
                Some(policy) => policy.to_http_options(),
                None => json!({ "FirstRetryInterval": "00:00:01", "MaxNumberOfAttempts": 1 }),
            };
            if let Some(options) = options.as_object_mut() {
                options.insert("StatusCodesToRetry".into(), json!(self.retried));
            }
            set("retryOptions", Some(options));
        }
        json!([request])
    }
}

/// Where the host gets a token for an HTTP call from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSource {
    resource: String,
    authority_host: Option<String>,
    tenant_id: Option<String>,
}

impl TokenSource {
    /// The managed identity of the app, for this resource, such as
    /// `https://management.core.windows.net/.default`.
    pub fn managed_identity(resource: impl Into<String>) -> Self {
        Self {
            resource: resource.into(),
            authority_host: None,
            tenant_id: None,
        }
    }

    /// Sets who issues the token, instead of `https://login.microsoftonline.com/`.
    #[must_use]
    pub fn authority_host(mut self, host: impl Into<String>) -> Self {
        self.authority_host = Some(host.into());
        self
    }

    /// Sets the tenant.
    #[must_use]
    pub fn tenant_id(mut self, tenant_id: impl Into<String>) -> Self {
        self.tenant_id = Some(tenant_id.into());
        self
    }

    fn to_json(&self) -> Value {
        let mut source = json!({ "kind": "AzureManagedIdentity", "resource": self.resource });
        let options: BTreeMap<_, _> = [
            ("authorityhost", &self.authority_host),
            ("tenantid", &self.tenant_id),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)))
        .collect();
        if let (false, Some(source)) = (options.is_empty(), source.as_object_mut()) {
            source.insert("options".into(), json!(options));
        }
        source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(from: &str, to: &str) -> Value {
        let request = DurableHttpRequest::post(from)
            .header("Authorization", "Bearer secret")
            .header("x-functions-key", "secret")
            .header("Accept", "text/plain")
            .token_source(TokenSource::managed_identity("r"))
            .json(&1);
        let (from, to) = (Url::parse(from).unwrap(), Url::parse(to).unwrap());
        request.poll(&from, &to).to_input()[0].clone()
    }

    #[test]
    fn credentials_stay_at_their_origin() {
        let same = poll("https://a.example/x", "https://a.example:443/y");
        assert_eq!(same["headers"]["Authorization"], "Bearer secret");
        assert_eq!(same["headers"].get("Content-Type"), None);
        assert_eq!(same["tokenSource"]["resource"], "r");
        for elsewhere in [
            "https://b.example/y",
            "http://a.example/y",
            "https://a.example:444/y",
        ] {
            let other = poll("https://a.example/x", elsewhere);
            assert_eq!(other["headers"], json!({ "Accept": "text/plain" }));
            assert_eq!(other.get("tokenSource"), None);
            assert!(!other.to_string().contains("secret"), "{other}");
        }
    }

    #[test]
    fn a_poll_is_a_bare_get() {
        let poll = poll("https://a.example/x", "https://a.example/y");
        assert_eq!(poll["method"], "GET");
        assert_eq!(poll["uri"], "https://a.example/y");
        assert_eq!(poll["content"], Value::Null);
    }

    #[test]
    fn senseless_requests_are_refused() {
        for (method, uri, problem) in [
            ("GET", "/relative", "relative URL"),
            ("GET", "ftp://a.example/", "not ftp"),
            ("G T", "https://a.example/", "no word"),
            ("", "https://a.example/", "no word"),
        ] {
            let error = DurableHttpRequest::new(method, uri).url().unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
        }
    }

    #[test]
    fn options_are_written_as_the_extension_reads_them() {
        let policy = RetryPolicy::exponential(3, Duration::from_secs(5));
        let request = DurableHttpRequest::get("https://a.example/")
            .timeout(Duration::from_millis(90_500))
            .retry(policy)
            .retry_on([503])
            .token_source(TokenSource::managed_identity("r").tenant_id("t"));
        assert_eq!(
            request.to_input(),
            json!([{
                "method": "GET",
                "uri": "https://a.example/",
                "headers": {},
                "content": null,
                "asynchronousPatternEnabled": true,
                "timeout": "00:01:30.5000000",
                "tokenSource": {
                    "kind": "AzureManagedIdentity", "resource": "r", "options": { "tenantid": "t" },
                },
                "retryOptions": {
                    "FirstRetryInterval": "00:00:05", "MaxRetryInterval": "01:00:00",
                    "BackoffCoefficient": 2.0, "MaxNumberOfAttempts": 3,
                    "StatusCodesToRetry": [503],
                },
            }])
        );
    }
}
