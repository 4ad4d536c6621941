//! The arguments of the attributes.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Meta, Token};

use crate::determinism::Category;
use crate::errors::Errors;
use crate::names;

/// What an attribute was given. Which of these an attribute takes is for it to say.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) binding: Option<LitStr>,
    pub(crate) route: Option<LitStr>,
    pub(crate) methods: Vec<String>,
    pub(crate) auth_level: Option<String>,
    pub(crate) task_hub: Option<LitStr>,
    pub(crate) connection_name: Option<LitStr>,
    pub(crate) allowed: Vec<Category>,
}

const METHODS: [&str; 8] = [
    "get", "post", "put", "delete", "patch", "head", "options", "trace",
];
const AUTH_LEVELS: [&str; 3] = ["anonymous", "function", "admin"];

impl Options {
    /// Reads the arguments; `known` are those that this attribute takes.
    pub(crate) fn parse(arguments: TokenStream, known: &[&str], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let read = |input: ParseStream<'_>| {
            let mut seen = Vec::new();
            while !input.is_empty() {
                if input.peek(LitStr) {
                    let text: LitStr = input.parse()?;
                    let message = format!(
                        "say what this text is, as in `name = {}`; {}",
                        text.to_token_stream(),
                        takes(known)
                    );
                    errors.push(text, message);
                } else {
                    options.read(&input.parse()?, known, &mut seen, errors);
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = read.parse2(arguments) {
            errors.add(error);
        }
        options
    }

    fn read(
        &mut self,
        argument: &Meta,
        known: &[&str],
        seen: &mut Vec<String>,
        errors: &mut Errors,
    ) {
        let name = argument
            .path()
            .get_ident()
            .map(ToString::to_string)
            .unwrap_or_default();
        if !known.contains(&&*name) {
            let meant = similar(&name, known)
                .map(|meant| format!(" (did you mean `{meant}`?)"))
                .unwrap_or_default();
            errors.push(
                argument,
                format!("unknown argument{meant}; {}", takes(known)),
            );
            return;
        }
        if seen.contains(&name) {
            errors.push(
                argument,
                format!("`{name}` is given twice; {}", takes(known)),
            );
            return;
        }
        seen.push(name.clone());
        if name == "allow" {
            self.allowed = allowed(argument, errors);
            return;
        }
        let Meta::NameValue(pair) = argument else {
            let example = if name == "methods" {
                "[\"get\", \"post\"]"
            } else {
                "\"..\""
            };
            errors.push(argument, format!("write `{name} = {example}`"));
            return;
        };
        if name == "methods" {
            self.methods = methods(&pair.value, errors);
            return;
        }
        let Some(value) = text(&pair.value, errors) else {
            return;
        };
        match &*name {
            "name" => self.name = Some(value),
            "binding" => {
                names::check_binding(&value, errors);
                self.binding = Some(value);
            }
            "route" => {
                names::check_route(&value, errors);
                self.route = Some(value);
            }
            "task_hub" => self.task_hub = some(value, errors),
            "connection_name" => self.connection_name = some(value, errors),
            _ => self.auth_level = one_of(&value, &AUTH_LEVELS, "auth level", errors),
        }
    }

    /// Where the function's client works, as members of the trait's implementation, and that it
    /// has a client.
    pub(crate) fn client_binding(&self, of: &TokenStream) -> (TokenStream, TokenStream) {
        let mut members = TokenStream::new();
        let mut checks = TokenStream::new();
        for (constant, argument, value) in [
            ("TASK_HUB", "task_hub", &self.task_hub),
            ("CONNECTION_NAME", "connection_name", &self.connection_name),
        ] {
            let Some(value) = value else {
                continue;
            };
            let constant = Ident::new(constant, value.span());
            let message = format!(
                "`{argument}` is about the function's client, and it has no `DurableClient` argument"
            );
            members.extend(quote! {
                const #constant: ::core::option::Option<&'static str> =
                    ::core::option::Option::Some(#value);
            });
            checks.extend(quote_spanned! {value.span()=>
                const _: () = ::core::assert!(#of::CLIENT, #message);
            });
        }
        (members, checks)
    }

    /// The name of the trigger binding.
    pub(crate) fn binding(&self, default: &str) -> String {
        self.binding
            .as_ref()
            .map_or_else(|| default.to_owned(), LitStr::value)
    }
}

fn some(value: LitStr, errors: &mut Errors) -> Option<LitStr> {
    if value.value().trim().is_empty() {
        errors.push(
            &value,
            "write the name, or leave the argument out".to_owned(),
        );
        return None;
    }
    Some(value)
}

fn takes(known: &[&str]) -> String {
    let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("this attribute takes {}", known.join(", "))
}

/// The argument that was meant: `authLevel` is `auth_level`, `method` is `methods`.
fn similar<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
    let name = plain(name);
    known.iter().copied().find(|known| {
        let known = plain(known);
        name.len() > 2 && (known.starts_with(&name) || name.starts_with(&known))
    })
}

fn text(value: &Expr, errors: &mut Errors) -> Option<LitStr> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.clone()),
        // a fragment of a `macro_rules!` macro
        Expr::Group(group) => text(&group.expr, errors),
        other => {
            errors.push(
                other,
                format!("this is a text: write `\"{}\"`", other.to_token_stream()),
            );
            None
        }
    }
}

