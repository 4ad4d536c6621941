//! What the attributes ask of a function's signature, and the parts they need of it.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Error, FnArg, Meta, Pat, PatType, Result, ReturnType, Signature, Token, Type,
    Visibility,
};

use crate::errors::Errors;
use crate::types;

/// The kinds of functions, as messages name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Orchestrator,
    Activity,
    /// A method of an entity.
    Entity,
    Http,
}

impl Kind {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Orchestrator => "an orchestrator",
            Self::Activity => "an activity",
            Self::Entity => "an operation",
            Self::Http => "an HTTP function",
        }
    }
}

/// As many arguments as the SDK's traits are implemented for.
const MOST_ARGUMENTS: usize = 6;

/// A function that an attribute stands on.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) kind: Kind,
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) attributes: Attributes,
    pub(crate) is_async: bool,
    pub(crate) arguments: Vec<PatType>,
    pub(crate) output: ReturnType,
    /// The block. It stays as it was written: what is wrong in it is for the compiler to say, and
    /// half-written code is for an editor to complete.
    pub(crate) body: Group,
}

impl Function {
    /// Takes a function apart, and says all that is wrong with its signature. Without a result
    /// nothing can be generated.
    pub(crate) fn parse(item: TokenStream, kind: Kind, errors: &mut Errors) -> Option<Self> {
        let item = match Item::read(item, kind) {
            Ok(item) => item,
            Err(error) => {
                errors.add(error);
                return None;
            }
        };
        let Item {
            attributes,
            vis,
            sig,
            body,
        } = item;
        let mut usable = check_qualifiers(&sig, kind, errors);
        let arguments = arguments(&sig, kind, errors);
        usable &= arguments.len() == sig.inputs.len();
        for argument in &arguments {
            usable &= types::check_argument(&argument.ty, kind, errors);
            if let Some(attribute) = argument.attrs.iter().find(|it| it.path().is_ident("cfg")) {
                errors.push(
                    attribute,
                    "an argument is there or not for all: put `#[cfg(..)]` on the function",
                );
            }
        }
        if let ReturnType::Type(_, output) = &sig.output {
            usable &= types::check_output(output, kind, errors);
        }
        usable.then(|| Self {
            kind,
            ident: sig.ident,
            vis,
            attributes: Attributes::new(attributes),
            // an orchestrator that is not was told to be
            is_async: sig.asyncness.is_some() || kind == Kind::Orchestrator,
            arguments,
            output: sig.output,
            body,
        })
    }

    /// The function's own name.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// The types of the arguments.
    pub(crate) fn types(&self) -> impl Iterator<Item = &Type> {
        self.arguments.iter().map(|argument| &*argument.ty)
    }

    /// Names for the arguments of the function that callers see: the user's own where a pattern is
    /// a name.
    pub(crate) fn argument_names(&self) -> impl Iterator<Item = Ident> {
        let name = |(index, argument): (usize, &PatType)| match &*argument.pat {
            Pat::Ident(pattern) => pattern.ident.clone(),
            _ => format_ident!("argument_{index}"),
        };
        self.arguments.iter().enumerate().map(name)
    }

    /// Where the return type stands, for tokens that are generated.
    pub(crate) fn output_place(&self) -> Span {
        match &self.output {
            ReturnType::Default => Span::mixed_site(),
            ReturnType::Type(_, ty) => types::place(ty),
        }
    }

    /// An attribute for what is generated and uses the function itself, which may be deprecated.
    pub(crate) fn allow_deprecated(&self) -> Option<TokenStream> {
        let mut outer = self.attributes.outer.iter();
        outer
            .any(|attribute| decisive_name(attribute) == "deprecated")
            .then(|| quote!(#[allow(deprecated)]))
    }

    /// The return type.
    pub(crate) fn output(&self) -> TokenStream {
        match &self.output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, ty) => ty.to_token_stream(),
        }
    }
}

