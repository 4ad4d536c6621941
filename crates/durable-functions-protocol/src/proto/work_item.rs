//! Work items of a gRPC worker. The Functions host does not serve these; other engines do.

use std::collections::HashMap;

use super::entity::{EntityBatchRequest, EntityRequest};
use super::failure::{TaskFailureDetails, TraceContext};
use super::instance::OrchestrationInstance;
use super::orchestration::OrchestratorRequest;

/// Request: activity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActivityRequest {
    /// Name, as registered.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Version, if one was given.
    #[prost(message, optional, tag = "2")]
    pub version: Option<String>,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
    /// The instance and its execution.
    #[prost(message, optional, tag = "4")]
    pub orchestration_instance: Option<OrchestrationInstance>,
    /// Id of the action that called the activity.
    #[prost(int32, tag = "5")]
    pub task_id: i32,
    /// W3C trace context of the caller.
    #[prost(message, optional, tag = "6")]
    pub parent_trace_context: Option<TraceContext>,
    /// Free-form tags.
    #[prost(map = "string, string", tag = "7")]
    pub tags: HashMap<String, String>,
}

/// Response: activity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActivityResponse {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Id of the action that called the activity.
    #[prost(int32, tag = "2")]
    pub task_id: i32,
    /// Result as JSON text; unset for no value.
    #[prost(message, optional, tag = "3")]
    pub result: Option<String>,
    /// Why it failed; the host leaves this unset for some failures.
    #[prost(message, optional, tag = "4")]
    pub failure_details: Option<TaskFailureDetails>,
    /// Token of the work item (not used by the Functions host).
    #[prost(string, tag = "5")]
    pub completion_token: String,
}

/// Request: abandon activity task.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AbandonActivityTaskRequest {
    /// Token of the work item (not used by the Functions host).
    #[prost(string, tag = "1")]
    pub completion_token: String,
}

/// Response: abandon activity task.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AbandonActivityTaskResponse {}

/// Request: abandon orchestration task.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AbandonOrchestrationTaskRequest {
    /// Token of the work item (not used by the Functions host).
    #[prost(string, tag = "1")]
    pub completion_token: String,
}

/// Response: abandon orchestration task.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AbandonOrchestrationTaskResponse {}

/// Request: abandon entity task.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AbandonEntityTaskRequest {
    /// Token of the work item (not used by the Functions host).
    #[prost(string, tag = "1")]
    pub completion_token: String,
}

/// Response: abandon entity task.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AbandonEntityTaskResponse {}

/// Request: get work items.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetWorkItemsRequest {
    /// How many orchestrations at a time.
    #[prost(int32, tag = "1")]
    pub max_concurrent_orchestration_work_items: i32,
    /// How many activities at a time.
    #[prost(int32, tag = "2")]
    pub max_concurrent_activity_work_items: i32,
    /// How many entities at a time.
    #[prost(int32, tag = "3")]
    pub max_concurrent_entity_work_items: i32,
    /// What the worker can do; see [`WorkerCapability`].
    #[prost(enumeration = "WorkerCapability", repeated, tag = "10")]
    pub capabilities: Vec<i32>,
    /// Which functions the worker takes work for.
    #[prost(message, optional, tag = "11")]
    pub work_item_filters: Option<WorkItemFilters>,
}

/// What a worker says that it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum WorkerCapability {
    /// `WORKER_CAPABILITY_UNSPECIFIED`.
    Unspecified = 0,
    /// `WORKER_CAPABILITY_HISTORY_STREAMING`.
    HistoryStreaming = 1,
    /// `WORKER_CAPABILITY_SCHEDULED_TASKS`.
    ScheduledTasks = 2,
    /// `WORKER_CAPABILITY_LARGE_PAYLOADS`.
    LargePayloads = 3,
}

/// Which functions a worker takes work for.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WorkItemFilters {
    /// The orchestrations.
    #[prost(message, repeated, tag = "1")]
    pub orchestrations: Vec<OrchestrationFilter>,
    /// The activities.
    #[prost(message, repeated, tag = "2")]
    pub activities: Vec<ActivityFilter>,
    /// The entities.
    #[prost(message, repeated, tag = "3")]
    pub entities: Vec<EntityFilter>,
}

/// An orchestration that a worker has.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestrationFilter {
    /// Name, as registered.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its versions.
    #[prost(string, repeated, tag = "2")]
    pub versions: Vec<String>,
}

/// An activity that a worker has.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActivityFilter {
    /// Name, as registered.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its versions.
    #[prost(string, repeated, tag = "2")]
    pub versions: Vec<String>,
}

/// An entity that a worker has.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityFilter {
    /// Name, as registered.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// A piece of work for a worker.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WorkItem {
    /// Which of the kinds it is.
    #[prost(oneof = "WorkItemRequest", tags = "1, 2, 3, 4, 5")]
    pub request: Option<WorkItemRequest>,
    /// Token of the work item (not used by the Functions host).
    #[prost(string, tag = "10")]
    pub completion_token: String,
}

/// The kinds of [`WorkItem`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum WorkItemRequest {
    /// See [`OrchestratorRequest`].
    #[prost(message, tag = "1")]
    OrchestratorRequest(OrchestratorRequest),
    /// See [`ActivityRequest`].
    #[prost(message, tag = "2")]
    ActivityRequest(ActivityRequest),
    /// See [`EntityBatchRequest`].
    #[prost(message, tag = "3")]
    EntityRequest(EntityBatchRequest),
    /// See [`HealthPing`].
    #[prost(message, tag = "4")]
    HealthPing(HealthPing),
    /// See [`EntityRequest`].
    #[prost(message, tag = "5")]
    EntityRequestV2(EntityRequest),
}

/// Response: complete task.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CompleteTaskResponse {}

/// No work: shows that the stream is alive.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HealthPing {}
