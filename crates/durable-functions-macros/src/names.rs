//! The rules of the Functions host for names and routes.

use proc_macro2::Span;
use syn::LitStr;

use crate::errors::Errors;
use crate::options::Options;
use crate::signature::Function;

/// The name by which the host knows a function: the one that is given, or else its own.
pub(crate) fn of(function: &Function, options: &Options, errors: &mut Errors) -> String {
    let (name, span) = match &options.name {
        Some(name) => (name.value(), name.span()),
        None => (function.name(), function.ident.span()),
    };
    check_function(&name, span, errors);
    name
}

/// Checks a function's name.
pub(crate) fn check_function(name: &str, span: Span, errors: &mut Errors) {
    if is_name(name, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !name.eq_ignore_ascii_case("host")
    {
        return;
    }
    errors.push_at(
        span,
        format!(
            "`{name}` can't be the name of a function: it begins with a letter, goes on with at most 127 letters, digits, `_` or `-`, and is not `host`; \
             give another one with `name = \"..\"`"
        ),
    );
}

/// Checks a binding's name.
pub(crate) fn check_binding(name: &LitStr, errors: &mut Errors) {
    let text = name.value();
    if !is_name(&text, |c| c.is_ascii_alphanumeric()) {
        errors.push(
            name,
            format!(
                "`{text}` can't be the name of a binding: it begins with a letter and goes on with at most 127 letters or digits (no `_`, no `-`, no `$return`)"
            ),
        );
    }
}

fn is_name(name: &str, allowed: impl Fn(char) -> bool) -> bool {
    name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(allowed)
}

/// Checks a route.
pub(crate) fn check_route(route: &LitStr, errors: &mut Errors) {
    if let Err(problem) = read_route(&route.value()) {
        errors.push(route, problem);
    }
}

/// Checks the name of an HTTP function without a route: the host takes the name for it.
pub(crate) fn check_default_route(name: &str, span: Span, errors: &mut Errors) {
    if is_reserved(name) {
        errors.push_at(
            span,
            format!(
                "the route of `{name}` is its name, and routes that begin with `admin` or `runtime` belong to the Functions host: give another one with `route = \"..\"`"
            ),
        );
    }
}

/// The host compares the beginning, not the first segment: `administrators` is refused as well.
fn is_reserved(route: &str) -> bool {
    let route = route.to_ascii_lowercase();
    route.starts_with("admin") || route.starts_with("runtime")
}

const BRACES: &str = "the braces of this route do not match; a parameter is written `{name}`, an optional one `{name?}`";

/// Reads a route as ASP.NET does, which serves it in the host.
fn read_route(route: &str) -> Result<(), String> {
    if route.trim().is_empty() {
        return Err(
            "the host takes the function's name for an empty route: leave `route` out, or give one"
                .into(),
        );
    }
    if route.starts_with('/') {
        return Err(
            "a route does not begin with `/`; it is put after the app's route prefix, which is `api`"
                .into(),
        );
    }
    if is_reserved(route) {
        return Err(
            "routes that begin with `admin` or `runtime` belong to the Functions host".into(),
        );
    }
    let mut parameters: Vec<String> = Vec::new();
    let mut parameter: Option<String> = None;
    let mut previous = None;
    let mut chars = route.chars().peekable();
    while let Some(c) = chars.next() {
        // a doubled brace stands for itself
        let doubled = matches!(c, '{' | '}') && chars.next_if_eq(&c).is_some();
        match (&mut parameter, c) {
            (Some(text), _) if doubled => text.push(c),
            (Some(_), '{') => return Err(BRACES.into()),
            (Some(text), '}') => {
                check_parameter(text, &mut parameters)?;
                parameter = None;
            }
            (Some(text), _) => text.push(c),
            (None, _) if doubled => {}
            (None, '{') => parameter = Some(String::new()),
            (None, '}') => return Err(BRACES.into()),
            (None, '?' | '#') => {
                return Err("a route is a path, without query or fragment".into());
            }
            (None, '/') if previous == Some('/') => {
                return Err("a route has no empty segment: write one `/`".into());
            }
            (None, _) => {}
        }
        previous = Some(c);
    }
    if parameter.is_some() {
        return Err(BRACES.into());
    }
    Ok(())
}

/// Checks what stands between two braces: `id`, `id?`, `id:int`, `id=1`, `*rest`.
fn check_parameter(text: &str, parameters: &mut Vec<String>) -> Result<(), String> {
    let name = text.trim_start_matches('*');
    let name = name.split([':', '=', '?']).next().unwrap_or_default();
    if name.is_empty() || name.contains(['/', '*']) {
        return Err(format!(
            "`{{{text}}}` has no name; a parameter is written `{{name}}`, `{{name?}}` or `{{name:int}}`"
        ));
    }
    let key = name.to_ascii_lowercase();
    if parameters.contains(&key) {
        return Err(format!("this route has `{{{name}}}` twice"));
    }
    parameters.push(key);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> LitStr {
        LitStr::new(text, Span::call_site())
    }

    fn errors(check: impl FnOnce(&mut Errors)) -> Vec<String> {
        let mut errors = Errors::default();
        check(&mut errors);
        errors.messages()
    }

    fn function(name: &str) -> Vec<String> {
        errors(|errors| check_function(name, Span::call_site(), errors))
    }

    #[test]
    fn function_names() {
        let longest = "a".repeat(128);
        for name in ["hello", "say-hello_2", "X", "hosts", &longest] {
            assert_eq!(function(name), [""; 0], "{name}");
        }
        let too_long = "a".repeat(129);
        for name in ["", "_x", "2x", "host", "Host", "a.b", "ä", &too_long] {
            let messages = function(name);
            assert!(
                matches!(&*messages, [message] if message.contains("name of a function")),
                "{name}: {messages:?}"
            );
        }
    }

    #[test]
    fn binding_names() {
        let binding = |name| errors(|errors| check_binding(&literal(name), errors));
        assert_eq!(binding("input2"), [""; 0]);
        for name in ["", "my_input", "my-input", "$return"] {
            let messages = binding(name);
            assert!(
                matches!(&*messages, [message] if message.contains("no `_`")),
                "{name}: {messages:?}"
            );
        }
    }

    #[test]
    fn routes() {
        let route = |text| errors(|errors| check_route(&literal(text), errors));
        for text in [
            "orders/{id?}",
            "orders/{id:int?}/items/{item=1}/",
            r"a/{id:regex(^\d{{3}}$)}",
            "a/{id:regex(^a?$)}",
            "a/{{b}}",
            "{*rest}",
            "{**rest}",
            "my/admin",
        ] {
            assert_eq!(route(text), [""; 0], "{text}");
        }
        for (text, words) in [
            ("", "leave `route` out"),
            (" ", "leave `route` out"),
            ("/orders", "does not begin"),
            ("orders?x=1", "without query"),
            ("orders/{id?}?x=1", "without query"),
            ("orders#top", "without query"),
            ("orders//{id}", "no empty segment"),
            ("orders/{id", "braces"),
            ("orders/}{", "braces"),
            ("orders/{a{b}", "braces"),
            ("orders/{id}}", "braces"),
            ("orders/{}", "has no name"),
            ("orders/{?}", "has no name"),
            ("orders/{:int}", "has no name"),
            ("orders/{id}/{ID:int}", "has `{ID}` twice"),
            ("Admin/x", "belong to"),
            ("administrators", "belong to"),
            ("runtimes/{id}", "belong to"),
        ] {
            let messages = route(text);
            assert!(
                matches!(&*messages, [message] if message.contains(words)),
                "{text}: {messages:?}"
            );
        }
    }

    #[test]
    fn a_name_can_be_no_route() {
        let check =
            |name| errors(|errors| check_default_route(name, Span::call_site(), errors)).len();
        assert_eq!(check("orders"), 0);
        assert_eq!(check("admin_orders"), 1);
        assert_eq!(check("RuntimeInfo"), 1);
    }
}
