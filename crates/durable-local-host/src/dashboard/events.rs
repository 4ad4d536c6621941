//! Events of a history as the page shows them: all of them, with their ids.

use durable_functions_protocol::Failure;
use durable_functions_protocol::proto::{EventType, TaskFailureDetails, Timestamp};
use serde::Serialize;

use super::operations;
use crate::management::status_name;
use crate::store::HistoryEntry;
use crate::time::Ticks;

/// A text that may be cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Text {
    text: String,
    /// Length of the whole in bytes, when it is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
}

impl Text {
    /// The text up to that many characters.
    pub(super) fn new(text: &str, limit: usize) -> Self {
        match text.char_indices().nth(limit) {
            None => Self {
                text: text.to_owned(),
                length: None,
            },
            Some((end, _)) => Self {
                text: text.get(..end).unwrap_or_default().to_owned(),
                length: Some(text.len()),
            },
        }
    }

    pub(super) fn optional(text: Option<&str>, limit: usize) -> Option<Self> {
        text.map(|text| Self::new(text, limit))
    }
}

/// One failure of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinkOfFailure {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) message: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stack: Option<Text>,
    pub(super) non_retriable: bool,
}

/// Characters of values in events; the whole event can be had by its number.
pub(super) const EVENT_TEXT: usize = 2_000;

/// The chain of a failure, the outermost first.
pub(super) fn links(failure: &Failure, limit: usize) -> Vec<LinkOfFailure> {
    let link = |failure: &Failure| LinkOfFailure {
        kind: failure.error_type.clone(),
        message: Text::new(&failure.message, limit),
        stack: Text::optional(failure.stack_trace.as_deref(), limit),
        non_retriable: failure.non_retriable,
    };
    failure.chain().map(link).collect()
}

/// What a sent event asks of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct RequestDocument {
    /// Name of the event that answers it.
    id: String,
    name: String,
    /// Whether nobody waits for an answer.
    signal: bool,
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventDocument {
    /// Place in the history, from 0.
    index: usize,
    /// Id of the action, of events that ask for something; -1 otherwise.
    event_id: i32,
    #[serde(rename = "type")]
    kind: String,
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Id of the action that this event answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fire_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Vec<LinkOfFailure>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestDocument>,
}

fn time(timestamp: Option<&Timestamp>) -> Option<String> {
    timestamp.map(|timestamp| Ticks::from_proto(timestamp).iso())
}

