//! How many instances started and ended in each of the last seconds.
//!
//! Counted as they are committed: to read it from the instances would mean to look at all that
//! the last minute brought, many times a minute.

use std::sync::Mutex;

use super::records::{Commit, Created, InstanceRecord};
use crate::sync::lock;
use crate::time::Ticks;

/// Seconds that are shown.
pub(crate) const RATE_SECONDS: i64 = 60;

/// A few more than are shown, so that times that arrive out of order still find their place.
const SLOTS: usize = 64;
const TICKS_OF_SECOND: i64 = 10_000_000;

/// Counters of the last minute.
#[derive(Debug)]
pub(super) struct Rates(Mutex<[Slot; SLOTS]>);

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    second: i64,
    started: i64,
    ended: i64,
}

/// Numbers of the last seconds: age in seconds and how many, the youngest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecentRates {
    /// How many were started.
    pub(crate) started: Vec<(i64, i64)>,
    /// How many ended.
    pub(crate) ended: Vec<(i64, i64)>,
}

impl Default for Rates {
    fn default() -> Self {
        Self(Mutex::new([Slot::default(); SLOTS]))
    }
}

impl Rates {
    /// Takes note of what a commit has started and ended; entities do not count.
    pub(super) fn count(&self, commit: &Commit) {
        let started = commit.instances.iter().zip(&commit.created);
        for (new, created) in started {
            if !matches!(created, Created::Exists(_)) {
                self.at(&new.record, new.record.created, |slot| slot.started += 1);
            }
        }
        if let Some(change) = &commit.change
            && change.record.has_ended()
        {
            self.at(&change.record, change.record.updated, |slot| {
                slot.ended += 1;
            });
        }
    }

    fn at(&self, record: &InstanceRecord, time: Ticks, count: impl FnOnce(&mut Slot)) {
        if record.id.starts_with('@') {
            return;
        }
        let second = second_of(time);
        let mut slots = lock(&self.0);
        let slot = usize::try_from(second.rem_euclid(SLOTS as i64))
            .ok()
            .and_then(|place| slots.get_mut(place));
        let Some(slot) = slot else { return };
        if slot.second < second {
            *slot = Slot {
                second,
                ..Slot::default()
            };
        }
        if slot.second == second {
            count(slot);
        }
    }

    /// The numbers as they are at that time.
    pub(super) fn recent(&self, now: Ticks) -> RecentRates {
        let now = second_of(now);
        let mut slots = *lock(&self.0);
        slots.sort_unstable_by_key(|slot| -slot.second);
        let within = slots
            .iter()
            .map(|slot| (now - slot.second, slot))
            .filter(|(age, _)| (0..RATE_SECONDS).contains(age));
        let mut rates = RecentRates::default();
        for (age, slot) in within {
            if slot.started > 0 {
                rates.started.push((age, slot.started));
            }
            if slot.ended > 0 {
                rates.ended.push((age, slot.ended));
            }
        }
        rates
    }
}

fn second_of(time: Ticks) -> i64 {
    time.0.div_euclid(TICKS_OF_SECOND)
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::OrchestrationStatus;

    use super::super::records::{HistoryChunk, InstanceChange};
    use super::super::tests::new_instance;
    use super::super::{NewInstance, Reuse};
    use super::*;

    const NOW: i64 = 1_000_000 * TICKS_OF_SECOND + 5;

    fn started(id: &str, seconds_ago: i64) -> (NewInstance, Created) {
        let mut new = new_instance(id, 1, Reuse::New);
        new.record.created = Ticks(NOW - seconds_ago * TICKS_OF_SECOND);
        (new, Created::Yes)
    }

    fn commit(instances: Vec<(NewInstance, Created)>) -> Commit {
        let (instances, created) = instances.into_iter().unzip();
        Commit {
            instances,
            created,
            ..Commit::default()
        }
    }

    fn ended(id: &str, seconds_ago: i64) -> Commit {
        let mut record = new_instance(id, 1, Reuse::New).record;
        record.status = OrchestrationStatus::Failed;
        record.updated = Ticks(NOW - seconds_ago * TICKS_OF_SECOND);
        Commit {
            change: Some(InstanceChange {
                record,
                turn: 0,
                chunk: HistoryChunk::default(),
                replace: false,
            }),
            ..Commit::default()
        }
    }

    #[test]
    fn seconds_of_the_last_minute_are_told_apart() {
        let rates = Rates::default();
        let mut refused = started("refused", 3);
        refused.1 = Created::Exists(OrchestrationStatus::Running);
        rates.count(&commit(vec![
            started("a", 3),
            started("b", 3),
            refused,
            started("@e@k", 3),
            started("old", 61),
        ]));
        rates.count(&commit(vec![started("late", 59), started("new", 0)]));
        rates.count(&ended("a", 2));
        rates.count(&ended("@e@k", 2));
        let recent = rates.recent(Ticks(NOW));
        assert_eq!(recent.started, [(0, 1), (3, 2), (59, 1)]);
        assert_eq!(recent.ended, [(2, 1)]);
        let later = rates.recent(Ticks(NOW + 10 * TICKS_OF_SECOND));
        assert_eq!(later.started, [(10, 1), (13, 2)]);
    }

    #[test]
    fn what_comes_a_minute_late_is_not_counted_as_now() {
        let rates = Rates::default();
        rates.count(&commit(vec![started("now", 0)]));
        rates.count(&commit(vec![started("late", SLOTS as i64)]));
        assert_eq!(rates.recent(Ticks(NOW)).started, [(0, 1)]);
    }
}
