//! What the value of a binding holds.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::error::{DecodeError, DecodeErrorKind};
use crate::http_request;

pub use crate::http_request::HttpRequestData;

/// The undecoded value of a binding, as it stands in the request.
///
/// Azure Functions host behaviour: everything that is not an object is serialized to JSON and that
/// text is put into a JSON string, so values are encoded once or twice more than expected. Every
/// method here also accepts one level less.
///
/// ```
/// use durable_functions_protocol::InvocationRequest;
///
/// let body = br#"{"Data":{"context":"\"AQID\"","input":"\"42\"","client":{"taskHubName":"Hub"}}}"#;
/// let request = InvocationRequest::parse(body)?;
/// assert_eq!(request.data("context")?.protobuf()?, [1, 2, 3]);
/// assert_eq!(request.data("input")?.json()?.as_deref(), Some("42"));
/// let client = request.data("client")?.durable_client()?;
/// assert_eq!(client.task_hub_name.as_deref(), Some("Hub"));
/// # Ok::<(), durable_functions_protocol::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BindingValue<'a>(&'a RawValue);

impl<'a> BindingValue<'a> {
    /// Wraps the value of a binding.
    pub fn new(raw: &'a RawValue) -> Self {
        Self(raw)
    }

    /// The JSON text as it stands in the request.
    pub fn raw(&self) -> &'a RawValue {
        self.0
    }

    /// The bytes of a protobuf message: what `orchestrationTrigger` and `entityTrigger` bring.
    ///
    /// On the wire it is `"\"<base64>\""`: base64 in a JSON string in a JSON string. One string
    /// less, `"<base64>"`, is accepted. The bytes are not parsed here.
    ///
    /// # Errors
    ///
    /// The value is null, empty, no text or no standard base64 with padding.
    pub fn protobuf(&self) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::new();
        self.protobuf_into(&mut out)?;
        Ok(out)
    }

    /// Like [`protobuf`](Self::protobuf), into a buffer that is cleared first.
    ///
    /// # Errors
    ///
    /// As [`protobuf`](Self::protobuf); the buffer is empty then.
    pub fn protobuf_into(&self, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        out.clear();
        let raw = self.0.get();
        // Straight from the request's bytes: base64 needs no escapes, so the raw text is the text.
        // Whatever is not base64 after all goes the long way below.
        let plain = raw
            .strip_prefix("\"\\\"")
            .and_then(|rest| rest.strip_suffix("\\\"\""))
            .or_else(|| raw.strip_prefix('"')?.strip_suffix('"'));
        if let Some(plain) = plain
            && !matches!(plain, "" | "null")
        {
            if base64_simd::STANDARD
                .decode_append(plain.as_bytes(), out)
                .is_ok()
            {
                return Ok(());
            }
            out.clear();
        }
        let text = text(self.0)
            .map_err(|problem| self.protobuf_error(DecodeErrorKind::WrongShape, problem))?;
        let Some(mut text) = text else {
            return Err(self.protobuf_error(DecodeErrorKind::Missing, "it is null"));
        };
        text.retain(|c| !c.is_ascii_whitespace());
        if text.is_empty() {
            return Err(self.protobuf_error(DecodeErrorKind::Missing, "it is empty"));
        }
        base64_simd::STANDARD
            .decode_append(text.as_bytes(), out)
            .map_err(|_| {
                out.clear();
                self.protobuf_error(DecodeErrorKind::NotBase64, "it is no base64")
            })
    }

    /// The protobuf message itself, decoded.
    ///
    /// # Errors
    ///
    /// As [`protobuf`](Self::protobuf), and when the bytes are no such message.
    pub fn message<M: prost::Message + Default>(&self) -> Result<M, DecodeError> {
        let bytes = self.protobuf()?;
        M::decode(bytes.as_slice()).map_err(|error| {
            let name = std::any::type_name::<M>();
            DecodeError::new(
                DecodeErrorKind::NotProtobuf,
                "the protobuf message of the trigger",
                format!("its {} bytes cannot be decoded: {error}", bytes.len()),
                format!("an encoded {}", name.rsplit("::").next().unwrap_or(name)),
            )
        })
    }

    fn protobuf_error(&self, kind: DecodeErrorKind, problem: impl Into<String>) -> DecodeError {
        DecodeError::new(
            kind,
            "the protobuf message of the trigger",
            problem,
            "standard base64 with padding, encoded once or twice as a JSON string",
        )
        .with_excerpt(self.0.get().as_bytes())
    }

    /// The JSON text of an activity's input, or `None` if the call had none.
    ///
    /// | on the wire | gives |
    /// |---|---|
    /// | `"\"\\\"Seoul\\\"\""` | `"Seoul"` |
    /// | `"\"42\""`, `"42"`, `42` | `42` |
    /// | `"\"{\\\"a\\\":1}\""`, `"{\"a\":1}"`, `{"a":1}` | `{"a":1}` |
    /// | `"\"null\""` | `null` |
    /// | `"null"`, `null` | no input |
    ///
    /// A string whose content is no JSON is itself the input: `"\"Seoul\""` and `"Seoul"` give
    /// `"Seoul"`. Inputs that [`crate::value::to_input`] wrapped are still wrapped.
    ///
    /// # Errors
    ///
    /// A string has escapes that no text can hold (half of a surrogate pair).
    pub fn json(&self) -> Result<Option<Cow<'a, str>>, DecodeError> {
        let raw = self.0.get();
        if raw == "null" {
            return Ok(None);
        }
        if !raw.starts_with('"') {
            return Ok(Some(Cow::Borrowed(raw)));
        }
        let once = self.string(raw, "the activity's input")?;
        let once = once.trim_matches(JSON_BLANKS);
        if once == "null" {
            return Ok(None);
        }
        if !is_json(once) {
            return Ok(Some(Cow::Borrowed(raw)));
        }
        if !once.starts_with('"') {
            return Ok(Some(Cow::Owned(once.to_owned())));
        }
        let twice = self.string(once, "the activity's input")?;
        Ok(Some(Cow::Owned(if is_json(&twice) {
            twice
        } else {
            once.to_owned()
        })))
    }

    fn string(&self, literal: &str, subject: &str) -> Result<String, DecodeError> {
        serde_json::from_str(literal).map_err(|error| {
            DecodeError::from_json(subject, "a JSON string", literal.as_bytes(), &error)
        })
    }

    /// The HTTP request of an `httpTrigger`.
    ///
    /// # Errors
    ///
    /// The value is no object, or one of its members has another shape than [`HttpRequestData`]
    /// says.
    pub fn http_request(&self) -> Result<HttpRequestData, DecodeError> {
        http_request::decode(&self.object("the HTTP request of the trigger")?)
    }

    /// What the `durableClient` binding tells about the host.
    ///
    /// # Errors
    ///
    /// The value is no object, or one of its members has another shape than
    /// [`DurableClientBinding`] says.
    pub fn durable_client(&self) -> Result<DurableClientBinding, DecodeError> {
        const SUBJECT: &str = "the durableClient binding";
        let text = self.object(SUBJECT)?;
        let wire: ClientWire = serde_json::from_str(&text).map_err(|error| {
            let expected = "an object with taskHubName, rpcBaseUrl, httpBaseUrl and the like";
            DecodeError::from_json(SUBJECT, expected, text.as_bytes(), &error)
        })?;
        let grpc_http_client_timeout = match wire.grpc_http_client_timeout.as_deref() {
            None => None,
            Some(text) => Some(time_span(text).ok_or_else(|| {
                DecodeError::new(
                    DecodeErrorKind::OutOfRange,
                    "grpcHttpClientTimeout of the durableClient binding",
                    "it is no time span",
                    "a time span such as 00:01:40, positive or -00:00:00.001 for none",
                )
                .with_excerpt(text.as_bytes())
            })?),
        };
        Ok(DurableClientBinding {
            task_hub_name: wire.task_hub_name,
            connection_name: wire.connection_name,
            required_query_string_parameters: wire.required_query_string_parameters,
            rpc_base_url: wire.rpc_base_url,
            http_base_url: wire.http_base_url,
            max_grpc_message_size_in_bytes: wire.max_grpc_message_size_in_bytes,
            grpc_http_client_timeout,
            use_forwarded_host: wire.use_forwarded_host,
        })
    }

    /// The text of an object that may stand in up to two strings.
    fn object(&self, subject: &str) -> Result<Cow<'a, str>, DecodeError> {
        let mut text = Cow::Borrowed(self.0.get());
        for _ in 0..2 {
            if !text.trim_start_matches(JSON_BLANKS).starts_with('"') {
                break;
            }
            text = Cow::Owned(self.string(&text, subject)?);
        }
        if text.trim_start_matches(JSON_BLANKS).starts_with('{') {
            return Ok(text);
        }
        let problem = format!("it is {}", kind_of(&text));
        Err(DecodeError::new(
            DecodeErrorKind::WrongShape,
            subject,
            problem,
            "an object, possibly encoded once or twice as a JSON string",
        )
        .with_excerpt(text.as_bytes()))
    }
}

