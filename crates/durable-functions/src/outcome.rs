//! What a function returns: a value, or a `Result` of one.

use crate::error::{Error, IntoError};

/// A return type of a function. `Result`s are taken apart; [`Plain`] marks everything else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Result`",
    label = "its name says that it is one",
    note = "a return type whose name ends in `Result` is taken for a `Result`: give the type another name, or return `Result<{Self}>`"
)]
pub trait Outcome: 'static {
    /// The value of a success.
    type Ok: 'static;

    /// The value, or the error to report.
    ///
    /// # Errors
    ///
    /// When the function returned an error.
    fn outcome(self) -> Result<Self::Ok, Error>;
}

impl<T: 'static, E: IntoError + 'static> Outcome for Result<T, E> {
    type Ok = T;

    fn outcome(self) -> Result<T, Error> {
        self.map_err(E::into_error)
    }
}

/// The return value of a function whose return type is not spelt as a `Result`.
#[derive(Debug)]
pub struct Plain<T>(pub T);

#[diagnostic::do_not_recommend]
impl<T: 'static> Outcome for Plain<T> {
    type Ok = T;

    fn outcome(self) -> Result<T, Error> {
        Ok(self.0)
    }
}

/// Used by the attributes: [`Outcome::outcome`] of the function's return type.
///
/// # Errors
///
/// When the function returned an error.
#[doc(hidden)]
pub fn outcome<R: Outcome>(returned: R) -> Result<R::Ok, Error> {
    returned.outcome()
}

/// Tells at compile time whether a type is a `Result`, also behind an alias. The attributes use it
/// to refuse an alias that they could not see through: it would be written as `{"Ok":..}`.
///
/// ```
/// use durable_functions::macro_support::{NotResult as _, Probe};
///
/// type Sneaky = Result<i32, String>;
/// assert!(Probe::<Sneaky>::IS_RESULT);
/// assert!(!Probe::<i32>::IS_RESULT);
/// ```
#[derive(Debug)]
pub struct Probe<T>(std::marker::PhantomData<T>);

impl<T, E> Probe<Result<T, E>> {
    /// It is one.
    pub const IS_RESULT: bool = true;
}

/// The answer of [`Probe`] for every other type.
pub trait NotResult {
    /// It is none.
    const IS_RESULT: bool = false;
}

impl<T> NotResult for Probe<T> {}
