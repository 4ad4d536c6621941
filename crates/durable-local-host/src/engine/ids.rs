//! What makes things unique and puts them in order.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::time::{Clock, Ticks};

/// Numbers and times for messages and events.
#[derive(Debug)]
pub(crate) struct Ids {
    clock: Clock,
    seq: AtomicI64,
}

impl Ids {
    /// Goes on after what a state already holds.
    pub(crate) fn after(last_seq: i64, last_time: Option<Ticks>) -> Self {
        let clock = Clock::new();
        if let Some(time) = last_time {
            clock.observe(time);
        }
        Self {
            clock,
            seq: AtomicI64::new(last_seq),
        }
    }

    /// A time later than any before.
    pub(crate) fn time(&self) -> Ticks {
        self.clock.next()
    }

    /// Takes note of a time that came from elsewhere.
    pub(crate) fn observe(&self, time: Ticks) {
        self.clock.observe(time);
    }

    /// A number higher than any before.
    pub(crate) fn seq(&self) -> i64 {
        self.seq.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// An execution id of an instance that a client starts.
    pub(crate) fn client_execution() -> String {
        uuid::Uuid::new_v4().to_string()
    }

    /// An execution id of all other executions, and an instance id when none is given.
    pub(crate) fn bare_guid() -> String {
        uuid::Uuid::new_v4().simple().to_string()
    }
}
