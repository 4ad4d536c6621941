//! What nearly every app needs: `use durable_functions::prelude::*;`

pub use crate::activity::ActivityContext;
pub use crate::app::FunctionApp;
pub use crate::argument::State;
pub use crate::client::DurableClient;
pub use crate::entity::EntityContext;
pub use crate::error::Result;
pub use crate::http::{HttpRequest, HttpResponse};
pub use crate::orchestrator::OrchestrationContext;
pub use durable_functions_macros::{activity, entity, http_trigger, orchestrator};
