//! Answers of HTTP functions.

use super::Answer;
use crate::config::{Binding, Function};
use crate::newtonsoft::{Dates, Json, parse, render_indented};

/// Content type of a body that comes without one.
const PLAIN: &str = "text/plain; charset=utf-8";

/// What the caller gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HttpReply {
    /// Status.
    pub(crate) status: u16,
    /// Headers, without the content type.
    pub(crate) headers: Vec<(String, String)>,
    /// Content type.
    pub(crate) content_type: Option<String>,
    /// Body.
    pub(crate) body: Vec<u8>,
}

/// Makes the reply of a function's answer; why it can't be made otherwise, which is a 500. What
/// goes out differently from what the answer says is told.
pub(crate) fn http_reply(
    function: &Function,
    answer: &Answer,
    tell: &dyn Fn(&str),
) -> Result<HttpReply, String> {
    if let Some(binding) = function
        .return_binding()
        .filter(|binding| binding.is("http"))
        && answer.return_value != Json::Null
    {
        return returned(binding, &answer.return_value, tell);
    }
    let Some(binding) = function.http_output() else {
        return Ok(HttpReply {
            status: 200,
            ..HttpReply::default()
        });
    };
    let output = answer.output(&binding.name, function.return_binding().is_some());
    match (output, &answer.outputs) {
        (Some(output), _) => named(output, tell),
        (None, Some(_)) => Ok(HttpReply {
            status: 200,
            content_type: Some(PLAIN.to_owned()),
            body: b"{}".to_vec(),
            ..HttpReply::default()
        }),
        (None, None) => Ok(HttpReply {
            status: 200,
            ..HttpReply::default()
        }),
    }
}

/// `$return` of type `http`: a response object, if it has a body, or a body that may be base64.
fn returned(binding: &Binding, value: &Json, tell: &dyn Fn(&str)) -> Result<HttpReply, String> {
    let parsed;
    let value = match value {
        Json::String(text) => {
            // The host takes any text that is base64 for bytes, except with dataType `binary`.
            if !binding.binary
                && let Some(body) = decode_base64(text)
            {
                return Ok(HttpReply {
                    status: 200,
                    content_type: Some("application/octet-stream".to_owned()),
                    body,
                    ..HttpReply::default()
                });
            }
            parsed = parse(text, Dates::Convert).ok();
            parsed.as_ref().unwrap_or(value)
        }
        value => value,
    };
    if value.member("body").is_some() {
        let status = value
            .member("statusCode")
            .or_else(|| value.member("status"));
        return response_object(value, status, tell);
    }
    Ok(HttpReply {
        status: 200,
        content_type: Some(PLAIN.to_owned()),
        body: body_text(value).into_bytes(),
        ..HttpReply::default()
    })
}

/// Whatever `Convert.FromBase64String` accepts: white space is fine, padding is needed.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n'))
        .collect();
    base64_simd::STANDARD.decode_to_vec(text).ok()
}

fn unexpected() -> String {
    "Failed while trying to Deserialize to httpOutputBindingResponse. Output is not in expected format".to_owned()
}

/// The value of an output with a name: an object, or a text that holds one.
fn named(value: &Json, tell: &dyn Fn(&str)) -> Result<HttpReply, String> {
    let parsed;
    let object = match value {
        Json::String(text) => {
            parsed = parse(text, Dates::Convert).map_err(|_| unexpected())?;
            &parsed
        }
        value => value,
    };
    // `status` is ignored by the real host, whatever it says.
    response_object(object, object.member("statusCode"), tell)
}

fn response_object(
    object: &Json,
    status: Option<&Json>,
    tell: &dyn Fn(&str),
) -> Result<HttpReply, String> {
    if !matches!(object, Json::Object(_)) {
        return Err(unexpected());
    }
    let status = match status {
        None | Some(Json::Null) => 200,
        Some(code) => status_code(code, tell)?,
    };
    let mut reply = HttpReply {
        status,
        ..HttpReply::default()
    };
    match object.member("headers") {
        None | Some(Json::Null) => {}
        Some(Json::Object(headers)) => {
            for (name, value) in headers {
                let value = value
                    .scalar_text()
                    .ok_or_else(|| format!("the header `{name}` is neither text nor number"))?;
                if name.eq_ignore_ascii_case("content-type") {
                    reply.content_type = Some(value);
                } else {
                    reply.headers.push((name.clone(), value));
                }
            }
        }
        Some(_) => return Err(unexpected()),
    }
    match object.member("body") {
        None | Some(Json::Null) => {}
        Some(body) => {
            reply.body = body_text(body).into_bytes();
            let content_type = reply
                .content_type
                .take()
                .unwrap_or_else(|| PLAIN.to_owned());
            reply.content_type = Some(with_charset(content_type));
        }
    }
    Ok(reply)
}

