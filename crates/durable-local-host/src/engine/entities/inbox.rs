//! The entities in memory: their inboxes, and who is at work on them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use super::scheduler::Scheduler;
use crate::engine::idle::Idle;
use crate::store::Message;
use crate::sync::lock;

/// Idle entities are kept in memory up to this many bytes.
const CACHE_LIMIT: usize = 64 * 1024 * 1024;

/// The entities that something is known of.
#[derive(Debug, Default)]
pub(crate) struct Inboxes {
    slots: Mutex<Slots>,
}

#[derive(Debug)]
struct Slots {
    by_id: HashMap<Arc<str>, Slot>,
    /// The entities as their last batches left them.
    idle: Idle<Loaded>,
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            by_id: HashMap::new(),
            idle: Idle::new(CACHE_LIMIT),
        }
    }
}

#[derive(Debug, Default)]
struct Slot {
    inbox: VecDeque<Message>,
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
        let slot = slots
            .by_id
            .entry(Arc::clone(&message.instance))
            .or_default();
        slot.inbox.push_back(message);
        !std::mem::replace(&mut slot.running, true)
    }

    /// Takes an entity that nobody works on; whether there was nobody.
    #[must_use]
    pub(crate) fn claim(&self, id: &Arc<str>) -> bool {
        let mut slots = lock(&self.slots);
        let slot = slots.by_id.entry(Arc::clone(id)).or_default();
        !std::mem::replace(&mut slot.running, true)
    }

    /// Ends the work on an entity without having done it: the messages come again with the next.
    pub(super) fn leave(&self, id: &str, messages: Vec<Message>) {
        let mut slots = lock(&self.slots);
        let slot = slots.by_id.entry(id.into()).or_default();
        for message in messages.into_iter().rev() {
            slot.inbox.push_front(message);
        }
        slot.running = false;
    }

    /// The cached entity, for whoever begins to work on it.
    pub(super) fn begin(&self, id: &str) -> Option<Loaded> {
        lock(&self.slots).idle.take(id)
    }

    /// Up to so many messages that have come. Nothing when there are none and no other work is left:
    /// then the work on the entity is over.
    pub(super) fn next(
        &self,
        id: &Arc<str>,
        limit: usize,
        more: bool,
        entity: &mut Option<Loaded>,
    ) -> Option<Vec<Message>> {
        let mut guard = lock(&self.slots);
        let slots = &mut *guard;
        let slot = slots.by_id.get_mut(id)?;
        if more || !slot.inbox.is_empty() {
            let count = slot.inbox.len().min(limit);
            return Some(slot.inbox.drain(..count).collect());
        }
        slots.by_id.remove(id);
        if let Some(loaded) = entity.take() {
            let size = loaded.size;
            slots.idle.keep(id, loaded, size);
        }
        None
    }
}
