//! The client operations of `TaskHubSidecarService`.

use std::collections::HashMap;

use super::failure::TraceContext;
use super::history::{HistoryEvent, OrchestrationState, OrchestrationStatus};

/// Request: create instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CreateInstanceRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Name, as registered.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Version, if one was given.
    #[prost(message, optional, tag = "3")]
    pub version: Option<String>,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "4")]
    pub input: Option<String>,
    /// Scheduled start timestamp.
    #[prost(message, optional, tag = "5")]
    pub scheduled_start_timestamp: Option<prost_types::Timestamp>,
    /// Orchestration id reuse policy.
    #[prost(message, optional, tag = "6")]
    pub orchestration_id_reuse_policy: Option<OrchestrationIdReusePolicy>,
    /// Id of this run of the instance; a new one after continue-as-new.
    #[prost(message, optional, tag = "7")]
    pub execution_id: Option<String>,
    /// Free-form tags.
    #[prost(map = "string, string", tag = "8")]
    pub tags: HashMap<String, String>,
    /// W3C trace context of the caller.
    #[prost(message, optional, tag = "9")]
    pub parent_trace_context: Option<TraceContext>,
    /// When the request was made.
    #[prost(message, optional, tag = "10")]
    pub request_time: Option<prost_types::Timestamp>,
}

/// Orchestration id reuse policy.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestrationIdReusePolicy {
    /// Replaceable status.
    #[prost(enumeration = "OrchestrationStatus", repeated, tag = "1")]
    pub replaceable_status: Vec<i32>,
}

/// Response: create instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CreateInstanceResponse {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
}

/// Request: get instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetInstanceRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Get inputs and outputs.
    #[prost(bool, tag = "2")]
    pub get_inputs_and_outputs: bool,
}

/// Response: get instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetInstanceResponse {
    /// Exists.
    #[prost(bool, tag = "1")]
    pub exists: bool,
    /// Orchestration state.
    #[prost(message, optional, tag = "2")]
    pub orchestration_state: Option<OrchestrationState>,
}

/// Request: rewind instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RewindInstanceRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Reason, as free text.
    #[prost(message, optional, tag = "2")]
    pub reason: Option<String>,
}

/// Response: rewind instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RewindInstanceResponse {}

/// Request: raise event.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RaiseEventRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Name, as registered.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
}

/// Response: raise event.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RaiseEventResponse {}

/// Request: terminate.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TerminateRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Output as JSON text, or raw text for an instance that did not complete.
    #[prost(message, optional, tag = "2")]
    pub output: Option<String>,
    /// Whether sub-orchestrations are included.
    #[prost(bool, tag = "3")]
    pub recursive: bool,
}

/// Response: terminate.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TerminateResponse {}

/// Request: suspend.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SuspendRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Reason, as free text.
    #[prost(message, optional, tag = "2")]
    pub reason: Option<String>,
}

/// Response: suspend.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SuspendResponse {}

/// Request: resume.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ResumeRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Reason, as free text.
    #[prost(message, optional, tag = "2")]
    pub reason: Option<String>,
}

/// Response: resume.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ResumeResponse {}

/// Request: query instances.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryInstancesRequest {
    /// Query.
    #[prost(message, optional, tag = "1")]
    pub query: Option<InstanceQuery>,
}

/// Instance query.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InstanceQuery {
    /// Only instances in one of these states.
    #[prost(enumeration = "OrchestrationStatus", repeated, tag = "1")]
    pub runtime_status: Vec<i32>,
    /// Only instances created at or after this time.
    #[prost(message, optional, tag = "2")]
    pub created_time_from: Option<prost_types::Timestamp>,
    /// Only instances created at or before this time.
    #[prost(message, optional, tag = "3")]
    pub created_time_to: Option<prost_types::Timestamp>,
    /// Task hub names.
    #[prost(message, repeated, tag = "4")]
    pub task_hub_names: Vec<String>,
    /// Max instance count.
    #[prost(int32, tag = "5")]
    pub max_instance_count: i32,
    /// Where the next page begins; unset at the end.
    #[prost(message, optional, tag = "6")]
    pub continuation_token: Option<String>,
    /// Instance id prefix.
    #[prost(message, optional, tag = "7")]
    pub instance_id_prefix: Option<String>,
    /// Fetch inputs and outputs.
    #[prost(bool, tag = "8")]
    pub fetch_inputs_and_outputs: bool,
}

