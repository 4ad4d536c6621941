//! The engine: a pure function from a turn's request to its response.
//!
//! An orchestrator is an `async` function that is run again from its start at every turn. What it
//! asked for in earlier turns stands in the history, so those calls are only recognised, not made
//! again, and the history's completions wake exactly the futures that wait for them. There is no
//! I/O, no clock and no randomness in here.
//!
//! - `wire` reads protobuf in place, `index` finds where each event lies, `events` reads the parts
//!   of an event;
//! - `core` holds the state of a turn: open tasks by action id, decided actions; `inbox` the external
//!   events and who waits for them; `waking` who is to be polled;
//! - `entities` sends messages to entities and keeps the critical section;
//! - `retries` makes failed calls again;
//! - `turn` applies the events one by one and polls the orchestrator after each that woke it;
//!   `response` is what it ends with;
//! - `fault` words what went wrong; `silence` tells loggers that a thread replays.

mod core;
mod entities;
mod events;
mod fault;
mod inbox;
mod index;
mod response;
mod retries;
mod silence;
mod turn;
mod waking;
mod wire;

#[cfg(test)]
mod tests;

use std::time::Duration;

use durable_functions_protocol::proto::Timestamp;
use durable_functions_protocol::time;

pub(crate) use self::core::{Continuation, Core, Ended};
pub(crate) use self::entities::Operation;
pub(crate) use self::events::failure as task_failure;
pub(crate) use self::fault::{Fault, NON_DETERMINISM};
pub(crate) use self::index::EventKind;
pub(crate) use self::response::{again, again_for, failed, failure};
pub(crate) use self::retries::Deciding;
pub(crate) use self::silence::is_replaying;
pub(crate) use self::turn::{Running, Start, run};

/// The longest timer that every backend takes. A longer wait is several of them.
const LONGEST_TIMER: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// When the next timer of a wait fires. Timers fire early, so what counts is which of them have
/// fired, never the time.
pub(crate) fn next_chunk(begin: &Timestamp, until: &Timestamp) -> Timestamp {
    match time::saturating_since(until, begin) {
        left if left > LONGEST_TIMER => time::saturating_add(begin, LONGEST_TIMER),
        _ => *until,
    }
}
