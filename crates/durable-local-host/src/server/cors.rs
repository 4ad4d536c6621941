//! Pages of other origins that the developer lets call the functions: `Host.CORS` of
//! local.settings.json, as `func start` has it.

use hyper::Method;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};

use crate::config::Cors;

impl Cors {
    fn any(&self) -> bool {
        self.origins.iter().any(|origin| origin == "*")
    }

    /// The origin of a request, if it may call.
    fn invited<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let text = origin.to_str().ok()?;
        let named = || {
            self.origins
                .iter()
                .any(|own| own.trim_end_matches('/').eq_ignore_ascii_case(text))
        };
        (self.any() || named()).then_some(origin)
    }

    /// Whether the page behind a request was let in.
    pub(super) fn invites(&self, headers: &HeaderMap) -> bool {
        self.invited(headers).is_some()
    }

    /// Whether a browser asks what a page may do, and this host is to answer.
    pub(super) fn is_preflight(&self, method: &Method, headers: &HeaderMap) -> bool {
        !self.origins.is_empty()
            && method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The headers of an answer; for a preflight those that say what may be asked, too.
    pub(super) fn headers(&self, request: &HeaderMap, preflight: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let Some(origin) = self.invited(request) else {
            return headers;
        };
        let allowed = if self.any() {
            HeaderValue::from_static("*")
        } else {
            origin.clone()
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.origins.len() > 1 && !self.any() {
            headers.insert(VARY, HeaderValue::from_static("Origin"));
        }
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        if preflight {
            for (asked, allowed) in [
                (ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_ALLOW_METHODS),
                (ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_ALLOW_HEADERS),
            ] {
                if let Some(value) = request.get(asked) {
                    headers.insert(allowed, value.clone());
                }
            }
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str], credentials: bool) -> Cors {
        Cors {
            origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
            credentials,
        }
    }

    fn from(origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static(origin));
        headers
    }

    #[test]
    fn only_named_origins_are_let_in() {
        let cors = cors(&["https://a.example", "http://b.example:8080/"], true);
        for (origin, invited) in [
            ("https://a.example", true),
            ("https://A.example", true),
            ("http://b.example:8080", true),
            ("http://a.example", false),
            ("https://a.example.evil", false),
            ("https://a.example:444", false),
            ("null", false),
        ] {
            assert_eq!(cors.invites(&from(origin)), invited, "{origin}");
        }
        assert!(!cors.invites(&HeaderMap::new()));
        let headers = cors.headers(&from("https://a.example"), false);
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(headers[VARY], "Origin");
        assert!(cors.headers(&from("https://x.example"), true).is_empty());
    }

    #[test]
    fn nobody_is_let_in_when_nothing_is_said() {
        let nobody = Cors::default();
        assert!(!nobody.invites(&from("https://a.example")));
        assert!(!nobody.is_preflight(&Method::OPTIONS, &from("https://a.example")));
        let all = cors(&["*"], false).headers(&from("null"), false);
        assert_eq!(all[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!all.contains_key(VARY));
    }
}
