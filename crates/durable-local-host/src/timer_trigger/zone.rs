//! The clocks that schedules go by.

use jiff::tz::TimeZone;

use crate::config::Settings;
use crate::schedule::{Schedule, timestamp};
use crate::time::Ticks;

/// Settings that name a time zone, the first that is there counts.
const SETTINGS: [&str; 2] = ["WEBSITE_TIME_ZONE", "TZ"];

/// The time zone of schedules.
#[derive(Clone, Debug)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// The zone that the settings name, or that of the machine, as for `func start`. In Azure it
    /// is UTC unless a setting names one. What is wrong comes along as text.
    pub(crate) fn of(settings: &Settings) -> (Self, Option<String>) {
        let named = SETTINGS.iter().find_map(|setting| {
            let name = settings.get(setting).filter(|name| !name.is_empty())?;
            Some((setting, name))
        });
        let Some((setting, name)) = named else {
            return (Self(TimeZone::try_system().unwrap_or(TimeZone::UTC)), None);
        };
        match TimeZone::get(name.trim_start_matches(':')) {
            Ok(zone) => (Self(zone), None),
            Err(_) => (
                Self(TimeZone::UTC),
                Some(format!(
                    "{setting}: `{name}` is no time zone that is known here, schedules go by UTC: write it as the tz database does, such as `Europe/Berlin`"
                )),
            ),
        }
    }

    pub(super) fn as_jiff(&self) -> &TimeZone {
        &self.0
    }

    /// The time as .NET writes a local one in JSON.
    pub(super) fn dotnet(&self, time: Ticks) -> String {
        let local = timestamp(time)
            .filter(|_| time != Ticks::UNSET)
            .map(|time| {
                time.to_zoned(self.0.clone())
                    .strftime("%Y-%m-%dT%H:%M:%S%.f%:z")
                    .to_string()
            });
        local.unwrap_or_else(|| "0001-01-01T00:00:00+00:00".to_owned())
    }

    /// When a schedule is due next, for people.
    pub(crate) fn next(&self, schedule: &Schedule, now: Ticks) -> Option<String> {
        let next = schedule.after(now, &self.0)?;
        Some(self.readable(next))
    }

    fn readable(&self, time: Ticks) -> String {
        let local = timestamp(time).map(|time| {
            time.to_zoned(self.0.clone())
                .strftime("%Y-%m-%d %H:%M:%S %:z")
                .to_string()
        });
        local.unwrap_or_else(|| time.iso_seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_dotnet_writes_local_ones() {
        let zone = Zone(TimeZone::get("Europe/Berlin").unwrap());
        let time = Ticks::parse("2026-07-01T10:00:00.5Z").unwrap();
        assert_eq!(zone.dotnet(time), "2026-07-01T12:00:00.5+02:00");
        assert_eq!(zone.readable(time), "2026-07-01 12:00:00 +02:00");
        let time = Ticks::parse("2026-01-01T10:00:00Z").unwrap();
        assert_eq!(
            Zone(TimeZone::UTC).dotnet(time),
            "2026-01-01T10:00:00+00:00"
        );
        assert_eq!(zone.dotnet(Ticks::UNSET), "0001-01-01T00:00:00+00:00");
    }
}
