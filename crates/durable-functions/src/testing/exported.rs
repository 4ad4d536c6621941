//! Histories as the HTTP management API shows them: calls merged with their ends, without the
//! numbers of the actions and the turns.

use durable_functions_protocol::proto::{
    EventRaisedEvent, EventSentEvent, EventType, ExecutionCompletedEvent, ExecutionResumedEvent,
    ExecutionStartedEvent, ExecutionSuspendedEvent, ExecutionTerminatedEvent, HistoryEvent,
    OrchestrationStatus, OrchestratorStartedEvent, SubOrchestrationInstanceCompletedEvent,
    SubOrchestrationInstanceCreatedEvent, SubOrchestrationInstanceFailedEvent, TaskCompletedEvent,
    TaskFailedEvent, TaskScheduledEvent, TimerCreatedEvent, TimerFiredEvent, Timestamp,
};
use durable_functions_protocol::time;
use serde::Deserialize;
use serde_json::Value;

use crate::error::Error;
use crate::failure_document::FailureDocument;

fn no_history(problem: impl std::fmt::Display) -> Error {
    Error::msg(format!(
        "this is no history as the management API shows it: {problem}"
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    name: String,
    instance_id: String,
    history_events: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    event_type: String,
    timestamp: Option<String>,
    scheduled_time: Option<String>,
    fire_at: Option<String>,
    #[serde(default)]
    function_name: Option<String>,
    name: Option<String>,
    instance_id: Option<String>,
    input: Option<Value>,
    result: Option<Value>,
    reason: Option<String>,
    failure_details: Option<FailureDocument>,
    orchestration_status: Option<String>,
}

/// What an entry says: that an action was scheduled, that it ended, or both.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scheduled,
    Ended,
    TimerFired,
    Other,
}

impl Entry {
    fn kind(&self) -> Kind {
        match self.event_type.as_str() {
            "TaskScheduled" | "SubOrchestrationInstanceCreated" | "TimerCreated" | "EventSent" => {
                Kind::Scheduled
            }
            "TaskCompleted"
            | "TaskFailed"
            | "SubOrchestrationInstanceCompleted"
            | "SubOrchestrationInstanceFailed" => Kind::Ended,
            "TimerFired" => Kind::TimerFired,
            _ => Kind::Other,
        }
    }

    fn time(text: Option<&str>) -> Result<Timestamp, Error> {
        let text = text.ok_or_else(|| no_history("an event has no time"))?;
        time::parse(text).map_err(no_history)
    }

    /// When the action was scheduled.
    fn scheduled(&self) -> Result<Timestamp, Error> {
        Self::time(self.scheduled_time.as_deref().or(self.timestamp.as_deref()))
    }

    fn function(&self) -> String {
        let name = self.function_name.as_ref().or(self.name.as_ref());
        name.cloned().unwrap_or_default()
    }

    /// The event that scheduled the action.
    fn creation(&self) -> Result<EventType, Error> {
        Ok(match self.event_type.as_str() {
            "TimerCreated" => EventType::TimerCreated(TimerCreatedEvent {
                fire_at: Some(Self::time(self.fire_at.as_deref())?),
            }),
            "EventSent" => EventType::EventSent(EventSentEvent {
                instance_id: self.instance_id.clone().unwrap_or_default(),
                name: self.name.clone().unwrap_or_default(),
                input: text(self.input.as_ref()),
            }),
            "TaskScheduled" | "TaskCompleted" | "TaskFailed" => {
                EventType::TaskScheduled(TaskScheduledEvent {
                    name: self.function(),
                    ..TaskScheduledEvent::default()
                })
            }
            _ => EventType::SubOrchestrationInstanceCreated(SubOrchestrationInstanceCreatedEvent {
                name: self.function(),
                ..SubOrchestrationInstanceCreatedEvent::default()
            }),
        })
    }

    /// The event that ended the action.
    fn end(self, id: i32) -> EventType {
        let failed = self.failure_details.map(FailureDocument::into_proto);
        // results are shown as values, and as nothing where they are null
        let result = Some(self.result.unwrap_or(Value::Null).to_string());
        match self.event_type.as_str() {
            "TaskCompleted" => EventType::TaskCompleted(TaskCompletedEvent {
                task_scheduled_id: id,
                result,
            }),
            "TaskFailed" => EventType::TaskFailed(TaskFailedEvent {
                task_scheduled_id: id,
                failure_details: failed,
            }),
            "SubOrchestrationInstanceCompleted" => EventType::SubOrchestrationInstanceCompleted(
                SubOrchestrationInstanceCompletedEvent {
                    task_scheduled_id: id,
                    result,
                },
            ),
            _ => EventType::SubOrchestrationInstanceFailed(SubOrchestrationInstanceFailedEvent {
                task_scheduled_id: id,
                failure_details: failed,
            }),
        }
    }

    /// An event that has to do with no action; `None` for what a replay does not need.
    fn other(self, orchestrator: &str) -> Result<Option<EventType>, Error> {
        let input = text(self.input.as_ref());
        Ok(Some(match self.event_type.as_str() {
            "ExecutionStarted" => EventType::ExecutionStarted(ExecutionStartedEvent {
                name: self.function_name.unwrap_or_else(|| orchestrator.into()),
                input,
                ..ExecutionStartedEvent::default()
            }),
            "EventRaised" => EventType::EventRaised(EventRaisedEvent {
                name: self.name.unwrap_or_default(),
                input,
            }),
            "ExecutionSuspended" => {
                EventType::ExecutionSuspended(ExecutionSuspendedEvent { input: self.reason })
            }
            "ExecutionResumed" => {
                EventType::ExecutionResumed(ExecutionResumedEvent { input: self.reason })
            }
            "ExecutionTerminated" => EventType::ExecutionTerminated(ExecutionTerminatedEvent {
                input: input.or(self.reason),
                recurse: false,
            }),
            "ExecutionCompleted" => {
                let status = self.orchestration_status.unwrap_or_default();
                let status = match status.as_str() {
                    "Completed" => OrchestrationStatus::Completed,
                    "Failed" => OrchestrationStatus::Failed,
                    "Terminated" => OrchestrationStatus::Terminated,
                    "ContinuedAsNew" => OrchestrationStatus::ContinuedAsNew,
                    _ => {
                        let problem = format!("'{status}' is no status that an instance ends with");
                        return Err(no_history(problem));
                    }
                };
                EventType::ExecutionCompleted(ExecutionCompletedEvent {
                    orchestration_status: status.into(),
                    result: Some(self.result.unwrap_or(Value::Null).to_string()),
                    failure_details: self.failure_details.map(FailureDocument::into_proto),
                })
            }
            _ => return Ok(None),
        }))
    }
}

/// Inputs and payloads are shown as JSON text.
fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Reads the answer of the management API. Gives the instance's id and its events.
pub(super) fn read(json: &str) -> Result<(String, Vec<HistoryEvent>), Error> {
    let status: Status = serde_json::from_str(json).map_err(no_history)?;
    let entries = status.history_events.ok_or_else(|| {
        no_history("it has no `historyEvents`; ask for them with `showHistory=true`")
    })?;
    let mut numbers = numbers(&entries)?;
    let mut open_timers: Vec<(Option<String>, i32)> = Vec::new();
    let mut events = Vec::new();
    for (place, entry) in entries.into_iter().enumerate() {
        let at = Entry::time(entry.timestamp.as_deref())?;
        let mut add = |event_id, event_type| {
            events.push(HistoryEvent {
                event_id,
                timestamp: Some(at),
                event_type: Some(event_type),
            });
        };
        let turn = EventType::OrchestratorStarted(OrchestratorStartedEvent {});
        let id = numbers.get_mut(place).and_then(Option::take);
        match (entry.kind(), id) {
            (Kind::Scheduled, Some(id)) => {
                if entry.event_type == "TimerCreated" {
                    open_timers.push((entry.fire_at.clone(), id));
                }
                add(id, entry.creation()?);
            }
            (Kind::Ended, Some(id)) => {
                // as late as can be: when exactly it was scheduled is not known
                add(id, entry.creation()?);
                add(-1, turn);
                add(-1, entry.end(id));
            }
            (Kind::TimerFired, _) => {
                let timer = open_timers.iter().position(|(at, _)| *at == entry.fire_at);
                let Some(timer) = timer.map(|place| open_timers.remove(place)) else {
                    return Err(no_history("a timer fired that was never set"));
                };
                add(-1, turn);
                let fired = TimerFiredEvent {
                    fire_at: Some(Entry::time(entry.fire_at.as_deref())?),
                    timer_id: timer.1,
                };
                add(-1, EventType::TimerFired(fired));
            }
            _ => {
                if let Some(event) = entry.other(&status.name)? {
                    add(-1, turn);
                    add(-1, event);
                }
            }
        }
    }
    Ok((status.instance_id, events))
}

/// The numbers of the actions, by the times at which they were scheduled.
fn numbers(entries: &[Entry]) -> Result<Vec<Option<i32>>, Error> {
    let mut scheduled = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        if matches!(entry.kind(), Kind::Scheduled | Kind::Ended) {
            scheduled.push((entry.scheduled()?, place));
        }
    }
    scheduled.sort_by(|(left, _), (right, _)| time::compare(left, right));
    let mut numbers = vec![None; entries.len()];
    for (id, (_, place)) in (0..).zip(scheduled) {
        if let Some(number) = numbers.get_mut(place) {
            *number = Some(id);
        }
    }
    Ok(numbers)
}
