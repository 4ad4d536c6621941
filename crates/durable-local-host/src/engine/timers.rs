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
