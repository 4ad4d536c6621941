//! The expansion of `#[http_trigger]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Result};

use crate::arguments::Arguments;
use crate::names;
use crate::options::Options;
use crate::signature::{Function, Kind};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options = Options::parse(
        arguments,
        &["name", "binding", "route", "methods", "auth_level"],
    )?;
    let function = Function::parse(item, Kind::Http)?;
    let name = options
        .name
        .map_or_else(|| function.name(), |name| name.value());
    names::function(&name, function.ident.span())?;
    if let Some(binding) = options
        .binding
        .as_ref()
        .filter(|binding| ["res", "client"].contains(&binding.value().as_str()))
    {
        let message = format!(
            "`{}` is the name of another binding of this function",
            binding.value()
        );
        return Err(Error::new(binding.span(), message));
    }
    let binding = options
        .binding
        .map_or_else(|| "req".to_owned(), |binding| binding.value());
    let route = match options.route {
        Some(route) => quote!(::core::option::Option::Some(#route)),
        None => quote!(::core::option::Option::None),
    };
    let methods = options.methods;
    let auth_level = options.auth_level.unwrap_or_else(|| "function".to_owned());

    let trigger = quote!(::durable_functions::macro_support::HttpTrigger);
    let Arguments {
        client,
        extract,
        missing,
        check,
        ..
    } = Arguments::new(&function, &trigger, "an HTTP function");
    let Function {
        ident,
        cfgs,
        output,
        ..
    } = &function;
    let visible = function.visible("HttpCall");
    Ok(quote! {
        #visible

        #(#cfgs)*
        const _: () = {
            #check

            #[automatically_derived]
            impl ::durable_functions::macro_support::HttpFunction for #ident {
                const NAME: &'static str = #name;
                const ROUTE: ::core::option::Option<&'static str> = #route;
                const METHODS: &'static [&'static str] = &[#(#methods),*];
                const AUTH_LEVEL: &'static str = #auth_level;
                const BINDING: &'static str = #binding;
                const CLIENT: bool = #client;
                type Return = #output;

                fn invoke(
                    invocation: &::durable_functions::macro_support::Invocation,
                ) -> ::core::result::Result<
                    ::durable_functions::macro_support::HttpCall<Self>,
                    ::durable_functions::macro_support::Failure,
                > {
                    let _ = invocation;
                    ::core::result::Result::Ok(#ident(#(#extract),*))
                }

                fn outcome(
                    returned: Self::Return,
                ) -> ::core::result::Result<::durable_functions::HttpResponse, ::durable_functions::Error> {
                    ::durable_functions::macro_support::http_outcome(returned)
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
