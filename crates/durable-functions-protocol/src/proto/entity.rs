//! Entity batches.

use std::collections::HashMap;

use super::failure::{TaskFailureDetails, TraceContext};
use super::history::HistoryEvent;
use super::instance::OrchestrationInstance;

/// A batch of operations for one entity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityBatchRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// State as JSON text; unset for an entity without state.
    #[prost(message, optional, tag = "2")]
    pub entity_state: Option<String>,
    /// What to do, in this order.
    #[prost(message, repeated, tag = "3")]
    pub operations: Vec<OperationRequest>,
    /// Further properties by name.
    #[prost(map = "string, message", tag = "4")]
    pub properties: HashMap<String, prost_types::Value>,
}

/// The answer to a batch.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityBatchResult {
    /// How the operations ended, in their order; what has no result is delivered again.
    #[prost(message, repeated, tag = "1")]
    pub results: Vec<OperationResult>,
    /// What the code asks for.
    #[prost(message, repeated, tag = "2")]
    pub actions: Vec<OperationAction>,
    /// State as JSON text; unset for an entity without state.
    #[prost(message, optional, tag = "3")]
    pub entity_state: Option<String>,
    /// Why it failed; the host leaves this unset for some failures.
    #[prost(message, optional, tag = "4")]
    pub failure_details: Option<TaskFailureDetails>,
    /// Token of the work item (not used by the Functions host).
    #[prost(string, tag = "5")]
    pub completion_token: String,
    /// Whom the operations answer, in their order.
    #[prost(message, repeated, tag = "6")]
    pub operation_infos: Vec<OperationInfo>,
    /// Whether the batch has to be sent again, with the state.
    #[prost(bool, tag = "7")]
    pub requires_state: bool,
}

/// Request: entity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Id of this run of the instance; a new one after continue-as-new.
    #[prost(string, tag = "2")]
    pub execution_id: String,
    /// State as JSON text; unset for an entity without state.
    #[prost(message, optional, tag = "3")]
    pub entity_state: Option<String>,
    /// Calls, signals and locks, in this order.
    #[prost(message, repeated, tag = "4")]
    pub operation_requests: Vec<HistoryEvent>,
}

/// Request: operation.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationRequest {
    /// Name of the operation.
    #[prost(string, tag = "1")]
    pub operation: String,
    /// GUID of the request.
    #[prost(string, tag = "2")]
    pub request_id: String,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
    /// W3C trace context of the caller.
    #[prost(message, optional, tag = "4")]
    pub trace_context: Option<TraceContext>,
}

/// How one operation of a batch ended.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationResult {
    /// Which of the kinds it is.
    #[prost(oneof = "OperationResultResultType", tags = "1, 2")]
    pub result_type: Option<OperationResultResultType>,
}

/// The kinds of [`OperationResult`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum OperationResultResultType {
    /// See [`OperationResultSuccess`].
    #[prost(message, tag = "1")]
    Success(OperationResultSuccess),
    /// See [`OperationResultFailure`].
    #[prost(message, tag = "2")]
    Failure(OperationResultFailure),
}

/// Whom one operation of a batch answers.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationInfo {
    /// GUID of the request.
    #[prost(string, tag = "1")]
    pub request_id: String,
    /// Who waits for the answer; unset for signals.
    #[prost(message, optional, tag = "2")]
    pub response_destination: Option<OrchestrationInstance>,
}

/// An operation that succeeded.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationResultSuccess {
    /// Result as JSON text; unset for no value.
    #[prost(message, optional, tag = "1")]
    pub result: Option<String>,
    /// When the operation began (UTC).
    #[prost(message, optional, tag = "2")]
    pub start_time_utc: Option<prost_types::Timestamp>,
    /// When the operation ended (UTC).
    #[prost(message, optional, tag = "3")]
    pub end_time_utc: Option<prost_types::Timestamp>,
}

/// An operation that failed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationResultFailure {
    /// Why it failed; the host leaves this unset for some failures.
    #[prost(message, optional, tag = "1")]
    pub failure_details: Option<TaskFailureDetails>,
    /// When the operation began (UTC).
    #[prost(message, optional, tag = "2")]
    pub start_time_utc: Option<prost_types::Timestamp>,
    /// When the operation ended (UTC).
    #[prost(message, optional, tag = "3")]
    pub end_time_utc: Option<prost_types::Timestamp>,
}

/// Action: operation.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationAction {
    /// Action id; becomes the event id in the history.
    #[prost(int32, tag = "1")]
    pub id: i32,
    /// Which of the kinds it is.
    #[prost(oneof = "OperationActionOperationActionType", tags = "2, 3")]
    pub operation_action_type: Option<OperationActionOperationActionType>,
}

/// The kinds of [`OperationAction`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum OperationActionOperationActionType {
    /// See [`SendSignalAction`].
    #[prost(message, tag = "2")]
    SendSignal(SendSignalAction),
    /// See [`StartNewOrchestrationAction`].
    #[prost(message, tag = "3")]
    StartNewOrchestration(StartNewOrchestrationAction),
}

/// Action: send signal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SendSignalAction {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Name, as registered.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
    /// Not to be delivered before this time.
    #[prost(message, optional, tag = "4")]
    pub scheduled_time: Option<prost_types::Timestamp>,
    /// When the request was made.
    #[prost(message, optional, tag = "5")]
    pub request_time: Option<prost_types::Timestamp>,
    /// W3C trace context of the caller.
    #[prost(message, optional, tag = "6")]
    pub parent_trace_context: Option<TraceContext>,
}

/// Action: start new orchestration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StartNewOrchestrationAction {
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
    /// Not to be delivered before this time.
    #[prost(message, optional, tag = "5")]
    pub scheduled_time: Option<prost_types::Timestamp>,
    /// When the request was made.
    #[prost(message, optional, tag = "6")]
    pub request_time: Option<prost_types::Timestamp>,
    /// W3C trace context of the caller.
    #[prost(message, optional, tag = "7")]
    pub parent_trace_context: Option<TraceContext>,
}
