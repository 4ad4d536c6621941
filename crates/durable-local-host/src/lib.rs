//! An embedded Azure Functions host for development.
//!
//! It takes the place of the real Functions host and the Durable Task extension on a developer's
//! machine: it starts the custom handler as a child process, calls it over HTTP exactly as the real
//! host does, and keeps the state of orchestrations in SQLite.
//!
//! ```no_run
//! # async fn example() -> Result<(), durable_local_host::Error> {
//! let host = durable_local_host::LocalHost::builder().app("my-app").memory().start().await?;
//! println!("functions are called at {}/api", host.url());
//! host.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! [`run`] is what a command line calls; [`LocalHost`] is the same for programs and tests. [`Command`]
//! has the commands for people at a terminal besides.

mod authority;
mod cli;
mod clock;
mod config;
mod connections;
mod console;
mod dashboard;
mod display;
mod engine;
mod error;
mod grpc;
mod handler;
mod invocation;
mod keys;
mod local_host;
mod management;
mod media_type;
mod newtonsoft;
mod routing;
mod schedule;
mod server;
mod signals;
mod store;
mod strict;
mod sync;
mod terminal;
mod time;
mod timer_trigger;
mod urls;

pub use cli::{LogForm, StartArgs, run};
pub use console::{ConsoleLine, ConsoleSource};
pub use error::Error;
pub use handler::HandlerCommand;
pub use local_host::{LocalHost, LocalHostBuilder, StateLocation};
pub use terminal::Command;
