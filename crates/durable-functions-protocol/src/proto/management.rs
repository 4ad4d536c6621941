//! The client operations of `TaskHubSidecarService`.

use std::collections::HashMap;

use super::failure::TraceContext;
use super::history::HistoryEvent;
use super::instance::{OrchestrationState, OrchestrationStatus};

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
    /// Not to be started before this time (UTC).
    #[prost(message, optional, tag = "5")]
    pub scheduled_start_timestamp: Option<prost_types::Timestamp>,
    /// What happens when an instance of that id exists.
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

/// What happens when an instance of the same id exists.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestrationIdReusePolicy {
    /// States in which an existing instance may be replaced.
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
    /// Whether input, output and custom status are wanted.
    #[prost(bool, tag = "2")]
    pub get_inputs_and_outputs: bool,
}

/// Response: get instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetInstanceResponse {
    /// Whether there is one of that id.
    #[prost(bool, tag = "1")]
    pub exists: bool,
    /// What is known of the instance; unset if it does not exist.
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
    /// Which ones to find.
    #[prost(message, optional, tag = "1")]
    pub query: Option<InstanceQuery>,
}

/// Which instances to find; what is unset does not narrow the search.
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
    /// Names of the task hubs to search.
    #[prost(message, repeated, tag = "4")]
    pub task_hub_names: Vec<String>,
    /// How many instances a page has at most.
    #[prost(int32, tag = "5")]
    pub max_instance_count: i32,
    /// Where the next page begins; unset at the end.
    #[prost(message, optional, tag = "6")]
    pub continuation_token: Option<String>,
    /// Whose id begins so.
    #[prost(message, optional, tag = "7")]
    pub instance_id_prefix: Option<String>,
    /// Whether inputs, outputs and custom status are wanted.
    #[prost(bool, tag = "8")]
    pub fetch_inputs_and_outputs: bool,
}

/// Response: query instances.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryInstancesResponse {
    /// The instances of this page.
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
    /// Ended at this time or later (UTC).
    #[prost(message, optional, tag = "2")]
    pub completed_time_from: Option<prost_types::Timestamp>,
    /// Ended at this time or earlier (UTC).
    #[prost(message, optional, tag = "3")]
    pub completed_time_to: Option<prost_types::Timestamp>,
    /// How many a page has at most.
    #[prost(int32, tag = "4")]
    pub page_size: i32,
    /// Where the page before ended.
    #[prost(message, optional, tag = "5")]
    pub last_instance_key: Option<String>,
}

/// Response: list instance ids.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ListInstanceIdsResponse {
    /// The ids of this page.
    #[prost(string, repeated, tag = "1")]
    pub instance_ids: Vec<String>,
    /// Where this page ended.
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
    /// Whether orchestrations are meant and not entities.
    #[prost(bool, tag = "5")]
    pub is_orchestration: bool,
}

/// The kinds of [`PurgeInstancesRequest`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum PurgeInstancesRequestRequest {
    /// Only the instance of this id.
    #[prost(string, tag = "1")]
    InstanceId(String),
    /// See [`PurgeInstanceFilter`].
    #[prost(message, tag = "2")]
    PurgeInstanceFilter(PurgeInstanceFilter),
    /// See [`InstanceBatch`].
    #[prost(message, tag = "4")]
    InstanceBatch(InstanceBatch),
}

/// Which instances to purge; what is unset does not narrow the search.
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
    /// How long purging may take.
    #[prost(message, optional, tag = "4")]
    pub timeout: Option<prost_types::Duration>,
}

/// Response: purge instances.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PurgeInstancesResponse {
    /// How many instances were purged.
    #[prost(int32, tag = "1")]
    pub deleted_instance_count: i32,
    /// Whether all were purged; unset if that is not known.
    #[prost(message, optional, tag = "2")]
    pub is_complete: Option<bool>,
}

/// Request: restart instance.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RestartInstanceRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Whether the new run gets an instance id of its own.
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
    /// Whether an existing task hub is replaced.
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
    /// Whether the states of entities are wanted.
    #[prost(bool, tag = "2")]
    pub include_state: bool,
}

