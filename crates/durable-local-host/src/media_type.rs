//! What a `Content-Type` says.

/// The media type without its parameters, in lower case.
pub(crate) fn media_type(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_count() {
        for text in [
            "application/json",
            " Application/JSON ; charset=utf-8",
            "application/json;",
        ] {
            assert_eq!(media_type(text), "application/json", "{text}");
        }
        assert_eq!(media_type(""), "");
        assert_eq!(
            media_type("application/json-patch"),
            "application/json-patch"
        );
    }
}