/// Response: query instances.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryInstancesResponse {
    /// Orchestration state.
    #[prost(message, repeated, tag = "1")]
    pub orchestration_state: Vec<OrchestrationState>,
    /// Where the next page begins; unset at the end.
    #[prost(message, optional, tag = "2")]
    pub continuation_token: Option<String>,
}

/// Request: list instance ids.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ListInstanceIdsRequest {
    /// Only instances in one of these states.
    #[prost(enumeration = "OrchestrationStatus", repeated, tag = "1")]
    pub runtime_status: Vec<i32>,
    /// Completed time from.
    #[prost(message, optional, tag = "2")]
    pub completed_time_from: Option<prost_types::Timestamp>,
    /// Completed time to.
    #[prost(message, optional, tag = "3")]
    pub completed_time_to: Option<prost_types::Timestamp>,
    /// Page size.
    #[prost(int32, tag = "4")]
    pub page_size: i32,
    /// Last instance key.
    #[prost(message, optional, tag = "5")]
    pub last_instance_key: Option<String>,
}

/// Response: list instance ids.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ListInstanceIdsResponse {
    /// Instance ids.
    #[prost(string, repeated, tag = "1")]
    pub instance_ids: Vec<String>,
    /// Last instance key.
    #[prost(message, optional, tag = "2")]
    pub last_instance_key: Option<String>,
}

/// Request: purge instances.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PurgeInstancesRequest {
    /// Which of the kinds it is.
    #[prost(oneof = "PurgeInstancesRequestRequest", tags = "1, 2, 4")]
    pub request: Option<PurgeInstancesRequestRequest>,
    /// Whether sub-orchestrations are included.
    #[prost(bool, tag = "3")]
    pub recursive: bool,
    /// Is orchestration.
    #[prost(bool, tag = "5")]
    pub is_orchestration: bool,
}

/// The kinds of [`PurgeInstancesRequest`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum PurgeInstancesRequestRequest {
    /// Instance id.
    #[prost(string, tag = "1")]
    InstanceId(String),
    /// See [`PurgeInstanceFilter`].
    #[prost(message, tag = "2")]
    PurgeInstanceFilter(PurgeInstanceFilter),
    /// See [`InstanceBatch`].
    #[prost(message, tag = "4")]
    InstanceBatch(InstanceBatch),
}

/// Purge instance filter.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PurgeInstanceFilter {
    /// Only instances created at or after this time.
    #[prost(message, optional, tag = "1")]
    pub created_time_from: Option<prost_types::Timestamp>,
    /// Only instances created at or before this time.
    #[prost(message, optional, tag = "2")]
    pub created_time_to: Option<prost_types::Timestamp>,
    /// Only instances in one of these states.
    #[prost(enumeration = "OrchestrationStatus", repeated, tag = "3")]
    pub runtime_status: Vec<i32>,
    /// Timeout.
    #[prost(message, optional, tag = "4")]
    pub timeout: Option<prost_types::Duration>,
}

/// Response: purge instances.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PurgeInstancesResponse {
    /// Deleted instance count.
    #[prost(int32, tag = "1")]
    pub deleted_instance_count: i32,
    /// Is complete.
    #[prost(message, optional, tag = "2")]
    pub is_complete: Option<bool>,
}

/// Request: restart instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RestartInstanceRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Restart with new instance id.
    #[prost(bool, tag = "2")]
    pub restart_with_new_instance_id: bool,
}

/// Response: restart instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RestartInstanceResponse {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
}

/// Request: create task hub.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CreateTaskHubRequest {
    /// Recreate if exists.
    #[prost(bool, tag = "1")]
    pub recreate_if_exists: bool,
}

/// Response: create task hub.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CreateTaskHubResponse {}

/// Request: delete task hub.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeleteTaskHubRequest {}

/// Response: delete task hub.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeleteTaskHubResponse {}

/// Request: signal entity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SignalEntityRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Name, as registered.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
    /// GUID of the request.
    #[prost(string, tag = "4")]
    pub request_id: String,
    /// Not to be delivered before this time.
    #[prost(message, optional, tag = "5")]
    pub scheduled_time: Option<prost_types::Timestamp>,
    /// W3C trace context of the caller.
    #[prost(message, optional, tag = "6")]
    pub parent_trace_context: Option<TraceContext>,
    /// When the request was made.
    #[prost(message, optional, tag = "7")]
    pub request_time: Option<prost_types::Timestamp>,
}

