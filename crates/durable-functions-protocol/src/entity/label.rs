//! The times by which the receiver of messages puts them in order.

use std::fmt;

use prost_types::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time;

/// A time of a message between orchestrations and entities, exact to 100 ns.
///
/// Durable Task extension behaviour: the text has as many digits of a second as it needs, and no
/// zone if .NET has lost it on the way, which happens to the earliest time and to times that were
/// moved on by a tick. The receiver compares the times and does not mind the zone.
///
/// ```
/// use durable_functions_protocol::entity::Label;
/// use durable_functions_protocol::time;
///
/// let label = Label::new(&time::parse("2026-11-23T09:02:40.5550300Z")?);
/// assert_eq!(label.to_string(), "2026-11-23T09:02:40.55503Z");
/// assert_eq!(label.next().to_string(), "2026-11-23T09:02:40.5550301");
/// assert_eq!(Label::NONE.to_string(), "0001-01-01T00:00:00");
/// # Ok::<(), time::TimeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Label {
    time: Timestamp,
    utc: bool,
}

impl Label {
    /// What stands in messages that are not put in order, and before the first one.
    pub const NONE: Self = Self {
        time: time::MIN,
        utc: false,
    };

    /// A time (UTC), cut to whole ticks of 100 ns. A time out of range counts as the nearest one
    /// in it.
    pub fn new(time: &Timestamp) -> Self {
        let mut time = time::saturate(time);
        time.nanos -= time.nanos % 100;
        Self { time, utc: true }
    }

    /// One tick later.
    #[must_use]
    pub fn next(self) -> Self {
        let tick = std::time::Duration::from_nanos(100);
        Self {
            time: time::saturating_add(&self.time, tick),
            utc: false,
        }
    }

    /// The time.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Whether it is [`NONE`](Self::NONE), whatever its zone.
    pub fn is_none(&self) -> bool {
        self.time == time::MIN
    }

    /// Whether it is later than the other; the zone does not count.
    pub fn is_after(&self, other: &Self) -> bool {
        time::compare(&self.time, &other.time).is_gt()
    }
}

impl Default for Label {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&short(&self.time))?;
        f.write_str(if self.utc { "Z" } else { "" })
    }
}

/// A time without zone and without the zeros at its end.
pub(super) fn short(time: &Timestamp) -> String {
    let mut text = time::to_dotnet_saturating(time);
    let digits = text.trim_end_matches('Z').trim_end_matches('0');
    let length = digits.trim_end_matches('.').len();
    text.truncate(length);
    text
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Ok(time) = time::parse(&text) {
            return Ok(Self { time, utc: true });
        }
        let time = time::parse(&format!("{text}Z")).map_err(serde::de::Error::custom)?;
        Ok(Self { time, utc: false })
    }
}
