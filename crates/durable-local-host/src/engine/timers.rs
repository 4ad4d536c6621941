//! Messages that are not due yet.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::store::Message;
use crate::sync::lock;
use crate::time::Ticks;

/// Waits for due times.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    waiting: Mutex<Waiting>,
    earlier: Notify,
}

/// When a message is due; its number tells those of the same time apart.
type Place = (Ticks, i64);

#[derive(Debug, Default)]
struct Waiting {
    messages: BTreeMap<Place, Message>,
    of_instance: HashMap<Arc<str>, BTreeSet<Place>>,
}

impl Waiting {
    fn first(&self) -> Option<Ticks> {
        self.messages.first_key_value().map(|((due, _), _)| *due)
    }

    fn pop_first(&mut self) -> Option<Message> {
        let (place, message) = self.messages.pop_first()?;
        if let Entry::Occupied(mut places) = self.of_instance.entry(Arc::clone(&message.instance)) {
            places.get_mut().remove(&place);
            if places.get().is_empty() {
                places.remove();
            }
        }
        Some(message)
    }
}

impl Timers {
    /// Keeps a message until it is due.
    pub(crate) fn push(&self, due: Ticks, message: Message) {
        let mut waiting = lock(&self.waiting);
        let first = waiting.first().is_none_or(|next| due < next);
        let place = (due, message.seq);
        let instance = Arc::clone(&message.instance);
        waiting
            .of_instance
            .entry(instance)
            .or_default()
            .insert(place);
        waiting.messages.insert(place, message);
        drop(waiting);
        if first {
            self.earlier.notify_one();
        }
    }

    /// Drops what waits for an execution of an instance. The next one may have begun to wait
    /// already.
    pub(crate) fn forget(&self, instance: &str, execution: &str) {
        let mut guard = lock(&self.waiting);
        let waiting = &mut *guard;
        let Some(places) = waiting.of_instance.get_mut(instance) else {
            return;
        };
        places.retain(|place| {
            let message = waiting.messages.get(place);
            let is_of_it =
                message.is_none_or(|message| message.execution.as_deref() == Some(execution));
            if is_of_it {
                waiting.messages.remove(place);
            }
            !is_of_it
        });
        if places.is_empty() {
            waiting.of_instance.remove(instance);
        }
    }

    /// When the first message is due.
    pub(crate) fn first(&self) -> Option<Ticks> {
        lock(&self.waiting).first()
    }

    /// The messages that have become due; waits until there are any.
    pub(crate) async fn due(&self, clock: &Arc<Clock>) -> Vec<Message> {
        loop {
            let earlier = self.earlier.notified();
            let due = self.take_due(clock.now());
            if !due.is_empty() {
                return due;
            }
            match self.first() {
                Some(next) => {
                    tokio::select! {
                        _ = clock.sleep_until(next, clock.at_work()) => {}
                        () = earlier => {}
                    }
                }
                None => earlier.await,
            }
        }
    }

    /// The messages that are due at that time.
    pub(crate) fn take_due(&self, now: Ticks) -> Vec<Message> {
        let mut waiting = lock(&self.waiting);
        let mut due = Vec::new();
        while waiting.first().is_some_and(|first| first <= now) {
            due.extend(waiting.pop_first());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::HistoryEvent;

    use super::*;
    use crate::store::HistoryEntry;

    fn message(seq: i64) -> Message {
        let content = HistoryEntry {
            event: HistoryEvent::default(),
            reason: None,
        };
        Message {
            seq,
            instance: "a".into(),
            execution: Some("e".into()),
            content,
            due: None,
        }
    }

    fn after(milliseconds: i64) -> Ticks {
        Ticks::of_system().plus(milliseconds * 10_000)
    }

    #[tokio::test]
    async fn messages_come_when_they_are_due_and_in_order() {
        let timers = Timers::default();
        timers.push(after(3_600_000), message(1));
        timers.push(after(-5), message(3));
        timers.push(after(-10), message(2));
        let seqs: Vec<i64> = timers
            .due(&Clock::system())
            .await
            .iter()
            .map(|message| message.seq)
            .collect();
        assert_eq!(seqs, [2, 3]);
    }

    #[tokio::test]
    async fn nothing_is_kept_of_what_was_due_or_forgotten() {
        let timers = Timers::default();
        for seq in 0..3 {
            timers.push(after(-1), message(seq));
            timers.push(after(3_600_000), message(10 + seq));
        }
        assert_eq!(timers.due(&Clock::system()).await.len(), 3);
        assert_eq!(lock(&timers.waiting).messages.len(), 3);
        // An execution that is to begin later comes after one that is over.
        let next = Message {
            execution: Some("f".into()),
            ..message(20)
        };
        timers.push(after(3_600_000), next);
        timers.forget("b", "e");
        timers.forget("a", "e");
        let left = |timers: &Timers| -> Vec<i64> {
            let waiting = lock(&timers.waiting);
            waiting
                .messages
                .values()
                .map(|message| message.seq)
                .collect()
        };
        assert_eq!(left(&timers), [20]);
        timers.forget("a", "e");
        timers.forget("a", "f");
        let waiting = lock(&timers.waiting);
        assert!(waiting.messages.is_empty() && waiting.of_instance.is_empty());
    }

    #[tokio::test]
    async fn an_earlier_one_wakes_who_waits_for_a_later_one() {
        let timers = Arc::new(Timers::default());
        timers.push(after(3_600_000), message(1));
        let waiting = tokio::spawn({
            let timers = Arc::clone(&timers);
            async move { timers.due(&Clock::system()).await }
        });
        tokio::task::yield_now().await;
        let due = after(30);
        timers.push(due, message(2));
        assert_eq!(waiting.await.unwrap()[0].seq, 2);
        assert!(Ticks::of_system() >= due);
    }
}
