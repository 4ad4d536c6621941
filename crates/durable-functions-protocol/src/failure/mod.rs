//! Failures with their cause chain, and how they travel.
//!
//! Azure Functions host behaviour: what an activity of a custom handler says about its failure is
//! lost, except that the host quotes all headers of an answer it cannot read in the message of the
//! failure that it reports (`Invalid HttpResponseMessage: .. Headers: {..}`). So the failure travels
//! as base64 in a header, [`HEADER`], and [`Failure::from_activity`] finds it in that message.

mod header;
#[cfg(test)]
mod tests;
mod wire;

pub use wire::is_lost_worker;

use std::collections::BTreeMap;
use std::fmt;

/// Name of the header that carries a failure, and the mark by which it is found again.
pub const HEADER: &str = "durable-failure";

/// Name of the only member of a `ReturnValue` that carries a failure.
pub const RESULT_KEY: &str = HEADER;

/// How many bytes of base64 a failure takes in a header at most: 48 KB. The host accepts 64 KB of
/// headers together.
pub const MAX_HEADER: usize = 48 * 1024;

/// How many failures a chain of causes keeps on its way; further ones are cut.
pub const MAX_CHAIN: usize = 32;

/// Type of the failure that stands for "the host said nothing".
pub const NO_DETAILS: &str = "TaskFailed";

/// Why something failed, with what caused it.
///
/// ```
/// use durable_functions_protocol::Failure;
///
/// let failure = Failure::new("orders::CardDeclined", "card 4711 was declined")
///     .with_cause(Failure::new("std::io::Error", "timed out"));
/// assert_eq!(failure.to_string(), "orders::CardDeclined: card 4711 was declined");
/// assert_eq!(failure.chain().count(), 2);
/// ```
///
/// The type has a `Drop` of its own, so that chains of any length can be dropped; take fields out
/// with [`std::mem::take`].
pub struct Failure {
    /// What type of error it is, such as `orders::CardDeclined`.
    pub error_type: String,
    /// What happened, for people.
    pub message: String,
    /// Where it happened.
    pub stack_trace: Option<String>,
    /// What caused it.
    pub cause: Option<Box<Failure>>,
    /// Whether trying again is pointless.
    pub non_retriable: bool,
    /// Further data by name.
    pub properties: BTreeMap<String, serde_json::Value>,
}

impl Failure {
    /// A failure without anything but type and message.
    pub fn new(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            error_type: error_type.into(),
            message: message.into(),
            stack_trace: None,
            cause: None,
            non_retriable: false,
            properties: BTreeMap::new(),
        }
    }

    /// The same failure with the given cause instead of the one it has.
    #[must_use]
    pub fn with_cause(mut self, cause: Failure) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// The same failure with a stack trace.
    #[must_use]
    pub fn with_stack_trace(mut self, stack_trace: impl Into<String>) -> Self {
        self.stack_trace = Some(stack_trace.into());
        self
    }

    /// The same failure, marked as one that trying again does not help.
    #[must_use]
    pub fn non_retriable(mut self) -> Self {
        self.non_retriable = true;
        self
    }

    /// The failure, its cause, the cause of that and so on.
    pub fn chain(&self) -> impl Iterator<Item = &Failure> {
        std::iter::successors(Some(self), |failure| failure.cause.as_deref())
    }

    /// The last of the chain: what started it all.
    pub fn root_cause(&self) -> &Failure {
        self.chain().last().unwrap_or(self)
    }

    /// Builds a chain from its links, the outermost first.
    pub(crate) fn from_links(links: Vec<Failure>) -> Option<Failure> {
        let mut links = links.into_iter().rev();
        let innermost = links.next()?;
        Some(links.fold(innermost, |cause, failure| failure.with_cause(cause)))
    }

    /// All but the cause.
    fn link(&self) -> Failure {
        Failure {
            error_type: self.error_type.clone(),
            message: self.message.clone(),
            stack_trace: self.stack_trace.clone(),
            cause: None,
            non_retriable: self.non_retriable,
            properties: self.properties.clone(),
        }
    }

    fn same_link(&self, other: &Failure) -> bool {
        self.error_type == other.error_type
            && self.message == other.message
            && self.stack_trace == other.stack_trace
            && self.non_retriable == other.non_retriable
            && self.properties == other.properties
    }
}

// What a derive would do recurses, and chains may be longer than the stack is deep.

impl Drop for Failure {
    fn drop(&mut self) {
        let mut cause = self.cause.take();
        while let Some(mut failure) = cause {
            cause = failure.cause.take();
        }
    }
}

impl Clone for Failure {
    fn clone(&self) -> Self {
        let links = self.chain().map(Failure::link).collect();
        Failure::from_links(links).unwrap_or_else(|| self.link())
    }
}

impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.chain(), other.chain());
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(our), Some(their)) if our.same_link(their) => {}
                _ => return false,
            }
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Link<'a>(&'a Failure);
        impl fmt::Debug for Link<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("Failure")
                    .field("error_type", &self.0.error_type)
                    .field("message", &self.0.message)
                    .field("stack_trace", &self.0.stack_trace)
                    .field("non_retriable", &self.0.non_retriable)
                    .field("properties", &self.0.properties)
                    .finish()
            }
        }
        if self.cause.is_none() {
            return Link(self).fmt(f);
        }
        f.debug_list().entries(self.chain().map(Link)).finish()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.message)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let cause: &(dyn std::error::Error + 'static) = self.cause.as_deref()?;
        Some(cause)
    }
}
