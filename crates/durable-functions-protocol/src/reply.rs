//! What the handler answers.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::binding::is_json;
use crate::failure::{Failure, HEADER, RESULT_KEY};

/// The content type of answers that the host reads.
const JSON: &str = "application/json";
/// The content type of failed activities: one that the host has no reader for.
const PROBLEM: &str = "application/problem+json";

/// An answer to the host; its status is always 200.
///
/// Azure Functions host behaviour: any other status fails the invocation and drops the body; an
/// empty body, `null` or 204 leaves the invocation hanging until its timeout. So every answer is a
/// non-empty JSON object.
///
/// ```
/// use durable_functions_protocol::{Failure, Reply, value};
///
/// let result = value::to_result("\"Hello Seoul!\"".to_owned());
/// let reply = Reply::activity(Some(&result), &["said hello".to_owned()]);
/// assert_eq!(reply.content_type, "application/json");
/// assert_eq!(
///     reply.body,
///     br#"{"Outputs":{},"Logs":["said hello"],"ReturnValue":"Hello Seoul!"}"#
/// );
///
/// let failure = Failure::new("orders::CardDeclined", "card 4711 was declined");
/// let reply = Reply::activity_failure(&failure);
/// assert_eq!(reply.content_type, "application/problem+json");
/// assert_eq!(reply.header().map(|(name, _)| name), Some("durable-failure"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Value of the `Content-Type` header.
    pub content_type: &'static str,
    /// Value of the header named [`crate::failure::HEADER`], if it is to be sent.
    pub failure_header: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// The message of an orchestration's or entity's answer encodes to no bytes at all.
///
/// The extension takes an empty `ReturnValue` for a missing one and fails the orchestration for
/// good ("resulted in a null response"), so such an answer cannot be built. A response with
/// `instance_id` (or, for entities, `completion_token`) set is never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an empty response message cannot be answered: the host would fail the instance; set its instance id or completion token"
)]
pub struct EmptyResponse;

impl Reply {
    /// The answer to an orchestration's turn: `response` is an encoded
    /// [`OrchestratorResponse`](crate::proto::OrchestratorResponse).
    ///
    /// # Errors
    ///
    /// [`EmptyResponse`] if there are no bytes; set the response's `instance_id`.
    pub fn orchestration(response: &[u8], logs: &[String]) -> Result<Self, EmptyResponse> {
        if response.is_empty() {
            return Err(EmptyResponse);
        }
        let length = base64_simd::STANDARD.encoded_length(response.len());
        let mut body = envelope(b"{}", logs, length + 2);
        body.push(b'"');
        base64_simd::STANDARD.encode_append(response, &mut body);
        body.extend_from_slice(b"\"}");
        Ok(Self::json(body))
    }

    /// The answer to a batch of entity operations: `result` is an encoded
    /// [`EntityBatchResult`](crate::proto::EntityBatchResult).
    ///
    /// # Errors
    ///
    /// [`EmptyResponse`] if there are no bytes; set the result's `completion_token`, which the host
    /// ignores.
    pub fn entity_batch(result: &[u8], logs: &[String]) -> Result<Self, EmptyResponse> {
        Self::orchestration(result, logs)
    }

    /// The answer to an activity that succeeded: `result` is JSON text, already wrapped by
    /// [`crate::value::to_result`]; `None` means that there is no value.
    ///
    /// A result that is no JSON becomes the answer of a failed activity, since the host could not
    /// read it.
    pub fn activity(result: Option<&str>, logs: &[String]) -> Self {
        let result = result.unwrap_or("null");
        if !is_json(result) {
            return Self::activity_failure(&Failure::new(
                "InvalidResult",
                "the result of the activity is no valid JSON text",
            ));
        }
        let mut body = envelope(b"{}", logs, result.len());
        body.extend_from_slice(result.as_bytes());
        body.push(b'}');
        Self::json(body)
    }

    /// The answer to an activity that failed.
    ///
    /// Azure Functions host behaviour: an answer of a content type that it has no reader for fails
    /// the activity with a message that quotes all response headers; the header carries the failure
    /// to the orchestration, where [`Failure::from_activity`] finds it. The body is an RFC 9457
    /// document for people, and at the same time an answer with the failure as `ReturnValue`, which
    /// [`Failure::from_result`] recognises should a later host read it.
    pub fn activity_failure(failure: &Failure) -> Self {
        let header = failure.to_header();
        // What fits the header is short enough for the body too.
        let shown = Failure::from_header(&header);
        let shown = shown.as_ref().unwrap_or(failure);
        let document = Problem {
            r#type: "about:blank",
            title: &shown.error_type,
            detail: &shown.message,
            outputs: Empty {},
            logs: [],
            return_value: Marked(&header),
        };
        Self {
            content_type: PROBLEM,
            body: to_json(&document),
            failure_header: Some(header),
        }
    }

