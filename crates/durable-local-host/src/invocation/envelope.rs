//! Requests of orchestrators and activities.

use crate::newtonsoft::{Json, Members, render, write_string};
use crate::time::Ticks;

/// The body for a turn or a batch; `payload` is the encoded request. `inputs` are the bindings
/// besides the trigger, with their JSON.
pub(crate) fn orchestrator_envelope(
    function: &str,
    binding: &str,
    payload: &[u8],
    inputs: &[(String, String)],
) -> String {
    let mut out = String::with_capacity(payload.len() * 4 / 3 + 256);
    out.push_str("{\"Data\":{");
    write_string(&mut out, binding);
    // A string in a string; base64 has nothing to escape.
    out.push_str(":\"\\\"");
    base64_simd::STANDARD.encode_append(payload, &mut out);
    out.push_str("\\\"\"");
    write_inputs(&mut out, inputs);
    out.push_str("},\"Metadata\":{");
    write_sys(&mut out, function);
    out.push_str("}}");
    out
}

/// The body for an activity; `input` is absent or parsed. `inputs` are the bindings besides the
/// trigger, with their JSON.
pub(crate) fn activity_envelope(
    function: &str,
    binding: &str,
    instance: &str,
    input: Option<&Json>,
    inputs: &[(String, String)],
) -> String {
    let text = input.map(render);
    let mut metadata = Metadata::default();
    metadata.set("instanceId", encode_text(instance));
    if let (Some(input), Some(text)) = (input, &text) {
        metadata.set(binding, encode_text(text));
        metadata.set(
            "data",
            if matches!(input, Json::Object(_)) {
                text.clone()
            } else {
                quote(text)
            },
        );
        metadata.set("sys", sys(function));
        metadata.merge(input);
    } else {
        metadata.set("sys", sys(function));
    }
    let mut out = String::with_capacity(256 + text.as_ref().map_or(0, String::len) * 6);
    out.push_str("{\"Data\":{");
    write_string(&mut out, binding);
    out.push(':');
    out.push_str(
        &text
            .as_deref()
            .map_or_else(|| "\"null\"".to_owned(), encode_text),
    );
    write_inputs(&mut out, inputs);
    out.push_str("},\"Metadata\":");
    metadata.write(&mut out);
    out.push('}');
    out
}

/// Writes what follows the trigger in `Data`.
pub(super) fn write_inputs(out: &mut String, inputs: &[(String, String)]) {
    for (name, json) in inputs {
        out.push(',');
        write_string(out, name);
        out.push(':');
        out.push_str(&encode_text(json));
    }
}

/// Binding data: names differ without case, and a later value takes an earlier one's place.
#[derive(Debug)]
pub(super) struct Metadata(Members<String>);

impl Default for Metadata {
    fn default() -> Self {
        Self(Members::ignoring_case())
    }
}

impl Metadata {
    /// Sets a value that is JSON text already.
    pub(super) fn set(&mut self, name: &str, json: String) {
        self.0.set(name.to_owned(), json);
    }

    /// Takes over the members of a JSON object that is the trigger's value: scalars as texts,
    /// objects as objects, lists not at all.
    pub(super) fn merge(&mut self, object: &Json) {
        let Json::Object(members) = object else {
            return;
        };
        for (name, value) in members {
            if let Some(text) = value.scalar_text() {
                self.set(name, encode_text(&text));
            } else if matches!(value, Json::Object(_)) {
                self.set(name, render(value));
            }
        }
    }

    /// Writes the object. Names that end in `trigger` never leave the real host.
    pub(super) fn write(&self, out: &mut String) {
        out.push('{');
        let mut first = true;
        for (name, value) in self.0.iter() {
            if name.to_ascii_lowercase().ends_with("trigger") {
                continue;
            }
            if !first {
                out.push(',');
            }
            first = false;
            write_string(out, name);
            out.push(':');
            out.push_str(value);
        }
        out.push('}');
    }
}

/// A .NET text as a value of the envelope: a JSON string whose content is a JSON string.
pub(super) fn encode_text(text: &str) -> String {
    quote(&quote(text))
}

/// A JSON string.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_string(&mut out, text);
    out
}

