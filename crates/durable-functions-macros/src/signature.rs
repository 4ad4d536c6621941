//! What the attributes ask of a function's signature, and the parts they need of it.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Block, Error, FnArg, ItemFn, Pat, PatType, Result, ReturnType, Type, Visibility,
};

/// The kinds of functions, as messages name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Orchestrator,
    Activity,
    Http,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Orchestrator => "an orchestrator",
            Self::Activity => "an activity",
            Self::Http => "an HTTP function",
        }
    }
}

/// A function that an attribute stands on.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    /// `#[cfg]`s, for everything that is generated.
    pub(crate) cfgs: Vec<Attribute>,
    /// Documentation and the like, for the function that callers see.
    pub(crate) docs: Vec<Attribute>,
    /// All other attributes, for the function that has the body.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) is_async: bool,
    pub(crate) arguments: Vec<PatType>,
    pub(crate) output: Type,
    pub(crate) body: Block,
}

impl Function {
    /// Takes a function apart, or says all that is wrong with its signature.
    pub(crate) fn parse(item: TokenStream, kind: Kind) -> Result<Self> {
        let function: ItemFn = syn::parse2(item.clone()).map_err(|_| {
            Error::new_spanned(
                &item,
                format!(
                    "{} is a function: put the attribute on an `async fn`",
                    kind.words()
                ),
            )
        })?;
        let ItemFn {
            attrs,
            vis,
            sig,
            block,
        } = function;
        let mut errors = Errors::default();
        let words = kind.words();
        if kind == Kind::Orchestrator && sig.asyncness.is_none() {
            errors.push(
                sig.fn_token,
                "an orchestrator is asynchronous: write `async fn`",
            );
        }
        if !sig.generics.params.is_empty() || sig.generics.where_clause.is_some() {
            errors.push(
                &sig.generics,
                format!("{words} can't be generic: it is called by its name alone; write one function for each type"),
            );
        }
        if let Some(unsafety) = sig.unsafety {
            errors.push(
                unsafety,
                format!("{words} can't be `unsafe`: the Functions host calls it"),
            );
        }
        if let Some(abi) = &sig.abi {
            errors.push(abi, format!("{words} is a Rust function: remove the ABI"));
        }
        if let Some(constness) = sig.constness {
            errors.push(constness, format!("{words} can't be `const`"));
        }
        let mut arguments = Vec::new();
        for argument in sig.inputs {
            match argument {
                FnArg::Typed(argument) => arguments.push(argument),
                FnArg::Receiver(receiver) => {
                    errors.push(
                        receiver,
                        format!("{words} has no `self`: share values with a `State<T>` argument"),
                    );
                }
            }
        }
        for argument in &arguments {
            check_type(&argument.ty, kind, &mut errors);
        }
        let output = match sig.output {
            ReturnType::Default => syn::parse_quote!(()),
            ReturnType::Type(_, ty) => *ty,
        };
        if let Type::ImplTrait(ty) = &output {
            errors.push(
                ty,
                format!(
                    "name the type that {words} returns: it has to be written and read as JSON"
                ),
            );
        }
        errors.finish()?;
        let (cfgs, attrs): (Vec<_>, Vec<_>) = attrs
            .into_iter()
            .partition(|attribute| attribute.path().is_ident("cfg"));
        let is_doc = |attribute: &Attribute| {
            ["doc", "deprecated", "must_use"]
                .iter()
                .any(|name| attribute.path().is_ident(name))
        };
        let (docs, attributes) = attrs.into_iter().partition(is_doc);
        Ok(Self {
            ident: sig.ident,
            vis,
            cfgs,
            docs,
            attributes,
            is_async: sig.asyncness.is_some(),
            arguments,
            output,
            body: *block,
        })
    }

    /// The name by which the host knows the function, unless another is given.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// The types of the arguments.
    pub(crate) fn types(&self) -> Vec<&Type> {
        self.arguments
            .iter()
            .map(|argument| &*argument.ty)
            .collect()
    }

