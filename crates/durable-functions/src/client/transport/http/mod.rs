//! The host's HTTP management API.

mod documents;
mod entities;
mod operations;
mod url;

use std::sync::OnceLock;
use std::time::Duration;

use durable_functions_protocol::binding::DurableClientBinding;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode, Url};
use tokio::time::Instant;

use super::{Refused, retry};
use crate::client::ClientError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest body that the Functions host takes unless it is told otherwise.
const SEND_LIMIT: usize = 104_857_600;

/// One operation's way to the API.
#[derive(Clone, Copy)]
pub(in crate::client) struct Http<'a> {
    pub(super) binding: &'a DurableClientBinding,
    pub(super) base: &'a str,
    pub(super) deadline: Instant,
}

/// One client for the process: it keeps the connections.
fn client() -> Result<&'static reqwest::Client, ClientError> {
    static CLIENT: OnceLock<Result<reqwest::Client, String>> = OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        // another part of the app may have chosen a provider already, which is as good
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())
    });
    client.as_ref().map_err(|error| ClientError::Unavailable {
        url: String::new(),
        message: format!("no HTTP client can be made: {error}"),
        source: None,
    })
}

/// A request of the API.
#[derive(Clone)]
struct Call {
    method: Method,
    url: Url,
    json: Option<String>,
    continuation: Option<String>,
}

impl Call {
    fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            json: None,
            continuation: None,
        }
    }

    fn json(mut self, json: Option<String>) -> Self {
        self.json = json;
        self
    }

    fn query(mut self, key: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(key, value);
        self
    }
}

/// What the API answered.
struct Answer {
    status: StatusCode,
    continuation: Option<String>,
    body: String,
}

impl Http<'_> {
    /// Sends a request that may be sent again.
    async fn read(&self, call: Call) -> Result<Answer, ClientError> {
        let attempts = retry::within(
            self.deadline,
            || async {
                let answer = self.send(call.clone()).await?;
                match answer.status {
                    StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT => Err(self.failed(&call, &answer)),
                    _ => Ok(answer),
                }
            },
            |error: &ClientError| matches!(error, ClientError::Unavailable { .. }),
        );
        attempts.await
    }

    /// Sends a request that changes something. It is sent again only if there was no connection.
    async fn act(&self, call: Call) -> Result<Answer, ClientError> {
        self.send(call).await
    }

    async fn send(&self, call: Call) -> Result<Answer, ClientError> {
        let shown = url::without_query(&call.url);
        let bytes = call.json.as_ref().map_or(0, String::len);
        if bytes > SEND_LIMIT {
            return Err(ClientError::TooLarge {
                limit: SEND_LIMIT,
                message: format!(
                    "the request has {bytes} bytes, and the Functions host takes no more over \
                    HTTP; send a reference to the data"
                ),
            });
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        let mut request = client()?.request(call.method, call.url).timeout(left);
        if let Some(json) = call.json {
            request = request.header(CONTENT_TYPE, "application/json").body(json);
        }
        if let Some(token) = call.continuation {
            request = request.header(CONTINUATION, token);
        }
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                return ClientError::TimedOut {
                    message: format!("{shown} has not answered in time"),
                };
            }
            ClientError::Unavailable {
                url: shown.clone(),
                message: in_full(&error.without_url()),
                source: None,
            }
        };
        let response = request.send().await.map_err(failed)?;
        let continuation = response.headers().get(CONTINUATION);
        let continuation = continuation.and_then(|token| token.to_str().ok());
        Ok(Answer {
            status: response.status(),
            continuation: continuation
                .filter(|token| !token.is_empty())
                .map(str::to_owned),
            body: response.text().await.map_err(failed)?,
        })
    }

    /// What an answer means that is none of the expected ones.
    fn failed(&self, call: &Call, answer: &Answer) -> ClientError {
        let url = url::without_query(&call.url);
        let status = answer.status;
        let message = documents::message(&answer.body);
        match status {
            StatusCode::BAD_REQUEST => ClientError::InvalidArgument { message },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ClientError::Unauthorized {
                message: format!("{url} refuses the key ({status})"),
            },
            StatusCode::NOT_FOUND => ClientError::NotFound {
                message: format!("the host has no {url}"),
            },
            StatusCode::NOT_IMPLEMENTED => ClientError::Unsupported { message },
            StatusCode::PAYLOAD_TOO_LARGE => ClientError::TooLarge {
                limit: SEND_LIMIT,
                message: format!("{url} refuses the size of the request: {message}"),
            },
            _ => ClientError::Unavailable {
                url,
                message: format!("{status}: {message}"),
                source: None,
            },
        }
    }

    /// What an answer about one instance means.
    fn refused(&self, call: &Call, instance_id: &str, answer: &Answer) -> Refused {
        let message = || documents::message(&answer.body);
        let error = match answer.status {
            StatusCode::NOT_FOUND => ClientError::no_instance(instance_id),
            StatusCode::CONFLICT => ClientError::AlreadyExists {
                instance_id: instance_id.to_owned(),
                message: message(),
            },
            StatusCode::GONE => ClientError::WrongState {
                instance_id: instance_id.to_owned(),
                message: "it has ended".into(),
            },
            StatusCode::PRECONDITION_FAILED => ClientError::WrongState {
                instance_id: instance_id.to_owned(),
                message: message(),
            },
            _ => self.failed(call, answer),
        };
        Refused {
            error,
            unexplained: answer.status == StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

const CONTINUATION: &str = "x-ms-continuation-token";

fn in_full(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| {
        format!("{text}: {source}")
    })
}
