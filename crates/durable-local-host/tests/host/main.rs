//! The whole host with real processes and sockets. The handler is this test binary itself, started
//! again with a variable that makes [`handler_process`] serve instead of pass.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that meets the unexpected shall fail at that place"
)]

mod app;
mod command;
mod crowd;
mod entity_handler;
mod handler;
mod process;
mod replay;
mod rpc;

mod activities;
mod browsers;
mod clocks;
mod command_line;
mod console;
mod dashboard;
mod disconnects;
mod engine;
mod entities;
mod entity_clients;
mod entity_locks;
mod generations;
mod grpc;
mod grpc_queries;
mod http_functions;
mod keys;
mod kills;
mod lifecycle;
mod limits;
mod management;
mod panics;
mod queues;
mod recorded_http;
mod rewind;
mod scheduled;
mod secrets;
mod storage;
mod strict;
mod task_hubs;
mod terminal;
mod timers;
mod turns;
mod wrappers;

/// Not a test of its own: with the variable set this is the handler.
#[test]
fn handler_process() {
    handler::serve_when_asked();
}
