//! HTTP to the handler: kept-alive connections, one request on each at a time.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::ext::ReasonPhrase;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::error::with_causes;
use crate::sync::lock;

/// The version that this host says it is: the one in the recordings.
pub(crate) const HOST_VERSION: &str = "4.1037.0.0";

/// What this host calls itself.
pub(crate) const USER_AGENT_VALUE: &str = "Azure-Functions-Host/4.1037.0.0";

/// A request without an envelope.
#[derive(Clone, Debug)]
pub(crate) struct Forwarded {
    /// Method.
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    /// Headers; `Host` is added when it is not among them.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub(crate) struct RawAnswer {
    /// Status.
    pub(crate) status: StatusCode,
    /// Reason phrase.
    pub(crate) reason: String,
    /// Headers, in the order of arrival.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
}

impl RawAnswer {
    /// Whether it is what Json.NET reads as null: the real host never completes such a call.
    pub(crate) fn says_nothing(&self) -> bool {
        let text = String::from_utf8_lossy(&self.body);
        let text = text.trim_start_matches('\u{feff}').trim();
        self.status.is_success() && (text.is_empty() || text == "null")
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The connection broke or could not be made: the process is gone or going.
    #[error("the connection to the handler broke: {0}")]
    Lost(String),
    /// It took longer than `functionTimeout`.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The host is stopping.
    #[error("the host is stopping")]
    Stopping,
}

type Connection = SendRequest<Full<Bytes>>;

/// Connections to one port.
#[derive(Debug)]
pub(super) struct Client {
    address: SocketAddr,
    host: HeaderValue,
    idle: Mutex<Vec<Connection>>,
}

impl Client {
    /// A client for the handler on that port.
    pub(super) fn new(port: u16) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let host = HeaderValue::from_str(&address.to_string())
            .unwrap_or(HeaderValue::from_static("127.0.0.1"));
        Self {
            address,
            host,
            idle: Mutex::default(),
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// `GET /` on a connection of its own; any answer will do.
    pub(super) async fn ping(&self) -> bool {
        let Ok(mut connection) = self.connect().await else {
            return false;
        };
        let request = Request::builder()
            .method(Method::GET)
            .uri("/")
            .header(HOST, &self.host)
            .body(Full::default());
        match request {
            Ok(request) => connection.send_request(request).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Posts an invocation.
    pub(super) async fn post(
        &self,
        function: &str,
        invocation: &str,
        body: Bytes,
    ) -> Result<RawAnswer, CallError> {
        self.send(|| self.request(function, invocation, body.clone()))
            .await
    }

    /// Sends a request on.
    pub(super) async fn forward(&self, request: &Forwarded) -> Result<RawAnswer, CallError> {
        self.send(|| self.forwarded(request)).await
    }

    async fn send(
        &self,
        make: impl Fn() -> Result<Request<Full<Bytes>>, CallError>,
    ) -> Result<RawAnswer, CallError> {
        loop {
            let (mut connection, reused) = match self.take_idle() {
                Some(connection) => (connection, true),
                None => (self.connect().await?, false),
            };
            if connection.ready().await.is_err() && reused {
                continue;
            }
            match connection.try_send_request(make()?).await {
                Ok(response) => {
                    let answer = read(response).await?;
                    self.put_idle(connection);
                    return Ok(answer);
                }
                // hyper gives the request back when not a byte of it was written.
                Err(mut error) => {
                    let unsent = error.take_message().is_some();
                    if !(reused && unsent) {
                        return Err(CallError::Lost(with_causes(error.error())));
                    }
                }
            }
        }
    }

    fn request(
        &self,
        function: &str,
        invocation: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, CallError> {
        Request::builder()
            .method(Method::POST)
            .uri(format!("/{function}"))
            .header(HOST, &self.host)
            .header(
                USER_AGENT,
                const { HeaderValue::from_static(USER_AGENT_VALUE) },
            )
            .header(
                CONTENT_TYPE,
                const { HeaderValue::from_static("application/json; charset=utf-8") },
            )
            .header(
                "X-Azure-Functions-HostVersion",
                const { HeaderValue::from_static(HOST_VERSION) },
            )
            .header("X-Azure-Functions-InvocationId", invocation)
            .body(Full::new(body))
            .map_err(|error| CallError::Lost(error.to_string()))
    }

    fn forwarded(&self, request: &Forwarded) -> Result<Request<Full<Bytes>>, CallError> {
        let mut made = Request::builder()
            .method(&request.method)
            .uri(&request.target)
            .body(Full::new(request.body.clone()))
            .map_err(|error| CallError::Lost(error.to_string()))?;
        *made.headers_mut() = request.headers.clone();
        made.headers_mut().insert(
            "x-azure-functions-hostversion",
            const { HeaderValue::from_static(HOST_VERSION) },
        );
        made.headers_mut()
            .entry(HOST)
            .or_insert_with(|| self.host.clone());
        Ok(made)
    }

    async fn connect(&self) -> Result<Connection, CallError> {
        let lost = |error: std::io::Error| CallError::Lost(error.to_string());
        let stream = TcpStream::connect(self.address).await.map_err(lost)?;
        stream.set_nodelay(true).map_err(lost)?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| CallError::Lost(with_causes(&error)))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection to the handler ended: {error}");
            }
        });
        Ok(sender)
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        // The one used last is the least likely to be closed by the other side.
        while let Some(connection) = idle.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    fn put_idle(&self, connection: Connection) {
        if !connection.is_closed() {
            lock(&self.idle).push(connection);
        }
    }

    /// Drops the connections to a process that is gone.
    pub(super) fn forget_connections(&self) {
        lock(&self.idle).clear();
    }
}

async fn read(response: hyper::Response<hyper::body::Incoming>) -> Result<RawAnswer, CallError> {
    let (head, body) = response.into_parts();
    let reason = match head.extensions.get::<ReasonPhrase>() {
        Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
        None => head
            .status
            .canonical_reason()
            .unwrap_or_default()
            .to_owned(),
    };
    let body = body
        .collect()
        .await
        .map_err(|error| CallError::Lost(with_causes(&error)))?
        .to_bytes();
    Ok(RawAnswer {
        status: head.status,
        reason,
        headers: head.headers,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_net_reads_as_null_says_nothing() {
        let answer = |status: StatusCode, body: &'static str| RawAnswer {
            status,
            reason: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        };
        for body in ["", " \r\n", "null", "\u{feff}null\n", "\u{feff}"] {
            assert!(answer(StatusCode::OK, body).says_nothing(), "{body:?}");
        }
        assert!(answer(StatusCode::NO_CONTENT, "").says_nothing());
        for body in ["{}", "\"\"", "0", "nul", r#"{"ReturnValue":null}"#] {
            assert!(!answer(StatusCode::OK, body).says_nothing(), "{body:?}");
        }
        assert!(!answer(StatusCode::BAD_REQUEST, "").says_nothing());
    }
}
