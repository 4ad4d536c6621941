//! The HTTP request that an `httpTrigger` brings.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::envelope::Name;
use crate::error::DecodeError;

/// An HTTP request as the host hands it to a function.
///
/// Azure Functions host behaviour: the request is an object with `Url`, `Method`, `Query`,
/// `Headers`, `Params`, `Identities` and, only if the caller sent a `Content-Length` above 0,
/// `Body`. The body of a chunked request never arrives (azure-functions-host issues 4926 and 7930).
///
/// ```
/// use durable_functions_protocol::InvocationRequest;
///
/// let body = br#"{"Data":{"req":{"Url":"http://h/api/orders/7?full=1","Method":"GET",
///     "Query":{"full":"1"},"Headers":{"Accept":["text/plain"]},"Params":{"id":"7"}}}}"#;
/// let request = InvocationRequest::parse(body)?.data("req")?.http_request()?;
/// assert_eq!(request.method, "GET");
/// assert_eq!(request.param("id"), Some("7"));
/// assert_eq!(request.header("accept"), Some("text/plain"));
/// assert_eq!(request.body, None);
/// # Ok::<(), durable_functions_protocol::DecodeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct HttpRequestData {
    /// The URL with scheme, authority and query, as the caller used it.
    pub url: String,
    /// The method in upper case.
    pub method: String,
    /// Parameters of the query, decoded, in order; the host joins repeated ones with commas.
    pub query: Vec<(String, String)>,
    /// Headers with their values; names as the caller wrote them.
    pub headers: Vec<(String, Vec<String>)>,
    /// Parameters of the route; optional ones that the URL left out are `None`.
    pub params: Vec<(String, Option<String>)>,
    /// Claims of the caller as JSON, if the host sent any.
    pub identities: Option<Box<RawValue>>,
    /// The body as text; base64 for `application/octet-stream` and `multipart/*`.
    pub body: Option<String>,
}

impl HttpRequestData {
    /// The value of a query parameter; names are compared without case, as the host does.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(&**value))
    }

    /// The first value of a header; names are compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .find_map(|(_, values)| values.first().map(String::as_str))
    }

    /// The value of a route parameter; names are compared without case, as the host does.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.as_deref())
    }
}

pub(crate) fn decode(text: &str) -> Result<HttpRequestData, DecodeError> {
    let wire: Wire<'_> = serde_json::from_str(text).map_err(|error| {
        DecodeError::from_json(
            "the HTTP request of the trigger",
            "an object with Url, Method, Query, Headers, Params, Identities and Body",
            text.as_bytes(),
            &error,
        )
    })?;
    let query = wire.query.map(|it| it.0).unwrap_or_default();
    let headers = wire.headers.map(|it| it.0).unwrap_or_default();
    Ok(HttpRequestData {
        url: wire.url,
        method: wire.method,
        query: query
            .into_iter()
            .map(|(name, value)| (name, value.0.unwrap_or_default()))
            .collect(),
        headers: headers
            .into_iter()
            .map(|(name, values)| (name, values.0))
            .collect(),
        params: (wire.params.map(|it| it.0).unwrap_or_default())
            .into_iter()
            .map(|(name, value)| (name, value.0))
            .collect(),
        identities: wire
            .identities
            .filter(|raw| raw.get() != "null")
            .map(ToOwned::to_owned),
        body: wire.body.and_then(|body| body.0),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire<'a> {
    url: String,
    method: String,
    query: Option<Pairs<Text>>,
    headers: Option<Pairs<Texts>>,
    params: Option<Pairs<Text>>,
    #[serde(borrow)]
    identities: Option<&'a RawValue>,
    body: Option<Text>,
}

/// An object in its order, or a string with the text of one: the documentation of the host shows
/// `"Query":"{}"`.
struct Pairs<T>(Vec<(String, T)>);

impl<'de, T: serde::de::DeserializeOwned> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(std::marker::PhantomData<T>);
        impl<'de, T: serde::de::DeserializeOwned> Visitor<'de> for Members<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object or the text of one")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    pairs.push((name.into_owned(), value));
                }
                Ok(Pairs(pairs))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                if text.trim().is_empty() {
                    return Ok(Pairs(Vec::new()));
                }
                let mut inner = serde_json::Deserializer::from_str(text);
                let pairs = inner.deserialize_map(self).map_err(E::custom)?;
                inner.end().map_err(E::custom)?;
                Ok(pairs)
            }
        }
        deserializer.deserialize_any(Members(std::marker::PhantomData))
    }
}

