//! The expansion of `#[orchestrator]`.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};

use crate::determinism;
use crate::errors::Errors;
use crate::expansion::{assemble, local, outcome};
use crate::names;
use crate::options::Options;
use crate::signature::{Function, Kind};
use crate::types::is_context;

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let expansion = generate(arguments, item, &mut errors);
    errors.with(expansion.unwrap_or_default())
}

fn generate(arguments: TokenStream, item: TokenStream, errors: &mut Errors) -> Option<TokenStream> {
    let options = Options::parse(arguments, &["name", "binding", "allow"], errors);
    let function = Function::parse(item, Kind::Orchestrator, errors)?;
    determinism::check(&function, &options.allowed, errors);
    let name = names::of(&function, &options, errors);
    let binding = options.binding("context");
    if !check_arguments(&function, errors) {
        return None;
    }

    let (ctx, input) = (local("ctx"), local("input"));
    let (input_type, pass_input) = match function.types().nth(1) {
        Some(ty) => (
            ty.to_token_stream(),
            Some(quote!(
                ::durable_functions::macro_support::orchestrator_input::<Self>(#input)?
            )),
        ),
        None => (quote!(()), None),
    };
    let (outcome, outcome_items) = outcome(&function);
    let (ident, allow_deprecated) = (&function.ident, function.allow_deprecated());
    let implementation = quote! {
        #outcome_items

        #[automatically_derived]
        #allow_deprecated
        impl ::durable_functions::macro_support::Orchestrator for #ident {
            const NAME: &'static str = #name;
            const BINDING: &'static str = #binding;
            type Input = #input_type;
            #outcome

            fn start(
                #ctx: ::durable_functions::OrchestrationContext,
                #input: ::core::option::Option<&str>,
            ) -> ::core::result::Result<
                ::durable_functions::macro_support::Orchestration<Self>,
                ::durable_functions::macro_support::Failure,
            > {
                let _ = #input;
                ::core::result::Result::Ok(#ident(#ctx, #pass_input))
            }
        }
    };
    Some(assemble(&function, "Orchestration", &implementation))
}

/// Checks that there is the context, and at most one input. Says whether something can be
/// generated.
fn check_arguments(function: &Function, errors: &mut Errors) -> bool {
    let mut types = function.types();
    match types.next() {
        None => {
            errors.push(&function.ident, "an orchestrator does everything with its context: write `ctx: OrchestrationContext` as its first argument");
            return false;
        }
        Some(first) if !is_context(first) => {
            let message = if types.any(is_context) {
                "the context of an orchestrator is its first argument, its input the second"
            } else {
                "the first argument of an orchestrator is its context: write `ctx: OrchestrationContext`"
            };
            errors.push(first, message);
            return false;
        }
        Some(_) => {}
    }
    let mut usable = true;
    for surplus in function.arguments.iter().skip(2) {
        errors.push(surplus, "an orchestrator takes its context and one input: put several values into a struct or a tuple");
        usable = false;
    }
    usable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(item: &str) -> Vec<String> {
        let mut errors = Errors::default();
        generate(TokenStream::new(), item.parse().unwrap(), &mut errors);
        errors.messages()
    }

    #[test]
    fn takes_a_context_and_an_input() {
        for item in [
            "async fn o(ctx: OrchestrationContext) {}",
            "async fn o(_: durable_functions::OrchestrationContext, (a, b): (u32, u32)) -> Result<u32> {}",
        ] {
            assert_eq!(errors(item), [""; 0], "{item}");
        }
    }

    #[test]
    fn says_what_to_write() {
        for (item, words) in [
            (
                "async fn o() {}",
                "write `ctx: OrchestrationContext` as its first argument",
            ),
            (
                "async fn o(input: u32) {}",
                "the first argument of an orchestrator is its context",
            ),
            (
                "async fn o(a: u32, ctx: OrchestrationContext) {}",
                "first argument, its input the second",
            ),
            (
                "async fn o(ctx: OrchestrationContext, a: u32, b: u32) {}",
                "struct or a tuple",
            ),
            (
                "async fn host(ctx: OrchestrationContext) {}",
                "name of a function",
            ),
            ("fn o(ctx: OrchestrationContext) {}", "write `async fn`"),
        ] {
            let errors = errors(item);
            assert!(
                matches!(&*errors, [message] if message.contains(words)),
                "{item}: {errors:?}"
            );
        }
    }
}
