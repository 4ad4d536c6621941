//! Entities: their ids, and the messages that orchestrations and entities send each other.
//!
//! An orchestration sends an entity an *event* whose payload is a JSON text: a [`Request`] under
//! the name [`OP`] (or [`scheduled`] for a signal that is to arrive later), or a [`Release`] under
//! the name [`RELEASE`]. What comes back is an event whose name is the id of the request and whose
//! payload is a [`Response`].
//!
//! Durable Task extension behaviour, seen on the real host with Azure Storage: a request that is
//! to be answered and has no [`Label`]s is dropped without a word.

mod id;
mod label;
mod message;
mod response;
#[cfg(test)]
mod tests;

pub use id::{EntityId, InvalidEntityId};
pub use label::Label;
pub use message::{
    LockedEntity, OP, RELEASE, Release, Request, RequestTime, is_request, scheduled,
};
pub use response::{LOCK_GRANTED, Response};
