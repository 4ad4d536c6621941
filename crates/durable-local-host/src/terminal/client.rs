//! Requests to the management API of a host.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::connection::{Connection, Place};
use super::fault::Fault;
use super::output::remark;
use crate::display::one_line;

/// Longest time for an answer; hosts that scale to zero take a while to come up.
const PATIENCE: Duration = Duration::from_secs(100);
/// Where the host tells how to go on with a listing.
const CONTINUATION: &str = "x-ms-continuation-token";
/// Most of an answer that is no JSON that an error message shows.
const QUOTED: usize = 300;

/// A host.
#[derive(Debug)]
pub(super) struct Host {
    client: reqwest::Client,
    place: Place,
}

/// A request.
#[derive(Debug, Default)]
pub(super) struct Call<'a> {
    /// Segments of the path below the API's base.
    pub(super) path: Vec<&'a str>,
    pub(super) query: Vec<(&'static str, String)>,
    /// JSON text.
    pub(super) body: Option<String>,
    pub(super) continuation: Option<String>,
}

/// What the host answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
    pub(super) continuation: Option<String>,
}

impl Host {
    pub(super) fn new(connection: &Connection) -> Result<Self, Fault> {
        let place = connection.place()?;
        if place.key.is_some() && place.base.scheme() == "http" && !place.is_local() {
            remark(&format!(
                "warning: the key goes to {} without encryption; use https://",
                place.shown()
            ));
        }
        // Another part of the process may have chosen a provider already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        // A redirect would take the key elsewhere.
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE);
        if place.is_local() {
            client = client.no_proxy();
        }
        let client = client
            .build()
            .map_err(|error| Fault::failed(format!("HTTP can't be used: {error}")))?;
        Ok(Self { client, place })
    }

    /// The host as people know it.
    pub(super) fn shown(&self) -> String {
        self.place.shown()
    }

    /// ` in the task hub x`, when one was named.
    pub(super) fn in_hub(&self) -> String {
        self.place
            .task_hub
            .as_ref()
            .map_or_else(String::new, |hub| format!(" in the task hub {hub}"))
    }

    /// Sends a request. Answers that say that the API can't be used at all are faults; what other
    /// statuses mean depends on the request.
    pub(super) async fn send(&self, method: Method, call: Call<'_>) -> Result<Answer, Fault> {
        let mut url = self.place.base.clone();
        for segment in &call.path {
            match *segment {
                "" => {
                    return Err(Fault::usage(
                        "an id or a name is empty: the API can't be asked for it",
                    ));
                }
                "." | ".." => {
                    return Err(Fault::usage(format!(
                        "'{segment}' can't be an id or a name here: in a URL it is a folder"
                    )));
                }
                _ => {}
            }
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(&call.path);
        }
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(&call.query);
            if let Some(hub) = &self.place.task_hub {
                query.append_pair("taskHub", hub);
            }
        }
        if url.query() == Some("") {
            url.set_query(None);
        }
        let mut request = self.client.request(method, url);
        if let Some(key) = &self.place.key {
            request = request.header("x-functions-key", key.secret());
        }
        if let Some(token) = &call.continuation {
            request = request.header(CONTINUATION, token);
        }
        if let Some(body) = call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let header = |name: &str| {
            let value = answer.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned()).filter(|value| !value.is_empty())
        };
        let continuation = header(CONTINUATION);
        let location = header(LOCATION.as_str());
        let body = answer
            .text()
            .await
            .map_err(|error| self.unreachable(&error))?;
        if status.is_redirection() {
            return Err(Fault::failed(format!(
                "{} answers from elsewhere ({}): give the host's own URL with --url",
                self.shown(),
                // Without the query, in which there may be a key.
                location
                    .as_deref()
                    .and_then(|location| location.split('?').next())
                    .unwrap_or("it does not say where")
            )));
        }
        let answer = Answer {
            status,
            body,
            continuation,
        };
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.refused(&answer)),
            _ => Ok(answer),
        }
    }

    /// A request that brings a document, or `None` when the host answers 404.
    pub(super) async fn get(&self, call: Call<'_>) -> Result<Option<Answer>, Fault> {
        let answer = self.send(Method::GET, call).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(answer)),
            _ => Err(self.failed("the request", &answer)),
        }
    }

    /// The fault for an answer that nobody can do anything with.
    pub(super) fn failed(&self, what: &str, answer: &Answer) -> Fault {
        let said = answer.said();
        let said = if said.is_empty() {
            String::new()
        } else {
            format!(": {said}")
        };
        Fault::failed(format!(
            "{what} failed at {} with status {}{said}",
            self.shown(),
            answer.status.as_u16()
        ))
    }

    /// The fault for a listing that is answered with 404.
    pub(super) fn no_api(&self) -> Fault {
        Fault::failed(format!(
            "there is no management API of Durable Functions at {}: the URL is that of another server, or of an app without durable functions",
            self.place.base
        ))
    }

    /// The fault for text that should have been a document.
    pub(super) fn unreadable(&self, error: &serde_json::Error, answer: &Answer) -> Fault {
        Fault::failed(format!(
            "{} answered with what this program can't read ({error}): {}",
            self.shown(),
            quoted(&answer.body)
        ))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Fault {
        let shown = self.shown();
        if error.is_timeout() {
            return Fault::failed(format!(
                "{shown} did not answer within {} seconds",
                PATIENCE.as_secs()
            ));
        }
        let causes = std::iter::successors(error.source(), |&error| error.source());
        let reason = causes
            .last()
            .map_or_else(|| "no connection".to_owned(), ToString::to_string);
        if !error.is_connect() {
            return Fault::failed(format!("the answer of {shown} could not be read: {reason}"));
        }
        let advice = if self.place.is_local() && self.place.base.scheme() == "https" {
            "The development host speaks http://, not https://"
        } else if self.place.is_local() {
            "Start the host with `durable-local-host start` (`cargo run` in an app), or name the one that runs with --url URL or DURABLE_HOST_URL"
        } else {
            "Check the URL (--url or DURABLE_HOST_URL) and whether the app runs"
        };
        Fault::failed(format!("no host answers at {shown}: {reason}. {advice}"))
    }

    fn refused(&self, answer: &Answer) -> Fault {
        let shown = self.shown();
        let said = answer.said();
        if !said.is_empty() {
            return Fault::failed(format!(
                "{shown} refuses the request with status {}: {said}",
                answer.status.as_u16()
            ));
        }
        let what = if self.place.key.is_some() {
            "does not accept the key that was given"
        } else {
            "asks for a key"
        };
        Fault::failed(format!(
            "{shown} {what} (status {}): give the system key `durabletask_extension` of the app, or its master key, with DURABLE_HOST_KEY or --key",
            answer.status.as_u16()
        ))
    }
}

