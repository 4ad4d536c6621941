//! Timer triggers: functions that the time starts.

mod runner;
mod status;
mod zone;

pub(crate) use runner::{TimerFunctions, TimerServices};
pub(crate) use zone::Zone;
