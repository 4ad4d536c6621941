//! The rules of the Functions host for names.

use proc_macro2::Span;
use syn::{Error, LitStr, Result};

/// Checks a function's name.
pub(crate) fn function(name: &str, span: Span) -> Result<()> {
    if is_name(name, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !name.eq_ignore_ascii_case("host")
    {
        return Ok(());
    }
    Err(Error::new(
        span,
        format!(
            "`{name}` can't be the name of a function: it begins with a letter, goes on with at most 127 letters, digits, `_` or `-`, and is not `host`; \
             give another one with `name = \"..\"`"
        ),
    ))
}

/// Checks a binding's name.
pub(crate) fn binding(name: &LitStr) -> Result<()> {
    let text = name.value();
    if is_name(&text, |c| c.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(Error::new(
        name.span(),
        format!(
            "`{text}` can't be the name of a binding: it begins with a letter and goes on with at most 127 letters or digits (no `_`, no `-`, no `$return`)"
        ),
    ))
}

fn is_name(name: &str, allowed: impl Fn(char) -> bool) -> bool {
    name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(allowed)
}

/// Checks a route.
pub(crate) fn route(route: &LitStr) -> Result<()> {
    let text = route.value();
    let problem = if text.starts_with('/') {
        "a route does not begin with `/`; it is put after the app's route prefix, which is `api`"
    } else if text.contains(['?', '#']) && !text.contains("?}") {
        "a route is a path, without query or fragment"
    } else if !balanced(&text) {
        "the braces of this route do not match; a parameter is written `{name}`, an optional one `{name?}`"
    } else if ["admin", "runtime"].iter().any(|own| {
        text.split('/')
            .next()
            .is_some_and(|first| first.eq_ignore_ascii_case(own))
    }) {
        "routes that begin with `admin` or `runtime` belong to the Functions host"
    } else {
        return Ok(());
    };
    Err(Error::new(route.span(), problem))
}

fn balanced(route: &str) -> bool {
    let mut open = 0;
    for c in route.chars() {
        open += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        if open < 0 {
            return false;
        }
    }
    open == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> LitStr {
        LitStr::new(text, Span::call_site())
    }

    #[test]
    fn function_names() {
        for name in ["hello", "say-hello_2", "X"] {
            assert!(function(name, Span::call_site()).is_ok(), "{name}");
        }
        for name in ["", "_x", "2x", "host", "Host", "a.b", "ä"] {
            assert!(
                function(name, Span::call_site())
                    .unwrap_err()
                    .to_string()
                    .contains("name of a function"),
                "{name}"
            );
        }
    }

    #[test]
    fn binding_names() {
        assert!(binding(&literal("input2")).is_ok());
        for name in ["", "my_input", "my-input", "$return"] {
            assert!(
                binding(&literal(name))
                    .unwrap_err()
                    .to_string()
                    .contains("no `_`"),
                "{name}"
            );
        }
    }

    #[test]
    fn routes() {
        for text in ["orders/{id?}", "", "a/{id:regex(^\\d{{3}}$)}", "{*rest}"] {
            assert!(route(&literal(text)).is_ok(), "{text}");
        }
        for (text, words) in [
            ("/orders", "does not begin"),
            ("orders?x=1", "without query"),
            ("orders/{id", "braces"),
            ("orders/}{", "braces"),
            ("Admin/x", "belong to"),
        ] {
            assert!(
                route(&literal(text))
                    .unwrap_err()
                    .to_string()
                    .contains(words),
                "{text}"
            );
        }
    }
}
