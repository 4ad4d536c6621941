//! What sends a signal, whoever sends it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::input::Encode;

/// Sends one signal to an entity: the part of `counter.signal().after(..)` before the operation.
///
/// The methods of an entity's own operations stand on [`Signals`](crate::SignalsOf), which wraps
/// one of these.
pub trait SignalSender: Sized {
    /// What sending gives.
    type Sent;

    /// Lets the signal arrive at this time instead of now.
    #[must_use]
    fn at(self, time: DateTime<Utc>) -> Self;

    /// Lets the signal arrive after a time that begins now.
    #[must_use]
    fn after(self, delay: Duration) -> Self;

    /// Sends it: an operation and its input, `()` for none.
    fn send(self, operation: &str, input: impl Encode) -> Self::Sent;
}
