//! Points in time in the host's own unit: .NET ticks of 100 ns.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use durable_functions_protocol::proto::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Ticks of a second.
const PER_SECOND: i64 = 10_000_000;

/// A point in time: ticks of 100 ns since the Unix epoch, as fine as .NET counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticks(pub(crate) i64);

impl Ticks {
    /// The beginning of .NET's time: what a time that was never set reads as.
    pub(crate) const UNSET: Self = Self(-62_135_596_800 * PER_SECOND);

    /// This time and so many ticks.
    pub(crate) fn plus(self, ticks: i64) -> Self {
        Self(self.0.saturating_add(ticks))
    }

    /// What the system's clock shows.
    pub(crate) fn of_system() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(i64::try_from(since.as_nanos() / 100).unwrap_or(i64::MAX))
    }

    /// The same instant as the system has it; the epoch if it is before that.
    pub(crate) fn to_system(self) -> SystemTime {
        UNIX_EPOCH + self.since(Self(0))
    }

    /// The same instant as protobuf has it.
    pub(crate) fn to_proto(self) -> Timestamp {
        Timestamp {
            seconds: self.0.div_euclid(PER_SECOND),
            nanos: i32::try_from(self.0.rem_euclid(PER_SECOND) * 100).unwrap_or_default(),
        }
    }

    /// From protobuf; anything below 100 ns is dropped.
    pub(crate) fn from_proto(timestamp: &Timestamp) -> Self {
        Self(
            timestamp
                .seconds
                .saturating_mul(PER_SECOND)
                .saturating_add(i64::from(timestamp.nanos) / 100),
        )
    }

    /// How long it is from `earlier` to this; zero when it is not later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let ticks = u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0);
        Duration::from_nanos(ticks.saturating_mul(100))
    }

    /// As Json.NET writes a UTC date: fraction without trailing zeros, `Z`.
    pub(crate) fn iso(self) -> String {
        let mut text = self.iso_without_zone();
        text.push('Z');
        text
    }

    /// [`Self::iso`] with the offset `+00:00` in place of `Z`, as a `DateTimeOffset` is written.
    pub(crate) fn iso_offset(self) -> String {
        let mut text = self.iso_without_zone();
        text.push_str("+00:00");
        text
    }

    /// With all seven digits of the fraction, as the format `o` has it.
    pub(crate) fn iso_round_trip(self) -> String {
        let fraction = self.0.rem_euclid(PER_SECOND);
        format!("{}.{fraction:07}Z", civil(self.0.div_euclid(PER_SECOND)))
    }

    /// Without fraction, as the status document has it.
    pub(crate) fn iso_seconds(self) -> String {
        let mut text = civil(self.0.div_euclid(PER_SECOND));
        text.push('Z');
        text
    }

    fn iso_without_zone(self) -> String {
        let mut text = civil(self.0.div_euclid(PER_SECOND));
        let fraction = self.0.rem_euclid(PER_SECOND);
        if fraction != 0 {
            let digits = format!("{fraction:07}");
            text.push('.');
            text.push_str(digits.trim_end_matches('0'));
        }
        text
    }

    /// Reads ISO-8601 text such as `2020-01-01`, `2020-01-01T00:00:00Z` or `...+02:00`; text
    /// without a zone counts as UTC.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, rest) = text.split_at_checked(10)?;
        let mut parts = date.split('-');
        let year: i64 = parts.next()?.parse().ok()?;
        let month: i64 = parts.next()?.parse().ok()?;
        let day: i64 = parts.next()?.parse().ok()?;
        if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let midnight = days_from_civil(year, month, day) * 86_400 * PER_SECOND;
        if rest.is_empty() {
            return Some(Self(midnight));
        }
        let rest = rest.strip_prefix(['T', 't', ' '])?;
        let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
        let (clock, zone) = rest.split_at_checked(zone_at)?;
        let offset = parse_zone(zone)?;
        Some(Self(midnight + parse_clock(clock)? - offset))
    }
}

impl Default for Ticks {
    fn default() -> Self {
        Self::UNSET
    }
}

/// As Json.NET has it: a time that was never set has no zone.
impl Serialize for Ticks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::UNSET {
            serializer.serialize_str(&self.iso_without_zone())
        } else {
            serializer.serialize_str(&self.iso())
        }
    }
}

impl<'de> Deserialize<'de> for Ticks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no time")))
    }
}

/// The time of day in ticks.
fn parse_clock(clock: &str) -> Option<i64> {
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':');
    let hour: i64 = parts.next()?.parse().ok()?;
    let minute: i64 = parts.next()?.parse().ok()?;
    let second: i64 = parts.next().map_or(Some(0), |text| text.parse().ok())?;
    if parts.next().is_some()
        || !(0..24).contains(&hour)
        || !(0..60).contains(&minute)
        || !(0..60).contains(&second)
        || !fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let mut ticks = 0;
    for digit in fraction.bytes().chain(std::iter::repeat(b'0')).take(7) {
        ticks = ticks * 10 + i64::from(digit - b'0');
    }
    Some((hour * 3600 + minute * 60 + second) * PER_SECOND + ticks)
}

/// The offset of a zone in ticks.
fn parse_zone(zone: &str) -> Option<i64> {
    if zone.is_empty() || zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let hours: i64 = hours.parse().ok()?;
    let minutes: i64 = minutes.parse().ok()?;
    Some(sign * (hours * 3600 + minutes * 60) * PER_SECOND)
}

/// `yyyy-MM-ddTHH:mm:ss` of seconds since the epoch.
fn civil(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400);
    let rest = seconds.rem_euclid(86_400);
    let (year, month, day) = civil_from_days(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

// Days to date and back with eras of 400 years that begin in March, so that leap days come last.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_host_writes_them() {
        let time = Ticks::parse("2026-11-23T09:00:57.5337172Z").unwrap();
        assert_eq!(time.iso(), "2026-11-23T09:00:57.5337172Z");
        assert_eq!(time.iso_seconds(), "2026-11-23T09:00:57Z");
        assert_eq!(
            Ticks::parse("2026-11-23T09:03:42.772092Z").unwrap().iso(),
            "2026-11-23T09:03:42.772092Z"
        );
        assert_eq!(
            Ticks::parse("2026-11-23T09:03:42Z").unwrap().iso(),
            "2026-11-23T09:03:42Z"
        );
        assert_eq!(
            Ticks::parse("2024-02-29").unwrap().iso_seconds(),
            "2024-02-29T00:00:00Z"
        );
        assert_eq!(
            Ticks::parse("2024-02-29T12:34:56.1234567+05:30")
                .unwrap()
                .iso_offset(),
            "2024-02-29T07:04:56.1234567+00:00"
        );
        assert_eq!(Ticks::parse("nonsense"), None);
        assert_eq!(Ticks::parse("2024-13-01"), None);
    }

    #[test]
    fn protobuf_and_back() {
        for text in [
            "1969-12-31T23:59:59.9999999Z",
            "2026-11-23T09:00:57.5337172Z",
            "0001-01-01T00:00:00Z",
        ] {
            let time = Ticks::parse(text).unwrap();
            assert_eq!(Ticks::from_proto(&time.to_proto()), time);
            assert_eq!(time.iso(), text);
        }
    }
}
