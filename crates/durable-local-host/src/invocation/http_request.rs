//! Requests of HTTP functions.

use super::envelope::{Metadata, encode_text, quote, sys, write_inputs};
use crate::media_type::media_type;
use crate::newtonsoft::{Dates, parse};
use crate::urls;

/// An HTTP request as a function sees it.
#[derive(Clone, Debug)]
pub(crate) struct IncomingRequest {
    /// Method, in upper case.
    pub(crate) method: String,
    /// The whole URL, as the caller wrote it.
    pub(crate) url: String,
    /// The query, still encoded, without the question mark.
    pub(crate) query: String,
    /// Headers with the caller's casing.
    pub(crate) headers: Vec<(String, String)>,
    /// The body; `None` when the request named no length, as the real host never reads such bodies.
    pub(crate) body: Option<Vec<u8>>,
}

/// What the real host says about a caller that it does not know.
const IDENTITIES: &str = r#"[{"AuthenticationType":null,"IsAuthenticated":false,"Actor":null,"BootstrapContext":null,"Claims":[],"Label":null,"Name":null,"NameClaimType":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name","RoleClaimType":"http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}]"#;

impl IncomingRequest {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// The envelope's body. `inputs` are the bindings besides the trigger, with their JSON.
pub(crate) fn http_envelope(
    function: &str,
    binding: &str,
    request: &IncomingRequest,
    route_values: &[(String, Option<String>)],
    inputs: &[(String, String)],
) -> String {
    let query = parse_query(&request.query);
    let media_type = media_type(request.header("content-type").unwrap_or_default());
    let body = request.body.as_deref().filter(|body| !body.is_empty());
    let binary = media_type == "application/octet-stream" || media_type.starts_with("multipart/");
    let text = body.filter(|_| !binary).map(String::from_utf8_lossy);

    let mut out = String::with_capacity(2048 + body.map_or(0, <[u8]>::len) * 2);
    out.push_str("{\"Data\":{");
    out.push_str(&quote(binding));
    out.push_str(":{\"Url\":");
    out.push_str(&quote(&request.url));
    out.push_str(",\"Method\":");
    out.push_str(&quote(&request.method));
    out.push_str(",\"Query\":");
    out.push_str(&object(
        query
            .iter()
            .map(|(name, values)| (name.as_str(), quote(&values.join(",")))),
    ));
    out.push_str(",\"Headers\":");
    let headers = grouped(&request.headers);
    out.push_str(&object(headers.iter().map(|(name, values)| {
        let list: Vec<String> = values.iter().map(|value| quote(value)).collect();
        (name.as_str(), format!("[{}]", list.join(",")))
    })));
    out.push_str(",\"Params\":");
    out.push_str(&object(route_values.iter().map(|(name, value)| {
        (
            name.as_str(),
            value
                .as_ref()
                .map_or_else(|| "null".to_owned(), |value| quote(value)),
        )
    })));
    out.push_str(",\"Identities\":");
    out.push_str(IDENTITIES);
    if let Some(body) = body {
        out.push_str(",\"Body\":");
        match &text {
            Some(text) => out.push_str(&quote(text)),
            None => out.push_str(&quote(&base64_simd::STANDARD.encode_to_string(body))),
        }
    }
    out.push('}');
    write_inputs(&mut out, inputs);
    out.push_str("},\"Metadata\":");
    metadata(
        function,
        &query,
        text.as_deref().filter(|_| media_type == "application/json"),
        route_values,
        &headers,
    )
    .write(&mut out);
    out.push('}');
    out
}

fn metadata(
    function: &str,
    query: &[(String, Vec<String>)],
    json_body: Option<&str>,
    route_values: &[(String, Option<String>)],
    headers: &[(String, Vec<String>)],
) -> Metadata {
    let last = |values: &[String]| values.last().cloned().unwrap_or_default();
    let mut metadata = Metadata::default();
    for (name, values) in query {
        metadata.set(name, encode_text(&last(values)));
    }
    if let Some(object) = json_body.and_then(|text| parse(text, Dates::Keep).ok()) {
        metadata.merge(&object);
    }
    for (name, value) in route_values {
        if let Some(value) = value {
            metadata.set(name, encode_text(value));
        }
    }
    metadata.set(
        "Query",
        object(
            query
                .iter()
                .map(|(name, values)| (name.as_str(), quote(&last(values)))),
        ),
    );
    metadata.set(
        "Headers",
        object(
            headers
                .iter()
                .map(|(name, values)| (name.as_str(), quote(&values.join(",")))),
        ),
    );
    metadata.set("sys", sys(function));
    metadata
}

fn object<'a>(members: impl Iterator<Item = (&'a str, String)>) -> String {
    let members: Vec<String> = members
        .map(|(name, value)| format!("{}:{value}", quote(name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Collects the values of names that come more than once; names differ without case.
fn grouped(pairs: &[(String, String)]) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        match groups
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            Some((_, values)) => values.push(value.clone()),
            None => groups.push((name.clone(), vec![value.clone()])),
        }
    }
    groups
}

/// The query's names and values, decoded.
fn parse_query(query: &str) -> Vec<(String, Vec<String>)> {
    let pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (urls::decode_query(name), urls::decode_query(value))
        })
        .collect();
    grouped(&pairs)
}

