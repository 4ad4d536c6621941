//! The handler's answer, read as the real host reads it.

use hyper::header::{CONTENT_TYPE, HeaderMap};

use super::Exception;
use crate::handler::{CallError, RawAnswer};
use crate::media_type::media_type;
use crate::newtonsoft::{Dates, Json, parse};
use crate::strict::Punished;

/// The answer's envelope.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// `Outputs`.
    pub(crate) outputs: Option<Vec<(String, Json)>>,
    /// `Logs`.
    pub(crate) logs: Vec<String>,
    /// `ReturnValue`.
    pub(crate) return_value: Json,
}

impl Answer {
    /// The value of an output. Unless the function has a binding `$return`, the members of an
    /// object in `ReturnValue` count as outputs, and first.
    pub(crate) fn output(&self, name: &str, has_return_binding: bool) -> Option<&Json> {
        let value = match &self.return_value {
            value if name == "$return" => Some(value),
            Json::Object(members) if !has_return_binding => named(members, name),
            _ => None,
        };
        value.or_else(|| named(self.outputs.as_ref()?, name))
    }

    /// Reads an answer; what the real host would throw when it can't.
    pub(crate) fn read(raw: &RawAnswer) -> Result<Self, Exception> {
        if !raw.status.is_success() {
            let reason = if raw.reason.is_empty() {
                String::new()
            } else {
                format!(" ({})", raw.reason)
            };
            return Err(Exception::new(
                "System.Net.Http.HttpRequestException",
                format!(
                    "Response status code does not indicate success: {}{reason}.",
                    raw.status.as_u16()
                ),
            ));
        }
        let text = String::from_utf8_lossy(&raw.body);
        let text = text.trim_start_matches('\u{feff}');
        if raw.says_nothing() {
            return Err(empty_answer());
        }
        let media_type = media_type_of(&raw.headers);
        if !matches!(media_type.as_str(), "application/json" | "text/json") {
            return Err(invalid(raw).because(Exception::new(
                "System.Net.Http.UnsupportedMediaTypeException",
                format!(
                    "No MediaTypeFormatter is available to read an object of type 'HttpScriptInvocationResult' from content with media type '{media_type}'."
                ),
            )));
        }
        let json = parse(text, Dates::Convert).map_err(|fault| {
            invalid(raw).because(Exception::new(
                "Newtonsoft.Json.JsonReaderException",
                fault.to_string(),
            ))
        })?;
        Self::from_json(json).map_err(|message| {
            invalid(raw).because(Exception::new(
                "Newtonsoft.Json.JsonSerializationException",
                message,
            ))
        })
    }

    pub(super) fn from_json(json: Json) -> Result<Self, String> {
        let Json::Object(members) = json else {
            return Err(
                "The JSON value could not be converted to HttpScriptInvocationResult.".to_owned(),
            );
        };
        let mut answer = Self {
            outputs: None,
            logs: Vec::new(),
            return_value: Json::Null,
        };
        for (name, value) in members {
            match name.to_ascii_lowercase().as_str() {
                "outputs" => {
                    answer.outputs = match value {
                        Json::Null => None,
                        Json::Object(members) => Some(members),
                        _ => return Err("Outputs: an object is expected.".to_owned()),
                    };
                }
                "logs" => {
                    answer.logs = match value {
                        Json::Null => Vec::new(),
                        Json::Array(lines) => lines.iter().filter_map(Json::scalar_text).collect(),
                        _ => return Err("Logs: a list is expected.".to_owned()),
                    };
                }
                "returnvalue" => answer.return_value = without_metadata(value),
                _ => {}
            }
        }
        Ok(answer)
    }
}

fn named<'a>(members: &'a [(String, Json)], name: &str) -> Option<&'a Json> {
    members
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

/// Json.NET takes a first member `$type` or `$id` of an object for its own.
fn without_metadata(value: Json) -> Json {
    match value {
        Json::Object(mut members) => {
            if members
                .first()
                .is_some_and(|(name, _)| name == "$type" || name == "$id")
            {
                members.remove(0);
            }
            Json::Object(members)
        }
        other => other,
    }
}

