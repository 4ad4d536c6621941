//! The protobuf messages of the Durable Task protocol (proto3, no package).
//!
//! Field names and numbers are those of `microsoft/durabletask-protobuf` as of June 2026. Wrapper
//! messages (`google.protobuf.StringValue`) are `Option`s here.

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
