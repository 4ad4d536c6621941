//! URLs of the HTTP management API of the Durable Task extension.

use serde::Serialize;

/// Makes the URLs with which an instance is watched and steered.
///
/// Durable Task extension behaviour: all begin with `{base}/instances/{id}` and end with the query
/// that authorizes the call; `{eventName}` and `{text}` stay as placeholders for whoever uses them.
///
/// ```
/// use durable_functions_protocol::http_api::ManagementUrls;
///
/// let urls = ManagementUrls::new("http://localhost:7071/runtime/webhooks/durabletask", "a b", "code=KEY");
/// assert_eq!(
///     urls.status_query_get_uri,
///     "http://localhost:7071/runtime/webhooks/durabletask/instances/a+b?code=KEY"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagementUrls {
    /// Id of the instance.
    pub id: String,
    /// GET: the status.
    pub status_query_get_uri: String,
    /// POST: an event; `{eventName}` is to be replaced.
    pub send_event_post_uri: String,
    /// POST: terminates; `{text}` is to be replaced by the reason.
    pub terminate_post_uri: String,
    /// POST: rewinds a failed instance; not part of check-status answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewind_post_uri: Option<String>,
    /// DELETE: purges the history.
    pub purge_history_delete_uri: String,
    /// POST: restarts.
    pub restart_post_uri: String,
    /// POST: suspends; `{text}` is to be replaced by the reason.
    pub suspend_post_uri: String,
    /// POST: resumes; `{text}` is to be replaced by the reason.
    pub resume_post_uri: String,
}

impl ManagementUrls {
    /// The URLs of check-status answers.
    ///
    /// `base` is the `httpBaseUrl` of the durable client binding, `query` its
    /// `requiredQueryStringParameters`, with or without a leading `?`; it may be empty.
    pub fn new(base: &str, instance_id: &str, query: &str) -> Self {
        Self::build(base, instance_id, query, false)
    }

    /// The URLs with that of rewinding, as in the extension's management payload.
    pub fn with_rewind(base: &str, instance_id: &str, query: &str) -> Self {
        Self::build(base, instance_id, query, true)
    }

    fn build(base: &str, instance_id: &str, query: &str, rewind: bool) -> Self {
        let base = base.trim_end_matches('/');
        let instance = format!("{base}/instances/{}", url_encode(instance_id));
        let query = query.trim_start_matches(['?', '&']);
        let url = |tail: &str| match (query.is_empty(), tail.contains('?')) {
            (true, _) => format!("{instance}{tail}"),
            (false, true) => format!("{instance}{tail}&{query}"),
            (false, false) => format!("{instance}{tail}?{query}"),
        };
        Self {
            id: instance_id.to_owned(),
            status_query_get_uri: url(""),
            send_event_post_uri: url("/raiseEvent/{eventName}"),
            terminate_post_uri: url("/terminate?reason={text}"),
            rewind_post_uri: rewind.then(|| url("/rewind?reason={text}")),
            purge_history_delete_uri: url(""),
            restart_post_uri: url("/restart"),
            suspend_post_uri: url("/suspend?reason={text}"),
            resume_post_uri: url("/resume?reason={text}"),
        }
    }

    /// The JSON object of check-status answers, members in the order of the extension.
    pub fn to_json(&self) -> String {
        // Texts only: there is nothing that could fail to serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Encodes a text as .NET's `WebUtility.UrlEncode` does: blanks become `+`, letters, digits and
/// `-_.!*()` stay, everything else becomes `%XX` of its UTF-8 bytes.
pub fn url_encode(text: &str) -> String {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'!' | b'*' | b'(' | b')' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                for digit in [byte >> 4, byte & 15] {
                    out.extend(HEX.get(usize::from(digit)));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_encoded_as_dotnet_does() {
        assert_eq!(url_encode("with blank"), "with+blank");
        assert_eq!(url_encode("aZ09-_.!*()"), "aZ09-_.!*()");
        assert_eq!(
            url_encode("@a/b?c=d&e+f~'%"),
            "%40a%2Fb%3Fc%3Dd%26e%2Bf%7E%27%25"
        );
        assert_eq!(url_encode("é서😀\n"), "%C3%A9%EC%84%9C%F0%9F%98%80%0A");
    }

    #[test]
    fn urls_with_and_without_a_query() {
        let urls = ManagementUrls::with_rewind("http://h/w/", "a@b", "?code=K");
        assert_eq!(urls.id, "a@b");
        assert_eq!(
            urls.restart_post_uri,
            "http://h/w/instances/a%40b/restart?code=K"
        );
        let rewind = "http://h/w/instances/a%40b/rewind?reason={text}&code=K";
        assert_eq!(urls.rewind_post_uri.as_deref(), Some(rewind));
        let json = urls.to_json();
        let order = |key: &str| json.find(&format!("\"{key}\":")).unwrap();
        let keys = [
            "id",
            "statusQueryGetUri",
            "sendEventPostUri",
            "terminatePostUri",
            "rewindPostUri",
            "purgeHistoryDeleteUri",
            "restartPostUri",
            "suspendPostUri",
            "resumePostUri",
        ];
        assert!(keys.map(order).is_sorted());

        let urls = ManagementUrls::new("http://h/w", "i", "");
        assert_eq!(urls.purge_history_delete_uri, "http://h/w/instances/i");
        assert_eq!(
            urls.terminate_post_uri,
            "http://h/w/instances/i/terminate?reason={text}"
        );
        assert!(!urls.to_json().contains("rewind"));
    }
}