/// What a call that brought no answer looks like to whoever called.
pub(crate) fn call_exception(error: &CallError, function: &str) -> Exception {
    match error {
        CallError::Lost(_) => Exception::new(
            "System.Net.Http.HttpRequestException",
            "An error occurred while sending the request.",
        )
        .because(Exception::new(
            "System.Net.Http.HttpIOException",
            "The response ended prematurely. (ResponseEnded)",
        )),
        CallError::Timeout(limit) => {
            let seconds = limit.as_secs();
            Exception::new(
                "Microsoft.Azure.WebJobs.Host.FunctionTimeoutException",
                format!(
                    "Timeout value of {:02}:{:02}:{:02} was exceeded by function: Functions.{function}",
                    seconds / 3600,
                    seconds / 60 % 60,
                    seconds % 60
                ),
            )
        }
        CallError::Stopping => {
            Exception::new("System.OperationCanceledException", "The host is stopping.")
        }
    }
}

fn empty_answer() -> Exception {
    Exception::new(
        "System.InvalidOperationException",
        format!(
            "The handler's answer was empty. {}.",
            Punished::EmptyAnswer.on_azure()
        ),
    )
}

fn media_type_of(headers: &HeaderMap) -> String {
    match headers.get(CONTENT_TYPE) {
        Some(value) => media_type(&String::from_utf8_lossy(value.as_bytes())),
        None => "application/octet-stream".to_owned(),
    }
}

/// The exception that quotes the whole answer. SDKs hand failures over in a header of it, so the
/// headers have to come through letter by letter.
fn invalid(raw: &RawAnswer) -> Exception {
    let mut text = format!(
        "Invalid HttpResponseMessage:\nStatusCode: {}, ReasonPhrase: '{}', Version: 1.1, Content: System.Net.Http.HttpConnectionResponseContent, Headers:\n{{\n",
        raw.status.as_u16(),
        raw.reason
    );
    // .NET keeps the headers of the content apart and lists them last.
    for content in [false, true] {
        for (name, value) in raw
            .headers
            .iter()
            .filter(|(name, _)| is_content_header(name.as_str()) == content)
        {
            text.push_str(&format!(
                "  {}: {}\n",
                canonical_name(name.as_str()),
                String::from_utf8_lossy(value.as_bytes())
            ));
        }
    }
    if !raw.headers.contains_key("content-length") {
        text.push_str(&format!("  Content-Length: {}\n", raw.body.len()));
    }
    text.push_str("}\n ");
    text.push_str(&String::from_utf8_lossy(&raw.body));
    Exception::new("System.InvalidOperationException", text)
}

/// Whether .NET counts a header among those of the content; the name is in lower case.
pub(crate) fn is_content_header(name: &str) -> bool {
    matches!(
        name,
        "allow"
            | "content-disposition"
            | "content-encoding"
            | "content-language"
            | "content-length"
            | "content-location"
            | "content-md5"
            | "content-range"
            | "content-type"
            | "expires"
            | "last-modified"
    )
}

