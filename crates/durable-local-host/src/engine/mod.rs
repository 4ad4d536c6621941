//! Runs orchestrations: messages come in, turns and activities go to the handler, what they
//! decide is committed and goes out as messages.

mod activity;
mod delays;
mod dispatch;
mod early;
mod entities;
mod functions;
mod http_activity;
mod idle;
mod ids;
mod instances;
mod limits;
mod outputs;
mod panics;
mod request;
mod retry;
mod rewind;
mod service;
mod start;
mod state;
mod tasks;
mod timers;
mod turn;
mod turn_log;
mod watchers;
mod write_health;

pub(crate) use entities::{
    Contents as EntityContents, EntityId, Signal, Status as EntityStatus, Waiting, WaitingKind,
    is_stored_entity, state_of,
};
pub(crate) use functions::FunctionTable;
pub(crate) use service::{Engine, EngineOptions};
pub(crate) use start::{StartOutcome, StartRequest};
