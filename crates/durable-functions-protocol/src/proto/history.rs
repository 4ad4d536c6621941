//! Events of an instance's history and what they are made of.

use std::collections::HashMap;

use super::failure::{TaskFailureDetails, TraceContext};
use super::instance::{
    OrchestrationInstance, OrchestrationState, OrchestrationStatus, ParentInstanceInfo,
};

/// History event: execution started.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionStartedEvent {
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
    /// Who called it; unset for an orchestration that a client started.
    #[prost(message, optional, tag = "5")]
    pub parent_instance: Option<ParentInstanceInfo>,
    /// Not to be started before this time (UTC).
    #[prost(message, optional, tag = "6")]
    pub scheduled_start_timestamp: Option<prost_types::Timestamp>,
    /// W3C trace context of the caller.
    #[prost(message, optional, tag = "7")]
    pub parent_trace_context: Option<TraceContext>,
    /// Id of the span of the orchestration; the Functions host does not set it.
    #[prost(message, optional, tag = "8")]
    pub orchestration_span_id: Option<String>,
    /// Free-form tags.
    #[prost(map = "string, string", tag = "9")]
    pub tags: HashMap<String, String>,
}

/// History event: execution completed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionCompletedEvent {
    /// State of the instance.
    #[prost(enumeration = "OrchestrationStatus", tag = "1")]
    pub orchestration_status: i32,
    /// Result as JSON text; unset for no value.
    #[prost(message, optional, tag = "2")]
    pub result: Option<String>,
    /// Why it failed; the host leaves this unset for some failures.
    #[prost(message, optional, tag = "3")]
    pub failure_details: Option<TaskFailureDetails>,
}

/// History event: execution terminated.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionTerminatedEvent {
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "1")]
    pub input: Option<String>,
    /// Whether sub-orchestrations are included.
    #[prost(bool, tag = "2")]
    pub recurse: bool,
}

/// History event: task scheduled.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TaskScheduledEvent {
    /// Name, as registered.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Version, if one was given.
    #[prost(message, optional, tag = "2")]
    pub version: Option<String>,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "3")]
    pub input: Option<String>,
    /// W3C trace context of the caller.
    #[prost(message, optional, tag = "4")]
    pub parent_trace_context: Option<TraceContext>,
    /// Free-form tags.
    #[prost(map = "string, string", tag = "5")]
    pub tags: HashMap<String, String>,
}

/// History event: task completed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TaskCompletedEvent {
    /// Id of the action that this answers.
    #[prost(int32, tag = "1")]
    pub task_scheduled_id: i32,
    /// Result as JSON text; unset for no value.
    #[prost(message, optional, tag = "2")]
    pub result: Option<String>,
}

/// History event: task failed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TaskFailedEvent {
    /// Id of the action that this answers.
    #[prost(int32, tag = "1")]
    pub task_scheduled_id: i32,
    /// Why it failed; the host leaves this unset for some failures.
    #[prost(message, optional, tag = "2")]
    pub failure_details: Option<TaskFailureDetails>,
}

/// History event: sub orchestration instance created.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SubOrchestrationInstanceCreatedEvent {
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

/// History event: sub orchestration instance completed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SubOrchestrationInstanceCompletedEvent {
    /// Id of the action that this answers.
    #[prost(int32, tag = "1")]
    pub task_scheduled_id: i32,
    /// Result as JSON text; unset for no value.
    #[prost(message, optional, tag = "2")]
    pub result: Option<String>,
}

/// History event: sub orchestration instance failed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SubOrchestrationInstanceFailedEvent {
    /// Id of the action that this answers.
    #[prost(int32, tag = "1")]
    pub task_scheduled_id: i32,
    /// Why it failed; the host leaves this unset for some failures.
    #[prost(message, optional, tag = "2")]
    pub failure_details: Option<TaskFailureDetails>,
}

/// History event: timer created.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TimerCreatedEvent {
    /// When the timer fires.
    #[prost(message, optional, tag = "1")]
    pub fire_at: Option<prost_types::Timestamp>,
}

/// History event: timer fired.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TimerFiredEvent {
    /// When the timer fires.
    #[prost(message, optional, tag = "1")]
    pub fire_at: Option<prost_types::Timestamp>,
    /// Id of the action that created the timer.
    #[prost(int32, tag = "2")]
    pub timer_id: i32,
}

/// History event: orchestrator started.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorStartedEvent {}

/// History event: orchestrator completed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrchestratorCompletedEvent {}

/// History event: event sent.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EventSentEvent {
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

/// History event: event raised.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EventRaisedEvent {
    /// Name, as registered.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "2")]
    pub input: Option<String>,
}

/// History event: generic.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GenericEvent {
    /// Free text.
    #[prost(message, optional, tag = "1")]
    pub data: Option<String>,
}

