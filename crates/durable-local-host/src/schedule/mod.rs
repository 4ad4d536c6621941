//! Schedules: NCRONTAB expressions and time spans, and when they are due.

mod expression;
mod ncrontab;

pub(crate) use expression::{Schedule, timestamp};
