//! The host's clock: the system's, or one that is moved by hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use crate::sync::lock;
use crate::time::Ticks;

/// Longest sleep: sleeping goes by a clock that stands still while the machine is suspended, due
/// times by one that does not.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// What time it is, and whether anything is at work: a clock that is moved by hand waits for the
/// work that a time brings before it goes on to the next.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    manual: Option<Manual>,
    at_work: AtomicUsize,
    idle: Notify,
}

#[derive(Debug)]
struct Manual {
    now: AtomicI64,
    sleepers: Mutex<BTreeMap<(Ticks, u64), oneshot::Sender<AtWork>>>,
    numbers: AtomicU64,
    /// One moves it at a time.
    moving: tokio::sync::Mutex<()>,
}

/// Somebody is at work for as long as this is there.
#[derive(Debug)]
pub(crate) struct AtWork(Arc<Clock>);

/// Somebody at work waits for something that need not come.
#[derive(Debug)]
pub(crate) struct Paused<'a>(&'a Clock);

impl Clock {
    /// The system's clock.
    pub(crate) fn system() -> Arc<Self> {
        Arc::default()
    }

    /// A clock that stands until it is moved; it begins with the system's time.
    pub(crate) fn manual() -> Arc<Self> {
        Arc::new(Self {
            manual: Some(Manual {
                now: AtomicI64::new(Ticks::of_system().0),
                sleepers: Mutex::default(),
                numbers: AtomicU64::new(0),
                moving: tokio::sync::Mutex::default(),
            }),
            ..Self::default()
        })
    }

    /// Whether it is moved by hand.
    pub(crate) fn is_manual(&self) -> bool {
        self.manual.is_some()
    }

    /// What it shows.
    pub(crate) fn now(&self) -> Ticks {
        match &self.manual {
            Some(manual) => Ticks(manual.now.load(Ordering::Acquire)),
            None => Ticks::of_system(),
        }
    }

    /// Takes note of a time that was given out: a clock that stands is never behind it, so that
    /// what is due an hour after an event is due when the clock was moved by an hour.
    pub(crate) fn observe(&self, given: Ticks) {
        if let Some(manual) = &self.manual {
            manual.now.fetch_max(given.0, Ordering::AcqRel);
        }
    }

    /// Somebody begins to work.
    pub(crate) fn at_work(self: &Arc<Self>) -> AtWork {
        self.at_work.fetch_add(1, Ordering::AcqRel);
        AtWork(Arc::clone(self))
    }

    /// Whoever calls it is at work, and waits for something that time does not wait for.
    pub(crate) fn pause(&self) -> Paused<'_> {
        self.leave();
        Paused(self)
    }

    fn leave(&self) {
        if self.at_work.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle.notify_waiters();
        }
    }

    /// Waits until nobody is at work.
    async fn until_idle(&self) {
        loop {
            let mut idle = std::pin::pin!(self.idle.notified());
            idle.as_mut().enable();
            if self.at_work.load(Ordering::Acquire) == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Rests from work until a time, and is at work then.
    pub(crate) async fn sleep_until(self: &Arc<Self>, due: Ticks, work: AtWork) -> AtWork {
        let Some(manual) = &self.manual else {
            drop(work);
            loop {
                let now = self.now();
                if due <= now {
                    return self.at_work();
                }
                tokio::time::sleep(due.since(now).min(LONGEST_SLEEP)).await;
            }
        };
        let (sender, wake) = oneshot::channel();
        {
            let mut sleepers = lock(&manual.sleepers);
            if due <= self.now() {
                return work;
            }
            let number = manual.numbers.fetch_add(1, Ordering::Relaxed);
            sleepers.insert((due, number), sender);
        }
        drop(work);
        wake.await.unwrap_or_else(|_| self.at_work())
    }

    /// Moves it to a time, from one due time to the next, and waits each time until what was due
    /// is done. `first` is when other things are due, `fire` does those that are. False when the
    /// clock can't be moved.
    pub(crate) async fn advance(
        self: &Arc<Self>,
        by: Duration,
        first: impl Fn() -> Option<Ticks>,
        fire: impl Fn(),
    ) -> bool {
        let Some(manual) = &self.manual else {
            return false;
        };
        let _moving = manual.moving.lock().await;
        let target = self
            .now()
            .plus(i64::try_from(by.as_nanos() / 100).unwrap_or(i64::MAX));
        loop {
            self.until_idle().await;
            let asleep = lock(&manual.sleepers)
                .first_key_value()
                .map(|((due, _), _)| *due);
            let next = first().into_iter().chain(asleep).min();
            let Some(next) = next.filter(|next| *next <= target) else {
                break;
            };
            manual.now.fetch_max(next.0, Ordering::AcqRel);
            fire();
            self.wake(manual);
        }
        manual.now.fetch_max(target.0, Ordering::AcqRel);
        true
    }

    fn wake(self: &Arc<Self>, manual: &Manual) {
        let now = self.now();
        let mut sleepers = lock(&manual.sleepers);
        while sleepers
            .first_key_value()
            .is_some_and(|((due, _), _)| *due <= now)
        {
            if let Some((_, sleeper)) = sleepers.pop_first() {
                // One that sleeps no more has no use for it.
                drop(sleeper.send(self.at_work()));
            }
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.at_work.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn it_goes_from_one_due_time_to_the_next() {
        let clock = Clock::manual();
        let start = clock.now();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for hours in [30, 10, 25] {
            let (clock, seen) = (Arc::clone(&clock), Arc::clone(&seen));
            let mut work = clock.at_work();
            tasks.push(tokio::spawn(async move {
                for again in 1..=2 {
                    let due = start.plus(again * hours * 36_000_000_000);
                    work = clock.sleep_until(due, work).await;
                    tokio::task::yield_now().await;
                    seen.lock().unwrap().push((hours, clock.now()));
                }
            }));
        }
        assert!(clock.advance(HOUR * 35, || None, || ()).await);
        assert_eq!(clock.now(), start.plus(35 * 36_000_000_000));
        let hours: Vec<_> = seen
            .lock()
            .unwrap()
            .iter()
            .map(|(hours, at)| (*hours, at.since(start).as_secs() / 3600))
            .collect();
        assert_eq!(hours, [(10, 10), (10, 20), (25, 25), (30, 30)]);
        assert!(clock.advance(HOUR * 25, || None, || ()).await);
        for task in tasks {
            task.await.unwrap();
        }
    }

    #[tokio::test]
    async fn the_systems_clock_cannot_be_moved() {
        assert!(!Clock::system().advance(HOUR, || None, || ()).await);
    }

    #[tokio::test]
    async fn who_waits_for_what_need_not_come_keeps_nobody_waiting() {
        let clock = Clock::manual();
        let work = clock.at_work();
        let paused = clock.pause();
        assert!(clock.advance(HOUR, || None, || ()).await);
        drop((paused, work));
        assert!(clock.advance(HOUR, || None, || ()).await);
    }
}
