//! External events: those that nobody waited for yet, and those who wait for one.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::task::{Context, Waker};

use super::waking::{Wakee, Waking};

/// An event that was raised: where its payload lies in the request, and its place in the history.
#[derive(Clone, Debug)]
pub(crate) struct Raised {
    pub(super) payload: Range<u32>,
    pub(super) position: usize,
}

enum Receipt {
    Waiting,
    Received(Raised),
    /// Taken out, or given up.
    Done,
}

struct Waiter {
    name: String,
    wakee: Wakee,
    receipt: Receipt,
}

#[derive(Default)]
struct Queue {
    raised: VecDeque<Raised>,
    waiters: VecDeque<usize>,
}

/// The events of an instance. Names compare without case; of several waiters for one name the
/// first comes first, and events wait in the order in which they were raised.
#[derive(Default)]
pub(super) struct Inbox {
    queues: HashMap<String, Queue>,
    waiters: Vec<Waiter>,
}

impl Inbox {
    /// Begins to wait. Gives the waiter's number.
    pub(super) fn wait(&mut self, name: &str) -> usize {
        let name = name.to_lowercase();
        let number = self.waiters.len();
        let queue = self.queues.entry(name.clone()).or_default();
        let receipt = match queue.raised.pop_front() {
            Some(raised) => Receipt::Received(raised),
            None => {
                queue.waiters.push_back(number);
                Receipt::Waiting
            }
        };
        self.waiters.push(Waiter {
            name,
            wakee: Wakee::Nobody,
            receipt,
        });
        number
    }

    /// Delivers an event, or keeps it.
    pub(super) fn raise(&mut self, name: &str, raised: Raised, waking: &Waking) -> Option<Waker> {
        let queue = self.queues.entry(name.to_lowercase()).or_default();
        match queue
            .waiters
            .pop_front()
            .and_then(|number| self.waiters.get_mut(number))
        {
            None => {
                queue.raised.push_back(raised);
                None
            }
            Some(waiter) => {
                waiter.receipt = Receipt::Received(raised);
                waking.take(&mut waiter.wakee)
            }
        }
    }

    /// The payload, taken out. While there is none, what was registered before, which is to be
    /// dropped where nothing is borrowed.
    pub(super) fn poll(
        &mut self,
        number: usize,
        cx: &Context<'_>,
        waking: &Waking,
    ) -> Result<Range<u32>, Wakee> {
        let Some(waiter) = self.waiters.get_mut(number) else {
            return Err(Wakee::Nobody);
        };
        match std::mem::replace(&mut waiter.receipt, Receipt::Done) {
            Receipt::Received(raised) => Ok(raised.payload),
            Receipt::Done => Err(Wakee::Nobody),
            Receipt::Waiting => {
                waiter.receipt = Receipt::Waiting;
                Err(waking.register(&mut waiter.wakee, cx))
            }
        }
    }

    /// The waiter is gone: the next event is not for it, and one that it has not looked at goes to
    /// the next, which is to be woken. What was registered is given back, to be dropped where
    /// nothing is borrowed.
    pub(super) fn give_up(&mut self, number: usize, waking: &Waking) -> (Wakee, Option<Waker>) {
        let Some(waiter) = self.waiters.get_mut(number) else {
            return (Wakee::Nobody, None);
        };
        let forgotten = waking.forget(&mut waiter.wakee);
        let receipt = std::mem::replace(&mut waiter.receipt, Receipt::Done);
        let queue = self.queues.entry(waiter.name.clone()).or_default();
        let raised = match receipt {
            Receipt::Received(raised) => raised,
            Receipt::Waiting => {
                queue.waiters.retain(|waiting| *waiting != number);
                return (forgotten, None);
            }
            Receipt::Done => return (forgotten, None),
        };
        let next = queue.waiters.pop_front();
        match next.and_then(|next| self.waiters.get_mut(next)) {
            None => {
                queue.raised.push_front(raised);
                (forgotten, None)
            }
            Some(next) => {
                next.receipt = Receipt::Received(raised);
                (forgotten, waking.take(&mut next.wakee))
            }
        }
    }

    /// Names of the events that somebody waits for, in lower case.
    pub(super) fn awaited(&self) -> Vec<String> {
        let waiting = |waiter: &&Waiter| matches!(waiter.receipt, Receipt::Waiting);
        let waiters = self.waiters.iter().filter(waiting);
        waiters.map(|waiter| waiter.name.clone()).collect()
    }

    /// Places in the history of the events that nobody took, in the order of their arrival.
    pub(super) fn left_over(&self) -> Vec<usize> {
        let kept = self.queues.values().flat_map(|queue| &queue.raised);
        let unread = self
            .waiters
            .iter()
            .filter_map(|waiter| match &waiter.receipt {
                Receipt::Received(raised) => Some(raised),
                Receipt::Waiting | Receipt::Done => None,
            });
        let mut positions: Vec<_> = kept.chain(unread).map(|raised| raised.position).collect();
        positions.sort_unstable();
        positions
    }
}
