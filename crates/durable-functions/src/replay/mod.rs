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
//! - `turn` applies the events one by one and polls the orchestrator after each that woke it;
//!   `response` is what it ends with;
//! - `fault` words what went wrong; `silence` tells loggers that a thread replays.

mod core;
mod events;
mod fault;
mod inbox;
mod index;
mod response;
mod silence;
mod turn;
mod waking;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use self::core::{Continuation, Core, TaskState};
pub(crate) use self::events::decode_failure;
pub(crate) use self::fault::Fault;
pub(crate) use self::index::EventKind;
pub(crate) use self::response::{again, again_for, failed, failure};
pub(crate) use self::silence::is_replaying;
pub(crate) use self::turn::{Running, Start, run};
