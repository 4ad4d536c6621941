//! Runs orchestrations: messages come in, turns and activities go to the handler, what they
//! decide is committed and goes out as messages.

mod activity;
mod dispatch;
mod functions;
mod http_activity;
mod ids;
mod instances;
mod request;
mod retry;
mod rewind;
mod service;
mod state;
mod timers;
mod turn;

pub(crate) use functions::FunctionTable;
pub(crate) use service::{Engine, EngineOptions, StartOutcome, StartRequest};