/// History event: history state.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoryStateEvent {
    /// What was known of the instance.
    #[prost(message, optional, tag = "1")]
    pub orchestration_state: Option<OrchestrationState>,
}

/// History event: continue as new.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ContinueAsNewEvent {
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "1")]
    pub input: Option<String>,
}

/// History event: execution suspended.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionSuspendedEvent {
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "1")]
    pub input: Option<String>,
}

/// History event: execution resumed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionResumedEvent {
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "1")]
    pub input: Option<String>,
}

/// History event: entity operation signaled.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityOperationSignaledEvent {
    /// GUID of the request.
    #[prost(string, tag = "1")]
    pub request_id: String,
    /// Name of the operation.
    #[prost(string, tag = "2")]
    pub operation: String,
    /// Not to be delivered before this time.
    #[prost(message, optional, tag = "3")]
    pub scheduled_time: Option<prost_types::Timestamp>,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "4")]
    pub input: Option<String>,
    /// Id of the target entity.
    #[prost(message, optional, tag = "5")]
    pub target_instance_id: Option<String>,
}

/// History event: entity operation called.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityOperationCalledEvent {
    /// GUID of the request.
    #[prost(string, tag = "1")]
    pub request_id: String,
    /// Name of the operation.
    #[prost(string, tag = "2")]
    pub operation: String,
    /// Not to be delivered before this time.
    #[prost(message, optional, tag = "3")]
    pub scheduled_time: Option<prost_types::Timestamp>,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "4")]
    pub input: Option<String>,
    /// Id of the parent instance.
    #[prost(message, optional, tag = "5")]
    pub parent_instance_id: Option<String>,
    /// Id of the run of the parent.
    #[prost(message, optional, tag = "6")]
    pub parent_execution_id: Option<String>,
    /// Id of the target entity.
    #[prost(message, optional, tag = "7")]
    pub target_instance_id: Option<String>,
}

/// History event: entity lock requested.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityLockRequestedEvent {
    /// GUID of the critical section.
    #[prost(string, tag = "1")]
    pub critical_section_id: String,
    /// Ids of all entities to lock, sorted.
    #[prost(string, repeated, tag = "2")]
    pub lock_set: Vec<String>,
    /// Index in the lock set of the entity that is to be locked next, from 0.
    #[prost(int32, tag = "3")]
    pub position: i32,
    /// Id of the parent instance.
    #[prost(message, optional, tag = "4")]
    pub parent_instance_id: Option<String>,
}

/// History event: entity operation completed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityOperationCompletedEvent {
    /// GUID of the request.
    #[prost(string, tag = "1")]
    pub request_id: String,
    /// Output as JSON text, or raw text for an instance that did not complete.
    #[prost(message, optional, tag = "2")]
    pub output: Option<String>,
}

/// History event: entity operation failed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityOperationFailedEvent {
    /// GUID of the request.
    #[prost(string, tag = "1")]
    pub request_id: String,
    /// Why it failed; the host leaves this unset for some failures.
    #[prost(message, optional, tag = "2")]
    pub failure_details: Option<TaskFailureDetails>,
}

/// History event: entity unlock sent.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityUnlockSentEvent {
    /// GUID of the critical section.
    #[prost(string, tag = "1")]
    pub critical_section_id: String,
    /// Id of the parent instance.
    #[prost(message, optional, tag = "2")]
    pub parent_instance_id: Option<String>,
    /// Id of the target entity.
    #[prost(message, optional, tag = "3")]
    pub target_instance_id: Option<String>,
}

/// History event: entity lock granted.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntityLockGrantedEvent {
    /// GUID of the critical section.
    #[prost(string, tag = "1")]
    pub critical_section_id: String,
}

/// History event: execution rewound.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExecutionRewoundEvent {
    /// Reason, as free text.
    #[prost(message, optional, tag = "1")]
    pub reason: Option<String>,
    /// Id of the run of the parent.
    #[prost(message, optional, tag = "2")]
    pub parent_execution_id: Option<String>,
    /// Id of the instance.
    #[prost(message, optional, tag = "3")]
    pub instance_id: Option<String>,
    /// W3C trace context of the caller.
    #[prost(message, optional, tag = "4")]
    pub parent_trace_context: Option<TraceContext>,
    /// Name, as registered.
    #[prost(message, optional, tag = "5")]
    pub name: Option<String>,
    /// Version, if one was given.
    #[prost(message, optional, tag = "6")]
    pub version: Option<String>,
    /// Input as JSON text; unset when there is none.
    #[prost(message, optional, tag = "7")]
    pub input: Option<String>,
    /// Who called it; unset for an orchestration that a client started.
    #[prost(message, optional, tag = "8")]
    pub parent_instance: Option<ParentInstanceInfo>,
    /// Free-form tags.
    #[prost(map = "string, string", tag = "9")]
    pub tags: HashMap<String, String>,
}

