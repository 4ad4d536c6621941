//! What the handler wants to know of host.json.

use std::fs;
use std::path::Path;
use std::time::Duration;

use durable_functions_protocol::time_span;
use serde_json::Value;

/// How long the host lets a function run (`functionTimeout`), if host.json says so. The default
/// depends on the plan that the app runs on, which the handler can't know.
pub(super) fn function_timeout(app: &Path) -> Option<Duration> {
    let text = fs::read_to_string(app.join("host.json")).ok()?;
    let host: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
    time_span::parse(host.get("functionTimeout")?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_is_there_if_it_is_said() {
        let app = tempfile::tempdir().unwrap();
        assert_eq!(function_timeout(app.path()), None);
        for (text, expected) in [
            (
                "\u{feff}{\"functionTimeout\":\"00:10:00\"}",
                Some(Duration::from_secs(600)),
            ),
            (r#"{"functionTimeout":"-1"}"#, None),
            (r#"{"version":"2.0"}"#, None),
            ("{", None),
        ] {
            fs::write(app.path().join("host.json"), text).unwrap();
            assert_eq!(function_timeout(app.path()), expected, "{text}");
        }
    }
}
