//! Waiting for several tasks at once, at a cost that is linear in their number.
//!
//! Each of these polls only the futures that something happened to, and none picks among ready
//! ones at random, so they are safe to replay.

mod all;
mod any;
mod either;
mod members;
mod race;

pub use all::All;
pub use any::Any;
pub use either::{Either, EitherOf};
pub(super) use members::Members;
pub use race::{Race, Winner};
