//! The JSON object that the host posts for an invocation.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::binding::{self, BindingValue};
use crate::error::{DecodeError, DecodeErrorKind};

const SUBJECT: &str = "the host's request";
const EXPECTED: &str = "a JSON object with the member `Data`, an object of bindings by name";

/// A request of the host: `{"Data":{..},"Metadata":{..}}`.
///
/// Azure Functions host behaviour: `Data` has one member per input binding, named as in
/// function.json; `Metadata` has the trigger's binding data and `sys`. The values stay undecoded
/// and borrow from the request's body, so that parsing is one pass without copies.
///
/// ```
/// use durable_functions_protocol::InvocationRequest;
///
/// let body = br#"{"Data":{"input":"\"\\\"Seoul\\\"\""},"Metadata":{"instanceId":"\"abc\""}}"#;
/// let request = InvocationRequest::parse(body)?;
/// assert_eq!(request.data("input")?.json()?.as_deref(), Some("\"Seoul\""));
/// assert_eq!(request.metadata_text("instanceId")?.as_deref(), Some("abc"));
/// # Ok::<(), durable_functions_protocol::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct InvocationRequest<'a> {
    data: Vec<(Cow<'a, str>, &'a RawValue)>,
    metadata: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> InvocationRequest<'a> {
    /// Parses the body of a request.
    ///
    /// # Errors
    ///
    /// The body is no JSON, no object, has no `Data`, or has `Data` or `Metadata` of another shape;
    /// each with the line and column where it was noticed.
    pub fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        let envelope: Envelope<'a> = serde_json::from_slice(body)
            .map_err(|error| DecodeError::from_json(SUBJECT, EXPECTED, body, &error))?;
        let Some(data) = envelope.data else {
            let present = names(envelope.others.iter().map(|name| &**name));
            return Err(DecodeError::new(
                DecodeErrorKind::Missing,
                SUBJECT,
                format!("it has no `Data`; its members are: {present}"),
                EXPECTED,
            )
            .with_excerpt(body));
        };
        Ok(Self {
            data,
            metadata: envelope.metadata.unwrap_or_default(),
        })
    }

    /// The value of a binding; names are compared as they are, with case.
    ///
    /// # Errors
    ///
    /// There is no such binding (the error lists those that are there), or more than one.
    pub fn data(&self, binding: &str) -> Result<BindingValue<'a>, DecodeError> {
        match find(&self.data, binding) {
            Found::One(value) => Ok(BindingValue::new(value)),
            Found::None => Err(DecodeError::new(
                DecodeErrorKind::Missing,
                "the bindings of the host's request",
                format!(
                    "`Data` has no member {binding:?}; there are: {}",
                    names(self.data.iter().map(|(name, _)| &**name))
                ),
                "the binding as it is named in function.json",
            )),
            Found::Many => Err(ambiguous("Data", binding)),
        }
    }

    /// The value of the only binding, for functions that do not know how it is named.
    ///
    /// # Errors
    ///
    /// There is no binding or more than one; the error lists them.
    pub fn only_data(&self) -> Result<BindingValue<'a>, DecodeError> {
        match self.data.as_slice() {
            [(_, value)] => Ok(BindingValue::new(value)),
            [] => Err(DecodeError::new(
                DecodeErrorKind::Missing,
                "the bindings of the host's request",
                "`Data` is empty",
                "exactly one binding",
            )),
            more => Err(DecodeError::new(
                DecodeErrorKind::Ambiguous,
                "the bindings of the host's request",
                format!(
                    "`Data` has {} members: {}",
                    more.len(),
                    names(more.iter().map(|(name, _)| &**name))
                ),
                "exactly one binding",
            )),
        }
    }

    /// A text of the metadata such as `instanceId`, or `None` if it is missing or null.
    ///
    /// Azure Functions host behaviour: texts are encoded twice (`"\"abc\""`). One level less
    /// (`"abc"`) is taken as it is.
    ///
    /// The host merges the members of a JSON object that triggers a function into the metadata,
    /// where they replace what was there under their names. [`crate::value::to_input`] keeps
    /// activity inputs from doing that to `instanceId`; for other triggers the values are only as
    /// trustworthy as whoever sent the payload.
    ///
    /// # Errors
    ///
    /// The value is no text, or the name occurs more than once.
    pub fn metadata_text(&self, key: &str) -> Result<Option<String>, DecodeError> {
        match find(&self.metadata, key) {
            Found::None => Ok(None),
            Found::Many => Err(ambiguous("Metadata", key)),
            Found::One(value) => binding::text(value).map_err(|problem| {
                DecodeError::new(
                    DecodeErrorKind::WrongShape,
                    format!("the metadata {key:?} of the host's request"),
                    problem,
                    "a text, encoded once or twice as a JSON string",
                )
                .with_excerpt(value.get().as_bytes())
            }),
        }
    }

    /// The value of a metadata member as it came, or `None` if it is missing.
    pub fn metadata(&self, key: &str) -> Option<&'a RawValue> {
        self.metadata
            .iter()
            .find_map(|(name, value)| (name == key).then_some(*value))
    }

    /// All bindings with their names, in the order of the request.
    pub fn bindings(&self) -> impl Iterator<Item = (&str, BindingValue<'a>)> {
        self.data
            .iter()
            .map(|(name, value)| (&**name, BindingValue::new(value)))
    }
}

