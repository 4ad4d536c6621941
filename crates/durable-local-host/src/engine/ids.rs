//! What makes things unique and puts them in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Clock;
use crate::time::Ticks;

/// Numbers and times for messages and events.
#[derive(Debug)]
pub(crate) struct Ids {
    clock: Arc<Clock>,
    last_time: AtomicI64,
    seq: AtomicI64,
}

impl Ids {
    /// Goes on after what a state already holds.
    pub(crate) fn after(clock: Arc<Clock>, last_seq: i64, last_time: Option<Ticks>) -> Self {
        Self {
            clock,
            last_time: AtomicI64::new(last_time.map_or(i64::MIN, |time| time.0)),
            seq: AtomicI64::new(last_seq),
        }
    }

    /// The clock's time, or one tick after the last one given out: replay takes the time of a
    /// turn from the history, so it has to advance, whatever the clock does.
    pub(crate) fn time(&self) -> Ticks {
        let now = self.clock.now().0;
        let later = |last: i64| now.max(last.saturating_add(1));
        let update = |last: i64| Some(later(last));
        let given = match self
            .last_time
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, update)
        {
            Ok(last) | Err(last) => Ticks(later(last)),
        };
        self.clock.observe(given);
        given
    }

    /// What the clock shows.
    pub(crate) fn now(&self) -> Ticks {
        self.clock.now()
    }

    /// Takes note of a time that a history already shows.
    pub(crate) fn observe(&self, time: Ticks) {
        self.last_time.fetch_max(time.0, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_advance_with_every_look() {
        let clock = Clock::manual();
        let ids = Ids::after(Arc::clone(&clock), 0, None);
        let start = clock.now();
        assert_eq!((ids.time(), ids.time()), (start, start.plus(1)));
        assert_eq!(clock.now(), start.plus(1));
        let far = clock.now().plus(1_000_000_000);
        ids.observe(far);
        assert_eq!(ids.time(), far.plus(1));
    }
}
