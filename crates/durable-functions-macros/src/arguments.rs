//! What activities and HTTP functions do with their arguments: each is taken out of the invocation
//! by its type.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::signature::Function;
use crate::types::{generated_at, is_payload, place};

/// The parts of an expansion that the arguments make.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// The member of the trait's implementation that is the type of the payload, `()` without one.
    pub(crate) input: TokenStream,
    /// Whether a durable client is among them.
    pub(crate) client: TokenStream,
    /// One expression for each, which takes it out of the invocation.
    pub(crate) extract: Vec<TokenStream>,
    /// The body of `missing`.
    pub(crate) missing: TokenStream,
    /// Items that the others need: names for the types, so that nothing of what the compiler says
    /// of them is said twice; and an assertion that there is at most one payload.
    pub(crate) items: TokenStream,
}

impl Arguments {
    /// `trigger` marks the kind of function. `invocation` and `states` are what the values and the
    /// app's states are taken from.
    pub(crate) fn new(
        function: &Function,
        trigger: &TokenStream,
        invocation: &Ident,
        states: &Ident,
    ) -> Self {
        let mut payload = quote!(());
        let (mut payloads, mut clients) = (Vec::new(), Vec::new());
        let (mut extract, mut missing) = (Vec::new(), Vec::new());
        let mut aliases = TokenStream::new();
        // from the last to the first, since each needs to know what those after it say of the payload
        let types: Vec<_> = function.types().enumerate().collect();
        for (index, ty) in types.into_iter().rev() {
            let span = place(ty);
            let alias = Ident::new(&format!("__Argument{index}"), span);
            let path = quote_spanned!(span=> <#alias as ::durable_functions::macro_support::Argument<#trigger>>);
            aliases.extend(quote_spanned!(span=> type #alias = #ty;));
            payload = quote_spanned!(span=> #path::Payload<#payload>);
            payloads.push(quote_spanned!(span=> #path::PAYLOADS));
            clients.push(quote_spanned!(span=> #path::CLIENT));
            extract.push(quote_spanned!(span=> #path::extract(#invocation)?));
            missing.push(quote_spanned!(span=> #path::missing(#states)));
        }
        extract.reverse();
        missing.reverse();
        let message = format!(
            "{} takes one payload argument: put several values into a struct or a tuple",
            function.kind.words()
        );
        let items = quote_spanned! {generated_at(function.ident.span())=>
            #aliases
            const _: () = ::core::assert!(
                ::durable_functions::macro_support::at_most_one(&[#(#payloads),*]),
                #message
            );
        };
        let span = function
            .types()
            .find(|ty| is_payload(ty))
            .map_or_else(Span::mixed_site, place);
        Self {
            input: quote_spanned!(span=> type Input = #payload;),
            client: quote!(::durable_functions::macro_support::any(&[#(#clients),*])),
            extract,
            missing: quote!(::core::option::Option::None #(.or_else(|| #missing))*),
            items,
        }
    }
}