/// A text; numbers and the like give their JSON text, null gives `None`.
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(match raw.get() {
            "null" => None,
            text if text.starts_with('"') => Some(
                serde_json::from_str::<Cow<'_, str>>(text)
                    .map_err(D::Error::custom)?
                    .into_owned(),
            ),
            other => Some(other.to_owned()),
        }))
    }
}

/// The values of a header: an array of texts, or just one.
struct Texts(Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('[') {
            let values: Vec<Text> = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
            return Ok(Self(values.into_iter().filter_map(|it| it.0).collect()));
        }
        let value: Text = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        Ok(Self(value.0.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeErrorKind;

    #[test]
    fn all_members() {
        let request = decode(
            r#"{"Url":"http://h/api/x?a=1","Method":"POST","Query":{"a":"1,2","e":""},
                "Headers":{"Accept":["x","y"],"Host":"h"},"Params":{"id":"7","rest":null},
                "Identities":[{"Claims":[]}],"Body":"{\"j\":1}","Later":{}}"#,
        )
        .unwrap();
        assert_eq!(request.url, "http://h/api/x?a=1");
        assert_eq!(request.method, "POST");
        assert_eq!(request.query("A"), Some("1,2"));
        assert_eq!(request.query("e"), Some(""));
        assert_eq!(request.query("none"), None);
        assert_eq!(request.header("accept"), Some("x"));
        assert_eq!(request.headers[1], ("Host".into(), vec!["h".into()]));
        assert_eq!(request.param("ID"), Some("7"));
        assert_eq!(request.param("rest"), None);
        assert_eq!(request.params.len(), 2);
        assert_eq!(request.identities.unwrap().get(), r#"[{"Claims":[]}]"#);
        assert_eq!(request.body.as_deref(), Some("{\"j\":1}"));
    }

    #[test]
    fn what_may_be_missing_or_of_another_form() {
        let request = decode(
            r#"{"Url":"u","Method":"GET","Query":"{}","Headers":null,"Body":null,"Identities":null}"#,
        );
        let request = request.unwrap();
        assert!(request.query.is_empty() && request.headers.is_empty());
        assert!(request.params.is_empty() && request.body.is_none());
        assert!(request.identities.is_none());
        let text =
            r#"{"Url":"u","Method":"GET","Query":"{\"a\":\"1\"}","Headers":"","Body":{"a":1.0}}"#;
        let request = decode(text).unwrap();
        assert_eq!(request.query("a"), Some("1"));
        assert_eq!(request.body.as_deref(), Some("{\"a\":1.0}"));
        let numbers = decode(
            r#"{"Url":"u","Method":"GET","Query":{"a":1},"Headers":{"Content-Length":[3]}}"#,
        )
        .unwrap();
        assert_eq!(numbers.query("a"), Some("1"));
        assert_eq!(numbers.header("content-length"), Some("3"));
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for text in [
            r#"{"Method":"GET"}"#,
            r#"{"Url":"u"}"#,
            r#"{"Url":1,"Method":"GET"}"#,
            r#"{"Url":"u","Method":"GET","Query":[]}"#,
            r#"{"Url":"u","Method":"GET","Query":"x"}"#,
            r#"{"Url":"u","Method":"GET","Query":"{} {}"}"#,
            r#"{"Url":"u","Method":"GET","Body":"\ud800"}"#,
            r#"{"Url":"u","Url":"v","Method":"GET"}"#,
        ] {
            let error = decode(text).unwrap_err();
            assert_eq!(error.kind(), DecodeErrorKind::WrongShape, "{text}: {error}");
        }
    }
}