/// Response: get entity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetEntityResponse {
    /// Whether there is one of that id.
    #[prost(bool, tag = "1")]
    pub exists: bool,
    /// What is known of the entity; unset if it does not exist.
    #[prost(message, optional, tag = "2")]
    pub entity: Option<EntityMetadata>,
}

/// Which entities to find; what is unset does not narrow the search.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityQuery {
    /// Whose id, `@name@key`, begins so.
    #[prost(message, optional, tag = "1")]
    pub instance_id_starts_with: Option<String>,
    /// Changed at this time or later (UTC).
    #[prost(message, optional, tag = "2")]
    pub last_modified_from: Option<prost_types::Timestamp>,
    /// Changed at this time or earlier (UTC).
    #[prost(message, optional, tag = "3")]
    pub last_modified_to: Option<prost_types::Timestamp>,
    /// Whether the states of entities are wanted.
    #[prost(bool, tag = "4")]
    pub include_state: bool,
    /// Whether entities without a state are wanted too.
    #[prost(bool, tag = "5")]
    pub include_transient: bool,
    /// How many a page has at most.
    #[prost(message, optional, tag = "6")]
    pub page_size: Option<i32>,
    /// Where the next page begins; unset at the end.
    #[prost(message, optional, tag = "7")]
    pub continuation_token: Option<String>,
}

/// Request: query entities.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryEntitiesRequest {
    /// Which ones to find.
    #[prost(message, optional, tag = "1")]
    pub query: Option<EntityQuery>,
}

/// Response: query entities.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryEntitiesResponse {
    /// The entities of this page.
    #[prost(message, repeated, tag = "1")]
    pub entities: Vec<EntityMetadata>,
    /// Where the next page begins; unset at the end.
    #[prost(message, optional, tag = "2")]
    pub continuation_token: Option<String>,
}

/// What is known of an entity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityMetadata {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// When the entity changed last (UTC).
    #[prost(message, optional, tag = "2")]
    pub last_modified_time: Option<prost_types::Timestamp>,
    /// How many messages wait.
    #[prost(int32, tag = "3")]
    pub backlog_queue_size: i32,
    /// Id of the orchestration that holds the lock.
    #[prost(message, optional, tag = "4")]
    pub locked_by: Option<String>,
    /// The state as JSON text; unset if there is none or it was not asked for.
    #[prost(message, optional, tag = "5")]
    pub serialized_state: Option<String>,
}

/// Request: clean entity storage.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CleanEntityStorageRequest {
    /// Where the next page begins; unset at the end.
    #[prost(message, optional, tag = "1")]
    pub continuation_token: Option<String>,
    /// Whether empty entities are removed.
    #[prost(bool, tag = "2")]
    pub remove_empty_entities: bool,
    /// Whether locks are released whose holders run no more.
    #[prost(bool, tag = "3")]
    pub release_orphaned_locks: bool,
}

/// Response: clean entity storage.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CleanEntityStorageResponse {
    /// Where the next page begins; unset at the end.
    #[prost(message, optional, tag = "1")]
    pub continuation_token: Option<String>,
    /// How many entities were removed.
    #[prost(int32, tag = "2")]
    pub empty_entities_removed: i32,
    /// How many locks were released.
    #[prost(int32, tag = "3")]
    pub orphaned_locks_released: i32,
}

/// Request: skip graceful orchestration terminations.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SkipGracefulOrchestrationTerminationsRequest {
    /// The instances that are meant.
    #[prost(message, optional, tag = "1")]
    pub instance_batch: Option<InstanceBatch>,
    /// Reason, as free text.
    #[prost(message, optional, tag = "2")]
    pub reason: Option<String>,
}

/// Response: skip graceful orchestration terminations.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SkipGracefulOrchestrationTerminationsResponse {
    /// Ids of those that were not terminated.
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
    /// Whether a worker asks, to run a turn.
    #[prost(bool, tag = "3")]
    pub for_work_item_processing: bool,
}

/// A part of a history, in the order of events.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoryChunk {
    /// The events.
    #[prost(message, repeated, tag = "1")]
    pub events: Vec<HistoryEvent>,
}

/// Some instances by id.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InstanceBatch {
    /// The ids.
    #[prost(string, repeated, tag = "1")]
    pub instance_ids: Vec<String>,
}
