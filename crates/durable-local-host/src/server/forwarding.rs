//! Requests that reach the handler as they came, without an envelope.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE,
    TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};

use super::functions::{App, HttpResponse, collect, content_length, empty, path_and_query};
use crate::config::{Forwarding, Function};
use crate::console::{Kind, Outcome};
use crate::handler::{CallError, Forwarded, RawAnswer, USER_AGENT_VALUE};
use crate::invocation::{call_exception, is_content_header, joined_query};

impl App {
    /// Sends the request of a pure HTTP function on, and the answer back.
    pub(super) async fn forward(
        &self,
        request: Request<Incoming>,
        function: &Function,
    ) -> HttpResponse {
        let forwarding = self.forwarding;
        let (head, body) = request.into_parts();
        let name = &function.name;
        if forwarding != Forwarding::Proxied && head.headers.contains_key(TRANSFER_ENCODING) {
            self.console.problem(format!(
                "{name}: a request without Content-Length cannot be forwarded, there as here: send the length, or set customHandler.enableProxyingHttpRequest in host.json"
            ));
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        }
        let Some(body) = collect(body).await else {
            return empty(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let invocation = self.console.begin(Kind::Http, name, None);
        let outgoing = Forwarded {
            method: head.method.clone(),
            target: target(forwarding, name, &head.uri),
            headers: headers(forwarding, &head, &invocation.id()),
            body: body.into(),
        };
        let answer = match self.services.handler.forward(&outgoing).await {
            Ok(answer) => response(answer),
            Err(CallError::Stopping) => return empty(StatusCode::SERVICE_UNAVAILABLE),
            Err(error) => {
                let fault = call_exception(&error, name).to_line();
                self.console.problem(format!("{name}: {error} ({fault})"));
                empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        };
        let status = answer.status();
        let note = format!("{} {} -> {}", head.method, head.uri.path(), status.as_u16()).into();
        let outcome = if status.is_server_error() {
            Outcome::Failed(note)
        } else {
            Outcome::Good(note)
        };
        self.console.executed(invocation, outcome);
        answer
    }
}

fn target(forwarding: Forwarding, function: &str, uri: &hyper::Uri) -> String {
    let path = match forwarding {
        Forwarding::Proxied => return path_and_query(uri).to_owned(),
        Forwarding::ToName => format!("/{function}"),
        Forwarding::Whole | Forwarding::Never => uri.path().to_owned(),
    };
    match joined_query(uri.query().unwrap_or_default()) {
        query if query.is_empty() => path,
        query => format!("{path}?{query}"),
    }
}

fn headers(forwarding: Forwarding, head: &Parts, invocation: &str) -> HeaderMap {
    let mut headers = head.headers.clone();
    for name in [CONNECTION, TRANSFER_ENCODING, TE, UPGRADE, EXPECT] {
        headers.remove(name);
    }
    headers.remove(CONTENT_LENGTH);
    if forwarding == Forwarding::Proxied {
        headers.remove(HOST);
    } else {
        // .NET takes headers of the content only along with one.
        let has_body = content_length(&head.headers).is_some_and(|length| length > 0);
        let content: Vec<HeaderName> = headers
            .keys()
            .filter(|name| is_content_header(name.as_str()))
            .filter(|name| !(has_body && **name == CONTENT_TYPE))
            .cloned()
            .collect();
        for name in content {
            headers.remove(name);
        }
        let agent = match head
            .headers
            .get(USER_AGENT)
            .and_then(|own| own.to_str().ok())
        {
            Some(own) => HeaderValue::try_from(format!("{own} {USER_AGENT_VALUE}")).ok(),
            None => Some(HeaderValue::from_static(USER_AGENT_VALUE)),
        };
        if let Some(agent) = agent {
            headers.insert(USER_AGENT, agent);
        }
    }
    if let Ok(invocation) = HeaderValue::from_str(invocation) {
        headers.insert("x-azure-functions-invocationid", invocation);
    }
    headers
}

fn response(answer: RawAnswer) -> HttpResponse {
    let mut response = Response::new(Full::new(Bytes::clone(&answer.body)));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    // Framing is the host's business.
    for name in [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH, UPGRADE] {
        response.headers_mut().remove(name);
    }
    response.headers_mut().remove("keep-alive");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_what_the_host_makes_of_them() {
        let uri: hyper::Uri = "/api/a%20b/c?x=1&y=%26&x=2".parse().unwrap();
        assert_eq!(
            target(Forwarding::Whole, "f", &uri),
            "/api/a%20b/c?x=1%2C2&y=%26"
        );
        assert_eq!(target(Forwarding::ToName, "f", &uri), "/f?x=1%2C2&y=%26");
        assert_eq!(
            target(Forwarding::Proxied, "f", &uri),
            "/api/a%20b/c?x=1&y=%26&x=2"
        );
        let bare: hyper::Uri = "/api/a".parse().unwrap();
        assert_eq!(target(Forwarding::Whole, "f", &bare), "/api/a");
    }

    #[test]
    fn headers_of_content_go_with_content_only() {
        let made = |forwarding, length: &str| {
            let request = Request::builder()
                .header("host", "h:1")
                .header("content-type", "a/b")
                .header("content-language", "de")
                .header("content-length", length)
                .header("connection", "close")
                .header("user-agent", "me/1")
                .header("x-a", "b");
            let (head, ()) = request.body(()).unwrap().into_parts();
            headers(forwarding, &head, "id")
        };
        let whole = made(Forwarding::Whole, "3");
        assert_eq!(whole["host"], "h:1");
        assert_eq!(whole["content-type"], "a/b");
        assert_eq!(whole["user-agent"], format!("me/1 {USER_AGENT_VALUE}"));
        assert_eq!(whole["x-azure-functions-invocationid"], "id");
        assert!(!whole.contains_key("content-language") && !whole.contains_key("connection"));
        assert!(!made(Forwarding::ToName, "0").contains_key("content-type"));
        let proxied = made(Forwarding::Proxied, "0");
        assert_eq!(proxied["content-language"], "de");
        assert!(!proxied.contains_key("host"));
    }
}
