//! Which host the commands talk to.

use std::fmt;
use std::str::FromStr;

use reqwest::header::HeaderValue;
use url::Url;

use super::fault::Fault;

/// Where a host listens unless it is told otherwise.
pub(super) const LOCAL: &str = "http://localhost:7071";
/// Path of the management API.
const WEBHOOK: &str = "/runtime/webhooks/durabletask";

/// Which host to talk to.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Host")]
pub(super) struct Connection {
    /// The host: its site, such as https://my-app.azurewebsites.net, any URL of its management API,
    /// or the port of a host on this machine
    #[arg(
        id = "host_url",
        long = "url",
        global = true,
        env = "DURABLE_HOST_URL", value_name = "URL", default_value = LOCAL, hide_env_values = true)]
    url: String,
    /// The key that the host asks for: its system key `durabletask_extension`, or the master key. The
    /// variable is safer, as others see the arguments of a process
    #[arg(
        id = "host_key",
        long = "key",
        global = true,
        env = "DURABLE_HOST_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    key: Option<Key>,
    /// The task hub; without it the one of the app
    #[arg(
        long,
        global = true,
        env = "DURABLE_HOST_TASK_HUB",
        value_name = "NAME"
    )]
    task_hub: Option<String>,
}

/// A key, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// Where the management API is, and what goes with every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// URL of the API without query; a slash at the end is not part of it.
    pub(super) base: Url,
    pub(super) key: Option<Key>,
    pub(super) task_hub: Option<String>,
}

impl Place {
    /// The site, as people know it; it holds no secret.
    pub(super) fn shown(&self) -> String {
        let text = self.base.as_str();
        text.strip_suffix(WEBHOOK).unwrap_or(text).to_owned()
    }

    /// Whether the host is on this machine.
    pub(super) fn is_local(&self) -> bool {
        match self.base.host() {
            Some(url::Host::Domain(name)) => {
                name.eq_ignore_ascii_case("localhost") || name.ends_with(".localhost")
            }
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

impl Connection {
    /// Reads the URL. A key and a task hub in its query count, as in the URLs that a start answers.
    pub(super) fn place(&self) -> Result<Place, Fault> {
        let given = self.url.trim();
        // Not quoted: it may hold a key.
        let unusable = |why: &str| {
            Fault::usage(format!(
                "the URL of the host (--url or DURABLE_HOST_URL) can't be used: {why}. It is such as {LOCAL} or https://my-app.azurewebsites.net"
            ))
        };
        let is_number = !given.is_empty() && given.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && !given.parse::<u16>().is_ok_and(|port| port > 0) {
            return Err(unusable("a number is a port, from 1 to 65535"));
        }
        let text = if given.is_empty() {
            LOCAL.to_owned()
        } else if is_number {
            format!("http://localhost:{given}")
        } else if given.contains("://") {
            given.to_owned()
        } else {
            format!("http://{given}")
        };
        let mut base = Url::parse(&text).map_err(|error| unusable(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(unusable("it begins with neither http:// nor https://"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(unusable(
                "it has a user name or password, for which hosts don't ask",
            ));
        }
        let in_query = |name: &str| {
            base.query_pairs()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.into_owned())
                .filter(|value| !value.is_empty())
        };
        let key = self
            .key
            .clone()
            .filter(|key| !key.0.is_empty())
            .or_else(|| in_query("code").map(Key));
        if key
            .as_ref()
            .is_some_and(|key| HeaderValue::from_str(key.secret()).is_err())
        {
            return Err(Fault::usage(
                "the key (--key or DURABLE_HOST_KEY) can't be sent: there is a line feed or another control character in it",
            ));
        }
        let task_hub = self.task_hub.clone().or_else(|| in_query("taskHub"));
        let path = base.path().to_owned();
        let end = path
            .to_ascii_lowercase()
            .find(WEBHOOK)
            .unwrap_or(path.len());
        let site = path.get(..end).unwrap_or_default().trim_end_matches('/');
        base.set_path(&format!("{site}{WEBHOOK}"));
        base.set_query(None);
        base.set_fragment(None);
        Ok(Place {
            base,
            key,
            task_hub,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str, key: Option<&str>) -> Result<Place, Fault> {
        Connection {
            url: url.to_owned(),
            key: key.map(|key| key.parse().unwrap()),
            task_hub: None,
        }
        .place()
    }

    #[test]
    fn urls_lead_to_the_management_api() {
        for (given, base, shown) in [
            (
                "http://localhost:7071",
                "http://localhost:7071",
                "http://localhost:7071",
            ),
            (
                "http://localhost:7071/",
                "http://localhost:7071",
                "http://localhost:7071",
            ),
            ("", "http://localhost:7071", "http://localhost:7071"),
            ("7072", "http://localhost:7072", "http://localhost:7072"),
            (
                "localhost:7073",
                "http://localhost:7073",
                "http://localhost:7073",
            ),
            (
                "https://a.net/runtime/webhooks/durabletask",
                "https://a.net",
                "https://a.net",
            ),
            (
                "https://a.net/sub/",
                "https://a.net/sub",
                "https://a.net/sub",
            ),
            (
                "https://a.net/sub/Runtime/webhooks/DurableTask/instances/x?taskHub=h#y",
                "https://a.net/sub",
                "https://a.net/sub",
            ),
        ] {
            let place = place(given, None).unwrap();
            assert_eq!(place.base.as_str(), format!("{base}{WEBHOOK}"), "{given}");
            assert_eq!(place.shown(), shown, "{given}");
        }
        assert!(place("7072", None).unwrap().is_local());
        assert!(place("http://[::1]:7071", None).unwrap().is_local());
        assert!(
            !place("http://localhost.example.org", None)
                .unwrap()
                .is_local()
        );
    }

    #[test]
    fn keys_come_from_both_and_are_never_shown() {
        let url = "https://a.net/runtime/webhooks/durabletask/instances/x?taskHub=Hub&connection=Storage&code=s3cret";
        let from_url = place(url, None).unwrap();
        assert_eq!(from_url.key.as_ref().unwrap().secret(), "s3cret");
        assert_eq!(from_url.task_hub.as_deref(), Some("Hub"));
        assert!(!format!("{from_url:?}{}", from_url.shown()).contains("s3cret"));
        let given = place(url, Some("other")).unwrap();
        assert_eq!(given.key.unwrap().secret(), "other");
        let fault = place(LOCAL, Some("s3\ncret")).unwrap_err();
        assert!(fault.message().contains("line feed") && fault.exit_code() == 2);
        assert!(!fault.message().contains("s3"), "{}", fault.message());
        for wrong in [
            "99999",
            "0",
            "ftp://a?code=s3cret",
            "http://",
            "http://u:s3cret@a",
            "http://a:s3cret",
        ] {
            let fault = place(wrong, None).unwrap_err();
            assert_eq!(fault.exit_code(), 2);
            assert!(!fault.message().contains("s3cret"), "{}", fault.message());
        }
    }
}
