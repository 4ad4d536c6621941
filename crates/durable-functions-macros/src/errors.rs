//! Everything that is wrong with a function, told at once.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::Error;

/// The errors found so far.
#[derive(Debug, Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    /// Adds an error that points at some of the user's tokens.
    pub(crate) fn push(&mut self, place: impl ToTokens, message: impl Display) {
        self.add(Error::new_spanned(place, message));
    }

    /// Adds an error that points at a place.
    pub(crate) fn push_at(&mut self, span: Span, message: impl Display) {
        self.add(Error::new(span, message));
    }

    /// Adds an error that there is already.
    pub(crate) fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// The errors, and after them what could be generated nevertheless: so the compiler does not
    /// go on to complain that the function is not there.
    pub(crate) fn with(self, expansion: TokenStream) -> TokenStream {
        let mut tokens = self
            .0
            .map(|errors| errors.into_compile_error())
            .unwrap_or_default();
        tokens.extend(expansion);
        tokens
    }

    /// The messages.
    #[cfg(test)]
    pub(crate) fn messages(self) -> Vec<String> {
        self.0
            .into_iter()
            .flatten()
            .map(|error| error.to_string())
            .collect()
    }
}
