//! A turn of an orchestration: request, actions and response.

use std::collections::HashMap;

use super::failure::{TaskFailureDetails, TraceContext};
use super::history::{
    EntityLockRequestedEvent, EntityOperationCalledEvent, EntityOperationSignaledEvent,
    EntityUnlockSentEvent, HistoryEvent,
};
use super::instance::{OrchestrationInstance, OrchestrationStatus};

/// Action: schedule task.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ScheduleTaskAction {
    /// Name, as registered.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Version, if one was given.
    #[prost(message, optional, tag = "2")]
    pub version: Option<String>,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
    /// Free-form tags.
    #[prost(map = "string, string", tag = "4")]
    pub tags: HashMap<String, String>,
    /// W3C trace context of the caller.
    #[prost(message, optional, tag = "5")]
    pub parent_trace_context: Option<TraceContext>,
}

/// Action: create sub orchestration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CreateSubOrchestrationAction {
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
    /// W3C trace context of the caller.
    #[prost(message, optional, tag = "5")]
    pub parent_trace_context: Option<TraceContext>,
    /// Free-form tags.
    #[prost(map = "string, string", tag = "6")]
    pub tags: HashMap<String, String>,
}

/// Action: create timer.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CreateTimerAction {
    /// When the timer fires.
    #[prost(message, optional, tag = "1")]
    pub fire_at: Option<prost_types::Timestamp>,
}

/// Action: send event.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SendEventAction {
    /// Whom the event is for.
    #[prost(message, optional, tag = "1")]
    pub instance: Option<OrchestrationInstance>,
    /// Name, as registered.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "3")]
    pub data: Option<String>,
}

/// Action: complete orchestration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CompleteOrchestrationAction {
    /// State of the instance.
    #[prost(enumeration = "OrchestrationStatus", tag = "1")]
    pub orchestration_status: i32,
    /// Result as JSON text; unset for no value.
    #[prost(message, optional, tag = "2")]
    pub result: Option<String>,
    /// Free text about the end.
    #[prost(message, optional, tag = "3")]
    pub details: Option<String>,
    /// Version of the next run, for continue-as-new.
    #[prost(message, optional, tag = "4")]
    pub new_version: Option<String>,
    /// Events for the next run, for continue-as-new; the host takes `EventRaised` only.
    #[prost(message, repeated, tag = "5")]
    pub carryover_events: Vec<HistoryEvent>,
    /// Why it failed; the host leaves this unset for some failures.
    #[prost(message, optional, tag = "6")]
    pub failure_details: Option<TaskFailureDetails>,
    /// Free-form tags.
    #[prost(map = "string, string", tag = "7")]
    pub tags: HashMap<String, String>,
}

/// Action: terminate orchestration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TerminateOrchestrationAction {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Reason, as free text.
    #[prost(message, optional, tag = "2")]
    pub reason: Option<String>,
    /// Whether sub-orchestrations are included.
    #[prost(bool, tag = "3")]
    pub recurse: bool,
}

/// Action: send entity message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SendEntityMessageAction {
    /// Which of the kinds it is.
    #[prost(oneof = "EntityMessageType", tags = "1, 2, 3, 4")]
    pub entity_message_type: Option<EntityMessageType>,
}

/// The kinds of [`SendEntityMessageAction`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum EntityMessageType {
    /// See [`EntityOperationSignaledEvent`].
    #[prost(message, tag = "1")]
    EntityOperationSignaled(EntityOperationSignaledEvent),
    /// See [`EntityOperationCalledEvent`].
    #[prost(message, tag = "2")]
    EntityOperationCalled(EntityOperationCalledEvent),
    /// See [`EntityLockRequestedEvent`].
    #[prost(message, tag = "3")]
    EntityLockRequested(EntityLockRequestedEvent),
    /// See [`EntityUnlockSentEvent`].
    #[prost(message, tag = "4")]
    EntityUnlockSent(EntityUnlockSentEvent),
}

/// Action: rewind orchestration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RewindOrchestrationAction {
    /// The history from which the instance goes on.
    #[prost(message, repeated, tag = "1")]
    pub new_history: Vec<HistoryEvent>,
}

/// One decision of an orchestrator.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorAction {
    /// Action id; becomes the event id in the history.
    #[prost(int32, tag = "1")]
    pub id: i32,
    /// Which of the kinds it is.
    #[prost(oneof = "ActionType", tags = "2, 3, 4, 5, 6, 7, 8, 9")]
    pub orchestrator_action_type: Option<ActionType>,
}

