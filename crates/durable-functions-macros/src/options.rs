//! The arguments of the attributes.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Ident, Lit, LitStr, Meta, Result, Token};

use crate::names;

/// What an attribute was given. Which of these an attribute takes is for it to say.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) binding: Option<LitStr>,
    pub(crate) route: Option<LitStr>,
    pub(crate) methods: Vec<String>,
    pub(crate) auth_level: Option<String>,
}

const METHODS: [&str; 8] = [
    "get", "post", "put", "delete", "patch", "head", "options", "trace",
];
const AUTH_LEVELS: [&str; 3] = ["anonymous", "function", "admin"];

impl Options {
    /// Reads the arguments; `known` are those that this attribute takes.
    pub(crate) fn parse(arguments: TokenStream, known: &[&str]) -> Result<Self> {
        let arguments = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(arguments)?;
        let mut options = Self::default();
        let mut seen: Vec<Ident> = Vec::new();
        let mut errors: Option<Error> = None;
        for argument in arguments {
            if let Err(error) = options.read(&argument, known, &mut seen) {
                match &mut errors {
                    Some(errors) => errors.combine(error),
                    None => errors = Some(error),
                }
            }
        }
        errors.map_or(Ok(options), Err)
    }

    fn read(&mut self, argument: &Meta, known: &[&str], seen: &mut Vec<Ident>) -> Result<()> {
        let unknown = || {
            let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            Error::new_spanned(
                argument,
                format!(
                    "unknown argument; this attribute takes {}",
                    known.join(", ")
                ),
            )
        };
        let name = argument
            .path()
            .get_ident()
            .filter(|name| known.iter().any(|known| *name == known))
            .ok_or_else(unknown)?;
        if seen.contains(name) {
            return Err(Error::new_spanned(
                argument,
                format!("`{name}` is given twice"),
            ));
        }
        seen.push(name.clone());
        let Meta::NameValue(pair) = argument else {
            return Err(Error::new_spanned(argument, format!("write `{name} = ..`")));
        };
        match name.to_string().as_str() {
            "name" => {
                let name = text(&pair.value)?;
                names::function(&name.value(), name.span())?;
                self.name = Some(name);
            }
            "binding" => {
                let binding = text(&pair.value)?;
                names::binding(&binding)?;
                self.binding = Some(binding);
            }
            "route" => {
                let route = text(&pair.value)?;
                names::route(&route)?;
                self.route = Some(route);
            }
            "methods" => self.methods = methods(&pair.value)?,
            _ => self.auth_level = Some(one_of(&text(&pair.value)?, &AUTH_LEVELS, "auth level")?),
        }
        Ok(())
    }
}

fn text(value: &Expr) -> Result<LitStr> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Ok(text.clone()),
        other => Err(Error::new_spanned(
            other,
            format!("this is a text: write `\"{}\"`", other.to_token_stream()),
        )),
    }
}

fn methods(value: &Expr) -> Result<Vec<String>> {
    let Expr::Array(array) = value else {
        return Err(Error::new_spanned(
            value,
            "the methods are a list: write `methods = [\"get\", \"post\"]`",
        ));
    };
    let mut methods = Vec::new();
    for element in &array.elems {
        let method = one_of(&text(element)?, &METHODS, "HTTP method")?;
        if methods.contains(&method) {
            return Err(Error::new_spanned(
                element,
                format!("`{method}` is given twice"),
            ));
        }
        methods.push(method);
    }
    Ok(methods)
}

fn one_of(text: &LitStr, known: &[&str], what: &str) -> Result<String> {
    let value = text.value().to_ascii_lowercase();
    if known.contains(&value.as_str()) {
        return Ok(value);
    }
    Err(Error::new(
        text.span(),
        format!(
            "`{}` is no {what}; choose from {}",
            text.value(),
            known.join(", ")
        ),
    ))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    const ALL: [&str; 5] = ["name", "binding", "route", "methods", "auth_level"];

    fn error(arguments: TokenStream) -> String {
        Options::parse(arguments, &ALL).unwrap_err().to_string()
    }

    #[test]
    fn reads_all() {
        let options = Options::parse(
            quote!(
                name = "n",
                binding = "b",
                route = "r/{x}",
                methods = ["GET", "post"],
                auth_level = "Admin"
            ),
            &ALL,
        )
        .unwrap();
        assert_eq!(options.name.unwrap().value(), "n");
        assert_eq!(options.binding.unwrap().value(), "b");
        assert_eq!(options.route.unwrap().value(), "r/{x}");
        assert_eq!(options.methods, ["get", "post"]);
        assert_eq!(options.auth_level.unwrap(), "admin");
    }

    #[test]
    fn says_what_is_wrong() {
        for (arguments, words) in [
            (quote!(nam = "x"), "this attribute takes `name`, `binding`"),
            (quote!(name = "x", name = "y"), "`name` is given twice"),
            (quote!(name), "write `name = ..`"),
            (quote!(name = x), "this is a text: write `\"x\"`"),
            (quote!(methods = "get"), "the methods are a list"),
            (quote!(methods = ["fetch"]), "`fetch` is no HTTP method"),
            (quote!(methods = ["get", "GET"]), "`get` is given twice"),
            (
                quote!(auth_level = "none"),
                "choose from anonymous, function, admin",
            ),
        ] {
            let message = error(arguments);
            assert!(message.contains(words), "{message}");
        }
        assert_eq!(
            Options::parse(quote!(a = 1, b = 2), &ALL)
                .unwrap_err()
                .into_iter()
                .count(),
            2
        );
    }
}