/// The value of `sys`.
pub(super) fn sys(function: &str) -> String {
    format!(
        "{{\"MethodName\":{},\"UtcNow\":\"{}\",\"RandGuid\":\"{}\"}}",
        quote(function),
        Ticks::of_system().iso(),
        uuid::Uuid::new_v4()
    )
}

fn write_sys(out: &mut String, function: &str) {
    out.push_str("\"sys\":");
    out.push_str(&sys(function));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::newtonsoft::{Dates, parse};

    /// The recorded body without what differs each time.
    fn masked(body: &str) -> String {
        let at = body.find("\"UtcNow\"").unwrap();
        let end = body[at..].find('}').unwrap() + at;
        format!("{}{}", &body[..at], &body[end..])
    }

    #[test]
    fn activities_get_what_was_recorded() {
        let body = |function, input: &str| {
            masked(&activity_envelope(
                function,
                "input",
                "hello_orchestrator",
                parse(input, Dates::Keep).as_ref().ok(),
                &[],
            ))
        };
        assert_eq!(
            body("hello", "\"Seoul\""),
            r#"{"Data":{"input":"\"\\\"Seoul\\\"\""},"Metadata":{"instanceId":"\"hello_orchestrator\"","input":"\"\\\"Seoul\\\"\"","data":"\"Seoul\"","sys":{"MethodName":"hello",}}}"#
        );
        assert_eq!(
            body("fail_activity", r#"{"mode": "a", "n": 2}"#),
            r#"{"Data":{"input":"\"{\\\"mode\\\":\\\"a\\\",\\\"n\\\":2}\""},"Metadata":{"instanceId":"\"hello_orchestrator\"","input":"\"{\\\"mode\\\":\\\"a\\\",\\\"n\\\":2}\"","data":{"mode":"a","n":2},"sys":{"MethodName":"fail_activity",},"mode":"\"a\"","n":"\"2\""}}"#
        );
        assert_eq!(
            body("square", "1"),
            r#"{"Data":{"input":"\"1\""},"Metadata":{"instanceId":"\"hello_orchestrator\"","input":"\"1\"","data":"1","sys":{"MethodName":"square",}}}"#
        );
        assert!(body("x", "null").starts_with(r#"{"Data":{"input":"\"null\""}"#));
        assert!(body("x", "").starts_with(
            r#"{"Data":{"input":"null"},"Metadata":{"instanceId":"\"hello_orchestrator\"","sys""#
        ));
    }

    #[test]
    fn binding_data_follows_the_input_as_recorded() {
        let input = parse(
            r#"{"$type":"x","a.b":1,"A":1,"a":2,"l":[1],"o":{"p":1},"n":null,"t":true}"#,
            Dates::Keep,
        )
        .unwrap();
        let body = activity_envelope("echo", "input", "i", Some(&input), &[]);
        let metadata = &body[body.find("RandGuid").unwrap() + 48..];
        assert_eq!(
            metadata,
            r#"},"$type":"\"x\"","a.b":"\"1\"","A":"\"2\"","o":{"p":1},"t":"\"True\""}}"#
        );
    }

    #[test]
    fn other_inputs_follow_the_trigger() {
        let inputs = [("client".to_owned(), r#"{"a":1}"#.to_owned())];
        assert_eq!(
            masked(&orchestrator_envelope("f", "context", &[0], &inputs)),
            r#"{"Data":{"context":"\"AA==\"","client":"\"{\\\"a\\\":1}\""},"Metadata":{"sys":{"MethodName":"f",}}}"#
        );
        assert_eq!(
            masked(&activity_envelope("f", "input", "i", None, &inputs)),
            r#"{"Data":{"input":"null","client":"\"{\\\"a\\\":1}\""},"Metadata":{"instanceId":"\"i\"","sys":{"MethodName":"f",}}}"#
        );
    }

    #[test]
    fn a_turn_is_a_string_in_a_string() {
        assert_eq!(
            masked(&orchestrator_envelope("f", "context", &[0], &[])),
            r#"{"Data":{"context":"\"AA==\""},"Metadata":{"sys":{"MethodName":"f",}}}"#
        );
    }
}