    /// The answer to an HTTP request, through the output binding `res`.
    pub fn http(response: &HttpResponseData, logs: &[String]) -> Self {
        Self::http_through("res", response, logs)
    }

    /// The answer to an HTTP request, through the output binding of the given name.
    ///
    /// Azure Functions host behaviour: `statusCode` is a text, the body a text (anything else is
    /// rendered anew), every header has one text. Repeated headers are joined with `, `; of several
    /// `Set-Cookie` headers, which must not be joined, the host can only send one, so the first is
    /// kept and a log line says so. A body or header value that is one bare ISO 8601 date-time is
    /// reformatted by the host.
    pub fn http_through(binding: &str, response: &HttpResponseData, logs: &[String]) -> Self {
        let mut headers: Vec<(&str, String)> = Vec::with_capacity(response.headers.len());
        let mut dropped_cookies = 0;
        for (name, value) in &response.headers {
            let known = headers
                .iter_mut()
                .find(|(known, _)| known.eq_ignore_ascii_case(name));
            match known {
                None => headers.push((name, value.clone())),
                Some(_) if name.eq_ignore_ascii_case("set-cookie") => dropped_cookies += 1,
                Some((_, joined)) => {
                    joined.push_str(", ");
                    joined.push_str(value);
                }
            }
        }
        let output = HttpOutput {
            status_code: response.status.to_string(),
            body: response.body.as_deref(),
            headers: Pairs(&headers),
        };
        let outputs = to_json(&Pairs(&[(binding, output)]));
        let mut lines = Vec::new();
        let logs = if dropped_cookies == 0 {
            logs
        } else {
            lines.extend_from_slice(logs);
            lines.push(format!(
                "{dropped_cookies} Set-Cookie header(s) were left out: the Functions host can send \
                 only one from a custom handler"
            ));
            &lines
        };
        let mut body = envelope(&outputs, logs, 4);
        body.extend_from_slice(b"null}");
        Self::json(body)
    }

    /// An answer with values for output bindings, by binding name, and no return value.
    ///
    /// Azure Functions host behaviour: a text that happens to be valid base64 (`"test"`, `"abcd"`)
    /// is decoded into bytes unless the binding has `"dataType":"binary"`; texts that look like
    /// dates are reformatted.
    pub fn outputs(outputs: &[(&str, &RawValue)], logs: &[String]) -> Self {
        let mut body = envelope(&to_json(&Pairs(outputs)), logs, 5);
        body.extend_from_slice(b"null}");
        Self::json(body)
    }

    fn json(body: Vec<u8>) -> Self {
        Self {
            content_type: JSON,
            failure_header: None,
            body,
        }
    }

    /// The header that goes with the answer, if any: name and value.
    pub fn header(&self) -> Option<(&'static str, &str)> {
        Some((HEADER, self.failure_header.as_deref()?))
    }
}

/// An HTTP response that a function gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponseData {
    /// The status code, such as 202.
    pub status: u16,
    /// Headers in order. Without `Content-Type` the host sends `text/plain; charset=utf-8`.
    pub headers: Vec<(String, String)>,
    /// The body as text; the host cannot send bytes from a custom handler's named output.
    pub body: Option<String>,
}

/// `{"Outputs":..,"Logs":[..],"ReturnValue":` with room for what follows, in one allocation unless
/// the logs have many escapes.
fn envelope(outputs: &[u8], logs: &[String], room: usize) -> Vec<u8> {
    let logs_room: usize = logs
        .iter()
        .map(|line| line.len() + line.len() / 16 + 8)
        .sum();
    let mut body = Vec::with_capacity(outputs.len() + logs_room + room + 48);
    body.extend_from_slice(b"{\"Outputs\":");
    body.extend_from_slice(outputs);
    body.extend_from_slice(b",\"Logs\":");
    let begin = body.len();
    if serde_json::to_writer(&mut body, logs).is_err() {
        // Texts have no way to fail; should that change, logs must not break the answer.
        body.truncate(begin);
        body.extend_from_slice(b"[]");
    }
    body.extend_from_slice(b",\"ReturnValue\":");
    body
}

/// JSON of texts and maps with text keys, for which serialization has no way to fail.
fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec())
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'a str,
    title: &'a str,
    detail: &'a str,
    #[serde(rename = "Outputs")]
    outputs: Empty,
    #[serde(rename = "Logs")]
    logs: [(); 0],
    #[serde(rename = "ReturnValue")]
    return_value: Marked<'a>,
}

#[derive(Serialize)]
struct Empty {}

struct Marked<'a>(&'a str);

impl Serialize for Marked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(RESULT_KEY, self.0)?;
        map.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpOutput<'a> {
    status_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    headers: Pairs<'a, String>,
}

