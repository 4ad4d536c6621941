//! Durable Functions for Rust, as an Azure Functions custom handler.
//!
//! An *orchestrator* says in code what happens in which order; *activities* do the work. The Durable
//! Task extension in the Functions host keeps the history, so an orchestration outlives crashes,
//! deployments and years of waiting: after each step the orchestrator is run again from its start,
//! and what it did already is taken from the history.
//!
//! ```no_run
//! use durable_functions::prelude::*;
//!
//! #[http_trigger(route = "orchestrators/{functionName}", methods = ["post"], auth_level = "anonymous")]
//! async fn http_start(req: HttpRequest, client: DurableClient) -> Result<HttpResponse> {
//!     let instance_id = client.start_new(req.route_param("functionName")?, ()).await?;
//!     Ok(client.check_status_response(&req, &instance_id))
//! }
//!
//! #[orchestrator]
//! async fn hello_orchestrator(ctx: OrchestrationContext) -> Result<String> {
//!     ctx.call(hello, "Seoul").await
//! }
//!
//! #[activity]
//! async fn hello(name: String) -> String {
//!     format!("Hello {name}!")
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     FunctionApp::new().register(http_start).register(hello_orchestrator).register(hello).run()
//! }
//! ```
//!
//! - [`macro@orchestrator`], [`macro@activity`] and [`macro@http_trigger`] turn functions into the
//!   functions of an app;
//! - [`macro@entity`] turns the methods of a type into the operations of a durable object;
//! - [`OrchestrationContext`] is what an orchestrator does everything with;
//! - [`DurableClient`] starts instances from HTTP functions;
//! - [`FunctionApp`] registers the functions and runs the process.

mod activity;
mod app;
mod argument;
#[doc(hidden)]
pub mod bench_support;
mod client;
mod entity;
mod error;
mod failure_document;
mod http;
mod input;
mod invocation;
mod orchestrator;
mod outcome;
mod panic;
mod registry;
mod replay;
mod server;
pub mod testing;

pub mod prelude;

/// The pages of the guide, whose code is compiled and run.
#[cfg(doctest)]
mod guide {
    macro_rules! pages {
        ($($name:ident: $file:literal),* $(,)?) => {$(
            #[doc = include_str!(concat!("../../../docs/guide/", $file))]
            pub struct $name;
        )*};
    }
    pages! {
        Chaining: "chaining.md",
        FanOut: "fan-out.md",
        HumanInteraction: "human-interaction.md",
        Monitor: "monitor.md",
        Eternal: "eternal.md",
        SubOrchestrations: "sub-orchestrations.md",
        Entities: "entities.md",
        Client: "client.md",
        Errors: "errors.md",
        Http: "http.md",
        Versions: "versions.md",
        Determinism: "determinism.md",
        Testing: "testing.md",
    }
}

/// The development host, for whole-app tests: [`LocalHost`](local_host::LocalHost).
#[cfg(feature = "local-host")]
pub use durable_local_host as local_host;

pub use activity::ActivityContext;
pub use app::FunctionApp;
pub use argument::State;
pub use client::{
    CleanedEntities, ClientError, DurableClient, DurableClientBinding, EntityQuery, EntityState,
    HistoryEvent, HistoryEventKind, HistoryStream, InstanceQuery, InstanceState, ManagementUrls,
    Page, Pages, PurgeFilter, RuntimeStatus, SignalEntity, StartNew,
};
pub use durable_functions_macros::{activity, entity, http_trigger, orchestrator};
pub use durable_functions_protocol::entity::{EntityId, InvalidEntityId};
pub use durable_functions_protocol::failure::Failure;
pub use entity::{
    CallsOf, Entity, EntityContext, EntityOperation, OutgoingSignal, SignalSender, SignalsOf,
    StartFromEntity,
};
pub use error::{Cancelled, Error, Result, TaskError};
pub use http::{HttpError, HttpRequest, HttpResponse, Json};
pub use input::IntoInput;
pub use orchestrator::{
    All, Any, Call, ContinueAsNew, ContinueAsNewOptions, DurableHttpRequest, DurableHttpResponse,
    Either, EitherOf, EntityCall, EntityLock, EntityRef, EntitySignal, EventWait, FailedAttempt,
    HttpCall, LockGuard, OrchestrationContext, OrchestrationRng, Race, RetryDecision, RetryPolicy,
    Sleep, SubOrchestration, TokenSource, Winner, compare_versions,
};
pub use registry::AppError;

/// What the attributes' expansions, and the signatures above, are made of. Not for use by hand.
pub mod macro_support {
    pub use chrono::{DateTime, Utc};

    pub use crate::activity::{Activity, ActivityCall, ActivityFn};
    pub use crate::argument::{
        ActivityTrigger, Argument, EntityTrigger, HttpTrigger, States, Trigger, any, at_most_one,
        payloads,
    };
    pub use crate::client::{ByFunction, ByName, OrchestratorTarget};
    pub use crate::entity::{Entity, OperationCall, SignalSender, result as operation_result};
    pub use crate::error::IntoError;
    pub use crate::http::{HttpCall, HttpFunction, IntoHttpResponse, outcome as http_outcome};
    pub use crate::input::{AnyInput, Encode, IntoInput};
    pub use crate::invocation::Invocation;
    pub use crate::orchestrator::{
        EntityCall, EntityRef, Orchestration, Orchestrator, OrchestratorFn,
        input as orchestrator_input,
    };
    pub use crate::outcome::{NotResult, Outcome, Probe};
    pub use crate::registry::{AsActivity, AsHttp, AsOrchestrator, Function, IntoFunction};
    pub use durable_functions_protocol::failure::Failure;
}
