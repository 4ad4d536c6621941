//! Orchestrations in unit tests: activities answered by closures, events raised, time skipped.
//!
//! [`TestOrchestration`] runs an orchestrator on the real engine, turn by turn with the full
//! history, as the host does. Nothing waits: a timer of ten days fires at once, and the clock that
//! the orchestrator sees goes on by ten days. Every turn is replayed twice, and a difference ends
//! the run with an explanation.
//!
//! ```
//! use durable_functions::prelude::*;
//! use durable_functions::testing::TestOrchestration;
//! use std::time::Duration;
//!
//! #[activity]
//! async fn charge(card: u32) -> Result<String> {
//!     unimplemented!("asks the bank for card {card}")
//! }
//!
//! #[orchestrator]
//! async fn order(ctx: OrchestrationContext, card: u32) -> Result<String> {
//!     let approved: bool = ctx.wait_for_event("Approval").timeout(Duration::from_secs(86_400)).await?;
//!     if approved { ctx.call(charge, card).await } else { Ok("rejected".into()) }
//! }
//!
//! let run = TestOrchestration::new(order)
//!     .input(4711)
//!     .activity(charge, |card| format!("paid with {card}"))
//!     .event_after(Duration::from_secs(3_600), "Approval", true)
//!     .run();
//! assert_eq!(run.output().unwrap(), "paid with 4711");
//! assert_eq!(run.inputs_of(charge).unwrap(), [4711]);
//! assert_eq!(run.elapsed(), Duration::from_secs(3_600));
//! ```
//!
//! [`TestEntity`] runs the operations of an entity.
//!
//! [`replay`] runs today's code against the history of an instance that ran with yesterday's.

mod answers;
mod backend;
mod entities;
mod entity;
mod events;
mod exported;
mod histories;
mod orchestration;
mod run;

pub use answers::{LostWorker, NoDetails, TestAnswer};
pub use entity::{TestEntity, TestSignal, TestStart};
pub use events::{TestEvent, TestEventKind};
pub use histories::{Difference, History, Replayed, replay};
pub use orchestration::TestOrchestration;
pub use run::{NoOutput, TestRun, TestStatus};

/// What the host says of entities with Azure Storage: messages are put in order for half an hour.
fn entity_parameters() -> durable_functions_protocol::proto::OrchestratorEntityParameters {
    durable_functions_protocol::proto::OrchestratorEntityParameters {
        entity_message_reorder_window: Some(prost_types::Duration {
            seconds: 30 * 60,
            nanos: 0,
        }),
    }
}
