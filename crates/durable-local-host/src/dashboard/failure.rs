//! Which call made an instance fail.
//!
//! A history does not say it: an orchestrator fails with an error that it made of the call's, or of
//! nothing. The last failed call whose message is found again in the instance's own failure is taken
//! for the cause.

use std::collections::HashMap;

use durable_functions_protocol::Failure;
use durable_functions_protocol::proto::{EventType, TaskFailureDetails};
use prost::Message as _;
use serde::Serialize;

use super::documents::LinkDocument;
use super::events::{EVENT_TEXT, LinkOfFailure, Text, links};
use crate::store::{Encoded, InstanceRecord, StoreError};

/// Why an instance failed.
#[derive(Debug, Serialize)]
pub(super) struct FailureDocument {
    /// Its own failure with the causes, the outermost first.
    pub(super) links: Vec<LinkOfFailure>,
    /// The call that failed, here or in a sub-orchestration.
    pub(super) call: Option<CallDocument>,
}

/// A failed call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallDocument {
    /// The instances from the one that is looked at to the one that made the call.
    pub(super) path: Vec<LinkDocument>,
    /// `activity` or `orchestration`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// Place of the event that tells of the failure.
    pub(super) index: usize,
    /// Action id of the call.
    pub(super) action: i32,
    /// How many calls of that name failed.
    pub(super) attempts: usize,
    pub(super) input: Option<Text>,
    pub(super) links: Vec<LinkOfFailure>,
    /// Whether the failure of the instance tells of this one.
    pub(super) caused: bool,
    /// The sub-orchestration that failed.
    pub(super) instance: Option<String>,
}

/// Longest text that may be part of another by accident.
const SHORT: usize = 3;

/// The failure of an instance, if it failed.
pub(super) fn of_instance(
    record: &InstanceRecord,
    events: &[Encoded],
) -> Result<Option<Failure>, StoreError> {
    if record.status != durable_functions_protocol::proto::OrchestrationStatus::Failed {
        return Ok(None);
    }
    let recorded = match &record.failure {
        Some(bytes) => Some(TaskFailureDetails::decode(&**bytes).map_err(|error| {
            StoreError::Unreadable(format!(
                "the failure of {} can't be read: {error}",
                record.id
            ))
        })?),
        None => None,
    };
    let details = recorded.or_else(|| {
        events
            .iter()
            .rev()
            .find_map(|encoded| match &encoded.event.event_type {
                Some(EventType::ExecutionCompleted(completed)) => completed.failure_details.clone(),
                _ => None,
            })
    });
    Ok(Some(match details {
        Some(details) => Failure::from_activity(Some(&details)),
        None => Failure::new("Failed", record.output.clone().unwrap_or_default()),
    }))
}

/// The call to blame for the failure of an instance.
pub(super) fn blamed_call(failure: &Failure, events: &[Encoded]) -> Option<CallDocument> {
    let mut asked: HashMap<i32, (usize, &Encoded)> = HashMap::new();
    let mut failed = Vec::new();
    for (index, encoded) in events.iter().enumerate() {
        match &encoded.event.event_type {
            Some(EventType::TaskScheduled(_) | EventType::SubOrchestrationInstanceCreated(_)) => {
                asked.insert(encoded.event.event_id, (index, encoded));
            }
            Some(EventType::TaskFailed(task)) => {
                failed.push((index, task.task_scheduled_id, task.failure_details.as_ref()));
            }
            Some(EventType::SubOrchestrationInstanceFailed(sub)) => {
                failed.push((index, sub.task_scheduled_id, sub.failure_details.as_ref()));
            }
            _ => {}
        }
    }
    let decoded: Vec<Failure> = failed
        .iter()
        .map(|(_, _, details)| Failure::from_activity(*details))
        .collect();
    let told = decoded.iter().rposition(|call| tells_of(failure, call));
    let at = told.or_else(|| decoded.len().checked_sub(1))?;
    let (index, action, _) = failed.get(at)?;
    let (_, call) = asked.get(action)?;
    let what = described(call)?;
    let same = |action: &i32| {
        asked
            .get(action)
            .and_then(|(_, call)| described(call))
            .is_some_and(|other| (other.kind, other.name) == (what.kind, what.name))
    };
    Some(CallDocument {
        path: Vec::new(),
        kind: what.kind,
        name: what.name.to_owned(),
        index: *index,
        action: *action,
        attempts: failed.iter().filter(|(_, action, _)| same(action)).count(),
        input: Text::optional(what.input, EVENT_TEXT),
        links: decoded
            .get(at)
            .map(|failure| links(failure, EVENT_TEXT))
            .unwrap_or_default(),
        caused: told.is_some(),
        instance: what.child.map(str::to_owned),
    })
}

