//! What identifies an instance, and what is known of it.

use std::collections::HashMap;

use super::failure::TaskFailureDetails;

/// An instance and one of its runs.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestrationInstance {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Id of this run of the instance; a new one after continue-as-new.
    #[prost(message, optional, tag = "2")]
    pub execution_id: Option<String>,
}

/// The states of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum OrchestrationStatus {
    /// `ORCHESTRATION_STATUS_RUNNING`.
    Running = 0,
    /// `ORCHESTRATION_STATUS_COMPLETED`.
    Completed = 1,
    /// `ORCHESTRATION_STATUS_CONTINUED_AS_NEW`.
    ContinuedAsNew = 2,
    /// `ORCHESTRATION_STATUS_FAILED`.
    Failed = 3,
    /// `ORCHESTRATION_STATUS_CANCELED`.
    Canceled = 4,
    /// `ORCHESTRATION_STATUS_TERMINATED`.
    Terminated = 5,
    /// `ORCHESTRATION_STATUS_PENDING`.
    Pending = 6,
    /// `ORCHESTRATION_STATUS_SUSPENDED`.
    Suspended = 7,
}

/// The orchestration that called this one.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ParentInstanceInfo {
    /// Id of the action that this answers.
    #[prost(int32, tag = "1")]
    pub task_scheduled_id: i32,
    /// Name, as registered.
    #[prost(message, optional, tag = "2")]
    pub name: Option<String>,
    /// Version, if one was given.
    #[prost(message, optional, tag = "3")]
    pub version: Option<String>,
    /// The instance and its execution.
    #[prost(message, optional, tag = "4")]
    pub orchestration_instance: Option<OrchestrationInstance>,
}

/// What is known of an instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestrationState {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Name, as registered.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Version, if one was given.
    #[prost(message, optional, tag = "3")]
    pub version: Option<String>,
    /// State of the instance.
    #[prost(enumeration = "OrchestrationStatus", tag = "4")]
    pub orchestration_status: i32,
    /// Not to be started before this time (UTC).
    #[prost(message, optional, tag = "5")]
    pub scheduled_start_timestamp: Option<prost_types::Timestamp>,
    /// When the instance was created (UTC).
    #[prost(message, optional, tag = "6")]
    pub created_timestamp: Option<prost_types::Timestamp>,
    /// When the instance changed last (UTC).
    #[prost(message, optional, tag = "7")]
    pub last_updated_timestamp: Option<prost_types::Timestamp>,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "8")]
    pub input: Option<String>,
    /// Output as JSON text, or raw text for an instance that did not complete.
    #[prost(message, optional, tag = "9")]
    pub output: Option<String>,
    /// Custom status as JSON text; replaces the stored one on every turn.
    #[prost(message, optional, tag = "10")]
    pub custom_status: Option<String>,
    /// Why it failed; the host leaves this unset for some failures.
    #[prost(message, optional, tag = "11")]
    pub failure_details: Option<TaskFailureDetails>,
    /// Id of this run of the instance; a new one after continue-as-new.
    #[prost(message, optional, tag = "12")]
    pub execution_id: Option<String>,
    /// When the instance ended (UTC).
    #[prost(message, optional, tag = "13")]
    pub completed_timestamp: Option<prost_types::Timestamp>,
    /// Id of the parent instance.
    #[prost(message, optional, tag = "14")]
    pub parent_instance_id: Option<String>,
    /// Free-form tags.
    #[prost(map = "string, string", tag = "15")]
    pub tags: HashMap<String, String>,
}
