//! .NET `TimeSpan` text.

use std::time::Duration;

/// Reads `[d.]hh:mm[:ss[.fffffff]]` or whole days; `None` when it is no time span or negative.
pub(crate) fn parse_timespan(text: &str) -> Option<Duration> {
    let text = text.trim();
    if !text.contains(':') {
        return text
            .parse::<u64>()
            .ok()
            .map(|days| Duration::from_secs(days * 86_400));
    }
    let (clock, fraction) = match text.rsplit_once('.') {
        // A dot before the first colon parts the days, one after the last colon the fraction.
        Some((head, tail)) if !tail.contains(':') => (head, tail),
        _ => (text, ""),
    };
    let (days, clock) = match clock.split_once('.') {
        Some((days, clock)) => (days.parse::<u64>().ok()?, clock),
        None => (0, clock),
    };
    let mut fields = [0u64; 3];
    let mut parts = clock.split(':');
    for (field, limit) in fields.iter_mut().zip([24, 60, 60]) {
        if let Some(part) = parts.next() {
            *field = part.parse().ok().filter(|value| *value < limit)?;
        }
    }
    if parts.next().is_some() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let [hours, minutes, seconds] = fields;
    let mut nanos = 0u32;
    for digit in fraction.bytes().chain(std::iter::repeat(b'0')).take(9) {
        nanos = nanos * 10 + u32::from(digit - b'0');
    }
    Some(Duration::new(
        days * 86_400 + hours * 3600 + minutes * 60 + seconds,
        nanos,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_dotnet_writes() {
        assert_eq!(parse_timespan("00:00:30"), Some(Duration::from_secs(30)));
        assert_eq!(parse_timespan("00:10"), Some(Duration::from_secs(600)));
        assert_eq!(
            parse_timespan("1.02:00:00"),
            Some(Duration::from_secs(93_600))
        );
        assert_eq!(
            parse_timespan("00:00:00.2500000"),
            Some(Duration::from_millis(250))
        );
        assert_eq!(
            parse_timespan("1.00:00:00.5"),
            Some(Duration::from_millis(86_400_500))
        );
        assert_eq!(parse_timespan("7"), Some(Duration::from_secs(7 * 86_400)));
        for wrong in [
            "",
            "30s",
            "-00:01:00",
            "25:00:00",
            "00:61:00",
            "00:00:00:00",
            "a:b",
        ] {
            assert_eq!(parse_timespan(wrong), None, "{wrong}");
        }
    }
}
