//! The instances in memory: their inboxes, and who is at work on them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::idle::Idle;
use super::state::InstanceState;
use crate::store::Message;
use crate::sync::lock;

/// Idle instances are kept in memory up to this many bytes.
const CACHE_LIMIT: usize = 64 * 1024 * 1024;

/// The instances that something is known of.
#[derive(Debug, Default)]
pub(super) struct Instances {
    slots: Mutex<Slots>,
}

#[derive(Debug)]
struct Slots {
    by_id: HashMap<Arc<str>, Slot>,
    /// The instances as their last turns left them.
    idle: Idle<InstanceState>,
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
    /// Messages that came since the last turn.
    inbox: Vec<Message>,
    /// Messages that wait for the instance to start.
    held: Vec<Message>,
    /// Number of the last message that has waited so.
    held_up_to: Option<i64>,
    /// An instance that was made since the last turn.
    fresh: Option<InstanceState>,
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

    /// Has whoever works on an instance go on with what it has become in the store. Others read it
    /// from there.
    pub(super) fn renew(&self, id: &str, state: InstanceState) {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.by_id.get_mut(id).filter(|slot| slot.running) {
            slot.fresh = Some(state);
        }
    }

    /// The cached instance, for whoever begins to work on it.
    pub(super) fn begin(&self, id: &str) -> Option<InstanceState> {
        lock(&self.slots).idle.take(id)
    }

    /// The messages that have come, or nothing: then the work on the instance is over.
    pub(super) fn next(&self, id: &Arc<str>, state: &mut Option<InstanceState>) -> Option<Work> {
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
        if slot.held.is_empty() {
            slots.by_id.remove(id);
        }
        if let Some(state) = state.take().filter(|state| !state.record.has_ended()) {
            let size = state.size();
            slots.idle.keep(id, state, size);
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

    /// Ends the work on an instance without having done it: the messages come again with the next.
    pub(super) fn leave(&self, id: &str, messages: Vec<Message>) {
        let mut slots = lock(&self.slots);
        let slot = slots.by_id.entry(id.into()).or_default();
        slot.held.extend(messages);
        slot.held.append(&mut slot.inbox);
        slot.running = false;
    }

    /// Number of the last message that was kept until the instance is started, if there was one.
    pub(super) fn held_up_to(&self, id: &str) -> Option<i64> {
        lock(&self.slots).by_id.get(id)?.held_up_to
    }

    /// Keeps messages until the instance is started.
    pub(super) fn hold(&self, id: &str, messages: Vec<Message>) {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.by_id.get_mut(id) {
            let last = messages.iter().map(|message| message.seq).max();
            slot.held_up_to = last.max(slot.held_up_to);
            slot.held.extend(messages);
        }
    }
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::{HistoryEvent, OrchestrationStatus};

    use super::*;
    use crate::store::{HistoryEntry, InstanceRecord};

    fn message(seq: i64) -> Message {
        let content = HistoryEntry {
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

    fn state(status: OrchestrationStatus) -> InstanceState {
        InstanceState::fresh(InstanceRecord {
            status,
            ..InstanceRecord::running("a")
        })
    }

    #[test]
    fn who_works_on_a_rewound_instance_learns_of_it() {
        let instances = Instances::default();
        instances.renew("a", state(OrchestrationStatus::Pending));
        assert!(lock(&instances.slots).by_id.is_empty(), "the store has it");
        assert!(instances.deliver(message(1), None));
        let mut failed = Some(state(OrchestrationStatus::Failed));
        let work = instances.next(&"a".into(), &mut failed).unwrap();
        assert!(work.fresh.is_none());
        instances.renew("a", state(OrchestrationStatus::Pending));
        assert!(!instances.deliver(message(2), None));
        let fresh = instances.next(&"a".into(), &mut failed).unwrap().fresh;
        assert_eq!(fresh.unwrap().record.status, OrchestrationStatus::Pending);
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
        assert_eq!(
            seqs(instances.next(&"a".into(), &mut None)),
            Some(vec![1, 2])
        );
        instances.hold("a", vec![message(2)]);
        assert!(!instances.deliver(message(3), None));
        assert_eq!(
            seqs(instances.next(&"a".into(), &mut None)),
            Some(vec![2, 3])
        );
        assert_eq!(seqs(instances.next(&"a".into(), &mut None)), None);
        assert!(instances.deliver(message(4), None));
        let Some(work) = instances.next(&"a".into(), &mut None) else {
            panic!("there is a message")
        };
        assert!(!instances.deliver(message(5), None));
        instances.leave("a", work.messages);
        assert!(instances.deliver(message(6), None), "nobody works on it");
        assert_eq!(
            seqs(instances.next(&"a".into(), &mut None)),
            Some(vec![4, 5, 6])
        );
    }
}