/// The kinds of [`OrchestratorAction`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ActionType {
    /// See [`ScheduleTaskAction`].
    #[prost(message, tag = "2")]
    ScheduleTask(ScheduleTaskAction),
    /// See [`CreateSubOrchestrationAction`].
    #[prost(message, tag = "3")]
    CreateSubOrchestration(CreateSubOrchestrationAction),
    /// See [`CreateTimerAction`].
    #[prost(message, tag = "4")]
    CreateTimer(CreateTimerAction),
    /// See [`SendEventAction`].
    #[prost(message, tag = "5")]
    SendEvent(SendEventAction),
    /// See [`CompleteOrchestrationAction`].
    #[prost(message, tag = "6")]
    CompleteOrchestration(CompleteOrchestrationAction),
    /// See [`TerminateOrchestrationAction`].
    #[prost(message, tag = "7")]
    TerminateOrchestration(TerminateOrchestrationAction),
    /// See [`SendEntityMessageAction`].
    #[prost(message, tag = "8")]
    SendEntityMessage(SendEntityMessageAction),
    /// See [`RewindOrchestrationAction`].
    #[prost(message, tag = "9")]
    RewindOrchestration(RewindOrchestrationAction),
}

/// The span of an orchestration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestrationTraceContext {
    /// Id of the span.
    #[prost(message, optional, tag = "1")]
    pub span_id: Option<String>,
    /// When the span began (UTC).
    #[prost(message, optional, tag = "2")]
    pub span_start_time: Option<prost_types::Timestamp>,
}

/// One turn of an orchestration: the history so far and what is new.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorRequest {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// Id of this run of the instance; a new one after continue-as-new.
    #[prost(message, optional, tag = "2")]
    pub execution_id: Option<String>,
    /// Events of earlier turns, to be replayed.
    #[prost(message, repeated, tag = "3")]
    pub past_events: Vec<HistoryEvent>,
    /// Events of this turn.
    #[prost(message, repeated, tag = "4")]
    pub new_events: Vec<HistoryEvent>,
    /// How to send messages to entities; unset if the backend has none.
    #[prost(message, optional, tag = "5")]
    pub entity_parameters: Option<OrchestratorEntityParameters>,
    /// Whether the past events have to be fetched; the Functions host does not set it.
    #[prost(bool, tag = "6")]
    pub requires_history_streaming: bool,
    /// Further properties by name.
    #[prost(map = "string, message", tag = "7")]
    pub properties: HashMap<String, prost_types::Value>,
    /// The span of the orchestration; the Functions host sends none.
    #[prost(message, optional, tag = "8")]
    pub orchestration_trace_context: Option<OrchestrationTraceContext>,
}

/// The answer to a turn: what the orchestrator decided.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorResponse {
    /// Id of the instance.
    #[prost(string, tag = "1")]
    pub instance_id: String,
    /// What the code asks for.
    #[prost(message, repeated, tag = "2")]
    pub actions: Vec<OrchestratorAction>,
    /// Custom status as JSON text; replaces the stored one on every turn.
    #[prost(message, optional, tag = "3")]
    pub custom_status: Option<String>,
    /// Token of the work item (not used by the Functions host).
    #[prost(string, tag = "4")]
    pub completion_token: String,
    /// How many of the new events were used; the Functions host ignores it.
    #[prost(message, optional, tag = "5")]
    pub num_events_processed: Option<i32>,
    /// The span of the orchestration; the Functions host ignores it.
    #[prost(message, optional, tag = "6")]
    pub orchestration_trace_context: Option<OrchestrationTraceContext>,
    /// Whether the turn has to be sent again, with the whole history.
    #[prost(bool, tag = "7")]
    pub requires_history: bool,
    /// Whether further chunks follow; the Functions host ignores it.
    #[prost(bool, tag = "8")]
    pub is_partial: bool,
    /// Index of this chunk, from 0; the Functions host ignores it.
    #[prost(message, optional, tag = "9")]
    pub chunk_index: Option<i32>,
}

/// What an orchestration has to know to send messages to entities.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorEntityParameters {
    /// For how long messages to entities are put in order of their sending; zero for not at all.
    #[prost(message, optional, tag = "1")]
    pub entity_message_reorder_window: Option<prost_types::Duration>,
}