/// Checks everything but the types. Says whether something can be generated.
fn check_qualifiers(sig: &Signature, kind: Kind, errors: &mut Errors) -> bool {
    let words = kind.words();
    let mut usable = true;
    if kind == Kind::Orchestrator && sig.asyncness.is_none() {
        errors.push(
            sig.fn_token,
            "an orchestrator is asynchronous: write `async fn`",
        );
    }
    let generics = &sig.generics;
    if !generics.params.is_empty() || generics.where_clause.is_some() {
        let place = if generics.params.is_empty() {
            generics.where_clause.to_token_stream()
        } else {
            generics.to_token_stream()
        };
        errors.push(
            place,
            format!("{words} can't be generic: it is called by its name alone; write one function for each type"),
        );
        usable = false;
    }
    if let Some(unsafety) = sig.unsafety {
        errors.push(
            unsafety,
            format!("{words} can't be `unsafe`: the Functions host calls it"),
        );
    }
    if let Some(abi) = &sig.abi {
        errors.push(
            abi,
            format!(
                "{words} is a Rust function: remove `{}`",
                abi.to_token_stream()
            ),
        );
    }
    if let Some(constness) = sig.constness {
        errors.push(
            constness,
            format!("{words} can't be `const`: it runs when the Functions host calls it"),
        );
    }
    if let Some(variadic) = &sig.variadic {
        errors.push(
            variadic,
            format!("{words} has a fixed list of arguments: take a `Vec<T>`"),
        );
        usable = false;
    }
    usable
}

/// The arguments but for `self` and those that are too many.
fn arguments(sig: &Signature, kind: Kind, errors: &mut Errors) -> Vec<PatType> {
    let words = kind.words();
    let mut arguments = Vec::new();
    for argument in &sig.inputs {
        match argument {
            FnArg::Receiver(receiver) => {
                let advice = match kind {
                    Kind::Orchestrator => "it stands outside of an `impl`",
                    _ => "share values with a `State<T>` argument",
                };
                errors.push(receiver, format!("{words} has no `self`: {advice}"));
            }
            FnArg::Typed(argument)
                if kind != Kind::Orchestrator && arguments.len() == MOST_ARGUMENTS =>
            {
                errors.push(argument, format!("{words} takes at most {MOST_ARGUMENTS} arguments: put what the app shares into one struct, and take a `State<T>` of it"));
                break;
            }
            FnArg::Typed(argument) => arguments.push(argument.clone()),
        }
    }
    arguments
}

/// A function, with its block as it stands.
struct Item {
    attributes: Vec<Attribute>,
    vis: Visibility,
    sig: Signature,
    body: Group,
}

impl Item {
    fn read(item: TokenStream, kind: Kind) -> Result<Self> {
        let is_function = item
            .clone()
            .into_iter()
            .any(|token| matches!(token, TokenTree::Ident(word) if word == "fn"));
        if !is_function {
            let message = format!(
                "{} is a function: put the attribute on an `async fn`",
                kind.words()
            );
            return Err(Error::new_spanned(item, message));
        }
        syn::parse2(item)
    }
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig: Signature = input.parse()?;
        match input.parse()? {
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => Ok(Self {
                attributes,
                vis,
                sig,
                body,
            }),
            other => Err(Error::new_spanned(
                other,
                "this function has no body: write a block, `{ .. }`",
            )),
        }
    }
}

/// The attributes of a function, by where they belong.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    /// `#[cfg]`s, for everything that is generated.
    pub(crate) cfgs: Vec<Attribute>,
    /// For the function that callers see: documentation and the like.
    pub(crate) outer: Vec<Attribute>,
    /// For the function that has the body: all others.
    pub(crate) inner: Vec<Attribute>,
}

impl Attributes {
    fn new(attributes: Vec<Attribute>) -> Self {
        let mut sorted = Self::default();
        for attribute in attributes {
            match &*decisive_name(&attribute) {
                "cfg" => sorted.cfgs.push(attribute),
                "doc" | "deprecated" | "must_use" => sorted.outer.push(attribute),
                // a lint may be about either
                "allow" | "warn" | "deny" | "forbid" => {
                    sorted.outer.push(attribute.clone());
                    sorted.inner.push(attribute);
                }
                _ => sorted.inner.push(attribute),
            }
        }
        sorted
    }
}