pub(crate) const JSON_BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// What a JSON text is, for error texts.
pub(crate) fn kind_of(json: &str) -> &'static str {
    match json.trim_start_matches(JSON_BLANKS).bytes().next() {
        None => "empty",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b'n') => "null",
        Some(b't' | b'f') => "a boolean",
        Some(b'-' | b'0'..=b'9') => "a number",
        Some(_) => "no JSON",
    }
}

/// A text that is encoded once or twice as a JSON string; `None` for null at either level.
pub(crate) fn text(raw: &RawValue) -> Result<Option<String>, String> {
    let raw = raw.get();
    if raw == "null" {
        return Ok(None);
    }
    if !raw.starts_with('"') {
        return Err(format!("it is {}", kind_of(raw)));
    }
    let once: String = serde_json::from_str(raw).map_err(|error| error.to_string())?;
    if once == "null" {
        return Ok(None);
    }
    if once.starts_with('"')
        && let Ok(twice) = serde_json::from_str(&once)
    {
        return Ok(Some(twice));
    }
    Ok(Some(once))
}

/// What the `durableClient` binding tells about the host: everything is optional.
///
/// Durable Task extension behaviour: the values hold for one life of the host and change when it
/// restarts, so they are to be taken anew from every invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DurableClientBinding {
    /// The task hub that the client works on.
    pub task_hub_name: Option<String>,
    /// The name of the storage connection, if the binding names one; usually it does not.
    pub connection_name: Option<String>,
    /// Query part that every call of the HTTP management API needs, such as `code=SYSTEMKEY`.
    pub required_query_string_parameters: Option<String>,
    /// Where the local gRPC endpoint is: HTTP/2 without TLS.
    pub rpc_base_url: Option<String>,
    /// Base of the HTTP management API, such as
    /// `http://localhost:7071/runtime/webhooks/durabletask`.
    pub http_base_url: Option<String>,
    /// How large a gRPC message the client should be able to receive, in bytes.
    pub max_grpc_message_size_in_bytes: Option<u64>,
    /// How long a gRPC call may take; [`Duration::MAX`] when the host says that there is no limit.
    pub grpc_http_client_timeout: Option<Duration>,
    /// Whether the host makes URLs from `X-Forwarded-Host` and `X-Forwarded-Proto`.
    pub use_forwarded_host: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientWire {
    task_hub_name: Option<String>,
    connection_name: Option<String>,
    required_query_string_parameters: Option<String>,
    rpc_base_url: Option<String>,
    http_base_url: Option<String>,
    max_grpc_message_size_in_bytes: Option<u64>,
    grpc_http_client_timeout: Option<String>,
    use_forwarded_host: Option<bool>,
}