/// An error of the API.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorDocument {
    message: String,
    #[serde(default)]
    exception_message: Option<String>,
}

impl Answer {
    /// What the body of an error says, on one line.
    pub(super) fn said(&self) -> String {
        if let Ok(text) = serde_json::from_str::<String>(&self.body) {
            return one_line(&text).into_owned();
        }
        match serde_json::from_str::<ErrorDocument>(&self.body) {
            Ok(ErrorDocument {
                message,
                exception_message: Some(exception),
            }) => one_line(&format!("{}: {exception}", message.trim_end_matches('.'))).into_owned(),
            Ok(ErrorDocument { message, .. }) => one_line(&message).into_owned(),
            Err(_) => quoted(&self.body),
        }
    }
}

fn quoted(body: &str) -> String {
    crate::display::cut(&one_line(body.trim()), QUOTED, "…").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> String {
        Answer {
            status: StatusCode::BAD_REQUEST,
            body: body.to_owned(),
            continuation: None,
        }
        .said()
    }

    #[test]
    fn errors_are_read_in_all_their_forms() {
        assert_eq!(
            said(r#"{"Message":"no such function"}"#),
            "no such function"
        );
        assert_eq!(
            said(
                r#"{"Message":"Went wrong.","ExceptionMessage":"Cannot suspend","ExceptionType":"X","StackTrace":"at"}"#
            ),
            "Went wrong: Cannot suspend"
        );
        assert_eq!(said(r#""Only ended ones""#), "Only ended ones");
        assert_eq!(said("<html>\n\u{1b}[2J"), "<html>\\n\\u{1b}[2J");
        assert_eq!(said(""), "");
    }
}