fn methods(value: &Expr, errors: &mut Errors) -> Vec<String> {
    let mut methods = Vec::new();
    let Expr::Array(array) = value else {
        errors.push(
            value,
            "the methods are a list: write `methods = [\"get\", \"post\"]`",
        );
        return methods;
    };
    if array.elems.is_empty() {
        errors.push(
            value,
            "no method is served: name some, or leave `methods` out to serve all",
        );
    }
    for element in &array.elems {
        let Some(method) =
            text(element, errors).and_then(|text| one_of(&text, &METHODS, "HTTP method", errors))
        else {
            continue;
        };
        if methods.contains(&method) {
            errors.push(element, format!("`{method}` is given twice"));
        } else {
            methods.push(method);
        }
    }
    methods
}

/// What an orchestrator may do although it breaks replay.
fn allowed(argument: &Meta, errors: &mut Errors) -> Vec<Category> {
    let names = Category::ALL.map(Category::name).join(", ");
    let listed = match argument {
        Meta::List(list) => list.parse_args_with(Punctuated::<Ident, Token![,]>::parse_terminated),
        other => Err(syn::Error::new_spanned(other, "not a list")),
    };
    let Ok(listed) = listed else {
        let message = format!("write `allow(clock)`; what can be allowed is {names}");
        errors.push(argument, message);
        return Vec::new();
    };
    if listed.is_empty() {
        errors.push(
            argument,
            format!("nothing is allowed: name some of {names}"),
        );
    }
    let category = |name: Ident| {
        let category = Category::named(&name.to_string());
        if category.is_none() {
            let message = format!("`{name}` is nothing that can be allowed; choose from {names}");
            errors.push(name, message);
        }
        category
    };
    listed.into_iter().filter_map(category).collect()
}

fn one_of(text: &LitStr, known: &[&str], what: &str, errors: &mut Errors) -> Option<String> {
    let value = text.value().to_ascii_lowercase();
    if known.contains(&&*value) {
        return Some(value);
    }
    errors.push(
        text,
        format!(
            "`{}` is no {what}; choose from {}",
            text.value(),
            known.join(", ")
        ),
    );
    None
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    const ALL: [&str; 8] = [
        "name",
        "binding",
        "route",
        "methods",
        "auth_level",
        "allow",
        "task_hub",
        "connection_name",
    ];

    fn parse(arguments: TokenStream) -> (Options, Vec<String>) {
        let mut errors = Errors::default();
        let options = Options::parse(arguments, &ALL, &mut errors);
        (options, errors.messages())
    }

    #[test]
    fn reads_all() {
        let (options, errors) = parse(quote!(
            name = "n",
            binding = "b",
            route = "r/{x}",
            methods = ["GET", "post"],
            auth_level = "Admin",
            allow(clock, hash_iteration),
        ));
        assert_eq!(errors, [""; 0]);
        assert_eq!(options.name.unwrap().value(), "n");
        assert_eq!(options.binding.unwrap().value(), "b");
        assert_eq!(options.route.unwrap().value(), "r/{x}");
        assert_eq!(options.methods, ["get", "post"]);
        assert_eq!(options.auth_level.unwrap(), "admin");
        assert_eq!(options.allowed, [Category::Clock, Category::HashIteration]);
        assert_eq!(parse(TokenStream::new()).1, [""; 0]);
    }

    #[test]
    fn says_what_is_wrong() {
        for (arguments, words) in [
            (
                quote!(x = "x"),
                "unknown argument; this attribute takes `name`, `binding`",
            ),
            (quote!(a::b = "x"), "unknown argument; this attribute takes"),
            (
                quote!(method = ["get"]),
                "unknown argument (did you mean `methods`?); this attribute takes",
            ),
            (quote!(authLevel = "admin"), "did you mean `auth_level`?"),
            (quote!("SayHello"), "as in `name = \"SayHello\"`"),
            (
                quote!(name = "x", name = "y"),
                "`name` is given twice; this attribute takes",
            ),
            (quote!(name), "write `name = \"..\"`"),
            (quote!(name("x")), "write `name = \"..\"`"),
            (
                quote!(methods("get")),
                "write `methods = [\"get\", \"post\"]`",
            ),
            (quote!(name = x), "this is a text: write `\"x\"`"),
            (quote!(name = 5), "this is a text: write `\"5\"`"),
            (quote!(binding = "a_b"), "name of a binding"),
            (quote!(route = "/x"), "does not begin with `/`"),
            (quote!(methods = "get"), "the methods are a list"),
            (quote!(methods = []), "leave `methods` out"),
            (quote!(methods = ["fetch"]), "`fetch` is no HTTP method"),
            (quote!(methods = ["get", "GET"]), "`get` is given twice"),
            (
                quote!(auth_level = "none"),
                "choose from anonymous, function, admin",
            ),
            (quote!(allow), "write `allow(clock)`"),
            (
                quote!(allow = "clock"),
                "what can be allowed is clock, random",
            ),
            (quote!(allow()), "nothing is allowed"),
            (quote!(allow(time)), "choose from clock, random"),
            (quote!(name = "x" binding = "y"), "expected `,`"),
        ] {
            let errors = parse(arguments).1;
            assert!(
                matches!(&*errors, [message] if message.contains(words)),
                "{words}: {errors:?}"
            );
        }
    }

    #[test]
    fn says_everything_that_is_wrong() {
        let (options, errors) = parse(quote!(a = 1, methods = ["x", "get", "y"], name = "n"));
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert_eq!(options.methods, ["get"]);
        assert_eq!(options.name.unwrap().value(), "n");
    }
}