impl EventDocument {
    /// The event at that place; texts are cut at `limit` characters.
    pub(super) fn new(index: usize, entry: &HistoryEntry, limit: usize) -> Self {
        let event = &entry.event;
        let text = |text: &Option<String>| Text::optional(text.as_deref(), limit);
        let named = |kind: &str| Self {
            index,
            event_id: event.event_id,
            kind: kind.to_owned(),
            time: time(event.timestamp.as_ref()),
            reason: text(&entry.reason),
            ..Self::default()
        };
        let failed = |details: Option<&TaskFailureDetails>| {
            Some(links(&Failure::from_activity(details), limit))
        };
        match &event.event_type {
            None => named("Unknown"),
            Some(EventType::ExecutionStarted(started)) => Self {
                name: Some(started.name.clone()),
                input: text(&started.input),
                ..named("ExecutionStarted")
            },
            Some(EventType::ExecutionCompleted(completed)) => Self {
                status: Some(status_name(completed.orchestration_status())),
                result: text(&completed.result),
                failure: completed
                    .failure_details
                    .as_ref()
                    .and_then(|details| failed(Some(details))),
                ..named("ExecutionCompleted")
            },
            Some(EventType::ExecutionTerminated(terminated)) => Self {
                reason: text(&terminated.input),
                ..named("ExecutionTerminated")
            },
            Some(EventType::ExecutionSuspended(suspended)) => Self {
                reason: text(&suspended.input),
                ..named("ExecutionSuspended")
            },
            Some(EventType::ExecutionResumed(resumed)) => Self {
                reason: text(&resumed.input),
                ..named("ExecutionResumed")
            },
            Some(EventType::TaskScheduled(task)) => Self {
                name: Some(task.name.clone()),
                input: text(&task.input),
                ..named("TaskScheduled")
            },
            Some(EventType::TaskCompleted(done)) => Self {
                answers: Some(done.task_scheduled_id),
                result: text(&done.result),
                ..named("TaskCompleted")
            },
            Some(EventType::TaskFailed(task)) => Self {
                answers: Some(task.task_scheduled_id),
                failure: failed(task.failure_details.as_ref()),
                ..named("TaskFailed")
            },
            Some(EventType::SubOrchestrationInstanceCreated(sub)) => Self {
                name: Some(sub.name.clone()),
                instance_id: Some(sub.instance_id.clone()),
                input: text(&sub.input),
                ..named("SubOrchestrationInstanceCreated")
            },
            Some(EventType::SubOrchestrationInstanceCompleted(done)) => Self {
                answers: Some(done.task_scheduled_id),
                result: text(&done.result),
                ..named("SubOrchestrationInstanceCompleted")
            },
            Some(EventType::SubOrchestrationInstanceFailed(sub)) => Self {
                answers: Some(sub.task_scheduled_id),
                failure: failed(sub.failure_details.as_ref()),
                ..named("SubOrchestrationInstanceFailed")
            },
            Some(EventType::TimerCreated(timer)) => Self {
                fire_at: time(timer.fire_at.as_ref()),
                ..named("TimerCreated")
            },
            Some(EventType::TimerFired(timer)) => Self {
                answers: Some(timer.timer_id),
                fire_at: time(timer.fire_at.as_ref()),
                ..named("TimerFired")
            },
            Some(EventType::EventSent(sent)) => Self {
                name: Some(sent.name.clone()),
                instance_id: Some(sent.instance_id.clone()),
                input: text(&sent.input),
                request: operations::asked(sent).map(|operation| RequestDocument {
                    id: operation.id,
                    name: operation.name,
                    signal: operation.signal,
                }),
                ..named("EventSent")
            },
            Some(EventType::EventRaised(raised)) => Self {
                name: Some(raised.name.clone()),
                input: text(&raised.input),
                failure: operations::failed(raised).map(|failure| links(&failure, limit)),
                ..named("EventRaised")
            },
            Some(EventType::GenericEvent(generic)) => Self {
                input: text(&generic.data),
                ..named("GenericEvent")
            },
            Some(other) => {
                // Events with nothing more to show go by their names.
                let name = format!("{other:?}");
                named(name.split('(').next().unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::{
        EventSentEvent, HistoryEvent, TaskFailedEvent, TimerFiredEvent,
    };

    use super::*;

    fn entry(event_id: i32, kind: EventType) -> HistoryEntry {
        HistoryEntry {
            event: HistoryEvent {
                event_id,
                timestamp: Some(Ticks(10_000_000).to_proto()),
                event_type: Some(kind),
            },
            reason: None,
        }
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(Text::new("äöü", 3).length, None);
        let cut = Text::new("äöü", 2);
        assert_eq!((cut.text.as_str(), cut.length), ("äö", Some(6)));
        assert_eq!(Text::new("", 0).length, None);
    }

    #[test]
    fn an_activitys_own_failure_is_found_in_the_hosts_message() {
        let own = Failure::new("orders::CardDeclined", "no money")
            .with_cause(Failure::new("bank::Refused", "51"));
        let message = format!(
            "Invalid HttpResponseMessage: Headers: {{ durable-failure: {} }}",
            own.to_header()
        );
        let details = TaskFailureDetails {
            error_type: "System.InvalidOperationException".into(),
            error_message: message,
            ..TaskFailureDetails::default()
        };
        let event = entry(
            -1,
            EventType::TaskFailed(TaskFailedEvent {
                task_scheduled_id: 4,
                failure_details: Some(details),
            }),
        );
        let document = EventDocument::new(9, &event, 100);
        let chain = document.failure.unwrap();
        let kinds: Vec<&str> = chain.iter().map(|link| link.kind.as_str()).collect();
        assert_eq!(kinds, ["orders::CardDeclined", "bank::Refused"]);
        assert_eq!((document.index, document.answers), (9, Some(4)));
    }

    #[test]
    fn what_an_entity_is_asked_for_is_told_beside_the_text_that_is_cut() {
        let id = "00000000-0000-0000-0000-00000000000a";
        let input = "x".repeat(3_000);
        let sent = EventSentEvent {
            instance_id: "@counter@k".into(),
            name: "op".into(),
            input: Some(format!(r#"{{"input":"{input}","op":"add","id":"{id}"}}"#)),
        };
        let event = entry(1, EventType::EventSent(sent));
        let document = serde_json::to_value(EventDocument::new(0, &event, EVENT_TEXT)).unwrap();
        assert_eq!(
            document["request"],
            serde_json::json!({"id": id, "name": "counter@k add", "signal": false})
        );
        assert!(!document["input"]["text"].as_str().unwrap().contains(id));
    }

    #[test]
    fn an_event_as_json() {
        let fired = TimerFiredEvent {
            fire_at: Some(Ticks(20_000_000).to_proto()),
            timer_id: 3,
        };
        let event = entry(-1, EventType::TimerFired(fired));
        assert_eq!(
            serde_json::to_string(&EventDocument::new(2, &event, 9)).unwrap(),
            r#"{"index":2,"eventId":-1,"type":"TimerFired","time":"1970-01-01T00:00:01Z","answers":3,"fireAt":"1970-01-01T00:00:02Z"}"#
        );
    }
}