/// One event of an instance's history.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoryEvent {
    /// Id of the action for a scheduling event, -1 for others.
    #[prost(int32, tag = "1")]
    pub event_id: i32,
    /// When the event was recorded (UTC).
    #[prost(message, optional, tag = "2")]
    pub timestamp: Option<prost_types::Timestamp>,
    /// Which of the kinds it is.
    #[prost(
        oneof = "EventType",
        tags = "3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30"
    )]
    pub event_type: Option<EventType>,
}

/// The kinds of [`HistoryEvent`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum EventType {
    /// See [`ExecutionStartedEvent`].
    #[prost(message, tag = "3")]
    ExecutionStarted(ExecutionStartedEvent),
    /// See [`ExecutionCompletedEvent`].
    #[prost(message, tag = "4")]
    ExecutionCompleted(ExecutionCompletedEvent),
    /// See [`ExecutionTerminatedEvent`].
    #[prost(message, tag = "5")]
    ExecutionTerminated(ExecutionTerminatedEvent),
    /// See [`TaskScheduledEvent`].
    #[prost(message, tag = "6")]
    TaskScheduled(TaskScheduledEvent),
    /// See [`TaskCompletedEvent`].
    #[prost(message, tag = "7")]
    TaskCompleted(TaskCompletedEvent),
    /// See [`TaskFailedEvent`].
    #[prost(message, tag = "8")]
    TaskFailed(TaskFailedEvent),
    /// See [`SubOrchestrationInstanceCreatedEvent`].
    #[prost(message, tag = "9")]
    SubOrchestrationInstanceCreated(SubOrchestrationInstanceCreatedEvent),
    /// See [`SubOrchestrationInstanceCompletedEvent`].
    #[prost(message, tag = "10")]
    SubOrchestrationInstanceCompleted(SubOrchestrationInstanceCompletedEvent),
    /// See [`SubOrchestrationInstanceFailedEvent`].
    #[prost(message, tag = "11")]
    SubOrchestrationInstanceFailed(SubOrchestrationInstanceFailedEvent),
    /// See [`TimerCreatedEvent`].
    #[prost(message, tag = "12")]
    TimerCreated(TimerCreatedEvent),
    /// See [`TimerFiredEvent`].
    #[prost(message, tag = "13")]
    TimerFired(TimerFiredEvent),
    /// See [`OrchestratorStartedEvent`].
    #[prost(message, tag = "14")]
    OrchestratorStarted(OrchestratorStartedEvent),
    /// See [`OrchestratorCompletedEvent`].
    #[prost(message, tag = "15")]
    OrchestratorCompleted(OrchestratorCompletedEvent),
    /// See [`EventSentEvent`].
    #[prost(message, tag = "16")]
    EventSent(EventSentEvent),
    /// See [`EventRaisedEvent`].
    #[prost(message, tag = "17")]
    EventRaised(EventRaisedEvent),
    /// See [`GenericEvent`].
    #[prost(message, tag = "18")]
    GenericEvent(GenericEvent),
    /// See [`HistoryStateEvent`].
    #[prost(message, tag = "19")]
    HistoryState(HistoryStateEvent),
    /// See [`ContinueAsNewEvent`].
    #[prost(message, tag = "20")]
    ContinueAsNew(ContinueAsNewEvent),
    /// See [`ExecutionSuspendedEvent`].
    #[prost(message, tag = "21")]
    ExecutionSuspended(ExecutionSuspendedEvent),
    /// See [`ExecutionResumedEvent`].
    #[prost(message, tag = "22")]
    ExecutionResumed(ExecutionResumedEvent),
    /// See [`EntityOperationSignaledEvent`].
    #[prost(message, tag = "23")]
    EntityOperationSignaled(EntityOperationSignaledEvent),
    /// See [`EntityOperationCalledEvent`].
    #[prost(message, tag = "24")]
    EntityOperationCalled(EntityOperationCalledEvent),
    /// See [`EntityOperationCompletedEvent`].
    #[prost(message, tag = "25")]
    EntityOperationCompleted(EntityOperationCompletedEvent),
    /// See [`EntityOperationFailedEvent`].
    #[prost(message, tag = "26")]
    EntityOperationFailed(EntityOperationFailedEvent),
    /// See [`EntityLockRequestedEvent`].
    #[prost(message, tag = "27")]
    EntityLockRequested(EntityLockRequestedEvent),
    /// See [`EntityLockGrantedEvent`].
    #[prost(message, tag = "28")]
    EntityLockGranted(EntityLockGrantedEvent),
    /// See [`EntityUnlockSentEvent`].
    #[prost(message, tag = "29")]
    EntityUnlockSent(EntityUnlockSentEvent),
    /// See [`ExecutionRewoundEvent`].
    #[prost(message, tag = "30")]
    ExecutionRewound(ExecutionRewoundEvent),
}
