//! Protobuf timestamps: .NET's text form, arithmetic and comparison.
//!
//! The valid range is that of .NET and of `google.protobuf.Timestamp`: from 0001-01-01T00:00:00Z to
//! the end of the year 9999, with 0 to 999,999,999 nanoseconds. What is outside gives an error, or
//! is moved to the nearest end by the functions called `saturating`.
//!
//! ```
//! use durable_functions_protocol::time;
//! use std::time::Duration;
//!
//! let start = time::parse("2024-02-29T12:34:56+01:00")?;
//! let fire_at = time::checked_add(&start, Duration::from_millis(1_500))?;
//! assert_eq!(time::to_dotnet(&fire_at)?, "2024-02-29T11:34:57.5000000Z");
//! assert_eq!(time::saturating_since(&fire_at, &start), Duration::from_millis(1_500));
//! # Ok::<(), time::TimeError>(())
//! ```

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

pub use prost_types::Timestamp;

const MIN_SECONDS: i64 = -62_135_596_800;
const MAX_SECONDS: i64 = 253_402_300_799;
const NANOS: i32 = 1_000_000_000;

/// The earliest valid time, 0001-01-01T00:00:00Z.
pub const MIN: Timestamp = Timestamp {
    seconds: MIN_SECONDS,
    nanos: 0,
};

/// The latest time that .NET knows, 9999-12-31T23:59:59.9999999Z.
pub const MAX: Timestamp = Timestamp {
    seconds: MAX_SECONDS,
    nanos: 999_999_900,
};

/// A time is out of range or its text is malformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// Seconds are outside the years 1 to 9999, or nanoseconds outside 0 to 999,999,999.
    #[error(
        "the timestamp of {seconds} seconds and {nanos} nanoseconds is outside the years 1 to 9999"
    )]
    OutOfRange {
        /// Seconds since 1970.
        seconds: i64,
        /// Nanoseconds.
        nanos: i32,
    },
    /// The result of an addition would be later than the year 9999.
    #[error("the time {0:?} later is beyond the year 9999")]
    Overflow(Duration),
    /// The text is no ISO 8601 date-time with a zone.
    #[error("{0:?} is no date and time such as 2024-02-29T12:34:56.1234567Z")]
    Malformed(String),
}

/// Checks that a timestamp is within its valid range.
///
/// # Errors
///
/// [`TimeError::OutOfRange`]
pub fn validate(time: &Timestamp) -> Result<(), TimeError> {
    let valid =
        (MIN_SECONDS..=MAX_SECONDS).contains(&time.seconds) && (0..NANOS).contains(&time.nanos);
    valid.then_some(()).ok_or(TimeError::OutOfRange {
        seconds: time.seconds,
        nanos: time.nanos,
    })
}

/// The nearest valid timestamp: nanoseconds out of range are carried over to the seconds, and times
/// beyond an end become that end.
pub fn saturate(time: &Timestamp) -> Timestamp {
    let (seconds, nanos) = carry(time);
    if seconds < i128::from(MIN_SECONDS) {
        MIN
    } else if seconds > i128::from(MAX_SECONDS) {
        MAX
    } else {
        Timestamp {
            seconds: i64::try_from(seconds).unwrap_or(MAX_SECONDS),
            nanos,
        }
    }
}

fn carry(time: &Timestamp) -> (i128, i32) {
    (
        i128::from(time.seconds) + i128::from(time.nanos.div_euclid(NANOS)),
        time.nanos.rem_euclid(NANOS),
    )
}

/// Compares two times; nanoseconds out of range count as what they add up to.
pub fn compare(left: &Timestamp, right: &Timestamp) -> Ordering {
    carry(left).cmp(&carry(right))
}

/// The text that .NET's `"o"` format gives for a UTC time: `2024-02-29T12:34:56.1234567Z`, always
/// with 7 digits; what is finer than 100 ns is cut off, as .NET does.
///
/// # Errors
///
/// [`TimeError::OutOfRange`]
pub fn to_dotnet(time: &Timestamp) -> Result<String, TimeError> {
    validate(time)?;
    Ok(format_valid(time))
}

