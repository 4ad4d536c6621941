//! The expansion of `#[activity]`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::arguments::Arguments;
use crate::errors::Errors;
use crate::expansion::{assemble, local, outcome};
use crate::names;
use crate::options::Options;
use crate::signature::{Function, Kind};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let expansion = generate(arguments, item, &mut errors);
    errors.with(expansion.unwrap_or_default())
}

fn generate(arguments: TokenStream, item: TokenStream, errors: &mut Errors) -> Option<TokenStream> {
    let options = Options::parse(
        arguments,
        &["name", "binding", "task_hub", "connection_name"],
        errors,
    );
    let function = Function::parse(item, Kind::Activity, errors)?;
    let name = names::of(&function, &options, errors);
    let binding = options.binding("input");

    let (invocation, states) = (local("invocation"), local("states"));
    let trigger = quote!(::durable_functions::macro_support::ActivityTrigger);
    let Arguments {
        input,
        client,
        extract,
        missing,
        items,
    } = Arguments::new(&function, &trigger, &invocation, &states);
    let (outcome, outcome_items) = outcome(&function);
    let (ident, allow_deprecated) = (&function.ident, function.allow_deprecated());
    let this = quote!(<#ident as ::durable_functions::macro_support::Activity>);
    let (client_binding, client_checks) = options.client_binding(&this);
    let implementation = quote! {
        #items
        #client_checks
        #outcome_items

        #[automatically_derived]
        #allow_deprecated
        impl ::durable_functions::macro_support::Activity for #ident {
            const NAME: &'static str = #name;
            const BINDING: &'static str = #binding;
            const CLIENT: bool = #client;
            #client_binding
            #input
            #outcome

            fn invoke(
                #invocation: &::durable_functions::macro_support::Invocation,
            ) -> ::core::result::Result<
                ::durable_functions::macro_support::ActivityCall<Self>,
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
    Some(assemble(&function, "ActivityCall", &implementation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_attribute_and_function_is_told_together() {
        let mut errors = Errors::default();
        let expansion = generate(
            quote!(binding = "my_input", nam = "x"),
            quote!(
                unsafe fn host() {}
            ),
            &mut errors,
        );
        let errors = errors.messages();
        assert_eq!(errors.len(), 4, "{errors:?}");
        // so that callers are not told that it is missing
        assert!(expansion.unwrap().to_string().contains("enum host"));
    }

    #[test]
    fn nothing_is_generated_for_a_signature_that_can_not_be() {
        let expansion = expand(
            TokenStream::new(),
            quote!(
                async fn a(x: &str) {}
            ),
        );
        let text = expansion.to_string();
        assert!(
            text.contains("compile_error") && !text.contains("fn a"),
            "{text}"
        );
    }

    #[test]
    fn all_that_is_generated_has_the_cfg() {
        let expansion = expand(
            TokenStream::new(),
            quote!(
                #[cfg(unix)]
                async fn a() {}
            ),
        );
        let items = syn::parse2::<syn::File>(expansion).unwrap().items;
        assert_eq!(items.len(), 4);
        for item in items {
            let (syn::Item::Fn(syn::ItemFn { attrs, .. })
            | syn::Item::Enum(syn::ItemEnum { attrs, .. })
            | syn::Item::Impl(syn::ItemImpl { attrs, .. })
            | syn::Item::Const(syn::ItemConst { attrs, .. })) = item
            else {
                panic!("unexpected item");
            };
            assert!(
                attrs
                    .iter()
                    .any(|attribute| attribute.path().is_ident("cfg"))
            );
        }
    }
}