/// .NET writes the headers it knows in their usual casing, others as they came.
fn canonical_name(name: &str) -> String {
    let known = is_content_header(name)
        || matches!(
            name,
            "accept-ranges"
                | "age"
                | "cache-control"
                | "connection"
                | "date"
                | "keep-alive"
                | "location"
                | "pragma"
                | "retry-after"
                | "server"
                | "set-cookie"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
                | "vary"
                | "via"
                | "warning"
        );
    if !known {
        return name.to_owned();
    }
    let mut out = String::with_capacity(name.len());
    let mut upper = true;
    for c in name.chars() {
        out.push(if upper { c.to_ascii_uppercase() } else { c });
        upper = c == '-';
    }
    out.replace("Md5", "MD5")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::StatusCode;
    use hyper::header::{HeaderName, HeaderValue};
    use serde_json::Value;

    use super::*;

    fn raw(status: u16, reason: &str, headers: &[(&str, &str)], body: &str) -> RawAnswer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::try_from(*name).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        RawAnswer {
            status: StatusCode::from_u16(status).unwrap(),
            reason: reason.to_owned(),
            headers: map,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn json(body: &str) -> Result<Answer, Exception> {
        Answer::read(&raw(
            200,
            "OK",
            &[("Content-Type", "application/json; charset=utf-8")],
            body,
        ))
    }

    /// `failureDetails` of task-failures.json, without the stacks.
    fn chain(value: &Value) -> Vec<(String, String)> {
        let mut chain = Vec::new();
        let mut at = Some(value);
        while let Some(failure) = at.filter(|failure| failure.is_object()) {
            chain.push((
                failure["errorType"].as_str().unwrap().to_owned(),
                failure["errorMessage"].as_str().unwrap().to_owned(),
            ));
            at = failure.get("innerFailure");
        }
        chain
    }

    fn chain_of(exception: &Exception) -> Vec<(String, String)> {
        let mut chain = vec![(exception.kind.clone(), exception.message.clone())];
        if let Some(inner) = &exception.inner {
            chain.extend(chain_of(inner));
        }
        chain
    }

    #[test]
    fn failures_look_as_recorded() {
        let recorded: Value =
            serde_json::from_str(include_str!("../../tests/data/task_failures.json")).unwrap();
        let common = |date: &'static str| {
            vec![
                ("Date", date),
                ("Connection", "keep-alive"),
                ("Keep-Alive", "timeout=5"),
                ("Transfer-Encoding", "chunked"),
            ]
        };
        let header = recorded[0]["failureDetails"]["innerFailure"]["errorMessage"]
            .as_str()
            .unwrap();
        let header = header
            .split("durable-failure: ")
            .nth(1)
            .unwrap()
            .split('\n')
            .next()
            .unwrap()
            .to_owned();
        let problem = recorded[0]["failureDetails"]["innerFailure"]["errorMessage"]
            .as_str()
            .unwrap();
        let problem_body = problem.split("}\n ").nth(1).unwrap();
        let mut with_failure = vec![("durable-failure", header.as_str())];
        with_failure.extend(common("Mon, 23 Nov 2026 09:41:44 GMT"));
        with_failure.push(("Content-Type", "application/problem+json"));
        let mut plain = common("Mon, 23 Nov 2026 09:41:51 GMT");
        plain.push(("Content-Type", "text/plain"));
        let mut no_json = common("Mon, 23 Nov 2026 09:41:53 GMT");
        no_json.push(("Content-Type", "application/json"));
        let answers = [
            raw(200, "OK", &with_failure, problem_body),
            raw(
                500,
                r#"MyReason: {"errorType":"X","errorMessage":"Y"}"#,
                &[],
                "",
            ),
            raw(500, "Internal Server Error", &[], "{}"),
            raw(404, "Not Found", &[], ""),
            raw(200, "OK", &plain, "hello"),
            raw(200, "OK", &no_json, "hello"),
        ];
        for (number, answer) in answers.iter().enumerate() {
            let exception = Answer::read(answer).unwrap_err().in_function("trap");
            assert_eq!(
                chain_of(&exception),
                chain(&recorded[number]["failureDetails"]),
                "{}",
                recorded[number]["activity"]
            );
        }
        let lost = call_exception(&CallError::Lost("x".into()), "trap").in_function("trap");
        assert_eq!(chain_of(&lost), chain(&recorded[6]["failureDetails"]));
    }

    #[test]
    fn members_are_read_without_case() {
        let answer = json(
            r#"{"outputs":{"res":{"body":"x"}},"LOGS":["a",5],"returnvalue":[1.50],"more":1}"#,
        )
        .unwrap();
        assert_eq!(answer.logs, ["a", "5"]);
        assert_eq!(
            answer.return_value,
            Json::Array(vec![Json::Number("1.5".into())])
        );
        assert_eq!(answer.outputs.unwrap()[0].0, "res");
        let minimal = json("{}").unwrap();
        assert_eq!((minimal.return_value, minimal.outputs), (Json::Null, None));
        assert_eq!(
            json(r#"{"ReturnValue":{"$type":"x","a":1}}"#)
                .unwrap()
                .return_value,
            parse(r#"{"a":1}"#, Dates::Keep).unwrap()
        );
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for empty in ["", "  ", "null"] {
            assert!(
                json(empty).unwrap_err().message.contains("functionTimeout"),
                "{empty:?}"
            );
        }
        assert!(
            json("[1]")
                .unwrap_err()
                .message
                .starts_with("Invalid HttpResponseMessage:")
        );
        assert!(json(r#"{"Outputs":5}"#).is_err());
        assert_eq!(
            Answer::read(&raw(500, "", &[], "")).unwrap_err().message,
            "Response status code does not indicate success: 500."
        );
        let length = Answer::read(&raw(
            200,
            "OK",
            &[
                ("content-length", "2"),
                ("content-type", "text/plain"),
                ("x-a", "b"),
            ],
            "ab",
        ));
        assert!(
            length
                .unwrap_err()
                .message
                .ends_with("{\n  x-a: b\n  Content-Length: 2\n  Content-Type: text/plain\n}\n ab")
        );
    }
}