enum Found<'a> {
    None,
    One(&'a RawValue),
    Many,
}

fn find<'a>(members: &[(Cow<'a, str>, &'a RawValue)], wanted: &str) -> Found<'a> {
    let mut matches = members.iter().filter(|(name, _)| name == wanted);
    match (matches.next(), matches.next()) {
        (None, _) => Found::None,
        (Some((_, value)), None) => Found::One(value),
        (Some(_), Some(_)) => Found::Many,
    }
}

fn ambiguous(part: &str, name: &str) -> DecodeError {
    DecodeError::new(
        DecodeErrorKind::Ambiguous,
        SUBJECT,
        format!("`{part}` has more than one member {name:?}"),
        "every name once",
    )
}

/// A list for error texts; long ones are cut.
fn names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut out = String::new();
    for (index, name) in names.enumerate() {
        if index == 16 {
            out.push_str(", …");
            break;
        }
        if index > 0 {
            out.push_str(", ");
        }
        out.extend(name.chars().take(64));
    }
    if out.is_empty() {
        out.push_str("none");
    }
    out
}

struct Envelope<'a> {
    data: Option<Vec<(Cow<'a, str>, &'a RawValue)>>,
    metadata: Option<Vec<(Cow<'a, str>, &'a RawValue)>>,
    others: Vec<Cow<'a, str>>,
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Envelope<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the member `Data`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut envelope = Envelope {
                    data: None,
                    metadata: None,
                    others: Vec::new(),
                };
                while let Some(Name(name)) = map.next_key()? {
                    let known = match &*name {
                        "Data" => envelope.data.is_some(),
                        "Metadata" => envelope.metadata.is_some(),
                        _ => false,
                    };
                    if known {
                        return Err(serde::de::Error::custom(format_args!(
                            "the member `{name}` occurs twice"
                        )));
                    }
                    match &*name {
                        "Data" => envelope.data = Some(map.next_value::<Named<'_>>()?.0),
                        "Metadata" => {
                            let members = map.next_value::<Option<Named<'_>>>()?;
                            envelope.metadata = Some(members.map(|it| it.0).unwrap_or_default());
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            envelope.others.push(name);
                        }
                    }
                }
                Ok(envelope)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

struct Named<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Named<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Named<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of values by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Named(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A member's name, borrowed unless it has escapes.
pub(crate) struct Name<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> InvocationRequest<'_> {
        InvocationRequest::parse(body.as_bytes()).unwrap()
    }

    fn error(body: &[u8]) -> DecodeError {
        InvocationRequest::parse(body).unwrap_err()
    }

    #[test]
    fn bindings_are_found_by_their_exact_name() {
        let body = r#" {"Metadata":{"sys":{"MethodName":"f"}},"More":[{"a":[]}],"Data":{"a":1,"B":"x","\u0063":{}}} "#;
        let request = parse(body);
        let names: Vec<_> = request.bindings().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "B", "c"]);
        assert_eq!(request.data("a").unwrap().raw().get(), "1");
        assert_eq!(request.data("c").unwrap().raw().get(), "{}");
        let error = request.data("b").unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::Missing);
        assert!(error.to_string().contains("there are: a, B, c;"), "{error}");
        assert!(request.metadata("sys").is_some());
    }

    #[test]
    fn the_only_binding() {
        let one = parse(r#"{"Data":{"x":1}}"#);
        assert_eq!(one.only_data().unwrap().raw().get(), "1");
        let none = parse(r#"{"Data":{}}"#).only_data().unwrap_err();
        assert_eq!(none.kind(), DecodeErrorKind::Missing);
        let two = parse(r#"{"Data":{"x":1,"y":2}}"#).only_data().unwrap_err();
        assert_eq!(two.kind(), DecodeErrorKind::Ambiguous);
        assert!(two.to_string().contains("x, y"), "{two}");
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        for (body, kind) in [
            ("", DecodeErrorKind::NotJson),
            ("hello", DecodeErrorKind::NotJson),
            ("{\"Data\":{\"a\":1}", DecodeErrorKind::NotJson),
            ("{\"Data\":{\"a\":1}} x", DecodeErrorKind::NotJson),
            ("{\"Data\":{\"a\":01}}", DecodeErrorKind::NotJson),
            ("[]", DecodeErrorKind::WrongShape),
            ("null", DecodeErrorKind::WrongShape),
            ("{\"Data\":null}", DecodeErrorKind::WrongShape),
            ("{\"Data\":\"x\"}", DecodeErrorKind::WrongShape),
            ("{\"Data\":[]}", DecodeErrorKind::WrongShape),
            ("{\"Data\":{},\"Metadata\":1}", DecodeErrorKind::WrongShape),
            ("{\"Data\":{},\"Data\":{}}", DecodeErrorKind::WrongShape),
            ("{}", DecodeErrorKind::Missing),
            ("{\"data\":{}}", DecodeErrorKind::Missing),
        ] {
            let error = error(body.as_bytes());
            assert_eq!(error.kind(), kind, "{body}: {error}");
        }
        let error = error(b"{\n  \"Data\": [1]\n}");
        assert_eq!(error.position(), Some((2, 10)));
        assert!(error.to_string().contains("sequence"), "{error}");
        let error = InvocationRequest::parse(b"{\"data\":{},\"x\":1}").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("its members are: data, x, near"), "{text}");
        // Bytes that are no UTF-8.
        for body in [
            &b"{\"Data\":{\"a\":\"\xff\"}}"[..],
            b"{\"\xff\":1}",
            b"\xff",
        ] {
            let error = InvocationRequest::parse(body).unwrap_err();
            assert_eq!(error.kind(), DecodeErrorKind::NotJson);
        }
    }

    #[test]
    fn names_that_occur_twice_are_refused_when_asked_for() {
        let request = parse(r#"{"Data":{"a":1,"a":2,"b":3},"Metadata":{"m":"1","m":"2"}}"#);
        assert_eq!(
            request.data("a").unwrap_err().kind(),
            DecodeErrorKind::Ambiguous
        );
        assert_eq!(request.data("b").unwrap().raw().get(), "3");
        let error = request.metadata_text("m").unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::Ambiguous);
    }

    #[test]
    fn metadata_texts_are_decoded_once_or_twice() {
        let body = r#"{"Data":{},"Metadata":{"a":"\"abc\"","b":"abc","c":null,"d":"null","e":"\"\\\"q\\\"\"","f":"\"open","g":3,"h":"\"null\"","i":"42"}}"#;
        let request = parse(body);
        for (key, expected) in [
            ("a", Some("abc")),
            ("b", Some("abc")),
            ("c", None),
            ("d", None),
            ("e", Some("\"q\"")),
            ("f", Some("\"open")),
            ("h", Some("null")),
            ("i", Some("42")),
            ("missing", None),
        ] {
            let text = request.metadata_text(key).unwrap();
            assert_eq!(text.as_deref(), expected, "{key}");
        }
        let error = request.metadata_text("g").unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::WrongShape);
        let none = parse(r#"{"Data":{},"Metadata":null}"#);
        assert_eq!(none.metadata_text("a").unwrap(), None);
    }

    #[test]
    fn deep_nesting_is_no_problem() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let body = format!("{{\"Data\":{{\"a\":{deep}}},\"x\":{deep}}}");
        let request = parse(&body);
        assert_eq!(request.data("a").unwrap().json().unwrap().unwrap(), deep);
    }
}
