//! When a timer function is due.

use std::fmt;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ncrontab;
use crate::time::Ticks;

/// The schedule of a timer function.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Cron {
        cron: Box<Cron>,
        /// Whether every minute fits, so that only the second decides.
        every_minute: bool,
    },
    Interval(Duration),
}

impl Schedule {
    /// Reads an NCRONTAB expression, or a time span such as `00:05:00`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let kind = match time_span(text.trim()) {
            Some(Duration::ZERO) => {
                return Err(format!(
                    "schedule `{text}`: the time between two runs is zero"
                ));
            }
            Some(interval) => Kind::Interval(interval),
            None => {
                let normal = ncrontab::normalize(text)
                    .map_err(|fault| format!("schedule `{text}`: {fault}"))?;
                let parser = CronParser::builder()
                    .seconds(Seconds::Required)
                    .year(Year::Disallowed)
                    .dom_and_dow(true)
                    .build();
                let cron = parser
                    .parse(&normal)
                    .map_err(|fault| format!("schedule `{text}`: {fault}"))?;
                let every_minute = normal.split(' ').skip(1).all(|field| field == "*");
                Kind::Cron {
                    cron: Box::new(cron),
                    every_minute,
                }
            }
        };
        Ok(Self {
            text: text.to_owned(),
            kind,
        })
    }

    /// The first time after that one, by the clocks of a zone. Nothing if it never comes, as the
    /// 30th of February does not.
    pub(crate) fn after(&self, time: Ticks, zone: &TimeZone) -> Option<Ticks> {
        match &self.kind {
            Kind::Interval(interval) => {
                let ticks = i64::try_from(interval.as_nanos() / 100).ok()?;
                Some(time.plus(ticks))
            }
            Kind::Cron { cron, .. } => {
                let from = timestamp(time)?.to_zoned(zone.clone());
                let next = cron.find_next_occurrence(&from, false).ok()?;
                let ticks = i64::try_from(next.timestamp().as_nanosecond() / 100).ok()?;
                Some(Ticks(ticks))
            }
        }
    }

    /// Whether the clocks' changes are taken into account; the real host tells functions.
    pub(crate) fn adjusts_for_dst(&self) -> bool {
        matches!(self.kind, Kind::Cron { .. })
    }

    /// Whether it is due more than once a minute. The real host does not write down when such a
    /// timer ran, so that none of its runs is made up for.
    pub(crate) fn is_too_frequent_to_monitor(&self, now: Ticks) -> bool {
        match &self.kind {
            Kind::Interval(interval) => *interval < Duration::from_secs(60),
            Kind::Cron { every_minute, .. } => {
                let soon = |time| self.after(time, &TimeZone::UTC);
                let second = soon(now).and_then(soon);
                *every_minute
                    && second.is_some_and(|second| second.since(now) < Duration::from_secs(60))
            }
        }
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Schedule {}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The instant as the calendar library has it.
pub(crate) fn timestamp(time: Ticks) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(time.0) * 100).ok()
}

/// Reads `hh:mm`, `hh:mm:ss`, `d.hh:mm:ss` and `d`, with a fraction of a second, as .NET does.
fn time_span(text: &str) -> Option<Duration> {
    let digits = |text: &str| -> Option<u64> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse().ok())?
    };
    let day = Duration::from_secs(86_400);
    if let Some(days) = digits(text) {
        return day.checked_mul(u32::try_from(days).ok()?);
    }
    let (clock, fraction) = match text.rsplit_once(':')?.1.split_once('.') {
        Some((_, fraction)) => {
            let clock = text.get(..text.len() - fraction.len() - 1)?;
            (clock, format!("0.{fraction}").parse::<f64>().ok()?)
        }
        None => (text, 0.0),
    };
    let (days, clock) = match clock.split_once('.') {
        Some((days, clock)) => (digits(days)?, clock),
        None => (0, clock),
    };
    let mut parts = clock.split(':').map(digits);
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    day.checked_mul(u32::try_from(days).ok()?)?
        .checked_add(Duration::from_secs(hours * 3600 + minutes * 60 + seconds))?
        .checked_add(Duration::try_from_secs_f64(fraction).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(schedule).unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let mut time = Ticks::parse(from).unwrap();
        let mut times = Vec::new();
        for _ in 0..count {
            time = schedule.after(time, &zone).unwrap();
            times.push(time.iso());
        }
        times
    }

    #[test]
    fn the_next_times_follow_the_expression() {
        assert_eq!(
            next("0 */20 9 * * Mon-Fri", "UTC", "2026-11-27T09:20:00Z", 3),
            [
                "2026-11-27T09:40:00Z",
                "2026-11-30T09:00:00Z",
                "2026-11-30T09:20:00Z"
            ]
        );
        // A Friday the 13th: both day fields count.
        assert_eq!(
            next("0 0 0 13 * Fri", "UTC", "2026-01-01", 3),
            [
                "2026-02-13T00:00:00Z",
                "2026-03-13T00:00:00Z",
                "2026-11-13T00:00:00Z"
            ]
        );
        assert_eq!(
            next("00:00:02.5", "UTC", "2026-01-01T00:00:00Z", 2),
            ["2026-01-01T00:00:02.5Z", "2026-01-01T00:00:05Z"]
        );
        let never = Schedule::parse("0 0 0 30 2 *").unwrap();
        assert_eq!(
            never.after(Ticks::parse("2026-01-01").unwrap(), &TimeZone::UTC),
            None
        );
    }

    #[test]
    fn clocks_that_change_neither_repeat_nor_skip_a_daily_run() {
        assert_eq!(
            next("0 30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", 3),
            [
                "2026-10-24T00:30:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-26T01:30:00Z"
            ]
        );
        let spring = next("0 30 2 * * *", "Europe/Berlin", "2026-03-28T02:00:00Z", 2);
        assert!(spring[0].starts_with("2026-03-29T01:"), "{spring:?}");
        assert_eq!(spring[1], "2026-03-30T00:30:00Z");
    }

    #[test]
    fn time_spans_are_read_as_dotnet_reads_them() {
        for (text, seconds) in [
            ("00:05:00", Some(300.0)),
            ("01:30", Some(5400.0)),
            ("1.02:00:00", Some(93_600.0)),
            ("2", Some(172_800.0)),
            ("00:00:00.25", Some(0.25)),
            ("24:00:00", None),
            ("00:60:00", None),
            ("-00:05:00", None),
            ("1:2:3:4:5", None),
            ("x", None),
            ("0.0.5", None),
        ] {
            assert_eq!(
                time_span(text).map(|span| span.as_secs_f64()),
                seconds,
                "{text}"
            );
        }
        assert!(Schedule::parse("00:00:00").unwrap_err().contains("zero"));
    }

    #[test]
    fn frequent_ones_are_told_from_rare_ones() {
        let now = Ticks::parse("2026-01-01T00:00:30Z").unwrap();
        let frequent = |text| {
            Schedule::parse(text)
                .unwrap()
                .is_too_frequent_to_monitor(now)
        };
        assert!(frequent("*/10 * * * * *"));
        assert!(frequent("00:00:59"));
        assert!(!frequent("0 * * * * *"));
        assert!(!frequent("00:01:00"));
        assert!(!frequent("*/10 1 * * * *"));
        assert!(!frequent("0 0 0 30 2 *"));
    }
}
