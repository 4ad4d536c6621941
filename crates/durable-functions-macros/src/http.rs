//! The expansion of `#[http_trigger]`.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use crate::arguments::Arguments;
use crate::errors::Errors;
use crate::expansion::{assemble, local};
use crate::names;
use crate::options::Options;
use crate::signature::{Function, Kind};

/// The other bindings of the function, as the SDK writes them into function.json.
const OTHER_BINDINGS: [&str; 2] = ["res", "client"];

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let expansion = generate(arguments, item, &mut errors);
    errors.with(expansion.unwrap_or_default())
}

fn generate(arguments: TokenStream, item: TokenStream, errors: &mut Errors) -> Option<TokenStream> {
    let known = [
        "route",
        "methods",
        "auth_level",
        "name",
        "binding",
        "task_hub",
        "connection_name",
    ];
    let options = Options::parse(arguments, &known, errors);
    let binding = options.binding("req");
    if OTHER_BINDINGS.contains(&&*binding) {
        errors.push(
            &options.binding,
            format!("`{binding}` is the name of another binding of this function: choose another"),
        );
    }
    let function = Function::parse(item, Kind::Http, errors)?;
    let name = names::of(&function, &options, errors);
    let route = match &options.route {
        Some(route) => quote!(::core::option::Option::Some(#route)),
        None => {
            names::check_default_route(&name, function.ident.span(), errors);
            quote!(::core::option::Option::None)
        }
    };
    let methods = &options.methods;
    let auth_level = options.auth_level.as_deref().unwrap_or("function");

    let (invocation, states, returned) = (local("invocation"), local("states"), local("returned"));
    let trigger = quote!(::durable_functions::macro_support::HttpTrigger);
    let Arguments {
        client,
        extract,
        missing,
        items,
        ..
    } = Arguments::new(&function, &trigger, &invocation, &states);
    let (ident, allow_deprecated) = (&function.ident, function.allow_deprecated());
    let (output, span) = (function.output(), function.output_place());
    let alias = Ident::new("__Outcome", span);
    let outcome_items = quote_spanned!(span=> type #alias = #output;);
    let outcome = quote_spanned! {span=>
        type Return = #output;

        fn outcome(
            #returned: Self::Return,
        ) -> ::core::result::Result<::durable_functions::HttpResponse, ::durable_functions::Error> {
            <#alias as ::durable_functions::macro_support::IntoHttpResponse>::into_http_response(#returned)
        }
    };
    let this = quote!(<#ident as ::durable_functions::macro_support::HttpFunction>);
    let (client_binding, client_checks) = options.client_binding(&this);
    let implementation = quote! {
        #items
        #client_checks
        #outcome_items

        #[automatically_derived]
        #allow_deprecated
        impl ::durable_functions::macro_support::HttpFunction for #ident {
            const NAME: &'static str = #name;
            const ROUTE: ::core::option::Option<&'static str> = #route;
            const METHODS: &'static [&'static str] = &[#(#methods),*];
            const AUTH_LEVEL: &'static str = #auth_level;
            const BINDING: &'static str = #binding;
            const CLIENT: bool = #client;
            #client_binding
            #outcome

            fn invoke(
                #invocation: &::durable_functions::macro_support::Invocation,
            ) -> ::core::result::Result<
                ::durable_functions::macro_support::HttpCall<Self>,
                ::durable_functions::macro_support::Failure,
            > {
                let _ = #invocation;
                ::core::result::Result::Ok(#ident(#(#extract),*))
            }

            fn missing(
                #states: &::durable_functions::macro_support::States,
            ) -> ::core::option::Option<&'static str> {
                let _ = #states;
                #missing
            }
        }
    };
    Some(assemble(&function, "HttpCall", &implementation))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(arguments: TokenStream, item: TokenStream) -> Vec<String> {
        let mut errors = Errors::default();
        generate(arguments, item, &mut errors);
        errors.messages()
    }

    #[test]
    fn bindings_have_different_names() {
        let function = quote!(
            async fn f() {}
        );
        for name in OTHER_BINDINGS {
            let errors = errors(quote!(binding = #name), function.clone());
            assert!(
                matches!(&*errors, [message] if message.contains("another binding")),
                "{errors:?}"
            );
        }
        assert_eq!(errors(quote!(binding = "request"), function), [""; 0]);
    }

    #[test]
    fn a_name_is_a_route() {
        let function = quote!(
            async fn admin_page() {}
        );
        let told = errors(TokenStream::new(), function.clone());
        assert!(
            matches!(&*told, [message] if message.contains("give another one with `route = ")),
            "{told:?}"
        );
        assert_eq!(errors(quote!(route = "page"), function), [""; 0]);
    }
}