/// A .NET `TimeSpan` in its "c" format, `[-][d.]hh:mm:ss[.fffffff]`, with or without quotes of its
/// own. Minus one millisecond is how .NET says that there is no limit.
fn time_span(text: &str) -> Option<Duration> {
    let text = text.trim().trim_matches('"');
    if matches!(text, "-00:00:00.0010000" | "-00:00:00.001") {
        return Some(Duration::MAX);
    }
    crate::time_span::parse(text).filter(|_| text.matches(':').count() == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    fn value(text: &str) -> BindingValue<'_> {
        BindingValue::new(raw(text))
    }

    #[test]
    fn messages_are_decoded_at_both_levels() {
        for text in [
            r#""\"AQID/+8=\"""#,
            r#""AQID/+8=""#,
            r#""\"AQID\\/+8=\"""#,
            r#""\"AQID\/\u002B8=\"""#,
            r#""\"AQID/\\u002b8=\"""#,
            r#""\u0022AQID/+8=\u0022""#,
            r#""AQID\r\n/+8=""#,
        ] {
            let bytes = value(text).protobuf().unwrap();
            assert_eq!(bytes, [1, 2, 3, 0xff, 0xef], "{text}");
        }
    }

    #[test]
    fn what_is_no_message_is_an_error_and_empties_the_buffer() {
        for (text, kind) in [
            ("null", DecodeErrorKind::Missing),
            (r#""null""#, DecodeErrorKind::Missing),
            (r#""""#, DecodeErrorKind::Missing),
            (r#""\"\"""#, DecodeErrorKind::Missing),
            (r#""\" \"""#, DecodeErrorKind::Missing),
            ("{}", DecodeErrorKind::WrongShape),
            ("17", DecodeErrorKind::WrongShape),
            (r#""\"AQI\"""#, DecodeErrorKind::NotBase64),
            (r#""\"AQID_-8=\"""#, DecodeErrorKind::NotBase64),
            (r#""\"AQIDA===\"""#, DecodeErrorKind::NotBase64),
            (r#""\"AQ=D\"""#, DecodeErrorKind::NotBase64),
            // Bits that nobody's encoder sets.
            (r#""\"AQJ=\"""#, DecodeErrorKind::NotBase64),
            (r#""\"서울\"""#, DecodeErrorKind::NotBase64),
            (r#""\"AQID""#, DecodeErrorKind::NotBase64),
        ] {
            let mut out = vec![7; 3];
            let error = value(text).protobuf_into(&mut out).unwrap_err();
            assert_eq!(error.kind(), kind, "{text}: {error}");
            assert!(out.is_empty());
        }
        // "null" in two strings is base64 like any other.
        assert_eq!(value(r#""\"AAAA\"""#).protobuf().unwrap(), [0, 0, 0]);
        let error = value(r#""\"AAAA\"""#).message::<crate::proto::OrchestratorRequest>();
        let error = error.unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::NotProtobuf);
        assert!(
            error
                .to_string()
                .ends_with("expected an encoded OrchestratorRequest"),
            "{error}"
        );
    }

    #[test]
    fn inputs_of_activities() {
        for (text, input) in [
            (r#""\"\\\"Seoul\\\"\"""#, Some(r#""Seoul""#)),
            (r#""\"42\"""#, Some("42")),
            (r#""\"{\\\"a\\\":1}\"""#, Some(r#"{"a":1}"#)),
            (r#""\"[1,2]\"""#, Some("[1,2]")),
            (r#""\"null\"""#, Some("null")),
            (r#""null""#, None),
            ("null", None),
            // One level less.
            (r#""\"Seoul\"""#, Some(r#""Seoul""#)),
            (r#""42""#, Some("42")),
            (r#""{\"a\":1}""#, Some(r#"{"a":1}"#)),
            (r#""[1,2]""#, Some("[1,2]")),
            (r#""true""#, Some("true")),
            // Two levels less.
            (r#""Seoul""#, Some(r#""Seoul""#)),
            (r#""""#, Some(r#""""#)),
            (r#"{"a":1}"#, Some(r#"{"a":1}"#)),
            ("42", Some("42")),
            // The very text, whatever it looks like.
            (r#""\"{ \\\"a\\\" : 1.50 }\"""#, Some(r#"{ "a" : 1.50 }"#)),
            (r#""\"\\\"\\\\u2028\\\"\"""#, Some(r#""\u2028""#)),
        ] {
            assert_eq!(value(text).json().unwrap().as_deref(), input, "{text}");
        }
        let error = value(r#""\ud800""#).json().unwrap_err();
        assert!(
            error.to_string().contains("the activity's input"),
            "{error}"
        );
    }

    #[test]
    fn client_bindings_at_every_level() {
        let object = r#"{"taskHubName":"Hub","connectionName":null,"later":[1],"useForwardedHost":true,"maxGrpcMessageSizeInBytes":4194304,"grpcHttpClientTimeout":"00:01:40"}"#;
        let once = serde_json::to_string(object).unwrap();
        let twice = serde_json::to_string(&once).unwrap();
        for text in [object, &once, &twice] {
            let client = value(text).durable_client().unwrap();
            assert_eq!(client.task_hub_name.as_deref(), Some("Hub"));
            assert_eq!(client.use_forwarded_host, Some(true));
            assert_eq!(
                client.grpc_http_client_timeout,
                Some(Duration::from_secs(100))
            );
        }
        let empty = value("{}").durable_client().unwrap();
        assert_eq!(empty, DurableClientBinding::default());
        for text in ["null", "\"null\"", "\"\"", "3", "[]", "\"\\\"{}\"", "\"{\""] {
            value(text).durable_client().unwrap_err();
        }
        for text in [
            r#"{"taskHubName":3}"#,
            r#"{"maxGrpcMessageSizeInBytes":-1}"#,
            r#"{"grpcHttpClientTimeout":"soon"}"#,
        ] {
            value(text).durable_client().unwrap_err();
        }
    }

    #[test]
    fn time_spans() {
        let secs = Duration::from_secs;
        for (text, expected) in [
            ("00:01:40", Some(secs(100))),
            ("\"00:01:40\"", Some(secs(100))),
            ("1.02:03:04", Some(secs(93_784))),
            ("00:00:00.5000000", Some(Duration::from_millis(500))),
            ("00:00:01.0000001", Some(Duration::new(1, 100))),
            (
                "10675199.02:48:05.4775807",
                Some(Duration::new(922_337_203_685, 477_580_700)),
            ),
            ("-00:00:00.0010000", Some(Duration::MAX)),
            ("-00:00:01", None),
            ("24:00:00", None),
            ("00:60:00", None),
            ("00:00", None),
            ("00:00:00:00", None),
            ("00:00:00.", None),
            ("00:00:00.1234567890", None),
            ("0:0:é", None),
            ("", None),
        ] {
            assert_eq!(time_span(text), expected, "{text}");
        }
    }
}
