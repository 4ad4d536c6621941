//! What is generated for an entity: the implementation of its trait, and the types with a method
//! for each operation by which it is called and signalled.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use super::Entity;
use super::operation::Operation;
use crate::expansion::local;
use crate::types::{generated_at, place};

pub(super) fn implementation(entity: &Entity) -> TokenStream {
    let Entity {
        ty,
        name,
        binding,
        operations,
    } = entity;
    let names = operations.iter().map(|operation| &operation.name);
    let aliases = operations.iter().enumerate().map(aliases);
    let calls = operations.iter().enumerate().map(call);
    let signals = operations.iter().map(signal);
    let (state, called, invocation, states) = (
        local("state"),
        local("operation"),
        local("invocation"),
        local("states"),
    );
    let branches = (operations.iter().enumerate())
        .map(|(index, operation)| branch(index, operation, &state, &called, &invocation));
    let missing = operations
        .iter()
        .flat_map(|operation| &operation.arguments)
        .map(|ty| {
            let path = argument(ty);
            quote_spanned!(place(ty)=> #path::missing(#states))
        });
    quote! {
        #[allow(private_interfaces, unnameable_types, unreachable_pub, missing_docs, missing_debug_implementations)]
        const _: () = {
            #[allow(unused_imports)]
            use ::durable_functions::macro_support::NotResult as _;

            #(#aliases)*

            #[doc(hidden)]
            #[derive(Clone, Debug)]
            pub struct __EntityCalls(::durable_functions::macro_support::EntityRef);

            impl __EntityCalls {
                /// Begins a signal.
                pub fn signal(&self) -> __EntitySignals<::durable_functions::EntitySignal> {
                    __EntitySignals(self.0.signal())
                }

                #(#calls)*
            }

            impl ::core::ops::Deref for __EntityCalls {
                type Target = ::durable_functions::macro_support::EntityRef;

                fn deref(&self) -> &Self::Target {
                    &self.0
                }
            }

            impl ::core::convert::From<__EntityCalls> for ::durable_functions::macro_support::EntityRef {
                fn from(calls: __EntityCalls) -> Self {
                    calls.0
                }
            }

            impl ::core::convert::From<&__EntityCalls> for ::durable_functions::EntityId {
                fn from(calls: &__EntityCalls) -> Self {
                    calls.0.id().clone()
                }
            }

            impl ::core::convert::From<__EntityCalls> for ::durable_functions::EntityId {
                fn from(calls: __EntityCalls) -> Self {
                    calls.0.id().clone()
                }
            }

            #[doc(hidden)]
            #[derive(Debug)]
            #[must_use = "a signal is sent by calling one of the operations"]
            pub struct __EntitySignals<S>(S);

            impl<S: ::durable_functions::macro_support::SignalSender> __EntitySignals<S> {
                /// Lets the signal arrive at this time instead of now.
                pub fn at(
                    self,
                    time: ::durable_functions::macro_support::DateTime<::durable_functions::macro_support::Utc>,
                ) -> Self {
                    Self(self.0.at(time))
                }

                /// Lets the signal arrive after a time that begins now.
                pub fn after(self, delay: ::core::time::Duration) -> Self {
                    Self(self.0.after(delay))
                }

                #(#signals)*
            }

            #[automatically_derived]
            impl ::durable_functions::macro_support::Entity for #ty {
                const NAME: &'static str = #name;
                const BINDING: &'static str = #binding;
                const OPERATIONS: &'static [&'static str] = &[#(#names),*];
                type Calls = __EntityCalls;
                type Signals<S: ::durable_functions::macro_support::SignalSender> = __EntitySignals<S>;

                fn calls(entity: ::durable_functions::macro_support::EntityRef) -> Self::Calls {
                    __EntityCalls(entity)
                }

                fn signals<S: ::durable_functions::macro_support::SignalSender>(
                    sender: S,
                ) -> Self::Signals<S> {
                    __EntitySignals(sender)
                }

                fn operate<'a>(
                    #state: &'a mut Self,
                    #called: &str,
                    #invocation: &'a ::durable_functions::macro_support::Invocation,
                ) -> ::core::option::Option<::durable_functions::macro_support::OperationCall<'a>> {
                    let _ = (&#state, #invocation);
                    #(#branches)*
                    ::core::option::Option::None
                }

                fn missing(
                    #states: &::durable_functions::macro_support::States,
                ) -> ::core::option::Option<&'static str> {
                    let _ = #states;
                    ::core::option::Option::None #(.or_else(|| #missing))*
                }
            }
        };
    }
}

