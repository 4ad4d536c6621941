//! How an argument at a call site becomes the input of a function.

use serde::Serialize;

/// A value that can be given where a function takes a `T`.
///
/// Everything is an input for its own type; besides, text may be borrowed and an optional input
/// may be given bare:
///
/// ```
/// use durable_functions::IntoInput;
///
/// let name: String = "Seoul".into_input();
/// let limit: Option<u32> = 5.into_input();
/// assert_eq!((name.as_str(), limit), ("Seoul", Some(5)));
/// ```
///
/// This is not [`Into`]: with that, a literal `5` could not be the input of a function that takes
/// a `u64`.
#[diagnostic::on_unimplemented(
    message = "this function takes `{T}` as its input, not `{Self}`",
    label = "expected `{T}`, found `{Self}`",
    note = "the input is the function's payload argument; give `()` to a function that has none"
)]
pub trait IntoInput<T> {
    /// Converts the value.
    fn into_input(self) -> T;
}

impl<T> IntoInput<T> for T {
    fn into_input(self) -> T {
        self
    }
}

impl IntoInput<String> for &str {
    fn into_input(self) -> String {
        self.to_owned()
    }
}

impl IntoInput<String> for &String {
    fn into_input(self) -> String {
        self.clone()
    }
}

impl IntoInput<Option<String>> for &str {
    fn into_input(self) -> Option<String> {
        Some(self.to_owned())
    }
}

impl<T> IntoInput<Option<T>> for T {
    fn into_input(self) -> Option<T> {
        Some(self)
    }
}

/// The input of a function that is known by name alone: any value that serializes.
#[derive(Debug)]
pub struct AnyInput(pub(crate) Result<String, serde_json::Error>);

impl<T: Serialize> IntoInput<AnyInput> for T {
    fn into_input(self) -> AnyInput {
        AnyInput(serde_json::to_string(&self))
    }
}

/// A value that can be written as JSON text: everything that serializes, and [`AnyInput`].
pub trait Encode {
    /// The value as JSON text.
    ///
    /// # Errors
    ///
    /// When the value can't be written as JSON, such as a map whose keys are no text.
    fn encode(self) -> Result<String, serde_json::Error>;
}

impl<T: Serialize> Encode for T {
    fn encode(self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&self)
    }
}

impl Encode for AnyInput {
    fn encode(self) -> Result<String, serde_json::Error> {
        self.0
    }
}