/// As [`to_dotnet`]; times out of range give the nearest valid one.
pub fn to_dotnet_saturating(time: &Timestamp) -> String {
    format_valid(&saturate(time))
}

fn format_valid(time: &Timestamp) -> String {
    let days = time.seconds.div_euclid(86_400);
    let second = time.seconds.rem_euclid(86_400);
    let (year, month, day) = date_of(days);
    let mut out = String::with_capacity(28);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:07}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60,
        time.nanos / 100
    );
    out
}

/// Parses an ISO 8601 date-time with zone (`Z` or `+hh:mm`), as .NET and JSON texts have them; up
/// to 9 digits of a second count, further ones are cut off.
///
/// # Errors
///
/// [`TimeError::Malformed`], or [`TimeError::OutOfRange`] if the zone moves it out of range.
pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
    let time =
        parse_parts(text).ok_or_else(|| TimeError::Malformed(text.chars().take(80).collect()))?;
    validate(&time)?;
    Ok(time)
}

fn parse_parts(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0i64, |sum, byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let is = |at: usize, wanted: u8| (bytes.get(at) == Some(&wanted)).then_some(());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    is(4, b'-')?;
    is(7, b'-')?;
    is(10, b'T').or_else(|| is(10, b't'))?;
    is(13, b':')?;
    is(16, b':')?;
    if year < 1 || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut at = 19;
    let mut nanos = 0i32;
    if is(at, b'.').is_some() {
        at += 1;
        let mut scale = NANOS / 10;
        let begin = at;
        while let Some(digit) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
            nanos += i32::from(digit - b'0') * scale;
            scale /= 10;
            at += 1;
        }
        if at == begin {
            return None;
        }
    }
    let offset = match bytes.get(at..)? {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (number(at + 1, at + 3)?, number(at + 4, at + 6)?);
            if hours > 14 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3_600 + minutes * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let seconds = days_of(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    Some(Timestamp { seconds, nanos })
}

/// The time a while later.
///
/// # Errors
///
/// [`TimeError::OutOfRange`] for the given time, [`TimeError::Overflow`] for the result.
pub fn checked_add(time: &Timestamp, later: Duration) -> Result<Timestamp, TimeError> {
    validate(time)?;
    let overflow = TimeError::Overflow(later);
    let Ok(seconds) = i64::try_from(later.as_secs()) else {
        return Err(overflow);
    };
    let Ok(nanos) = i32::try_from(later.subsec_nanos()) else {
        return Err(overflow);
    };
    let nanos = time.nanos + nanos;
    let sum = time
        .seconds
        .checked_add(seconds)
        .and_then(|sum| sum.checked_add(i64::from(nanos / NANOS)))
        .map(|seconds| Timestamp {
            seconds,
            nanos: nanos % NANOS,
        });
    sum.filter(|sum| validate(sum).is_ok()).ok_or(overflow)
}

/// The time a while later, [`MAX`] at most.
pub fn saturating_add(time: &Timestamp, later: Duration) -> Timestamp {
    checked_add(&saturate(time), later).unwrap_or(MAX)
}

/// How much later `end` is than `start`; zero if it is not later.
pub fn saturating_since(end: &Timestamp, start: &Timestamp) -> Duration {
    let (end, start) = (saturate(end), saturate(start));
    let mut seconds = end.seconds - start.seconds;
    let mut nanos = end.nanos - start.nanos;
    if nanos < 0 {
        nanos += NANOS;
        seconds -= 1;
    }
    match (u64::try_from(seconds), u32::try_from(nanos)) {
        (Ok(seconds), Ok(nanos)) => Duration::new(seconds, nanos),
        _ => Duration::ZERO,
    }
}

/// The same time as a protobuf timestamp.
///
/// # Errors
///
/// [`TimeError::OutOfRange`]
pub fn from_system_time(time: SystemTime) -> Result<Timestamp, TimeError> {
    let timestamp = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => Timestamp {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(since.subsec_nanos()).unwrap_or(0),
        },
        Err(error) => {
            let before = error.duration();
            let seconds = i64::try_from(before.as_secs()).map_or(i64::MIN, |it| -it);
            match i32::try_from(before.subsec_nanos()).unwrap_or(0) {
                0 => Timestamp { seconds, nanos: 0 },
                nanos => Timestamp {
                    seconds: seconds.saturating_sub(1),
                    nanos: NANOS - nanos,
                },
            }
        }
    };
    validate(&timestamp)?;
    Ok(timestamp)
}

