//! What an HTTP call was answered.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The answer to an HTTP call of an orchestrator.
///
/// The host leaves out headers that describe the content, such as `Content-Type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DurableHttpResponse {
    /// The status code, such as 200.
    #[serde(rename = "statusCode")]
    status: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, HeaderValues>>,
    #[serde(default)]
    content: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum HeaderValues {
    One(String),
    Many(Vec<String>),
}

impl DurableHttpResponse {
    /// An answer, for tests.
    pub fn new(status: u16, content: impl Into<String>) -> Self {
        Self {
            status,
            headers: None,
            content: Some(content.into()),
        }
    }

    /// Adds a header, for tests.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let value = HeaderValues::One(value.into());
        self.headers
            .get_or_insert_default()
            .insert(name.into(), value);
        self
    }

    /// The status code, such as 200.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status code is one of success: 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text; empty if there is none.
    pub fn text(&self) -> &str {
        self.content.as_deref().unwrap_or_default()
    }

    /// A header; the first, if there are several. Names compare without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.headers.as_ref()?;
        let (_, values) = headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        match values {
            HeaderValues::One(value) => Some(value),
            HeaderValues::Many(values) => values.first().map(String::as_str),
        }
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    ///
    /// When it is not JSON of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(self.text()).map_err(|error| {
            Error::msg(format!(
                "the answer (status {}) is not a `{}`: {error}",
                self.status,
                std::any::type_name::<T>()
            ))
        })
    }

    /// The answer itself if it is a success.
    ///
    /// # Errors
    ///
    /// When its status code is none of success; the message has code and body.
    pub fn error_for_status(self) -> Result<Self, Error> {
        if self.is_success() {
            return Ok(self);
        }
        let excerpt = crate::invocation::excerpt(self.text());
        let error = format!(
            "the HTTP call was answered with status {}: {excerpt}",
            self.status
        );
        Err(Error::msg(error).property("statusCode", self.status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_one_value_or_several() {
        let text =
            r#"{"statusCode":202,"headers":{"LOCATION":"/x","b":["1","2"]},"content":"[1]"}"#;
        let response: DurableHttpResponse = serde_json::from_str(text).unwrap();
        assert_eq!(response.header("location"), Some("/x"));
        assert_eq!(response.header("B"), Some("1"));
        assert_eq!(response.header("c"), None);
        assert_eq!(response.json::<Vec<u8>>().unwrap(), [1]);
    }

    #[test]
    fn other_answers_are_errors_if_asked_for() {
        let text = r#"{"statusCode":404,"headers":null,"content":"gone"}"#;
        let response: DurableHttpResponse = serde_json::from_str(text).unwrap();
        assert!(
            response
                .json::<u8>()
                .unwrap_err()
                .to_string()
                .contains("status 404")
        );
        let error = response.error_for_status().unwrap_err();
        assert!(error.to_string().contains("404: gone"), "{error}");
        assert_eq!(error.into_failure().properties["statusCode"], 404);
    }
}
