//! Which requests are refused because a web page may be behind them.
//!
//! Every page that a developer opens can send requests to a port of this machine. A page whose name
//! was bound to 127.0.0.1 later (DNS rebinding) can read the answers too; such requests carry the
//! page's name in `Host`. What other pages send carries their origin. Programs send neither.

use hyper::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::{Method, Uri};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A function of the app. Pages that the developer serves on this machine may call it.
    Function,
    /// The same, for a page of an origin in `Host.CORS`.
    InvitedFunction,
    /// The management API or the dashboard. Only the dashboard may change something.
    Management,
}

/// Why a request is refused, in words for the one who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) String);

/// Decides about requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    names: Vec<String>,
}

impl Guard {
    /// Lets requests in for this machine by its loopback names and by addresses, and for these names.
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let names = names.into_iter().map(|name| name.to_ascii_lowercase());
        Self {
            names: names.collect(),
        }
    }

    /// Whether the request may go on.
    pub(super) fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        target: Target,
    ) -> Result<(), Refused> {
        self.check_host(uri, headers)?;
        let only_reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        if only_reads || target == Target::InvitedFunction {
            return Ok(());
        }
        self.check_origin(headers, target)
    }

    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refused> {
        let named = headers
            .get_all(HOST)
            .iter()
            .map(|value| value.to_str().unwrap_or_default());
        let strange = named
            .chain(uri.authority().map(hyper::http::uri::Authority::as_str))
            .find(|authority| !self.knows(authority));
        match strange {
            None => Ok(()),
            Some(authority) => Err(Refused(format!(
                "The request is for the host {authority:?}, which this development host does not answer to: a web page may be behind it. Use localhost, or start the host with --allow-host and that name.\n"
            ))),
        }
    }

    /// An address can't be bound to something else, so it is no sign of a page's doing.
    fn knows(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else {
            return false;
        };
        is_loopback_name(&host) || address(&host).is_some() || self.names.contains(&host)
    }

    fn check_origin(&self, headers: &HeaderMap, target: Target) -> Result<(), Refused> {
        let header = |name: HeaderName| {
            let value = headers.get(name)?;
            Some(value.to_str().unwrap_or_default())
        };
        let origin = header(ORIGIN);
        // Browsers set this one themselves; a page can't.
        let site = header(HeaderName::from_static("sec-fetch-site"));
        let own = match (site, origin) {
            (Some(site), _) => matches!(site, "same-origin" | "none"),
            (None, Some(origin)) => same_authority(origin, header(HOST)),
            (None, None) => true,
        };
        let near = target == Target::Function && origin.is_some_and(is_loopback_origin);
        if own || near {
            return Ok(());
        }
        let who = origin.map_or_else(String::new, |origin| format!(" ({origin:?})"));
        Err(Refused(format!(
            "A web page of another origin{who} sent this request, and it would change something: refused. Use the dashboard, or a program.\n"
        )))
    }
}

/// The host of `host`, `host:port` or `[v6]:port`, in lower case.
fn host_of(authority: &str) -> Option<String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority
            .find(':')
            .map_or((authority, ""), |at| authority.split_at(at)),
    };
    let digits = match port {
        "" => "",
        port => port.strip_prefix(':')?,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    (!host.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| host.to_ascii_lowercase())
}

fn address(host: &str) -> Option<IpAddr> {
    let v4 = host.parse::<Ipv4Addr>().map(IpAddr::from);
    v4.or_else(|_| host.parse::<Ipv6Addr>().map(IpAddr::from))
        .ok()
}

