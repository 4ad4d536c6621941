//! .NET `TimeSpan` text, as host.json and the host's bindings have it.

use std::time::Duration;

/// Reads `[d.]hh:mm[:ss[.fffffff]]` or whole days; `None` when it is no time span, negative or
/// beyond what a [`Duration`] holds.
///
/// ```
/// use durable_functions_protocol::time_span;
/// use std::time::Duration;
///
/// assert_eq!(time_span::parse("00:10:00"), Some(Duration::from_secs(600)));
/// assert_eq!(time_span::parse("-1"), None);
/// ```
pub fn parse(text: &str) -> Option<Duration> {
    const DAY: u64 = 86_400;
    let text = text.trim();
    if !text.contains(':') {
        return number(text)?.checked_mul(DAY).map(Duration::from_secs);
    }
    let (clock, fraction) = match text.rsplit_once('.') {
        // A dot before the first colon parts the days, one after the last colon the fraction.
        Some((head, tail)) if !tail.contains(':') => (head, Some(tail)),
        _ => (text, None),
    };
    let (days, clock) = match clock.split_once('.') {
        Some((days, clock)) => (number(days)?, clock),
        None => (0, clock),
    };
    let mut fields = [0; 3];
    let mut parts = clock.split(':');
    for (field, limit) in fields.iter_mut().zip([24, 60, 60]) {
        if let Some(part) = parts.next() {
            *field = number(part).filter(|value| *value < limit)?;
        }
    }
    let has_seconds = text.matches(':').count() == 2;
    if parts.next().is_some() || (fraction.is_some() && !has_seconds) {
        return None;
    }
    let [hours, minutes, seconds] = fields;
    let seconds = days
        .checked_mul(DAY)?
        .checked_add(hours * 3600 + minutes * 60 + seconds)?;
    Some(Duration::new(seconds, nanos(fraction)?))
}

/// Writes a duration as .NET's `TimeSpan` does, in ticks of 100 ns; one beyond what a `TimeSpan`
/// holds, about 29,000 years, is written as the longest.
///
/// ```
/// use durable_functions_protocol::time_span;
/// use std::time::Duration;
///
/// assert_eq!(time_span::format(Duration::from_millis(90_061_500)), "1.01:01:01.5000000");
/// assert_eq!(time_span::format(Duration::from_secs(5)), "00:00:05");
/// ```
pub fn format(duration: Duration) -> String {
    let ticks = (duration.as_nanos() / 100).min(i64::MAX.unsigned_abs().into());
    let (seconds, fraction) = (ticks / 10_000_000, ticks % 10_000_000);
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    let days = if days > 0 {
        format!("{days}.")
    } else {
        String::new()
    };
    let fraction = if fraction > 0 {
        format!(".{fraction:07}")
    } else {
        String::new()
    };
    format!("{days}{hours:02}:{minutes:02}:{seconds:02}{fraction}")
}

/// Digits alone: no sign, which Rust's own parser would take.
fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// Nanoseconds of a fraction of up to nine digits.
fn nanos(fraction: Option<&str>) -> Option<u32> {
    let Some(fraction) = fraction else {
        return Some(0);
    };
    let digits = u32::try_from(fraction.len())
        .ok()
        .filter(|digits| (1..=9).contains(digits))?;
    let value = u32::try_from(number(fraction)?).ok()?;
    value.checked_mul(10u32.pow(9 - digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_dotnet_writes() {
        assert_eq!(parse("00:00:30"), Some(Duration::from_secs(30)));
        assert_eq!(parse("00:10"), Some(Duration::from_secs(600)));
        assert_eq!(parse("1.02:00:00"), Some(Duration::from_secs(93_600)));
        assert_eq!(parse("00:00:00.2500000"), Some(Duration::from_millis(250)));
        assert_eq!(
            parse("1.00:00:00.5"),
            Some(Duration::from_millis(86_400_500))
        );
        assert_eq!(parse("1.02:03"), Some(Duration::from_secs(93_780)));
        assert_eq!(
            parse("213503982334601.07:00:15"),
            Some(Duration::from_secs(u64::MAX))
        );
        assert_eq!(parse("7"), Some(Duration::from_secs(7 * 86_400)));
        for wrong in [
            "",
            "30s",
            "-00:01:00",
            "25:00:00",
            "00:61:00",
            "00:00:00:00",
            "a:b",
            ":",
            "::",
            "1:2.",
            "00:10.5",
            "1.5",
            "+1",
            "1.-2:00:00",
            "00:00:00.1234567890",
            "١:00:00",
            "213503982334602",
            "99999999999999999999.00:00:00",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
