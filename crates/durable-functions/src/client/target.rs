//! How an orchestrator is named: by the function itself, or by text.

use std::borrow::Cow;

use crate::input::{AnyInput, Encode};
use crate::orchestrator::{Orchestrator, OrchestratorFn};

/// An orchestrator to start: a function with `#[orchestrator]`, or a name.
///
/// `Marker` tells the two apart and can be ignored.
#[diagnostic::on_unimplemented(
    message = "this is not an orchestrator",
    label = "neither a function with `#[orchestrator]` nor a name",
    note = "put `#[orchestrator]` on the function, or give its name as text"
)]
pub trait OrchestratorTarget<Marker> {
    /// The type of its input.
    type Input: Encode;

    /// The name by which the host knows it.
    fn name(self) -> Cow<'static, str>;
}

/// Marks targets that are names.
#[derive(Debug)]
pub enum ByName {}

impl OrchestratorTarget<ByName> for &str {
    type Input = AnyInput;

    fn name(self) -> Cow<'static, str> {
        Cow::Owned(self.to_owned())
    }
}

impl OrchestratorTarget<ByName> for String {
    type Input = AnyInput;

    fn name(self) -> Cow<'static, str> {
        Cow::Owned(self)
    }
}

impl OrchestratorTarget<ByName> for &String {
    type Input = AnyInput;

    fn name(self) -> Cow<'static, str> {
        Cow::Owned(self.clone())
    }
}

/// Marks targets that are functions.
#[derive(Debug)]
pub struct ByFunction<Marker>(std::marker::PhantomData<Marker>);

impl<Marker, F: OrchestratorFn<Marker>> OrchestratorTarget<ByFunction<Marker>> for F {
    type Input = <F::Orchestrator as Orchestrator>::Input;

    fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(<F::Orchestrator as Orchestrator>::NAME)
    }
}
