//! URLs of the API.

use reqwest::Url;

use super::Http;
use crate::client::ClientError;

impl Http<'_> {
    /// The URL of a resource, with the query that every call needs.
    pub(super) fn url(&self, path: &[&str]) -> Result<Url, ClientError> {
        let invalid = |problem: &dyn std::fmt::Display| ClientError::Unsupported {
            message: format!(
                "the address '{}' of the management API is no URL: {problem}",
                self.base
            ),
        };
        let mut url = Url::parse(self.base).map_err(|error| invalid(&error))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid(&"it begins with neither http:// nor https://"));
        }
        url.path_segments_mut()
            .map_err(|()| invalid(&"it can't have a path"))?
            .pop_if_empty()
            .extend(path);
        let required = self.binding.required_query_string_parameters.as_deref();
        url.set_query(required.filter(|query| !query.is_empty()));
        for (key, value) in [
            ("taskHub", &self.binding.task_hub_name),
            ("connection", &self.binding.connection_name),
        ] {
            let given = url
                .query_pairs()
                .any(|(name, _)| name.eq_ignore_ascii_case(key));
            if let Some(value) = value.as_deref().filter(|value| !value.is_empty() && !given) {
                url.query_pairs_mut().append_pair(key, value);
            }
        }
        Ok(url)
    }
}

/// A URL to show: keys are in the query.
pub(super) fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}
