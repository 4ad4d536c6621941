//! The entities in memory: their inboxes, and who is at work on them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use super::scheduler::Scheduler;
use crate::store::Message;
use crate::sync::lock;

/// So many idle entities are kept in memory.
const CACHE_LIMIT: usize = 10_000;
/// An entity that takes more bytes in the store is read again each time.
const CACHED_SIZE: usize = 64 * 1024;

/// The entities that something is known of.
#[derive(Debug, Default)]
pub(crate) struct Inboxes {
    slots: Mutex<HashMap<Arc<str>, Slot>>,
}

#[derive(Debug, Default)]
struct Slot {
    inbox: VecDeque<Message>,
    idle: Option<Loaded>,
    running: bool,
}

/// An entity as the last batch left it.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    /// What is in the store.
    pub(super) scheduler: Scheduler,
    /// How many bytes that takes there.
    pub(super) size: usize,
}

impl Inboxes {
    /// Adds a message; whether somebody has to be set to work on the entity.
    #[must_use]
    pub(crate) fn deliver(&self, message: Message) -> bool {
        let mut slots = lock(&self.slots);
        let slot = slots.entry(Arc::clone(&message.instance)).or_default();
        slot.inbox.push_back(message);
        !std::mem::replace(&mut slot.running, true)
    }

    /// Takes an entity that nobody works on; whether there was nobody.
    #[must_use]
    pub(crate) fn claim(&self, id: &Arc<str>) -> bool {
        let mut slots = lock(&self.slots);
        let slot = slots.entry(Arc::clone(id)).or_default();
        !std::mem::replace(&mut slot.running, true)
    }

    /// Ends the work on an entity without having done it: the messages come again with the next.
    pub(super) fn leave(&self, id: &str, messages: Vec<Message>) {
        let mut slots = lock(&self.slots);
        let slot = slots.entry(id.into()).or_default();
        for message in messages.into_iter().rev() {
            slot.inbox.push_front(message);
        }
        slot.running = false;
    }

    /// The cached entity, for whoever begins to work on it.
    pub(super) fn begin(&self, id: &str) -> Option<Loaded> {
        lock(&self.slots).get_mut(id)?.idle.take()
    }

    /// Up to so many messages that have come. Nothing when there are none and no other work is left:
    /// then the work on the entity is over.
    pub(super) fn next(
        &self,
        id: &str,
        limit: usize,
        more: bool,
        entity: &mut Option<Loaded>,
    ) -> Option<Vec<Message>> {
        let mut slots = lock(&self.slots);
        let room = slots.len() <= CACHE_LIMIT;
        let slot = slots.get_mut(id)?;
        if more || !slot.inbox.is_empty() {
            let count = slot.inbox.len().min(limit);
            return Some(slot.inbox.drain(..count).collect());
        }
        slot.running = false;
        match entity.take() {
            Some(loaded) if room && loaded.size <= CACHED_SIZE => slot.idle = Some(loaded),
            _ => drop(slots.remove(id)),
        }
        None
    }
}
