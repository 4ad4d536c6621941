//! The expansion of `#[activity]`.

use proc_macro2::TokenStream;
use quote::quote;
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
    let Function {
        ident,
        cfgs,
        output,
        ..
    } = &function;
    let visible = function.visible("ActivityCall");
    Ok(quote! {
        #visible

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
                    ::durable_functions::macro_support::function_outcome(#wrap)
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
