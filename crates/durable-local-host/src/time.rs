//! Points in time in the host's own unit: .NET ticks of 100 ns.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use durable_functions_protocol::proto::Timestamp;
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Ticks of a second.
const PER_SECOND: i64 = 10_000_000;
const EPOCH: DateTime = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);

/// A point in time: ticks of 100 ns since the Unix epoch, as fine as .NET counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticks(pub(crate) i64);

impl Ticks {
    /// The beginning of .NET's time: what a time that was never set reads as.
    pub(crate) const UNSET: Self = Self(-62_135_596_800 * PER_SECOND);

    /// The end of .NET's time.
    pub(crate) const LAST: Self = Self(253_402_300_800 * PER_SECOND - 1);

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
        let (civil, fraction) = self.civil();
        format!("{civil}.{fraction:07}Z")
    }

    /// Without fraction, as the status document has it.
    pub(crate) fn iso_seconds(self) -> String {
        let (mut text, _) = self.civil();
        text.push('Z');
        text
    }

    /// `yyyy-MM-ddTHH:mm:ss` and the ticks of the second; .NET's time has an end on both sides.
    fn civil(self) -> (String, i64) {
        let ticks = self.0.clamp(Self::UNSET.0, Self::LAST.0);
        let seconds = SignedDuration::from_secs(ticks.div_euclid(PER_SECOND));
        let time = EPOCH.checked_add(seconds).unwrap_or(EPOCH);
        let text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        );
        (text, ticks.rem_euclid(PER_SECOND))
    }

    fn iso_without_zone(self) -> String {
        let (mut text, fraction) = self.civil();
        if fraction != 0 {
            let digits = format!("{fraction:07}");
            text.push('.');
            text.push_str(digits.trim_end_matches('0'));
        }
        text
    }

    /// Reads ISO-8601 text such as `2020-01-01`, `2020-01-01T00:00:00Z` or `...+02:00`; text
    /// without a zone counts as UTC. Nothing comes of a day or a time that .NET does not know.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, rest) = text.split_at_checked(10)?;
        let mut parts = date.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || year.len() != 4 {
            return None;
        }
        let date = Date::new(number(year)?, number(month)?, number(day)?).ok()?;
        let midnight = DateTime::from(date).duration_since(EPOCH).as_secs() * PER_SECOND;
        if rest.is_empty() {
            return Self(midnight).known();
        }
        let rest = rest.strip_prefix(['T', 't', ' '])?;
        let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
        let (clock, zone) = rest.split_at_checked(zone_at)?;
        let offset = parse_zone(zone)?;
        Self(midnight + parse_clock(clock)? - offset).known()
    }

    /// This time, if .NET knows it.
    pub(crate) fn known(self) -> Option<Self> {
        (Self::UNSET..=Self::LAST).contains(&self).then_some(self)
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
    let hour: i64 = number(parts.next()?)?;
    let minute: i64 = number(parts.next()?)?;
    let second: i64 = number(parts.next().unwrap_or("0"))?;
    if parts.next().is_some()
        || hour > 23
        || minute > 59
        || second > 59
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
    let (hours, minutes): (i64, i64) = (number(hours)?, number(minutes)?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    Some(sign * (hours * 3600 + minutes * 60) * PER_SECOND)
}

/// A number of digits alone.
fn number<T: FromStr>(digits: &str) -> Option<T> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    }

    #[test]
    fn what_dotnet_does_not_know_is_no_time() {
        for text in [
            "nonsense",
            "2024-13-01",
            "2023-02-29",
            "2024-04-31T00:00:00Z",
            "0000-01-01",
            "999999-1-1",
            "9999999999",
            "-999-01-01",
            "+999-01-01",
            "2024-01-01T99:00:00Z",
            "2024-01-01T-1:00:00Z",
            "2024-01-01T00:00:00+99:00",
            "2024-01-01T00:00:00+9223372036854775807:00",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
        ] {
            assert_eq!(Ticks::parse(text), None, "{text}");
        }
        for (text, time) in [
            ("0001-01-01T00:00:00", Ticks::UNSET),
            ("9999-12-31T23:59:59.9999999Z", Ticks::LAST),
        ] {
            assert_eq!(Ticks::parse(text), Some(time));
        }
        assert_eq!(Ticks(i64::MAX).iso(), "9999-12-31T23:59:59.9999999Z");
        assert_eq!(Ticks(i64::MIN).iso_seconds(), "0001-01-01T00:00:00Z");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(
            text in "([0-9+-]{1,8}-[0-9]{1,4}-[0-9]{1,4}|\\PC{10})([Tt ][0-9:.+-]{0,30}[Zz]?)?([+-][0-9]{0,20}:?[0-9]{0,20})?",
        ) {
            if let Some(time) = Ticks::parse(&text) {
                prop_assert!((Ticks::UNSET..=Ticks::LAST).contains(&time));
                prop_assert_eq!(Ticks::parse(&time.iso()), Some(time));
            }
        }

        #[test]
        fn every_time_has_a_text(ticks: i64) {
            let time = Ticks(ticks);
            prop_assert_eq!(Ticks::parse(&time.iso_round_trip()), Some(time.clamp(Ticks::UNSET, Ticks::LAST)));
            prop_assert_eq!(Ticks::from_proto(&time.to_proto()), time);
        }
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