/// The attribute's name; of a `cfg_attr` the name of what it may become.
fn decisive_name(attribute: &Attribute) -> String {
    let name = |meta: &Meta| {
        meta.path()
            .get_ident()
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    if attribute.path().is_ident("cfg_attr")
        && let Ok(list) = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
        && let Some(meta) = list.iter().nth(1)
    {
        return name(meta);
    }
    name(&attribute.meta)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(item: &str, kind: Kind) -> (Option<Function>, Vec<String>) {
        let mut errors = Errors::default();
        let function = Function::parse(item.parse().unwrap(), kind, &mut errors);
        (function, errors.messages())
    }

    #[test]
    fn says_what_to_write() {
        for (item, kind, words) in [
            (
                "struct S;",
                Kind::Activity,
                "put the attribute on an `async fn`",
            ),
            ("mod m {}", Kind::Http, "an HTTP function is a function"),
            ("async fn a();", Kind::Activity, "has no body"),
            ("async fn a<T>(x: T) {}", Kind::Activity, "can't be generic"),
            ("async fn a<'a>() {}", Kind::Activity, "can't be generic"),
            (
                "async fn a() where u8: Copy {}",
                Kind::Activity,
                "can't be generic",
            ),
            (
                "async fn a(x: &str) {}",
                Kind::Activity,
                "take `String` for `&str`",
            ),
            (
                "async fn a(x: impl Into<String>) {}",
                Kind::Activity,
                "name the type of this argument",
            ),
            (
                "async fn a(&self) {}",
                Kind::Http,
                "share values with a `State<T>`",
            ),
            (
                "async fn a(&self) {}",
                Kind::Orchestrator,
                "stands outside of an `impl`",
            ),
            ("fn a(x: u32, ...) {}", Kind::Activity, "take a `Vec<T>`"),
            (
                "async fn a() -> impl Serialize {}",
                Kind::Activity,
                "name the type that",
            ),
            (
                "async fn a(a: A, b: B, c: C, d: D, e: E, f: F, g: G) {}",
                Kind::Activity,
                "at most 6 arguments",
            ),
        ] {
            let (function, errors) = parse(item, kind);
            assert!(function.is_none(), "{item}");
            assert!(
                matches!(&*errors, [message] if message.contains(words)),
                "{item}: {errors:?}"
            );
        }
    }

    #[test]
    fn goes_on_where_it_can() {
        for (item, kind, words) in [
            (
                "fn o(ctx: OrchestrationContext) {}",
                Kind::Orchestrator,
                "write `async fn`",
            ),
            ("unsafe fn a() {}", Kind::Activity, "can't be `unsafe`"),
            (
                "extern \"C\" fn a() {}",
                Kind::Activity,
                "remove `extern \"C\"`",
            ),
            ("const fn a() {}", Kind::Activity, "can't be `const`"),
            (
                "fn a(#[cfg(unix)] x: u32) {}",
                Kind::Activity,
                "put `#[cfg(..)]` on the function",
            ),
        ] {
            let (function, errors) = parse(item, kind);
            assert!(function.is_some(), "{item}");
            assert!(
                matches!(&*errors, [message] if message.contains(words)),
                "{item}: {errors:?}"
            );
        }
    }

    #[test]
    fn says_everything_that_is_wrong() {
        let (_, errors) = parse(
            "unsafe fn a<T>(self, x: &T, y: impl Copy) -> ! {}",
            Kind::Activity,
        );
        assert_eq!(errors.len(), 6, "{errors:?}");
    }

    #[test]
    fn the_body_is_left_alone() {
        let (function, errors) = parse("async fn a() { x. ; let }", Kind::Activity);
        assert_eq!(errors, [""; 0]);
        assert_eq!(function.unwrap().body.stream().to_string(), "x . ; let");
    }

    #[test]
    fn attributes_go_where_they_belong() {
        let (function, _) = parse(
            r#"
            #[doc = "Docs."]
            #[cfg(unix)]
            #[allow(clippy::all)]
            #[cfg_attr(windows, doc = "Windows.")]
            #[cfg_attr(unix, inline)]
            #[tracing::instrument]
            async fn a() {}
            "#,
            Kind::Activity,
        );
        let Attributes { cfgs, outer, inner } = function.unwrap().attributes;
        let text = |attributes: &[Attribute]| quote!(#(#attributes)*).to_string();
        assert_eq!(text(&cfgs), "# [cfg (unix)]");
        assert_eq!(
            text(&outer),
            "# [doc = \"Docs.\"] # [allow (clippy :: all)] # [cfg_attr (windows , doc = \"Windows.\")]"
        );
        assert_eq!(
            text(&inner),
            "# [allow (clippy :: all)] # [cfg_attr (unix , inline)] # [tracing :: instrument]"
        );
    }

    #[test]
    fn arguments_have_names() {
        let (function, _) = parse(
            "fn a(x: u8, mut y: u8, (a, b): P, _: u8) {}",
            Kind::Activity,
        );
        let names: Vec<_> = function
            .unwrap()
            .argument_names()
            .map(|it| it.to_string())
            .collect();
        assert_eq!(names, ["x", "y", "argument_2", "argument_3"]);
    }

    #[test]
    fn a_raw_name_loses_its_mark() {
        let (function, _) = parse("async fn r#type() {}", Kind::Activity);
        assert_eq!(function.unwrap().name(), "type");
    }
}
