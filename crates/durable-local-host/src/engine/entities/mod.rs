//! Entities: instances `@name@key` that get requests one batch at a time, in order, as the Durable
//! Task Framework schedules them on Azure Storage.

mod batch;
mod clean;
mod client;
mod convert;
mod dispatch;
mod id;
mod inbox;
mod message;
#[cfg(test)]
mod recorded;
mod scheduler;
mod sorter;
mod stored;

pub(crate) use client::Signal;
pub(super) use convert::to_event;
pub(crate) use id::EntityId;
pub(super) use inbox::Inboxes;
pub(super) use message::due;
pub(crate) use stored::{Contents, Status, Waiting, WaitingKind, is_stored_entity, state_of};

/// Whether the host takes an instance of that id for an entity, whatever it is meant to be.
pub(crate) fn is_entity(id: &str) -> bool {
    id.starts_with('@')
}
