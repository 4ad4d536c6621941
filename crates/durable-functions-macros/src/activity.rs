//! The expansion of `#[activity]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Result;

use crate::arguments::Arguments;
use crate::names;
use crate::options::Options;
use crate::signature::{Function, Kind};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options = Options::parse(arguments, &["name", "binding"])?;
    let function = Function::parse(item, Kind::Activity)?;
    let name = options
        .name
        .map_or_else(|| function.name(), |name| name.value());
    names::function(&name, function.ident.span())?;
    let binding = options
        .binding
        .map_or_else(|| "input".to_owned(), |binding| binding.value());

    let trigger = quote!(::durable_functions::macro_support::ActivityTrigger);
    let Arguments {
        payload,
        client,
        extract,
        missing,
        check,
    } = Arguments::new(&function, &trigger, "an activity");
    let outcome = function.outcome();
    let (outcome_ty, wrap, outcome_check) = (outcome.ty, outcome.wrap, outcome.check);
    let (inner, call) = (function.inner(), function.inner_call());
    let (names, types) = (function.argument_names(), function.types());
    let Function {
        ident,
        vis,
        cfgs,
        docs,
        output,
        ..
    } = &function;
    let span = ident.span();
    let new = quote_spanned!(span=> ::durable_functions::macro_support::ActivityCall::new(#call));
    Ok(quote! {
        #(#cfgs)*
        #(#docs)*
        #vis fn #ident(#(#names: #types),*) -> ::durable_functions::macro_support::ActivityCall<#ident> {
            #inner
            #new
        }

        #(#cfgs)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, missing_debug_implementations)]
        #vis enum #ident {}

        #(#cfgs)*
        const _: () = {
            #check
            #outcome_check

            #[automatically_derived]
            impl ::durable_functions::macro_support::Activity for #ident {
                const NAME: &'static str = #name;
                const BINDING: &'static str = #binding;
                const CLIENT: bool = #client;
                type Input = #payload;
                type Output = <#outcome_ty as ::durable_functions::macro_support::Outcome>::Ok;
                type Return = #output;

                fn invoke(
                    invocation: &::durable_functions::macro_support::Invocation,
                ) -> ::core::result::Result<
                    ::durable_functions::macro_support::ActivityCall<Self>,
                    ::durable_functions::macro_support::Failure,
                > {
                    let _ = invocation;
                    ::core::result::Result::Ok(#ident(#(#extract),*))
                }

                fn outcome(
                    returned: Self::Return,
                ) -> ::core::result::Result<Self::Output, ::durable_functions::Error> {
                    ::durable_functions::macro_support::activity_outcome(#wrap)
                }

                fn missing(
                    states: &::durable_functions::macro_support::States,
                ) -> ::core::option::Option<&'static str> {
                    let _ = states;
                    #missing
                }
            }
        };
    })
}
