//! The handler process: starting it, keeping it alive, calling it.

mod client;
mod command;
mod supervisor;

pub use command::HandlerCommand;

pub(crate) use client::{CallError, RawAnswer};
pub(crate) use supervisor::{Handler, HandlerOptions};
