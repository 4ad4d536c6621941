//! Recorded exchanges, and how to send them.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use flate2::read::GzDecoder;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Scenario {
    pub scenario: String,
    pub exchanges: Vec<Exchange>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    pub method: String,
    /// With the query, where keys read `KEY`.
    pub path: String,
    pub body: Option<String>,
    #[serde(flatten)]
    pub recorded: Answer,
}

/// Names of headers are in lower case; `Date`, `Server`, `Connection`, and what frames the body are left out.
#[derive(Clone, Debug, Deserialize)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    #[serde(rename = "response")]
    pub body: String,
}

impl Scenario {
    pub fn all() -> Vec<Self> {
        let packed = include_bytes!("../data/client.json.gz");
        serde_json::from_reader(GzDecoder::new(packed.as_slice())).unwrap()
    }
}

impl Exchange {
    /// Path and query.
    pub fn split(&self) -> (&str, &str) {
        self.path.split_once('?').unwrap_or((&self.path, ""))
    }

    /// Sends it as the recorded client did, byte by byte: nothing in the path is encoded anew.
    pub fn send(&self, port: u16, continuation: Option<&str>) -> Answer {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nAccept-Encoding: identity\r\nHost: localhost:{port}\r\nUser-Agent: Python-urllib/3.11\r\nConnection: close\r\n",
            self.method, self.path
        );
        // one of the recorded requests showed its key in the header
        let shown = self.path.contains("code=") || self.recorded.status == 401;
        if self.path.starts_with("/runtime/") && !shown {
            head += "x-functions-key: KEY\r\n";
        }
        if let Some(token) = continuation {
            head += &format!("x-ms-continuation-token: {token}\r\n");
        }
        let body = self.body.as_deref().unwrap_or_default();
        if self.body.is_some() {
            head += &format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            );
        }
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream
            .write_all(format!("{head}\r\n{body}").as_bytes())
            .unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Answer::read(&bytes)
    }
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no head: {}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let mut headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let body = &bytes[end + 4..];
        if let Some(length) = headers.remove("content-length") {
            assert_eq!(length, body.len().to_string(), "{head}");
        }
        for name in ["date", "connection", "server"] {
            headers.remove(name);
        }
        assert_ne!(
            headers.get("transfer-encoding").map(String::as_str),
            Some("chunked"),
            "{head}"
        );
        Self {
            status: status.and_then(|status| status.parse().ok()).unwrap(),
            headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}
