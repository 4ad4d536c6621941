//! Starts a custom handler as the Azure Functions host does and speaks its protocol, or a whole app
//! under its development host.
//!
//! For tests and benchmarks: whatever does not work panics with what was expected.

mod app;
mod envelope;
mod history;
mod process;

pub use app::{App, HostAnswer};
pub use envelope::{activity_request, orchestration_request};
pub use history::Turn;
pub use process::{Answer, Handler, completion, failure};