/// Whether a failure has another one among its causes, or quotes it.
fn tells_of(failure: &Failure, call: &Failure) -> bool {
    call.chain().any(|cause| {
        let message = cause.message.trim();
        failure.chain().any(|link| {
            (link.error_type == cause.error_type && link.message == cause.message)
                || (message.chars().count() > SHORT && link.message.contains(message))
        })
    })
}

struct Described<'a> {
    kind: &'static str,
    name: &'a str,
    input: Option<&'a str>,
    child: Option<&'a str>,
}

fn described(call: &Encoded) -> Option<Described<'_>> {
    match &call.event.event_type {
        Some(EventType::TaskScheduled(task)) => Some(Described {
            kind: "activity",
            name: &task.name,
            input: task.input.as_deref(),
            child: None,
        }),
        Some(EventType::SubOrchestrationInstanceCreated(sub)) => Some(Described {
            kind: "orchestration",
            name: &sub.name,
            input: sub.input.as_deref(),
            child: Some(&sub.instance_id),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::{
        HistoryEvent, SubOrchestrationInstanceCreatedEvent, SubOrchestrationInstanceFailedEvent,
        TaskFailedEvent, TaskScheduledEvent,
    };

    use super::*;

    fn encoded(event_id: i32, kind: EventType) -> Encoded {
        Encoded {
            event: HistoryEvent {
                event_id,
                timestamp: None,
                event_type: Some(kind),
            },
            reason: None,
        }
    }

    fn scheduled(id: i32, name: &str, input: &str) -> Encoded {
        encoded(
            id,
            EventType::TaskScheduled(TaskScheduledEvent {
                name: name.into(),
                input: Some(input.into()),
                ..TaskScheduledEvent::default()
            }),
        )
    }

    fn task_failed(id: i32, message: &str) -> Encoded {
        let failure = Failure::new("app::Error", message);
        encoded(
            -1,
            EventType::TaskFailed(TaskFailedEvent {
                task_scheduled_id: id,
                failure_details: Some(failure.to_proto()),
            }),
        )
    }

    #[test]
    fn the_call_that_the_failure_tells_of_is_blamed() {
        let events = [
            scheduled(0, "ship", "1"),
            scheduled(1, "charge", "2"),
            task_failed(1, "card declined"),
            scheduled(2, "charge", "2"),
            task_failed(2, "card declined"),
            scheduled(3, "undo", "3"),
            task_failed(3, "nothing to undo"),
        ];
        let failure = Failure::new("app::OrderFailed", "order 7 was not paid")
            .with_cause(Failure::new("app::Error", "card declined"));
        let call = blamed_call(&failure, &events).unwrap();
        assert_eq!(
            (call.name.as_str(), call.index, call.action),
            ("charge", 4, 2)
        );
        assert_eq!((call.attempts, call.caused), (2, true));
        // Other SDKs put it into a sentence.
        let failure = Failure::new(
            "TaskFailedException",
            "Task 'charge' (#2) failed with an unhandled exception: card declined",
        );
        assert_eq!(blamed_call(&failure, &events).unwrap().name, "charge");
        // An error that tells of no call: the last one is named, without being blamed.
        let call = blamed_call(&Failure::new("app::Odd", "no"), &events).unwrap();
        assert_eq!((call.name.as_str(), call.caused), ("undo", false));
        assert!(blamed_call(&Failure::new("app::Odd", "no"), &events[..1]).is_none());
    }

    #[test]
    fn a_sub_orchestration_is_named_with_its_id() {
        let created = SubOrchestrationInstanceCreatedEvent {
            instance_id: "child".into(),
            name: "pay".into(),
            ..SubOrchestrationInstanceCreatedEvent::default()
        };
        let failed = SubOrchestrationInstanceFailedEvent {
            task_scheduled_id: 5,
            failure_details: Some(Failure::new("E", "because").to_proto()),
        };
        let events = [
            encoded(5, EventType::SubOrchestrationInstanceCreated(created)),
            encoded(-1, EventType::SubOrchestrationInstanceFailed(failed)),
        ];
        let call = blamed_call(&Failure::new("E", "because"), &events).unwrap();
        assert_eq!(
            (call.kind, call.instance.as_deref()),
            ("orchestration", Some("child"))
        );
    }
}