/// RFC 6761: these names never leave the machine.
fn is_loopback_name(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

fn origin_authority(origin: &str) -> Option<&str> {
    origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"))
}

fn same_authority(origin: &str, host: Option<&str>) -> bool {
    match (origin_authority(origin), host) {
        (Some(origin), Some(host)) => origin.eq_ignore_ascii_case(host),
        _ => false,
    }
}

fn is_loopback_origin(origin: &str) -> bool {
    let Some(host) = origin_authority(origin).and_then(host_of) else {
        return false;
    };
    is_loopback_name(&host) || address(&host).is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                hyper::header::HeaderValue::from_static(value),
            )
        });
        pairs.collect()
    }

    fn passes(
        guard: &Guard,
        method: Method,
        target: Target,
        pairs: &[(&'static str, &'static str)],
    ) -> bool {
        let uri = Uri::from_static("/dashboard");
        guard.check(&method, &uri, &headers(pairs), target).is_ok()
    }

    #[test]
    fn only_names_that_nobody_can_bind_anew_are_answered() {
        let guard = Guard::new(["Dev.Example.COM".to_owned()]);
        for host in [
            "localhost",
            "localhost:7071",
            "LOCALHOST.:80",
            "app.localhost:1",
            "127.0.0.1:7071",
            "[::1]:7071",
            "[::1]",
            "192.168.1.2:7071",
            "dev.example.com:443",
        ] {
            assert!(guard.knows(host), "{host}");
        }
        for host in [
            "",
            ":80",
            "evil.example",
            "evil.example:7071",
            "localhost.evil.example",
            "evillocalhost",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example",
            "localhost:7071@evil.example",
            "[::1",
            "[::1]evil.example",
            "localhost:70x1",
            "2130706433",
            "sub.dev.example.com",
        ] {
            assert!(!guard.knows(host), "{host}");
        }
    }

    #[test]
    fn a_strange_host_is_refused_for_reading_too() {
        let guard = Guard::default();
        for target in [Target::Function, Target::Management] {
            assert!(!passes(
                &guard,
                Method::GET,
                target,
                &[("host", "evil.example:7071")]
            ));
            assert!(passes(
                &guard,
                Method::GET,
                target,
                &[("host", "localhost:7071")]
            ));
            // HTTP/1.0 has no such header; browsers always send one.
            assert!(passes(&guard, Method::GET, target, &[]));
        }
        let two = headers(&[("host", "localhost"), ("host", "evil.example")]);
        let uri = Uri::from_static("/");
        assert!(
            guard
                .check(&Method::GET, &uri, &two, Target::Management)
                .is_err()
        );
        let absolute = Uri::from_static("http://evil.example/dashboard");
        let good = headers(&[("host", "localhost")]);
        assert!(
            guard
                .check(&Method::GET, &absolute, &good, Target::Management)
                .is_err()
        );
    }

    #[test]
    fn other_origins_change_nothing() {
        let guard = Guard::default();
        let host = ("host", "localhost:7071");
        let posts = |target, pairs: &[(&'static str, &'static str)]| {
            passes(&guard, Method::POST, target, &[&[host], pairs].concat())
        };
        for target in [Target::Function, Target::Management] {
            // A program.
            assert!(posts(target, &[]));
            // The dashboard, in browsers of different ages, also behind a proxy.
            assert!(posts(target, &[("origin", "http://localhost:7071")]));
            assert!(posts(
                target,
                &[
                    ("sec-fetch-site", "same-origin"),
                    ("origin", "http://localhost:3000")
                ]
            ));
            assert!(posts(target, &[("sec-fetch-site", "none")]));
            // Pages on the internet, in sandboxes, and forms.
            assert!(!posts(target, &[("origin", "http://evil.example")]));
            assert!(!posts(target, &[("origin", "null")]));
            assert!(!posts(target, &[("sec-fetch-site", "cross-site")]));
            assert!(!posts(
                target,
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "http://evil.example")
                ]
            ));
            assert!(!posts(
                target,
                &[("origin", "http://localhost.evil.example")]
            ));
        }
        // A front end under development calls functions, and nothing else.
        for near in [
            "http://localhost:3000",
            "https://127.0.0.1:5173",
            "http://[::1]:1",
        ] {
            assert!(posts(Target::Function, &[("origin", near)]), "{near}");
            assert!(!posts(Target::Management, &[("origin", near)]), "{near}");
            assert!(
                !posts(
                    Target::Management,
                    &[("origin", near), ("sec-fetch-site", "same-site")]
                ),
                "{near}"
            );
        }
        assert!(!passes(
            &guard,
            Method::DELETE,
            Target::Management,
            &[host, ("origin", "http://evil.example")]
        ));
    }
}