struct Pairs<'a, T>(&'a [(&'a str, T)]);

impl<T: Serialize> Serialize for Pairs<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn body(reply: &Reply) -> Value {
        serde_json::from_slice(&reply.body).unwrap()
    }

    #[test]
    fn orchestrations_are_base64_and_never_empty() {
        let logs = ["a \"line\"\n".to_owned(), "☃".to_owned()];
        let reply = Reply::orchestration(&[0xff, 0xef, 1], &logs).unwrap();
        assert_eq!(
            String::from_utf8(reply.body).unwrap(),
            r#"{"Outputs":{},"Logs":["a \"line\"\n","☃"],"ReturnValue":"/+8B"}"#
        );
        assert_eq!(reply.content_type, "application/json");
        assert_eq!(Reply::orchestration(&[], &[]), Err(EmptyResponse));
        assert_eq!(Reply::entity_batch(&[], &[]), Err(EmptyResponse));
        // One field is enough.
        let response = crate::proto::OrchestratorResponse {
            instance_id: "x".into(),
            ..Default::default()
        };
        let bytes = prost::Message::encode_to_vec(&response);
        Reply::orchestration(&bytes, &[]).unwrap();
    }

    #[test]
    fn activities_answer_their_result_as_it_is() {
        let text = r#"{"b": 1.50}"#;
        let reply = Reply::activity(Some(text), &[]);
        assert_eq!(
            String::from_utf8(reply.body).unwrap(),
            r#"{"Outputs":{},"Logs":[],"ReturnValue":{"b": 1.50}}"#
        );
        let reply = Reply::activity(None, &["x".into()]);
        assert_eq!(
            body(&reply),
            json!({"Outputs": {}, "Logs": ["x"], "ReturnValue": null})
        );
        assert_eq!(reply.header(), None);
        for text in ["", " ", "x", "1,\"Outputs\":{}", "{}}"] {
            let reply = Reply::activity(Some(text), &[]);
            assert_eq!(reply.content_type, "application/problem+json", "{text}");
            assert!(reply.failure_header.is_some());
        }
    }

    #[test]
    fn failures_are_for_people_and_for_the_orchestration() {
        let failure = Failure::new("orders::CardDeclined", "card \"4711\"\ndeclined")
            .non_retriable()
            .with_cause(Failure::new("io", "timed out"));
        let reply = Reply::activity_failure(&failure);
        assert_eq!(reply.content_type, "application/problem+json");
        let (name, header) = reply.header().unwrap();
        assert_eq!(name, "durable-failure");
        assert_eq!(Failure::from_header(header).unwrap(), failure);
        assert!(header.is_ascii() && !header.contains(['\r', '\n']));
        let body = body(&reply);
        assert_eq!(body["title"], "orders::CardDeclined");
        assert_eq!(body["detail"], "card \"4711\"\ndeclined");
        assert_eq!(body["Outputs"], json!({}));
        assert_eq!(body["Logs"], json!([]));
        let result = body["ReturnValue"].to_string();
        assert_eq!(Failure::from_result(&result).unwrap(), failure);

        let long = Failure::new("T", "x".repeat(1_000_000));
        let reply = Reply::activity_failure(&long);
        assert!(reply.body.len() < 128 * 1024, "{}", reply.body.len());
    }

    #[test]
    fn http_responses_are_texts() {
        let response = HttpResponseData {
            status: 202,
            headers: vec![
                ("Content-Type".into(), "application/json".into()),
                ("Set-Cookie".into(), "a=1".into()),
                ("set-cookie".into(), "b=2".into()),
                ("Vary".into(), "a".into()),
                ("vary".into(), "b".into()),
            ],
            body: Some("{\"a\":1}".into()),
        };
        let reply = Reply::http(&response, &["first".into()]);
        let body = body(&reply);
        let res = json!({
            "statusCode": "202",
            "body": "{\"a\":1}",
            "headers": {"Content-Type": "application/json", "Set-Cookie": "a=1", "Vary": "a, b"},
        });
        assert_eq!(body["Outputs"], json!({ "res": res }));
        assert_eq!(body["ReturnValue"], Value::Null);
        assert_eq!(body["Logs"][0], "first");
        let note = body["Logs"][1].as_str().unwrap();
        assert!(note.starts_with("1 Set-Cookie header(s)"), "{note}");

        let empty = Reply::http_through(
            "out",
            &HttpResponseData {
                status: 204,
                ..Default::default()
            },
            &[],
        );
        assert_eq!(
            String::from_utf8(empty.body).unwrap(),
            r#"{"Outputs":{"out":{"statusCode":"204","headers":{}}},"Logs":[],"ReturnValue":null}"#
        );
    }

    #[test]
    fn outputs_go_to_their_bindings() {
        let one: &RawValue = serde_json::from_str("{\"x\": 1}").unwrap();
        let two: &RawValue = serde_json::from_str("\"text\"").unwrap();
        let reply = Reply::outputs(&[("queue", one), ("blob", two)], &[]);
        assert_eq!(
            String::from_utf8(reply.body).unwrap(),
            r#"{"Outputs":{"queue":{"x": 1},"blob":"text"},"Logs":[],"ReturnValue":null}"#
        );
    }
}
