//! Which runs were missed, as the real host reckons it.

use jiff::tz::TimeZone;

use crate::schedule::Schedule;
use crate::store::TimerStatus;
use crate::time::Ticks;

/// The status of a function that has never run. Nothing if its schedule has no next time.
pub(super) fn initial(schedule: &Schedule, zone: &TimeZone, now: Ticks) -> Option<TimerStatus> {
    Some(TimerStatus {
        last: Ticks::UNSET,
        next: schedule.after(now, zone)?,
        updated: now,
    })
}

/// The status after a run at that time.
pub(super) fn after_run(schedule: &Schedule, zone: &TimeZone, run: Ticks) -> Option<TimerStatus> {
    Some(TimerStatus {
        last: run,
        next: schedule.after(run, zone)?,
        updated: run,
    })
}

/// The status that was written down, adapted when the schedule has changed since. A changed
/// schedule misses no run.
pub(super) fn adapt(
    stored: TimerStatus,
    schedule: &Schedule,
    zone: &TimeZone,
    now: Ticks,
) -> Option<TimerStatus> {
    let from = if stored.last == Ticks::UNSET {
        stored.updated
    } else {
        stored.last
    };
    let expected = schedule.after(from, zone)?;
    if stored.next == expected {
        return Some(stored);
    }
    let (next, updated) = if now > expected {
        (schedule.after(now, zone)?, now)
    } else {
        (expected, from)
    };
    Some(TimerStatus {
        last: Ticks::UNSET,
        next,
        updated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Ticks {
        Ticks::parse(&format!("2026-01-01T{text}Z")).unwrap()
    }

    fn hourly() -> Schedule {
        Schedule::parse("0 0 * * * *").unwrap()
    }

    #[test]
    fn a_new_function_waits_for_its_first_time() {
        let status = initial(&hourly(), &TimeZone::UTC, at("10:20:00")).unwrap();
        assert_eq!((status.last, status.next), (Ticks::UNSET, at("11:00:00")));
        let later = adapt(status, &hourly(), &TimeZone::UTC, at("12:10:00")).unwrap();
        assert_eq!(later, status);
        assert!(later.next < at("12:10:00"), "it is past due");
    }

    #[test]
    fn a_changed_schedule_is_never_past_due() {
        let status = after_run(&hourly(), &TimeZone::UTC, at("10:00:00")).unwrap();
        let daily = Schedule::parse("0 30 10 * * *").unwrap();
        let changed = |now| adapt(status, &daily, &TimeZone::UTC, now).unwrap();
        let soon = changed(at("10:20:00"));
        assert_eq!(
            (soon.last, soon.next, soon.updated),
            (Ticks::UNSET, at("10:30:00"), at("10:00:00"))
        );
        let missed = changed(at("10:40:00"));
        assert!(missed.next > at("10:40:00"));
    }
}
