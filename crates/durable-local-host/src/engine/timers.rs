//! Messages that are not due yet.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;

use crate::store::Message;
use crate::sync::lock;
use crate::time::Ticks;

/// Longest sleep: sleeping goes by a clock that stands still while the machine is suspended, due
/// times by one that does not.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Waits for due times.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: Mutex<BinaryHeap<Reverse<Entry>>>,
    earlier: Notify,
}

#[derive(Debug)]
struct Entry {
    due: Ticks,
    message: Message,
}

impl Timers {
    /// Keeps a message until it is due.
    pub(crate) fn push(&self, due: Ticks, message: Message) {
        let mut heap = lock(&self.heap);
        let first = heap.peek().is_none_or(|Reverse(next)| due < next.due);
        heap.push(Reverse(Entry { due, message }));
        drop(heap);
        if first {
            self.earlier.notify_one();
        }
    }

    /// The messages that have become due; waits until there are any.
    pub(crate) async fn due(&self) -> Vec<Message> {
        loop {
            let earlier = self.earlier.notified();
            let (due, next) = self.take_due(Ticks::now());
            if !due.is_empty() {
                return due;
            }
            match next {
                Some(next) => {
                    let pause = next.since(Ticks::now()).min(LONGEST_SLEEP);
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = earlier => {}
                    }
                }
                None => earlier.await,
            }
        }
    }

    fn take_due(&self, now: Ticks) -> (Vec<Message>, Option<Ticks>) {
        let mut heap = lock(&self.heap);
        let mut due = Vec::new();
        while heap.peek().is_some_and(|Reverse(entry)| entry.due <= now) {
            due.extend(heap.pop().map(|Reverse(entry)| entry.message));
        }
        let next = heap.peek().map(|Reverse(entry)| entry.due);
        (due, next)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.message.seq).cmp(&(other.due, other.message.seq))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

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

    fn after(milliseconds: i64) -> Ticks {
        Ticks(Ticks::now().0 + milliseconds * 10_000)
    }

    #[tokio::test]
    async fn messages_come_when_they_are_due_and_in_order() {
        let timers = Timers::default();
        timers.push(after(3_600_000), message(1));
        timers.push(after(-5), message(3));
        timers.push(after(-10), message(2));
        let seqs: Vec<i64> = timers
            .due()
            .await
            .iter()
            .map(|message| message.seq)
            .collect();
        assert_eq!(seqs, [2, 3]);
    }

    #[tokio::test]
    async fn an_earlier_one_wakes_who_waits_for_a_later_one() {
        let timers = std::sync::Arc::new(Timers::default());
        timers.push(after(3_600_000), message(1));
        let waiting = tokio::spawn({
            let timers = std::sync::Arc::clone(&timers);
            async move { timers.due().await }
        });
        tokio::task::yield_now().await;
        let due = after(30);
        timers.push(due, message(2));
        assert_eq!(waiting.await.unwrap()[0].seq, 2);
        assert!(Ticks::now() >= due);
    }
}