/// Response: signal entity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SignalEntityResponse {}

/// Request: get entity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetEntityRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Include state.
    #[prost(bool, tag = "2")]
    pub include_state: bool,
}

/// Response: get entity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetEntityResponse {
    /// Exists.
    #[prost(bool, tag = "1")]
    pub exists: bool,
    /// Entity.
    #[prost(message, optional, tag = "2")]
    pub entity: Option<EntityMetadata>,
}

/// Entity query.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityQuery {
    /// Instance id starts with.
    #[prost(message, optional, tag = "1")]
    pub instance_id_starts_with: Option<String>,
    /// Last modified from.
    #[prost(message, optional, tag = "2")]
    pub last_modified_from: Option<prost_types::Timestamp>,
    /// Last modified to.
    #[prost(message, optional, tag = "3")]
    pub last_modified_to: Option<prost_types::Timestamp>,
    /// Include state.
    #[prost(bool, tag = "4")]
    pub include_state: bool,
    /// Include transient.
    #[prost(bool, tag = "5")]
    pub include_transient: bool,
    /// Page size.
    #[prost(message, optional, tag = "6")]
    pub page_size: Option<i32>,
    /// Where the next page begins; unset at the end.
    #[prost(message, optional, tag = "7")]
    pub continuation_token: Option<String>,
}

/// Request: query entities.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryEntitiesRequest {
    /// Query.
    #[prost(message, optional, tag = "1")]
    pub query: Option<EntityQuery>,
}

/// Response: query entities.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryEntitiesResponse {
    /// Entities.
    #[prost(message, repeated, tag = "1")]
    pub entities: Vec<EntityMetadata>,
    /// Where the next page begins; unset at the end.
    #[prost(message, optional, tag = "2")]
    pub continuation_token: Option<String>,
}

/// Entity metadata.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityMetadata {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Last modified time.
    #[prost(message, optional, tag = "2")]
    pub last_modified_time: Option<prost_types::Timestamp>,
    /// Backlog queue size.
    #[prost(int32, tag = "3")]
    pub backlog_queue_size: i32,
    /// Locked by.
    #[prost(message, optional, tag = "4")]
    pub locked_by: Option<String>,
    /// Serialized state.
    #[prost(message, optional, tag = "5")]
    pub serialized_state: Option<String>,
}

/// Request: clean entity storage.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CleanEntityStorageRequest {
    /// Where the next page begins; unset at the end.
    #[prost(message, optional, tag = "1")]
    pub continuation_token: Option<String>,
    /// Remove empty entities.
    #[prost(bool, tag = "2")]
    pub remove_empty_entities: bool,
    /// Release orphaned locks.
    #[prost(bool, tag = "3")]
    pub release_orphaned_locks: bool,
}

/// Response: clean entity storage.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CleanEntityStorageResponse {
    /// Where the next page begins; unset at the end.
    #[prost(message, optional, tag = "1")]
    pub continuation_token: Option<String>,
    /// Empty entities removed.
    #[prost(int32, tag = "2")]
    pub empty_entities_removed: i32,
    /// Orphaned locks released.
    #[prost(int32, tag = "3")]
    pub orphaned_locks_released: i32,
}

/// Request: skip graceful orchestration terminations.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SkipGracefulOrchestrationTerminationsRequest {
    /// Instance batch.
    #[prost(message, optional, tag = "1")]
    pub instance_batch: Option<InstanceBatch>,
    /// Reason, as free text.
    #[prost(message, optional, tag = "2")]
    pub reason: Option<String>,
}

/// Response: skip graceful orchestration terminations.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SkipGracefulOrchestrationTerminationsResponse {
    /// Unterminated instance ids.
    #[prost(string, repeated, tag = "1")]
    pub unterminated_instance_ids: Vec<String>,
}

/// Request: stream instance history.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StreamInstanceHistoryRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Id of this run of the instance; a new one after continue-as-new.
    #[prost(message, optional, tag = "2")]
    pub execution_id: Option<String>,
    /// For work item processing.
    #[prost(bool, tag = "3")]
    pub for_work_item_processing: bool,
}

/// History chunk.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoryChunk {
    /// Events.
    #[prost(message, repeated, tag = "1")]
    pub events: Vec<HistoryEvent>,
}

/// Instance batch.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InstanceBatch {
    /// Instance ids.
    #[prost(string, repeated, tag = "1")]
    pub instance_ids: Vec<String>,
}
