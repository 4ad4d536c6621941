//! What makes things unique and puts them in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Clock;
use crate::time::Ticks;

/// By so much a time may be ahead of the clock because others were given out before: one tick each.
/// When it is ahead by more, the clock was moved.
const AHEAD: i64 = 10_000_000;

/// Numbers and times for messages and events.
#[derive(Debug)]
pub(crate) struct Ids {
    clock: Arc<Clock>,
    last_time: AtomicI64,
    /// Whether times advance even when the clock was moved.
    always_later: bool,
    seq: Arc<AtomicI64>,
}

impl Ids {
    /// Goes on after what a state already holds.
    pub(crate) fn after(clock: Arc<Clock>, last_seq: i64) -> Self {
        Self {
            clock,
            last_time: AtomicI64::new(i64::MIN),
            always_later: false,
            seq: Arc::new(AtomicI64::new(last_seq)),
        }
    }

    /// The same numbers, with the times of an instance whose history goes up to a time. Replay
    /// takes the time of a turn from the history, so it has to advance, whatever the clock does;
    /// what the history of one instance shows says nothing about the others.
    pub(super) fn of_instance(&self, latest: Ticks) -> Self {
        Self {
            clock: Arc::clone(&self.clock),
            last_time: AtomicI64::new(latest.0),
            always_later: true,
            seq: Arc::clone(&self.seq),
        }
    }

    /// The clock's time, or one tick after the last one given out.
    pub(crate) fn time(&self) -> Ticks {
        let now = self.clock.now().0;
        let later = |last: i64| {
            if self.always_later || last.saturating_sub(now) < AHEAD {
                now.max(last.saturating_add(1))
            } else {
                now
            }
        };
        let update = |last: i64| Some(later(last));
        let given = match self
            .last_time
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, update)
        {
            Ok(last) | Err(last) => Ticks(later(last)),
        };
        if given.0.saturating_sub(now) < AHEAD {
            self.clock.observe(given);
        }
        given
    }

    /// What the clock shows.
    pub(crate) fn now(&self) -> Ticks {
        self.clock.now()
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
        let ids = Ids::after(Arc::clone(&clock), 0);
        let start = clock.now();
        assert_eq!((ids.time(), ids.time()), (start, start.plus(1)));
        assert_eq!(clock.now(), start.plus(1));
    }

    #[test]
    fn an_instance_ahead_of_the_clock_goes_on_alone() {
        let clock = Clock::manual();
        let ids = Ids::after(Arc::clone(&clock), 7);
        let start = clock.now();
        let far = start.plus(1_000_000_000);
        let ahead = ids.of_instance(far);
        assert_eq!((ahead.time(), ahead.time()), (far.plus(1), far.plus(2)));
        assert_eq!((ids.time(), clock.now()), (start, start));
        assert_eq!((ahead.seq(), ids.seq()), (8, 9));
        let behind = ids.of_instance(Ticks(0));
        assert_eq!((behind.time(), behind.time()), (start, start.plus(1)));
    }

    #[test]
    fn a_clock_that_is_put_back_is_followed() {
        let ids = Ids::after(Clock::system(), 0);
        let far = Ticks::of_system().plus(36_000_000_000);
        ids.last_time.store(far.0, Ordering::Relaxed);
        assert!(ids.time() < far);
    }
}
