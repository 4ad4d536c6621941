//! How values keep their exact text on the way through the host.
//!
//! Azure Functions host behaviour: the host parses the result of an activity with Json.NET and
//! writes it anew. Texts that look like dates are reformatted and moved to another time zone,
//! decimals go through a double, `$type` and its like are swallowed; in an activity's input at
//! least numbers and escapes are rendered anew. What would be altered so travels as a string,
//! `"durable-json:<JSON text>"`, which the host has no reason to touch. Texts that are safe travel
//! as they are, so that portals and other SDKs see ordinary values.
//!
//! Only activity results and activity inputs take this way: everything else is inside protobuf
//! messages, where texts are stored as they are.

use std::borrow::Cow;

use crate::error::{DecodeError, DecodeErrorKind};
use crate::scan::{self, Direction};

/// What the content of a string begins with that holds a wrapped value.
pub const MARK: &str = "durable-json:";

/// The JSON text of an activity's result, made ready to be sent as `ReturnValue`.
///
/// It is unchanged unless the host would alter it (or it could be taken for a wrapped value or a
/// failure), and else a JSON string with [`MARK`] and the text. [`unwrap`] gives the very text back.
/// What is not certain to pass unaltered is wrapped: decimals of more than 15 digits, nesting of more
/// than 60 levels, objects of many names (about a hundred) that are not sorted.
///
/// ```
/// use durable_functions_protocol::value::{to_result, unwrap};
///
/// assert_eq!(to_result(r#"{"total":12.5}"#.into()), r#"{"total":12.5}"#);
/// let sent = to_result("12.50".into());
/// assert_eq!(sent, r#""durable-json:12.50""#);
/// assert_eq!(unwrap(&sent)?, "12.50");
/// # Ok::<(), durable_functions_protocol::DecodeError>(())
/// ```
pub fn to_result(json: String) -> String {
    if is_exact_result(&json) {
        json
    } else {
        wrap(&json)
    }
}

/// The JSON text of an activity's input, made ready to be sent in a `ScheduleTask` action.
///
/// As [`to_result`]; the host alters fewer things here: dates and `$` names pass. Objects with a
/// member `instanceId` are wrapped as well, because the host merges an object's members into the
/// metadata of the invocation, where this one would replace the id of the instance.
pub fn to_input(json: String) -> String {
    if is_exact_input(&json) {
        json
    } else {
        wrap(&json)
    }
}

/// Whether a result passes through the host as the very text it is, and is not mistaken for a
/// wrapped value or a failure.
pub fn is_exact_result(json: &str) -> bool {
    scan::is_exact(json, Direction::Result)
}

/// Whether an activity's input passes through the host as the very text it is.
pub fn is_exact_input(json: &str) -> bool {
    scan::is_exact(json, Direction::Input)
}

/// The way back from [`to_result`] and [`to_input`]: the JSON text that was sent.
///
/// Texts that are not wrapped come back as they are, without being looked at any further.
///
/// # Errors
///
/// The text begins like a wrapped value but is no JSON string.
pub fn unwrap(json: &str) -> Result<Cow<'_, str>, DecodeError> {
    let marked = json
        .trim_start_matches(crate::binding::JSON_BLANKS)
        .strip_prefix('"')
        .is_some_and(|content| content.starts_with(MARK));
    if !marked {
        return Ok(Cow::Borrowed(json));
    }
    const SUBJECT: &str = "a wrapped value";
    const EXPECTED: &str = "a JSON string with `durable-json:` and JSON text";
    let mut text: String = serde_json::from_str(json)
        .map_err(|error| DecodeError::from_json(SUBJECT, EXPECTED, json.as_bytes(), &error))?;
    if !text.starts_with(MARK) {
        let problem = "it has no mark";
        return Err(DecodeError::new(
            DecodeErrorKind::WrongShape,
            SUBJECT,
            problem,
            EXPECTED,
        ));
    }
    text.drain(..MARK.len());
    Ok(Cow::Owned(text))
}

fn wrap(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + json.len() / 4 + MARK.len() + 2);
    out.push('"');
    out.push_str(MARK);
    let mut plain_from = 0;
    for (at, byte) in json.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "\\u00",
            _ => continue,
        };
        // What is escaped is one byte long, so every cut is between characters.
        out.push_str(json.get(plain_from..at).unwrap_or_default());
        out.push_str(escape);
        if escape.ends_with('0') {
            for digit in [byte >> 4, byte & 15] {
                out.extend(char::from_digit(u32::from(digit), 16));
            }
        }
        plain_from = at + 1;
    }
    out.push_str(json.get(plain_from..).unwrap_or_default());
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_values_are_strings_that_need_no_other_escapes() {
        for (json, sent) in [
            ("1.10", r#""durable-json:1.10""#),
            (r#"{"a":"x\\y"} "#, r#""durable-json:{\"a\":\"x\\\\y\"} ""#),
            ("[1,\n\r\t2]", r#""durable-json:[1,\n\r\t2]""#),
            ("\u{1f}\u{0}é😀", "\"durable-json:\\u001f\\u0000é😀\""),
            ("", r#""durable-json:""#),
            (
                r#""durable-json:1""#,
                r#""durable-json:\"durable-json:1\"""#,
            ),
        ] {
            assert_eq!(to_result(json.to_owned()), sent);
            assert_eq!(to_input(json.to_owned()), sent);
            assert_eq!(unwrap(sent).unwrap(), json);
            // As serde_json writes it, and the host too.
            let text = format!("{MARK}{json}");
            assert_eq!(serde_json::to_string(&text).unwrap(), sent);
        }
    }

    #[test]
    fn results_and_inputs_are_wrapped_for_reasons_of_their_own() {
        for (json, result, input) in [
            (r#""2024-02-29T12:34:56Z""#, false, true),
            (r#"{"$type":"x"}"#, false, true),
            (r#"{"durable-failure":"x"}"#, false, true),
            (r#"{"instanceId":"x"}"#, true, false),
            ("1.5", true, true),
        ] {
            assert_eq!(is_exact_result(json), result, "{json}");
            assert_eq!(is_exact_input(json), input, "{json}");
            assert_eq!(to_result(json.into()) == json, result, "{json}");
            assert_eq!(to_input(json.into()) == json, input, "{json}");
        }
    }

    #[test]
    fn what_is_not_wrapped_comes_back_as_it_is() {
        for text in [
            "",
            "null",
            "no JSON",
            r#""durable-jso""#,
            r#"["durable-json:1"]"#,
            r#""\u0064urable-json:1""#,
            "durable-json:1",
        ] {
            assert!(matches!(unwrap(text), Ok(Cow::Borrowed(it)) if it == text));
        }
        // Blanks around it do not hide the mark.
        assert_eq!(unwrap(" \n\"durable-json:1\" ").unwrap(), "1");
    }

    #[test]
    fn broken_wrappings_are_errors() {
        for (text, kind) in [
            (r#""durable-json:"#, DecodeErrorKind::NotJson),
            (r#""durable-json:1" x"#, DecodeErrorKind::NotJson),
            (r#""durable-json:\x""#, DecodeErrorKind::NotJson),
            ("\"durable-json:\u{1}\"", DecodeErrorKind::NotJson),
            (r#""durable-json:\ud800""#, DecodeErrorKind::NotJson),
        ] {
            let error = unwrap(text).unwrap_err();
            assert_eq!(error.kind(), kind, "{text}: {error}");
            assert!(error.to_string().contains("wrapped value"), "{error}");
        }
    }
}