fn argument(ty: &syn::Type) -> TokenStream {
    let span = place(ty);
    quote_spanned! {span=>
        <#ty as ::durable_functions::macro_support::Argument<
            ::durable_functions::macro_support::EntityTrigger,
        >>
    }
}

fn outcome_alias(index: usize) -> Ident {
    format_ident!("__Outcome{index}")
}

/// Names for the types of an operation, and the assertion that its input is the one that was seen.
fn aliases((index, operation): (usize, &Operation)) -> TokenStream {
    let (alias, output) = (outcome_alias(index), &operation.output);
    let span = place(output);
    let payloads = operation.arguments.iter().map(|ty| {
        let path = argument(ty);
        quote!(#path::PAYLOADS)
    });
    let expected = usize::from(operation.payload.is_some());
    let message = format!(
        "spell `EntityContext` and `State<..>` by these names in the arguments of `{}`",
        operation.ident
    );
    let mut tokens = quote_spanned!(span=> type #alias = #output;);
    tokens.extend(quote_spanned! {generated_at(operation.ident.span())=>
        const _: () = ::core::assert!(
            ::durable_functions::macro_support::payloads(&[#(#payloads),*]) == #expected,
            #message
        );
    });
    tokens
}

fn outcome_path(index: usize, operation: &Operation) -> TokenStream {
    let alias = outcome_alias(index);
    quote_spanned! {place(&operation.output)=>
        <#alias as ::durable_functions::macro_support::Outcome<{
            ::durable_functions::macro_support::Probe::<#alias>::IS_RESULT
        }>>
    }
}

/// The argument of a method that calls or signals, and what is sent.
fn input(operation: &Operation) -> (TokenStream, TokenStream) {
    let payload = operation.payload.as_ref();
    let found = payload.and_then(|(index, name)| Some((operation.arguments.get(*index)?, name)));
    match found {
        None => (TokenStream::new(), quote!(())),
        Some((ty, name)) => {
            let span = place(ty);
            let into = quote_spanned!(span=> ::durable_functions::macro_support::IntoInput<#ty>);
            (
                quote_spanned!(span=> #name: impl #into),
                quote_spanned!(span=> <_ as #into>::into_input(#name)),
            )
        }
    }
}

fn call((index, operation): (usize, &Operation)) -> TokenStream {
    let Operation {
        ident, name, docs, ..
    } = operation;
    let (argument, sent) = input(operation);
    let path = outcome_path(index, operation);
    quote! {
        #(#docs)*
        pub fn #ident(&self, #argument) -> ::durable_functions::macro_support::EntityCall<#path::Ok> {
            self.0.call_operation(::std::borrow::Cow::Borrowed(#name), #sent)
        }
    }
}

fn signal(operation: &Operation) -> TokenStream {
    let Operation {
        ident, name, docs, ..
    } = operation;
    let (argument, sent) = input(operation);
    quote! {
        #(#docs)*
        pub fn #ident(self, #argument) -> S::Sent {
            self.0.send(#name, #sent)
        }
    }
}

fn branch(
    index: usize,
    operation: &Operation,
    state: &Ident,
    called: &Ident,
    invocation: &Ident,
) -> TokenStream {
    let Operation {
        ident,
        name,
        changes,
        is_async,
        arguments,
        ..
    } = operation;
    let values: Vec<_> = (0..arguments.len())
        .map(|number| local(&format!("argument_{number}")))
        .collect();
    let extract = arguments.iter().zip(&values).map(|(ty, value)| {
        let path = argument(ty);
        quote_spanned!(place(ty)=> let #value = #path::extract(#invocation)?;)
    });
    let awaited = is_async.then(|| quote!(.await));
    let path = outcome_path(index, operation);
    let returned = local("returned");
    quote! {
        if #called.eq_ignore_ascii_case(#name) {
            return ::core::option::Option::Some(::durable_functions::macro_support::OperationCall::new(
                #changes,
                async move {
                    #(#extract)*
                    let #returned = Self::#ident(#state, #(#values),*) #awaited;
                    ::durable_functions::macro_support::operation_result(#path::outcome(#returned))
                },
            ));
        }
    }
}
