//! Times on the command line and in tables.

use std::str::FromStr;
use std::time::Duration;

use crate::display::duration;
use crate::time::Ticks;

/// A point in time: ISO-8601 text, or how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When(Ticks);

impl When {
    /// As the API reads it.
    pub(super) fn iso(self) -> String {
        self.0.iso_round_trip()
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(time) = Ticks::parse(text) {
            return Ok(Self(time));
        }
        let ago = ago(text).ok_or("a time is needed, such as 2026-11-24, 2026-11-24T09:30:00Z or 2026-11-24T09:30:00+01:00, or how long ago: 90s, 30m, 12h, 7d")?;
        Ok(Self(Ticks::of_system().plus(-ago)))
    }
}

/// Ticks of a text such as `30m`.
fn ago(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    Some(i64::from(number) * seconds * 10_000_000)
}

/// `2026-11-24 09:41:03`, in UTC.
pub(super) fn readable(time: Ticks) -> String {
    time.iso_seconds().replace('T', " ").replace('Z', "")
}

/// A time of a document, readable; as it came when it is none.
pub(super) fn readable_text(text: &str) -> String {
    Ticks::parse(text).map_or_else(|| text.to_owned(), readable)
}

/// How long something took, as far as times in whole seconds tell.
pub(super) fn whole_seconds(took: Duration) -> String {
    match took.as_secs() {
        0 => "< 1 s".to_owned(),
        seconds @ 1..60 => format!("{seconds} s"),
        _ => duration(took),
    }
}

/// How long ago a time was, in words.
pub(super) fn age(time: Ticks, now: Ticks) -> String {
    let seconds = now.since(time).as_secs();
    let (count, unit) = match seconds {
        0..2 => return "just now".to_owned(),
        2..120 => (seconds, "seconds"),
        120..7200 => (seconds / 60, "minutes"),
        7200..172_800 => (seconds / 3600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_given_in_full_or_as_ages() {
        let when: When = "2026-11-24T09:30:00+01:00".parse().unwrap();
        assert_eq!(when.iso(), "2026-11-24T08:30:00.0000000Z");
        let before = Ticks::of_system();
        let when: When = "2h".parse().unwrap();
        let distance = when.0.0 + 2 * 3600 * 10_000_000 - before.0;
        assert!((0..600_000_000).contains(&distance), "{distance}");
        for wrong in ["", "m", "5", "5 m", "-5m", "1w", "é", "tomorrow"] {
            assert!(wrong.parse::<When>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn whole_seconds_do_not_look_more_exact() {
        let text = |seconds| whole_seconds(Duration::from_secs(seconds));
        assert_eq!(
            [text(0), text(1), text(59), text(61)],
            ["< 1 s", "1 s", "59 s", "1 min 1 s"]
        );
    }

    #[test]
    fn ages_are_told_in_words() {
        let then = Ticks::parse("2026-11-24T09:30:00Z").unwrap();
        let later = |seconds: i64| then.plus(seconds * 10_000_000);
        assert_eq!(age(then, then), "just now");
        assert_eq!(age(then, later(90)), "90 seconds ago");
        assert_eq!(age(then, later(200)), "3 minutes ago");
        assert_eq!(age(then, later(3 * 86_400)), "3 days ago");
        assert_eq!(readable(then), "2026-11-24 09:30:00");
        assert_eq!(readable_text("soon"), "soon");
    }
}