    /// Names for the arguments of the function that callers see: the user's own where a pattern is
    /// a name.
    fn argument_names(&self) -> Vec<Ident> {
        let name = |(index, argument): (usize, &PatType)| match &*argument.pat {
            Pat::Ident(pattern) => pattern.ident.clone(),
            _ => format_ident!("argument_{index}"),
        };
        self.arguments.iter().enumerate().map(name).collect()
    }

    /// The function that has the body, to be put inside the one that callers see.
    fn inner(&self) -> TokenStream {
        let Self {
            ident,
            attributes,
            arguments,
            output,
            body,
            ..
        } = self;
        let asyncness = self.is_async.then(|| quote!(async));
        quote! {
            #(#attributes)*
            #asyncness fn #ident(#(#arguments),*) -> #output #body
        }
    }

    /// The function that callers see, and the type that stands for it. The function gives a `call`,
    /// which is a type of the SDK.
    pub(crate) fn visible(&self, call: &str) -> TokenStream {
        let Self {
            ident,
            vis,
            cfgs,
            docs,
            ..
        } = self;
        let (names, types) = (self.argument_names(), self.types());
        let (inner, inner_call) = (self.inner(), self.inner_call());
        // so that what is wrong with the future points at the function
        let span = ident.span();
        let call = Ident::new(call, span);
        let call = quote_spanned!(span=> ::durable_functions::macro_support::#call);
        let new = quote_spanned!(span=> #call::new(#inner_call));
        quote! {
            #(#cfgs)*
            #(#docs)*
            #vis fn #ident(#(#names: #types),*) -> #call<#ident> {
                #inner
                #new
            }

            #(#cfgs)*
            #[doc(hidden)]
            #[allow(non_camel_case_types, missing_debug_implementations)]
            #vis enum #ident {}
        }
    }

    /// An expression that calls the inner function and is a future.
    fn inner_call(&self) -> TokenStream {
        let ident = &self.ident;
        let names = self.argument_names();
        if self.is_async {
            quote!(#ident(#(#names),*))
        } else {
            quote!(async move { #ident(#(#names),*) })
        }
    }

    /// The return type as an `Outcome`, and how to make one of a returned value.
    pub(crate) fn outcome(&self) -> Outcome {
        let output = &self.output;
        if is_spelt_result(output) {
            return Outcome {
                ty: quote!(#output),
                wrap: quote!(returned),
                check: TokenStream::new(),
            };
        }
        let span = output.span();
        let check = quote_spanned! {span=>
            const _: () = {
                #[allow(unused_imports)]
                use ::durable_functions::macro_support::NotResult as _;
                assert!(
                    !::durable_functions::macro_support::Probe::<#output>::IS_RESULT,
                    "this return type is a `Result` behind another name: spell it `Result<..>`, or let the alias's name end in `Result`"
                );
            };
        };
        Outcome {
            ty: quote!(::durable_functions::macro_support::Plain<#output>),
            wrap: quote!(::durable_functions::macro_support::Plain(returned)),
            check,
        }
    }
}

/// How a return type is taken apart.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) ty: TokenStream,
    pub(crate) wrap: TokenStream,
    /// An assertion that the type is what it looks like.
    pub(crate) check: TokenStream,
}

/// Whether the type is spelt as a `Result`, such as `anyhow::Result<T>` or `AppResult<T>`.
fn is_spelt_result(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path
        .segments
        .last()
        .is_some_and(|segment| segment.ident.to_string().ends_with("Result"))
}

/// Refuses what no argument can be, and what belongs to another kind of function. Only the spelling
/// is known here; the rest is for the traits.
fn check_type(ty: &Type, kind: Kind, errors: &mut Errors) {
    let words = kind.words();
    match ty {
        Type::Path(path) => {
            let name = path
                .path
                .segments
                .last()
                .map(|segment| segment.ident.to_string());
            let advice = match (name.as_deref(), kind) {
                (Some("OrchestrationContext"), Kind::Activity | Kind::Http) => {
                    "only an orchestrator has an `OrchestrationContext`: put `#[orchestrator]` on the function"
                }
                (Some("HttpRequest"), Kind::Activity | Kind::Orchestrator) => {
                    "only an HTTP function has an `HttpRequest`: pass what is needed of it as the input"
                }
                (Some("ActivityContext"), Kind::Http | Kind::Orchestrator) => {
                    "only an activity has an `ActivityContext`"
                }
                (Some("DurableClient" | "State"), Kind::Orchestrator) => {
                    "an orchestrator must depend on its input and history alone: do this in an activity"
                }
                _ => return,
            };
            errors.push(ty, advice);
        }
        Type::Reference(reference) => {
            errors.push(reference, format!("{words} owns its arguments: take `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`"));
        }
        Type::ImplTrait(ty) => errors.push(
            ty,
            format!("name the type of this argument: {words} is called by its name alone"),
        ),
        _ => {}
    }
}

/// Everything that is wrong, told at once.
#[derive(Debug, Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, place: impl quote::ToTokens, message: impl std::fmt::Display) {
        let error = Error::new_spanned(place, message);
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn finish(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(item: TokenStream, kind: Kind) -> Vec<String> {
        Function::parse(item, kind)
            .unwrap_err()
            .into_iter()
            .map(|error| error.to_string())
            .collect()
    }

    #[test]
    fn says_what_to_write() {
        for (item, kind, words) in [
            (
                quote!(
                    struct S;
                ),
                Kind::Activity,
                "put the attribute on an `async fn`",
            ),
            (
                quote!(
                    fn o(ctx: OrchestrationContext) {}
                ),
                Kind::Orchestrator,
                "write `async fn`",
            ),
            (
                quote!(
                    async fn a<T>(x: T) {}
                ),
                Kind::Activity,
                "can't be generic",
            ),
            (
                quote!(
                    async fn a(x: &str) {}
                ),
                Kind::Activity,
                "take `String` for `&str`",
            ),
            (
                quote!(
                    async fn a(x: impl Into<String>) {}
                ),
                Kind::Activity,
                "name the type of this argument",
            ),
            (
                quote!(
                    async fn a(&self) {}
                ),
                Kind::Http,
                "has no `self`",
            ),
            (
                quote!(
                    unsafe fn a() {}
                ),
                Kind::Activity,
                "can't be `unsafe`",
            ),
            (
                quote!(
                    extern "C" fn a() {}
                ),
                Kind::Activity,
                "remove the ABI",
            ),
            (
                quote!(
                    const fn a() {}
                ),
                Kind::Activity,
                "can't be `const`",
            ),
            (
                quote!(
                    async fn a() -> impl Serialize {}
                ),
                Kind::Activity,
                "name the type that",
            ),
        ] {
            let errors = errors(item, kind);
            assert!(
                errors.iter().any(|error| error.contains(words)),
                "{errors:?}"
            );
        }
        assert_eq!(
            errors(
                quote!(
                    unsafe fn a<T>(x: &T) {}
                ),
                Kind::Activity
            )
            .len(),
            3
        );
    }

    #[test]
    fn attributes_go_where_they_belong() {
        let function = Function::parse(
            quote! {
                /// Docs.
                #[cfg(unix)]
                #[tracing::instrument]
                async fn a() {}
            },
            Kind::Activity,
        )
        .unwrap();
        assert_eq!(
            (
                function.cfgs.len(),
                function.docs.len(),
                function.attributes.len()
            ),
            (1, 1, 1)
        );
    }

    #[test]
    fn results_are_told_by_their_spelling() {
        for ty in ["Result<()>", "anyhow::Result<u8>", "AppResult"] {
            assert!(is_spelt_result(&syn::parse_str(ty).unwrap()), "{ty}");
        }
        for ty in ["()", "Option<Result<u8>>", "Results"] {
            assert!(!is_spelt_result(&syn::parse_str(ty).unwrap()), "{ty}");
        }
    }

    #[test]
    fn a_raw_name_loses_its_mark() {
        let function = Function::parse(
            quote!(
                async fn r#type() {}
            ),
            Kind::Activity,
        )
        .unwrap();
        assert_eq!(function.name(), "type");
    }
}
