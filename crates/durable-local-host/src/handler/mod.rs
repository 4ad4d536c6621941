//! The handler process: starting it, keeping it alive, calling it.

mod client;
mod command;
mod supervisor;

pub use command::HandlerCommand;

pub(crate) use client::{CallError, Forwarded, RawAnswer, USER_AGENT_VALUE};
pub(crate) use supervisor::{Handler, HandlerOptions};
