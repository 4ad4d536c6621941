//! HTTP calls that the host carries out for an orchestrator.

mod call;
mod request;
mod response;

pub use call::HttpCall;
pub use request::{DurableHttpRequest, TokenSource};
pub use response::DurableHttpResponse;

/// Name of the activity in the host that carries out HTTP calls.
const ACTIVITY: &str = "BuiltIn::HttpActivity";
