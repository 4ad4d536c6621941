//! The protobuf messages of the Durable Task protocol (proto3, no package).
//!
//! Field names and numbers are those of `microsoft/durabletask-protobuf` as of June 2026. Wrapper
//! messages (`google.protobuf.StringValue`) are `Option`s here.
//!
//! ```
//! use durable_functions_protocol::proto::{
//!     ActionType, OrchestratorAction, OrchestratorResponse, ScheduleTaskAction,
//! };
//! use prost::Message;
//!
//! let response = OrchestratorResponse {
//!     instance_id: "abc".into(),
//!     actions: vec![OrchestratorAction {
//!         id: 0,
//!         orchestrator_action_type: Some(ActionType::ScheduleTask(ScheduleTaskAction {
//!             name: "hello".into(),
//!             input: Some("\"Seoul\"".into()),
//!             ..Default::default()
//!         })),
//!     }],
//!     ..Default::default()
//! };
//! let bytes = response.encode_to_vec();
//! assert_eq!(OrchestratorResponse::decode(bytes.as_slice())?, response);
//! # Ok::<(), prost::DecodeError>(())
//! ```

mod entity;
mod failure;
mod history;
mod instance;
mod management;
mod orchestration;
mod work_item;

pub use entity::*;
pub use failure::*;
pub use history::*;
pub use instance::*;
pub use management::*;
pub use orchestration::*;
pub use prost_types::{Duration, Timestamp, Value};
pub use work_item::*;
