//! What activities and HTTP functions do with their arguments: each is taken out of the invocation
//! by its type.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned as _;

use crate::signature::Function;

/// The parts of an expansion that the arguments make.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// The type of the payload argument, `()` without one.
    pub(crate) payload: TokenStream,
    /// Whether a durable client is among them.
    pub(crate) client: TokenStream,
    /// One expression for each, which takes it out of `invocation`.
    pub(crate) extract: Vec<TokenStream>,
    /// The body of `missing`.
    pub(crate) missing: TokenStream,
    /// An assertion that there is at most one payload.
    pub(crate) check: TokenStream,
}

impl Arguments {
    /// `trigger` marks the kind of function; `words` names it.
    pub(crate) fn new(function: &Function, trigger: &TokenStream, words: &str) -> Self {
        let types = function.types();
        let argument = |ty: &Type| {
            let span = ty.span();
            quote_spanned!(span=> <#ty as ::durable_functions::macro_support::Argument<#trigger>>)
        };
        let arguments: Vec<_> = types.iter().map(|ty| argument(ty)).collect();
        let payload = arguments.iter().rev().fold(
            quote!(()),
            |rest, argument| quote!(#argument::Payload<#rest>),
        );
        let message = format!(
            "{words} takes one payload argument: put several values into a struct or a tuple"
        );
        let span = function.ident.span();
        Self {
            payload,
            client: quote!(::durable_functions::macro_support::any(&[#(#arguments::CLIENT),*])),
            extract: arguments
                .iter()
                .map(|argument| quote!(#argument::extract(invocation)?))
                .collect(),
            missing: quote!(::core::option::Option::None #(.or_else(|| #arguments::missing(states)))*),
            check: quote_spanned! {span=>
                const _: () = assert!(
                    ::durable_functions::macro_support::at_most_one(&[#(#arguments::PAYLOADS),*]),
                    #message
                );
            },
        }
    }
}
