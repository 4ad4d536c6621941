//! Request headers in the order and casing in which Kestrel hands them on.

use hyper::header::HeaderMap;

/// The headers that Kestrel knows: it lists them first, in this order and casing.
const KNOWN: &[&str] = &[
    "Accept",
    "Connection",
    "Host",
    "User-Agent",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Alt-Used",
    "Authorization",
    "baggage",
    "Cache-Control",
    "Content-Type",
    "Cookie",
    "Correlation-Context",
    "Date",
    "Expect",
    "From",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Keep-Alive",
    "Max-Forwards",
    "Origin",
    "Pragma",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "Referer",
    "Request-Id",
    "TE",
    "traceparent",
    "tracestate",
    "Transfer-Encoding",
    "Translate",
    "Upgrade",
    "Upgrade-Insecure-Requests",
    "Via",
    "Warning",
    "Content-Length",
];

/// Names and values; `written` are the names as the caller wrote them.
pub(super) fn request_headers(headers: &HeaderMap, written: &[String]) -> Vec<(String, String)> {
    let text =
        |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut list = Vec::with_capacity(headers.len());
    for name in KNOWN {
        list.extend(
            headers
                .get_all(*name)
                .iter()
                .map(|value| ((*name).to_owned(), text(value))),
        );
    }
    for (name, value) in headers {
        if !KNOWN
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name.as_str()))
        {
            let written = written
                .iter()
                .find(|written| written.eq_ignore_ascii_case(name.as_str()));
            list.push((
                written.map_or_else(|| name.to_string(), Clone::clone),
                text(value),
            ));
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_order() {
        let mut headers = HeaderMap::new();
        for name in [
            "accept-encoding",
            "content-length",
            "host",
            "user-agent",
            "content-type",
            "x-multi",
            "cookie",
            "connection",
        ] {
            headers.insert(name, "v".parse().unwrap());
        }
        let names: Vec<String> = request_headers(&headers, &["X-Multi".into()])
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(
            names,
            [
                "Connection",
                "Host",
                "User-Agent",
                "Accept-Encoding",
                "Content-Type",
                "Cookie",
                "Content-Length",
                "X-Multi"
            ]
        );
    }
}
