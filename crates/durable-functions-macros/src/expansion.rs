//! What the expansions of all attributes have in common.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::signature::{Function, Kind};
use crate::types::generated_at;

/// A name for a local of a generated function, which nothing of the user's can be mistaken for.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Puts everything together: the function that callers see, the type of its name, the
/// `implementation` of its trait, and the body.
///
/// `call` is the SDK's type of a call of the function.
pub(crate) fn assemble(
    function: &Function,
    call: &str,
    implementation: &TokenStream,
) -> TokenStream {
    let Function {
        ident,
        vis,
        attributes,
        ..
    } = function;
    let (cfgs, outer) = (&attributes.cfgs, &attributes.outer);
    let names: Vec<_> = function.argument_names().collect();
    let types = function.types();
    // no lint looks at what is generated, wherever it is put
    let span = generated_at(ident.span());
    let mut type_ident = ident.clone();
    type_ident.set_span(span);
    let call = Ident::new(call, span);
    let call = quote_spanned!(span=> ::durable_functions::macro_support::#call);
    // an expression that calls the body, put where the name is: what is wrong with the future is
    // told of the function
    let mut start = quote_spanned!(span=> <#type_ident>::#type_ident(#(#names),*));
    if !function.is_async {
        start = quote_spanned!(span=> async move { #start });
    }
    let start = quote_spanned!(span=> #call::new(#start));
    let body = body(function);
    quote! {
        #(#cfgs)*
        #(#outer)*
        #vis fn #ident(#(#names: #types),*) -> #call<#ident> {
            #start
        }

        #(#cfgs)*
        #[doc(hidden)]
        #[allow(clippy::exhaustive_enums)]
        #vis enum #type_ident {}

        #(#cfgs)*
        const _: () = {
            #implementation
        };

        #(#cfgs)*
        #body
    }
}

/// The body, as an associated function: there its name, which logs and traces show, is the user's,
/// and still that name means the function that callers see when the body itself uses it.
fn body(function: &Function) -> TokenStream {
    let Function {
        kind,
        ident,
        attributes,
        is_async,
        arguments,
        output,
        body,
        ..
    } = function;
    let inner = &attributes.inner;
    let asyncness = is_async.then(|| quote!(async));
    // what the attribute itself brings about: an orchestrator may hold what can't be sent
    let allow = (*kind == Kind::Orchestrator).then(|| quote!(#[allow(clippy::future_not_send)]));
    quote! {
        impl #ident {
            #allow
            #(#inner)*
            #asyncness fn #ident(#(#arguments),*) #output #body
        }
    }
}

/// How the return type is taken apart: the members of the trait's implementation that do it, and
/// items that they need: a name for the type, so that nothing of what the compiler says of it is
/// said twice, and the trait that tells whether it is a `Result`.
pub(crate) fn outcome(function: &Function) -> (TokenStream, TokenStream) {
    let output = function.output();
    let span = function.output_place();
    let alias = Ident::new("__Outcome", span);
    let returned = local("returned");
    let items = quote_spanned! {span=>
        type #alias = #output;
        #[allow(unused_imports)]
        use ::durable_functions::macro_support::NotResult as _;
    };
    let path = quote_spanned! {span=>
        <#alias as ::durable_functions::macro_support::Outcome<{
            ::durable_functions::macro_support::Probe::<#alias>::IS_RESULT
        }>>
    };
    let members = quote_spanned! {span=>
        type Output = #path::Ok;
        type Return = #output;

        fn outcome(
            #returned: Self::Return,
        ) -> ::core::result::Result<Self::Output, ::durable_functions::Error> {
            #path::outcome(#returned)
        }
    };
    (members, items)
}
