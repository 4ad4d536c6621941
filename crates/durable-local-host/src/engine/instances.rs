//! The instances in memory: their inboxes, and who is at work on them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::state::InstanceState;
use crate::store::Message;
use crate::sync::lock;

/// Histories of idle instances are kept in memory up to this many bytes.
const CACHE_LIMIT: usize = 64 * 1024 * 1024;

/// The instances that something is known of.
#[derive(Debug, Default)]
pub(super) struct Instances {
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    by_id: HashMap<Arc<str>, Slot>,
    cached: usize,
}

#[derive(Debug, Default)]
struct Slot {
    /// Messages that came since the last turn.
    inbox: Vec<Message>,
    /// Messages that wait for the instance to start.
    held: Vec<Message>,
    /// Number of the last message that has waited so.
    held_up_to: Option<i64>,
    /// An instance that was made since the last turn.
    fresh: Option<InstanceState>,
    /// The instance as the last turn left it.
    idle: Option<InstanceState>,
    /// Whether somebody works on it: there is one turn at a time.
    running: bool,
}

/// What there is to do for an instance.
#[derive(Debug)]
pub(super) struct Work {
    /// The messages.
    pub(super) messages: Vec<Message>,
    /// The instance, when it was made anew since.
    pub(super) fresh: Option<InstanceState>,
}

impl Instances {
    /// Adds a message; whether somebody has to be set to work on the instance.
    #[must_use]
    pub(super) fn deliver(&self, message: Message, fresh: Option<InstanceState>) -> bool {
        let mut slots = lock(&self.slots);
        let slot = slots
            .by_id
            .entry(Arc::clone(&message.instance))
            .or_default();
        slot.inbox.push(message);
        if fresh.is_some() {
            slot.fresh = fresh;
        }
        !std::mem::replace(&mut slot.running, true)
    }

    /// The cached instance, for whoever begins to work on it.
    pub(super) fn begin(&self, id: &str) -> Option<InstanceState> {
        let mut slots = lock(&self.slots);
        let state = slots.by_id.get_mut(id)?.idle.take()?;
        slots.cached = slots.cached.saturating_sub(state.past.len());
        Some(state)
    }

    /// The messages that have come, or nothing: then the work on the instance is over.
    pub(super) fn next(&self, id: &str, state: &mut Option<InstanceState>) -> Option<Work> {
        let mut guard = lock(&self.slots);
        let slots = &mut *guard;
        let slot = slots.by_id.get_mut(id)?;
        if !slot.inbox.is_empty() {
            let mut messages = std::mem::take(&mut slot.held);
            messages.append(&mut slot.inbox);
            return Some(Work {
                messages,
                fresh: slot.fresh.take(),
            });
        }
        slot.running = false;
        let done = state.take();
        let room = done.as_ref().is_some_and(|state| {
            !state.record.has_ended() && slots.cached + state.past.len() <= CACHE_LIMIT
        });
        if room {
            slots.cached += done.as_ref().map_or(0, |state| state.past.len());
            slot.idle = done;
        } else if slot.held.is_empty() {
            slots.by_id.remove(id);
        }
        None
    }

    /// The messages that have come, if any; the work on the instance goes on in any case.
    pub(super) fn more(&self, id: &str) -> Work {
        let mut slots = lock(&self.slots);
        let slot = slots.by_id.entry(id.into()).or_default();
        Work {
            messages: std::mem::take(&mut slot.inbox),
            fresh: slot.fresh.take(),
        }
    }

    /// Keeps messages until the instance is started; number of the last one that was kept before.
    pub(super) fn hold(&self, id: &str, messages: Vec<Message>) -> i64 {
        let mut slots = lock(&self.slots);
        let Some(slot) = slots.by_id.get_mut(id) else {
            return i64::MIN;
        };
        let last = messages.iter().map(|message| message.seq).max();
        slot.held.extend(messages);
        let before = slot.held_up_to;
        slot.held_up_to = last.max(before);
        before.unwrap_or(i64::MIN)
    }

    /// Forgets an instance that is no more.
    pub(super) fn forget(&self, id: &str) {
        let mut slots = lock(&self.slots);
        if slots.by_id.get(id).is_some_and(|slot| !slot.running) {
            slots.by_id.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::HistoryEvent;

    use super::*;
    use crate::store::Encoded;

    fn message(seq: i64) -> Message {
        let content = Encoded {
            event: HistoryEvent::default(),
            reason: None,
        };
        Message {
            seq,
            instance: "a".into(),
            execution: None,
            content,
            due: None,
        }
    }

    #[test]
    fn one_worker_at_a_time_gets_everything_that_came() {
        let instances = Instances::default();
        assert!(instances.deliver(message(1), None));
        assert!(!instances.deliver(message(2), None));
        let seqs = |work: Option<Work>| {
            work.map(|work| {
                work.messages
                    .iter()
                    .map(|message| message.seq)
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(seqs(instances.next("a", &mut None)), Some(vec![1, 2]));
        instances.hold("a", vec![message(2)]);
        assert!(!instances.deliver(message(3), None));
        assert_eq!(seqs(instances.next("a", &mut None)), Some(vec![2, 3]));
        assert_eq!(seqs(instances.next("a", &mut None)), None);
        assert!(instances.deliver(message(4), None));
    }
}
