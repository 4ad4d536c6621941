//! The built-in activity that sends HTTP requests for orchestrations.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use durable_functions_protocol::time_span;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::with_causes;

/// The host's limit for a request that sets none.
const TIMEOUT: Duration = Duration::from_secs(100);

/// A request, in the form of the extension's `DurableHttpRequest`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    uri: String,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    token_source: Option<Value>,
    #[serde(default)]
    timeout: Option<String>,
    #[serde(default)]
    retry_options: Option<RetryOptions>,
}

#[derive(Deserialize)]
struct RetryOptions {
    #[serde(default, rename = "StatusCodesToRetry")]
    status_codes: Vec<u16>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status_code: u16,
    headers: BTreeMap<String, String>,
    content: String,
}

/// Sends the request in an activity's input. Gives the answer as JSON text, or says why there is
/// none.
pub(super) async fn send(input: Option<&str>) -> Result<String, String> {
    let [request]: [Request; 1] = serde_json::from_str(input.unwrap_or("null"))
        .map_err(|error| format!("the input is no list with one HTTP request: {error}"))?;
    let shown = format!("{} {}", request.method, request.uri);
    let response = request
        .send()
        .await
        .map_err(|problem| format!("{shown}: {problem}"))?;
    serde_json::to_string(&response).map_err(|error| format!("{shown}: {error}"))
}

fn client() -> Result<&'static Client, String> {
    static CLIENT: OnceLock<Result<Client, String>> = OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        // another part of the process may have chosen a provider already, which is as good
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())
    });
    client.as_ref().map_err(Clone::clone)
}

impl Request {
    async fn send(self) -> Result<Response, String> {
        if self.token_source.is_some_and(|source| !source.is_null()) {
            return Err("the development host has no managed identity to get a token from".into());
        }
        let method = Method::from_bytes(self.method.to_uppercase().as_bytes())
            .map_err(|error| error.to_string())?;
        let timeout = match &self.timeout {
            None => TIMEOUT,
            Some(text) => time_span::parse(text)
                .ok_or_else(|| format!("its timeout is no time span: {text}"))?,
        };
        let mut sent = client()?.request(method, &self.uri).timeout(timeout);
        let mut has_type = false;
        for (name, value) in self.headers.iter().flatten() {
            has_type |= name.eq_ignore_ascii_case(CONTENT_TYPE.as_str());
            sent = match value {
                Value::Array(values) => values
                    .iter()
                    .filter_map(Value::as_str)
                    .fold(sent, |sent, value| sent.header(name, value)),
                Value::String(value) => sent.header(name, value),
                other => return Err(format!("its header '{name}' is no text: {other}")),
            };
        }
        if let Some(content) = self.content {
            if !has_type {
                sent = sent.header(CONTENT_TYPE, "text/plain; charset=utf-8");
            }
            sent = sent.body(content);
        }
        let answer = sent.send().await.map_err(|error| with_causes(&error))?;
        let status = answer.status().as_u16();
        let retried = self.retry_options.map(|options| options.status_codes);
        if retried.is_some_and(|retried| retried.contains(&status)) {
            return Err(format!(
                "it was answered with status {status}, which is to be retried"
            ));
        }
        if is_multipart(answer.headers()) {
            return Err("its answer is multipart, which is not supported".into());
        }
        let headers = shown_headers(answer.headers());
        let content = answer.text().await.map_err(|error| with_causes(&error))?;
        Ok(Response {
            status_code: status,
            headers,
            content,
        })
    }
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.trim_start().starts_with("multipart/"))
}

/// The host leaves out the headers that describe the content.
fn shown_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let shown = headers.keys().filter(|name| {
        !name.as_str().starts_with("content-")
            && !matches!(name.as_str(), "expires" | "last-modified" | "allow")
    });
    shown
        .map(|name| {
            let values = headers.get_all(name).iter();
            let values: Vec<_> = values
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
                .collect();
            (name.to_string(), values.join(", "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that gives one answer; what it was sent.
    async fn serve(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/x", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let end = |request: &[u8]| {
                let text = String::from_utf8_lossy(request).to_lowercase();
                let length = text
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|rest| rest.split("\r\n").next())
                    .map_or(0, |length| length.parse::<usize>().unwrap());
                text.find("\r\n\r\n")
                    .is_some_and(|head| request.len() >= head + 4 + length)
            };
            while !end(&request) {
                let mut buffer = [0; 1024];
                let read = stream.read(&mut buffer).await.unwrap();
                request.extend(&buffer[..read]);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request).unwrap()
        });
        (uri, served)
    }

    #[tokio::test]
    async fn the_answer_has_status_headers_and_content() {
        let (uri, served) = serve("HTTP/1.1 202 Accepted\r\nLocation: /y\r\nRetry-After: 5\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok").await;
        let input =
            json!([{ "method": "post", "uri": uri, "headers": { "x-a": "1" }, "content": "body" }]);
        let answer: Value =
            serde_json::from_str(&send(Some(&input.to_string())).await.unwrap()).unwrap();
        assert_eq!(
            answer,
            json!({ "statusCode": 202, "headers": { "location": "/y", "retry-after": "5" }, "content": "ok" })
        );
        let request = served.await.unwrap();
        assert!(request.starts_with("POST /x HTTP/1.1\r\n"), "{request}");
        assert!(
            request.contains("x-a: 1\r\n") && request.ends_with("\r\n\r\nbody"),
            "{request}"
        );
        assert!(request.contains("content-type: text/plain"), "{request}");
    }

    #[tokio::test]
    async fn status_codes_to_retry_and_redirects() {
        let (uri, _served) = serve("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await;
        let input = json!([{ "method": "GET", "uri": uri, "retryOptions": { "StatusCodesToRetry": [503] } }]);
        let problem = send(Some(&input.to_string())).await.unwrap_err();
        assert!(problem.contains("status 503"), "{problem}");
        let (uri, _served) =
            serve("HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n").await;
        let input = json!([{ "method": "GET", "uri": uri }]);
        let answer = send(Some(&input.to_string())).await.unwrap();
        assert!(answer.contains("302"), "{answer}");
    }

    #[tokio::test]
    async fn what_can_not_be_sent_is_told() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = format!("http://{}/", free.local_addr().unwrap());
        drop(free);
        for (input, words) in [
            (json!([{ "method": "GET", "uri": gone }]), "refused"),
            (json!([{ "method": "GET", "uri": "nowhere" }]), "nowhere"),
            (
                json!([{ "method": "GET", "uri": gone, "timeout": "soon" }]),
                "no time span",
            ),
            (
                json!([{ "method": "GET", "uri": gone, "tokenSource": {} }]),
                "no managed identity",
            ),
            (json!({ "method": "GET" }), "no list with one HTTP request"),
        ] {
            let problem = send(Some(&input.to_string())).await.unwrap_err();
            assert!(problem.contains(words), "{problem}");
        }
    }
}