/// A status that is no whole number counts for nothing.
fn status_code(code: &Json, tell: &dyn Fn(&str)) -> Result<u16, String> {
    let text = code.scalar_text();
    match text
        .as_ref()
        .and_then(|text| text.trim().parse::<i64>().ok())
    {
        Some(number) => u16::try_from(number)
            .ok()
            .filter(|code| (100..=999).contains(code))
            .ok_or_else(|| format!("the status {number} is none of HTTP")),
        None => {
            let code = text.unwrap_or_else(|| body_text(code));
            tell(&format!(
                "the status `{code}` is no whole number, so 200 goes out, as on Azure"
            ));
            Ok(200)
        }
    }
}

fn body_text(body: &Json) -> String {
    body.scalar_text().unwrap_or_else(|| render_indented(body))
}

/// A text goes out as UTF-8, and the host says so.
fn with_charset(content_type: String) -> String {
    if content_type.to_ascii_lowercase().contains("charset=") {
        content_type
    } else {
        format!("{content_type}; charset=utf-8")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AuthLevel, Direction, Trigger};

    fn function(outputs: &[(&str, bool)]) -> Function {
        let binding = |name: &str, kind: &str, direction, binary| Binding {
            name: name.to_owned(),
            kind: kind.to_owned(),
            direction,
            binary,
            task_hub: None,
            connection_name: None,
        };
        let mut bindings = vec![binding("req", "httpTrigger", Direction::In, false)];
        bindings.extend(
            outputs
                .iter()
                .map(|(name, binary)| binding(name, "http", Direction::Out, *binary)),
        );
        let trigger = Trigger::Http {
            route: None,
            methods: vec![],
            auth_level: AuthLevel::Anonymous,
        };
        Function {
            name: "f".into(),
            trigger,
            bindings,
        }
    }

    fn reply_of(outputs: &[(&str, bool)], answer: &str) -> Result<HttpReply, String> {
        let Json::Object(members) = parse(answer, Dates::Convert).unwrap() else {
            panic!()
        };
        let answer = Answer {
            outputs: members
                .iter()
                .find(|(name, _)| name == "Outputs")
                .and_then(|(_, value)| match value {
                    Json::Object(outputs) => Some(outputs.clone()),
                    _ => None,
                }),
            logs: vec![],
            return_value: members
                .iter()
                .find(|(name, _)| name == "ReturnValue")
                .map_or(Json::Null, |(_, value)| value.clone()),
        };
        http_reply(&function(outputs), &answer, &|_| {})
    }

    fn res(value: &str) -> Result<HttpReply, String> {
        reply_of(
            &[("res", false)],
            &format!(r#"{{"Outputs":{{"res":{value}}}}}"#),
        )
    }

    fn text(reply: &HttpReply) -> &str {
        std::str::from_utf8(&reply.body).unwrap()
    }

    #[test]
    fn status_headers_and_body() {
        let reply = res(r#"{"statusCode":"202","body":"{\"id\":1}","headers":{"Content-Type":"application/json","Location":"/x","Retry-After":10}}"#).unwrap();
        assert_eq!(reply.status, 202);
        assert_eq!(
            reply.content_type.as_deref(),
            Some("application/json; charset=utf-8")
        );
        assert_eq!(
            reply.headers,
            [
                ("Location".to_owned(), "/x".to_owned()),
                ("Retry-After".to_owned(), "10".to_owned())
            ]
        );
        assert_eq!(text(&reply), r#"{"id":1}"#);
        assert_eq!(
            res(r#"{"status":404}"#).unwrap(),
            HttpReply {
                status: 200,
                ..HttpReply::default()
            }
        );
        assert_eq!(
            res(r#"{"STATUSCODE":404,"BODY":true}"#).unwrap().status,
            404
        );
        assert_eq!(res(r#""{\"statusCode\":201}""#).unwrap().status, 201);
    }

    #[test]
    fn bodies_are_rendered() {
        let plain = |value: &str| {
            let reply = res(&format!(r#"{{"body":{value}}}"#)).unwrap();
            assert_eq!(reply.content_type.as_deref(), Some(PLAIN));
            text(&reply).to_owned()
        };
        assert_eq!(plain("\"hi\""), "hi");
        assert_eq!(plain("\"dGVzdA==\""), "dGVzdA==");
        assert_eq!(plain("5"), "5");
        assert_eq!(plain("false"), "False");
        assert_eq!(
            plain(r#"{"a":[1,{}],"d":"2020-01-01T00:00:00.000Z"}"#),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"d\": \"2020-01-01T00:00:00Z\"\n}"
        );
        assert_eq!(
            res(r#"{"body":null,"headers":{"content-type":"text/html"}}"#)
                .unwrap()
                .content_type
                .as_deref(),
            Some("text/html")
        );
    }

    #[test]
    fn what_has_no_response_in_it() {
        assert_eq!(
            reply_of(&[("res", false)], "{}").unwrap(),
            HttpReply {
                status: 200,
                ..HttpReply::default()
            }
        );
        assert_eq!(
            text(&reply_of(&[("res", false)], r#"{"Outputs":{"RES":{}}}"#).unwrap()),
            "{}"
        );
        assert!(res("5").unwrap_err().contains("not in expected format"));
        assert!(res("\"text\"").is_err());
        assert!(res(r#"{"headers":{"a":null}}"#).is_err());
        assert!(res(r#"{"headers":{"a":["b"]}}"#).is_err());
        assert!(res(r#"{"statusCode":"99"}"#).is_err());
        assert_eq!(
            reply_of(&[], r#"{"Outputs":{"res":{"body":"x"}}}"#)
                .unwrap()
                .body,
            b""
        );
    }

    #[test]
    fn a_status_that_cannot_be_read_is_200_and_told() {
        for code in ["\"many\"", "201.5", "true", "[201]"] {
            let told = std::cell::RefCell::new(Vec::new());
            let outputs = vec![(
                "res".to_owned(),
                parse(&format!(r#"{{"statusCode":{code}}}"#), Dates::Convert).unwrap(),
            )];
            let answer = Answer {
                outputs: Some(outputs),
                logs: vec![],
                return_value: Json::Null,
            };
            let reply = http_reply(&function(&[("res", false)]), &answer, &|line| {
                told.borrow_mut().push(line.to_owned());
            });
            assert_eq!(reply.unwrap().status, 200, "{code}");
            assert!(told.borrow()[0].contains("no whole number"), "{told:?}");
        }
    }

    #[test]
    fn return_values() {
        let returned = |value: &str, binary| {
            reply_of(
                &[("$return", binary)],
                &format!(r#"{{"ReturnValue":{value}}}"#),
            )
            .unwrap()
        };
        assert_eq!(returned("\"test\"", false).body, [0xb5, 0xeb, 0x2d]);
        assert_eq!(returned("\"test\"", true).body, b"test");
        assert_eq!(returned("\"te st!\"", false).body, b"te st!");
        assert_eq!(
            returned(r#"{"statusCode":201,"body":"x"}"#, false).status,
            201
        );
        assert_eq!(returned(r#"{"STATUS":201,"Body":"x"}"#, false).status, 201);
        assert_eq!(
            returned(r#""{\"statusCode\":201,\"body\":\"x\"}""#, false),
            returned(r#"{"statusCode":201,"body":"x"}"#, false)
        );
        let no_body = returned(r#"{"statusCode":201,"headers":{}}"#, false);
        assert_eq!(
            (no_body.status, text(&no_body)),
            (200, "{\n  \"statusCode\": 201,\n  \"headers\": {}\n}")
        );
        let merged = reply_of(
            &[("res", false)],
            r#"{"Outputs":{"res":{"statusCode":500}},"ReturnValue":{"res":{"statusCode":201}}}"#,
        );
        assert_eq!(merged.unwrap().status, 201);
    }
}