/// The query as the real host writes it anew: values of one name are one, with commas.
pub(crate) fn joined_query(query: &str) -> String {
    let pairs = parse_query(query).into_iter().map(|(name, values)| {
        format!(
            "{}={}",
            urls::encode_query(&name),
            urls::encode_query(&values.join(","))
        )
    });
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Plays the recorded requests and compares with what the handler got on the real host.
    #[test]
    fn the_handler_sees_what_was_recorded() {
        let recorded: Vec<Value> =
            serde_json::from_str(include_str!("../../tests/data/http_envelopes.json")).unwrap();
        assert!(recorded.len() >= 9);
        for case in recorded {
            let sent = case["request"].as_str().unwrap();
            let envelope: Value = serde_json::from_str(sent).unwrap();
            let data = &envelope["Data"]["req"];
            let url = data["Url"].as_str().unwrap().to_owned();
            let pairs = |value: &Value| -> Vec<(String, String)> {
                let members = value.as_object().unwrap();
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), value[0].as_str().unwrap().to_owned()))
                    .collect()
            };
            let body = case["body"].as_array().map(|bytes| {
                bytes
                    .iter()
                    .map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap())
                    .collect()
            });
            let headers = {
                // serde_json sorts the members, the recording's order is in the text.
                let mut headers = pairs(&data["Headers"]);
                let at = sent.find("\"Headers\":").unwrap();
                headers.sort_by_key(|(name, _)| {
                    sent[at..].find(&format!("{}:", quote(name))).unwrap()
                });
                headers
            };
            let request = IncomingRequest {
                method: data["Method"].as_str().unwrap().to_owned(),
                query: url
                    .split_once('?')
                    .map(|(_, query)| query.to_owned())
                    .unwrap_or_default(),
                url,
                headers,
                body,
            };
            let route: Vec<(String, Option<String>)> = data["Params"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().map(str::to_owned)))
                .collect();
            let client: Vec<(String, String)> = envelope["Data"]["client"]
                .as_str()
                .map(|text| {
                    (
                        "client".to_owned(),
                        serde_json::from_str::<String>(text).unwrap(),
                    )
                })
                .into_iter()
                .collect();
            let function = envelope["Metadata"]["sys"]["MethodName"].as_str().unwrap();
            let made = http_envelope(function, "req", &request, &route, &client);
            assert_eq!(masked(&made), masked(sent));
        }
    }

    fn masked(body: &str) -> String {
        let at = body.rfind("\"UtcNow\"").unwrap();
        format!("{}{}", &body[..at], &body[body.len() - 3..])
    }

    #[test]
    fn values_of_one_name_are_collected() {
        assert_eq!(
            parse_query("x=1&X=2&y&=z&"),
            [
                ("x".to_owned(), vec!["1".to_owned(), "2".to_owned()]),
                ("y".to_owned(), vec![String::new()]),
                (String::new(), vec!["z".to_owned()])
            ]
        );
    }
}
