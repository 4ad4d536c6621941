//! The expansion of `#[orchestrator]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Result, Type};

use crate::names;
use crate::options::Options;
use crate::signature::{Errors, Function, Kind};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options = Options::parse(arguments, &["name", "binding"])?;
    let function = Function::parse(item, Kind::Orchestrator)?;
    check_arguments(&function)?;
    let name = options
        .name
        .map_or_else(|| function.name(), |name| name.value());
    names::function(&name, function.ident.span())?;
    let binding = options
        .binding
        .map_or_else(|| "context".to_owned(), |binding| binding.value());

    let types = function.types();
    let (input, pass_input) = match types.get(1) {
        Some(ty) => (
            quote!(#ty),
            Some(quote!(
                ::durable_functions::macro_support::orchestrator_input::<Self>(input)?
            )),
        ),
        None => (quote!(()), None),
    };
    let outcome = function.outcome();
    let (outcome_ty, wrap, outcome_check) = (outcome.ty, outcome.wrap, outcome.check);
    let Function {
        ident,
        cfgs,
        output,
        ..
    } = &function;
    let visible = function.visible("Orchestration");
    Ok(quote! {
        #visible

        #(#cfgs)*
        const _: () = {
            #outcome_check

            #[automatically_derived]
            impl ::durable_functions::macro_support::Orchestrator for #ident {
                const NAME: &'static str = #name;
                const BINDING: &'static str = #binding;
                type Input = #input;
                type Output = <#outcome_ty as ::durable_functions::macro_support::Outcome>::Ok;
                type Return = #output;

                fn start(
                    ctx: ::durable_functions::OrchestrationContext,
                    input: ::core::option::Option<&str>,
                ) -> ::core::result::Result<
                    ::durable_functions::macro_support::Orchestration<Self>,
                    ::durable_functions::macro_support::Failure,
                > {
                    let _ = input;
                    ::core::result::Result::Ok(#ident(ctx, #pass_input))
                }

                fn outcome(
                    returned: Self::Return,
                ) -> ::core::result::Result<Self::Output, ::durable_functions::Error> {
                    ::durable_functions::macro_support::function_outcome(#wrap)
                }
            }
        };
    })
}

fn check_arguments(function: &Function) -> Result<()> {
    let mut errors = Errors::default();
    match function.arguments.first() {
        None => {
            let message = "an orchestrator does everything with its context: write `ctx: OrchestrationContext` as its first argument";
            return Err(Error::new(function.ident.span(), message));
        }
        Some(first) if !is_context(&first.ty) => {
            errors.push(&first.ty, "the first argument of an orchestrator is its context: write `ctx: OrchestrationContext`");
        }
        Some(_) => {}
    }
    for surplus in function.arguments.iter().skip(2) {
        errors.push(surplus, "an orchestrator takes its context and one input: put several values into a struct or a tuple; what an app shares is for activities");
    }
    errors.finish()
}

fn is_context(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path
        .segments
        .last()
        .is_some_and(|segment| segment.ident == "OrchestrationContext")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(item: TokenStream) -> String {
        expand(TokenStream::new(), item).unwrap_err().to_string()
    }

    #[test]
    fn says_what_to_write() {
        assert!(
            error(quote!(
                async fn o() {}
            ))
            .contains("write `ctx: OrchestrationContext` as its first argument")
        );
        assert!(
            error(quote!(
                async fn o(input: u32) {}
            ))
            .contains("the first argument of an orchestrator is its context")
        );
        assert!(
            error(quote!(
                async fn o(ctx: OrchestrationContext, a: u32, b: u32) {}
            ))
            .contains("one input")
        );
        assert!(
            error(quote!(
                async fn host(ctx: OrchestrationContext) {}
            ))
            .contains("name of a function")
        );
    }
}
