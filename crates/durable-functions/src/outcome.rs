//! What a function returns: a value, or a `Result` of one.

use crate::error::{Error, IntoError};

/// A return type of a function: a `Result`, or any other, as [`Probe`] tells.
pub trait Outcome<const IS_RESULT: bool>: 'static {
    /// The value of a success.
    type Ok: 'static;

    /// The value, or the error to report.
    ///
    /// # Errors
    ///
    /// When the function returned an error.
    fn outcome(self) -> Result<Self::Ok, Error>;
}

impl<T: 'static, E: IntoError + 'static> Outcome<true> for Result<T, E> {
    type Ok = T;

    fn outcome(self) -> Result<T, Error> {
        self.map_err(E::into_error)
    }
}

#[diagnostic::do_not_recommend]
impl<T: 'static> Outcome<false> for T {
    type Ok = T;

    fn outcome(self) -> Result<T, Error> {
        Ok(self)
    }
}

/// Tells at compile time whether a type is a `Result`, also behind an alias.
///
/// ```
/// use durable_functions::macro_support::{NotResult as _, Probe};
///
/// type Answer = Result<i32, String>;
/// assert!(Probe::<Answer>::IS_RESULT);
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
