//! Timer triggers: functions that the time starts.

mod expression;
mod ncrontab;
mod runner;
mod status;
mod zone;

pub(crate) use expression::Schedule;
pub(crate) use runner::{TimerFunctions, TimerServices};
pub(crate) use zone::Zone;