/// The same time as a [`SystemTime`].
///
/// # Errors
///
/// [`TimeError::OutOfRange`] for the timestamp, or if the platform cannot hold the time.
pub fn to_system_time(time: &Timestamp) -> Result<SystemTime, TimeError> {
    validate(time)?;
    let nanos = Duration::from_nanos(u64::try_from(time.nanos).unwrap_or(0));
    let whole = Duration::from_secs(time.seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let seconds = if time.seconds < 0 {
        epoch.checked_sub(whole)
    } else {
        epoch.checked_add(whole)
    };
    seconds
        .and_then(|it| it.checked_add(nanos))
        .ok_or(TimeError::OutOfRange {
            seconds: time.seconds,
            nanos: time.nanos,
        })
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date in the Gregorian calendar; years begin in March here, so that
/// the leap day is the last of a year.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day since 1970-01-01, the reverse of [`days_of`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64, nanos: i32) -> Timestamp {
        Timestamp { seconds, nanos }
    }

    #[test]
    fn dotnet_text() {
        for (time, text) in [
            (at(0, 0), "1970-01-01T00:00:00.0000000Z"),
            (
                at(1_709_210_096, 123_456_789),
                "2024-02-29T12:34:56.1234567Z",
            ),
            (at(-1, 999_999_999), "1969-12-31T23:59:59.9999999Z"),
            (MIN, "0001-01-01T00:00:00.0000000Z"),
            (MAX, "9999-12-31T23:59:59.9999999Z"),
            (at(951_782_400, 100), "2000-02-29T00:00:00.0000001Z"),
            (at(-2_203_977_600, 0), "1900-02-28T00:00:00.0000000Z"),
        ] {
            assert_eq!(to_dotnet(&time).unwrap(), text);
            let back = parse(text).unwrap();
            assert_eq!(
                (back.seconds, back.nanos),
                (time.seconds, time.nanos / 100 * 100)
            );
        }
    }

    #[test]
    fn what_is_out_of_range_is_said() {
        for time in [
            at(MIN_SECONDS - 1, 0),
            at(MAX_SECONDS + 1, 0),
            at(i64::MIN, i32::MIN),
            at(i64::MAX, i32::MAX),
            at(0, -1),
            at(0, NANOS),
        ] {
            assert!(matches!(
                to_dotnet(&time),
                Err(TimeError::OutOfRange { .. })
            ));
            assert!(checked_add(&time, Duration::ZERO).is_err());
            assert!(to_system_time(&time).is_err());
            assert!(validate(&saturate(&time)).is_ok());
            assert_eq!(to_dotnet_saturating(&time).len(), 28);
        }
        assert_eq!(saturate(&at(0, -1)), at(-1, 999_999_999));
        assert_eq!(saturate(&at(i64::MAX, i32::MAX)), MAX);
        assert_eq!(saturate(&at(i64::MIN, i32::MIN)), MIN);
    }

    #[test]
    fn other_texts() {
        for (text, time) in [
            ("2024-02-29T12:34:56Z", at(1_709_210_096, 0)),
            ("2024-02-29t12:34:56z", at(1_709_210_096, 0)),
            ("2024-02-29T12:34:56.5Z", at(1_709_210_096, 500_000_000)),
            (
                "2024-02-29T12:34:56.1234567891234Z",
                at(1_709_210_096, 123_456_789),
            ),
            ("2024-02-29T18:04:56+05:30", at(1_709_210_096, 0)),
            (
                "2024-02-29T07:34:56.25-05:00",
                at(1_709_210_096, 250_000_000),
            ),
        ] {
            assert_eq!(parse(text).unwrap(), time, "{text}");
        }
        for text in [
            "",
            "now",
            "2024-02-29",
            "2024-02-29T12:34:56",
            "2023-02-29T12:34:56Z",
            "2024-13-01T12:34:56Z",
            "2024-00-01T12:34:56Z",
            "2024-01-00T12:34:56Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T23:60:00Z",
            "2024-01-01T23:59:60Z",
            "2024-01-01T23:59:59.Z",
            "2024-01-01T23:59:59Z ",
            "2024-01-01 23:59:59Z",
            "2024-01-01T23:59:59+15:00",
            "2024-01-01T23:59:59+0500",
            "0000-01-01T00:00:00Z",
            "-001-01-01T00:00:00Z",
            "２024-01-01T00:00:00Z",
        ] {
            assert!(
                matches!(parse(text), Err(TimeError::Malformed(_))),
                "{text}"
            );
        }
        let early = parse("0001-01-01T00:00:00+00:01");
        assert!(matches!(early, Err(TimeError::OutOfRange { .. })));
    }

    #[test]
    fn additions() {
        let sum = checked_add(&at(1, 999_999_999), Duration::new(1, 1));
        assert_eq!(sum, Ok(at(3, 0)));
        let later = Duration::from_secs(u64::MAX);
        assert_eq!(
            checked_add(&at(0, 0), later),
            Err(TimeError::Overflow(later))
        );
        assert!(checked_add(&MAX, Duration::from_nanos(100)).is_err());
        assert_eq!(saturating_add(&MAX, Duration::from_secs(1)), MAX);
        assert_eq!(saturating_add(&at(0, 0), Duration::MAX), MAX);
        assert_eq!(
            saturating_since(&at(2, 0), &at(0, 1)),
            Duration::new(1, 999_999_999)
        );
        assert_eq!(saturating_since(&at(0, 0), &at(2, 0)), Duration::ZERO);
        assert_eq!(saturating_since(&at(1, 0), &at(1, 1)), Duration::ZERO);
    }

    #[test]
    fn comparisons() {
        assert_eq!(compare(&at(1, 0), &at(0, NANOS)), Ordering::Equal);
        assert_eq!(compare(&at(1, -1), &at(1, 0)), Ordering::Less);
        assert_eq!(
            compare(&at(i64::MAX, 5), &at(i64::MIN, 9)),
            Ordering::Greater
        );
    }

    #[test]
    fn system_times() {
        for time in [
            at(0, 0),
            at(5, 7),
            at(-5, 7),
            at(-1, 999_999_999),
            MIN,
            at(MAX_SECONDS, 0),
        ] {
            let system = to_system_time(&time).unwrap();
            assert_eq!(from_system_time(system).unwrap(), time);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn texts_are_unique_and_in_order(
            a in MIN_SECONDS..=MAX_SECONDS, b in MIN_SECONDS..=MAX_SECONDS,
            x in 0..NANOS / 100, y in 0..NANOS / 100,
        ) {
            let (a, b) = (at(a, x * 100), at(b, y * 100));
            let texts = (to_dotnet(&a).unwrap(), to_dotnet(&b).unwrap());
            prop_assert_eq!(parse(&texts.0).unwrap(), a);
            prop_assert_eq!(texts.0.cmp(&texts.1), compare(&a, &b));
            let since = saturating_since(&a, &b);
            if compare(&a, &b).is_ge() {
                prop_assert_eq!(checked_add(&b, since).unwrap(), a);
            } else {
                prop_assert_eq!(since, Duration::ZERO);
            }
        }

        #[test]
        fn nothing_panics(
            seconds: i64, nanos: i32, other_seconds: i64, other_nanos: i32,
            secs: u64, subsec in 0..1_000_000_000u32, text in ".{0,40}",
        ) {
            let (time, other) = (at(seconds, nanos), at(other_seconds, other_nanos));
            let later = Duration::new(secs, subsec);
            let _ = (to_dotnet(&time), parse(&text), to_system_time(&time));
            let _ = (to_dotnet_saturating(&time), saturating_since(&time, &other));
            let _ = (checked_add(&time, later), compare(&time, &other));
            prop_assert!(validate(&saturating_add(&time, later)).is_ok());
        }
    }
}
