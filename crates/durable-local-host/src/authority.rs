//! Where callers find the host.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Host and port for URLs that are shown or given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority(String);

impl Authority {
    /// That of a host which listens on this address.
    pub(crate) fn of(address: SocketAddr) -> Self {
        let ip = address.ip();
        if ip == IpAddr::V4(Ipv4Addr::LOCALHOST) || ip.is_unspecified() {
            Self(format!("localhost:{}", address.port()))
        } else {
            Self(address.to_string())
        }
    }

    /// `http://` in front of it.
    pub(crate) fn url(&self) -> String {
        format!("http://{self}")
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address that reaches a host which listens on this one.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => {
            address.set_ip(std::net::Ipv6Addr::LOCALHOST.into());
        }
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_a_url_that_reaches_it() {
        for (address, authority, reached) in [
            ("127.0.0.1:7071", "localhost:7071", "127.0.0.1:7071"),
            ("0.0.0.0:7071", "localhost:7071", "127.0.0.1:7071"),
            ("[::]:7071", "localhost:7071", "[::1]:7071"),
            ("[::1]:7071", "[::1]:7071", "[::1]:7071"),
            ("127.0.0.2:80", "127.0.0.2:80", "127.0.0.2:80"),
            ("[fd00::5]:80", "[fd00::5]:80", "[fd00::5]:80"),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(Authority::of(address).to_string(), authority);
            assert_eq!(reachable(address).to_string(), reached);
        }
    }
}
