//! Which call made an instance fail.
//!
//! A history does not say it: an orchestrator fails with an error that it made of the call's, or of
//! nothing. The last failed call whose message is found again in the instance's own failure is taken
//! for the cause.

use std::borrow::Cow;
use std::collections::HashMap;

use durable_functions_protocol::Failure;
use durable_functions_protocol::proto::{EventType, TaskFailureDetails};
use prost::Message as _;
use serde::Serialize;

use super::documents::LinkDocument;
use super::events::{LinkOfFailure, Text, links};
use super::operations;
use crate::store::{HistoryEntry, InstanceRecord, StoreError};

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
    /// `activity`, `orchestration` or `entity`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// Place of the event that tells of the failure.
    pub(super) index: usize,
    /// Action id of the call.
    pub(super) action: i32,
    /// How many calls of that name failed.
    pub(super) attempts: usize,
    pub(super) input: Option<Text>,
    /// Whether histories keep inputs.
    pub(super) keeps_inputs: bool,
    pub(super) links: Vec<LinkOfFailure>,
    /// Whether the failure of the instance tells of this one.
    pub(super) caused: bool,
    /// The sub-orchestration that failed, or the entity that was called.
    pub(super) instance: Option<String>,
}

/// Longest text that may be part of another by accident.
const SHORT: usize = 3;

/// The failure of an instance, if it failed.
pub(super) fn of_instance(
    record: &InstanceRecord,
    events: &[HistoryEntry],
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
            .find_map(|entry| match &entry.event.event_type {
                Some(EventType::ExecutionCompleted(completed)) => completed.failure_details.clone(),
                _ => None,
            })
    });
    Ok(Some(match details {
        Some(details) => Failure::from_activity(Some(&details)),
        None => Failure::new("Failed", record.output.clone().unwrap_or_default()),
    }))
}

/// The call to blame for the failure of an instance; texts are cut at `limit` characters.
pub(super) fn blamed_call(
    failure: &Failure,
    events: &[HistoryEntry],
    limit: usize,
) -> Option<CallDocument> {
    let mut asked: HashMap<i32, Asked<'_>> = HashMap::new();
    // Operations of entities go by the id of their request.
    let mut requests: HashMap<String, i32> = HashMap::new();
    let mut failed: Vec<Failed> = Vec::new();
    for (index, entry) in events.iter().enumerate() {
        let answered = match &entry.event.event_type {
            Some(EventType::TaskFailed(task)) => Some((
                task.task_scheduled_id,
                Failure::from_activity(task.failure_details.as_ref()),
            )),
            Some(EventType::SubOrchestrationInstanceFailed(sub)) => Some((
                sub.task_scheduled_id,
                Failure::from_activity(sub.failure_details.as_ref()),
            )),
            Some(EventType::EventRaised(raised)) => requests
                .remove(&raised.name)
                .and_then(|action| Some((action, operations::failed(raised)?))),
            _ => None,
        };
        if let Some((action, failure)) = answered {
            failed.push(Failed {
                index,
                action,
                failure,
            });
        } else if let Some(call) = Asked::new(entry) {
            if let Some(id) = &call.request {
                requests.insert(id.clone(), entry.event.event_id);
            }
            asked.insert(entry.event.event_id, call);
        }
    }
    let told = failed.iter().rfind(|call| {
        let name = asked.get(&call.action).map(|asked| asked.name.as_ref());
        tells_of(failure, &call.failure, name)
    });
    let blamed = told.or(failed.last())?;
    let call = asked.get(&blamed.action)?;
    let same = |other: &&Failed| {
        let other = asked.get(&other.action);
        other.is_some_and(|other| (other.kind, &other.name) == (call.kind, &call.name))
    };
    Some(CallDocument {
        path: Vec::new(),
        kind: call.kind,
        name: call.name.clone().into_owned(),
        index: blamed.index,
        action: blamed.action,
        attempts: failed.iter().filter(same).count(),
        input: Text::optional(call.input.as_deref(), limit),
        keeps_inputs: true,
        links: links(&blamed.failure, limit),
        caused: told.is_some(),
        instance: call.instance.map(str::to_owned),
    })
}

/// Whether a failure has that of a call among its causes, or quotes it.
fn tells_of(failure: &Failure, call: &Failure, name: Option<&str>) -> bool {
    call.chain().any(|cause| {
        let message = cause.message.trim();
        failure.chain().any(|link| {
            (link.error_type == cause.error_type && link.message == cause.message)
                || (message.chars().count() > SHORT && quotes(&link.message, message, name))
        })
    })
}

/// Whether a text quotes a message: as a clause of its own, or beside the name of the call. A short
/// message may well be part of a sentence about something else.
fn quotes(text: &str, message: &str, name: Option<&str>) -> bool {
    let named = name.is_some_and(|name| words(text, name).next().is_some());
    words(text, message).any(|(before, after)| {
        let begins = before.trim_end().chars().next_back();
        let ends = after.trim_start().chars().next();
        let apart = |edge: Option<char>| edge.is_none_or(|edge| !continues(edge));
        named || (apart(begins) && apart(ends))
    })
}

/// Where a text has these words: what stands before and after them.
fn words<'a>(text: &'a str, words: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.match_indices(words).filter_map(move |(at, _)| {
        let (before, rest) = text.split_at_checked(at)?;
        let after = rest.strip_prefix(words)?;
        let inside = |char: Option<char>, edge: Option<char>| {
            char.is_some_and(continues) && edge.is_some_and(continues)
        };
        let cut = inside(before.chars().next_back(), words.chars().next())
            || inside(after.chars().next(), words.chars().next_back());
        (!cut).then_some((before, after))
    })
}

/// Whether a character is part of a word.
fn continues(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// A call that failed.
struct Failed {
    /// Place of the event that tells so.
    index: usize,
    /// Action id of the call.
    action: i32,
    failure: Failure,
}

/// A call that was made.
struct Asked<'a> {
    kind: &'static str,
    name: Cow<'a, str>,
    input: Option<Cow<'a, str>>,
    /// The sub-orchestration or the entity.
    instance: Option<&'a str>,
    /// Id of the request to an entity.
    request: Option<String>,
}

impl<'a> Asked<'a> {
    fn new(event: &'a HistoryEntry) -> Option<Self> {
        match &event.event.event_type {
            Some(EventType::TaskScheduled(task)) => Some(Self {
                kind: "activity",
                name: task.name.as_str().into(),
                input: task.input.as_deref().map(Cow::from),
                instance: None,
                request: None,
            }),
            Some(EventType::SubOrchestrationInstanceCreated(sub)) => Some(Self {
                kind: "orchestration",
                name: sub.name.as_str().into(),
                input: sub.input.as_deref().map(Cow::from),
                instance: Some(&sub.instance_id),
                request: None,
            }),
            Some(EventType::EventSent(sent)) => {
                let operation = operations::asked(sent).filter(|operation| !operation.signal)?;
                Some(Self {
                    kind: "entity",
                    name: operation.name.into(),
                    input: operation.input.map(Cow::from),
                    instance: Some(&sent.instance_id),
                    request: Some(operation.id),
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::{
        EventRaisedEvent, EventSentEvent, HistoryEvent, SubOrchestrationInstanceCreatedEvent,
        SubOrchestrationInstanceFailedEvent, TaskFailedEvent, TaskScheduledEvent,
    };

    use super::*;
    use crate::dashboard::events::EVENT_TEXT;

    fn blamed_call(failure: &Failure, events: &[HistoryEntry]) -> Option<CallDocument> {
        super::blamed_call(failure, events, EVENT_TEXT)
    }

    fn entry(event_id: i32, kind: EventType) -> HistoryEntry {
        HistoryEntry {
            event: HistoryEvent {
                event_id,
                timestamp: None,
                event_type: Some(kind),
            },
            reason: None,
        }
    }

    fn scheduled(id: i32, name: &str, input: &str) -> HistoryEntry {
        entry(
            id,
            EventType::TaskScheduled(TaskScheduledEvent {
                name: name.into(),
                input: Some(input.into()),
                ..TaskScheduledEvent::default()
            }),
        )
    }

    fn task_failed(id: i32, message: &str) -> HistoryEntry {
        let failure = Failure::new("app::Error", message);
        entry(
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
    fn a_sentence_that_happens_to_have_the_same_words_quotes_nothing() {
        let events = [scheduled(0, "charge", "1"), task_failed(0, "timeout")];
        let caused = |message: &str| {
            let failure = Failure::new("app::OrderFailed", message);
            blamed_call(&failure, &events).unwrap().caused
        };
        for message in [
            "payment timeout exceeded",
            "the timeouts add up: too many",
            "order_timeout",
            "recharge: the timeout was wrong",
        ] {
            assert!(!caused(message), "{message}");
        }
        for message in [
            "timeout",
            "order 7 failed: timeout",
            "order 7 failed: timeout (attempt 3)",
            "order 7: \"timeout\", so it was not paid",
            "after the timeout of charge the order was given up",
        ] {
            assert!(caused(message), "{message}");
        }
    }

    #[test]
    fn an_operation_of_an_entity_is_blamed() {
        let id = "00000000-0000-0000-0000-00000000000a";
        let sent = EventSentEvent {
            instance_id: "@counter@big".into(),
            name: "op".into(),
            input: Some(format!(r#"{{"op":"add","input":"7","id":"{id}"}}"#)),
        };
        let raised = |name: &str| {
            let input = r#"{"result":null,"failureDetails":{"ErrorType":"Panic","ErrorMessage":"attempt to add with overflow"}}"#;
            let raised = EventRaisedEvent {
                name: name.into(),
                input: Some(input.into()),
            };
            entry(-1, EventType::EventRaised(raised))
        };
        let failure = Failure::new("TaskError", "the operation add failed")
            .with_cause(Failure::new("Panic", "attempt to add with overflow"));
        let events = [entry(3, EventType::EventSent(sent)), raised(id)];
        let call = blamed_call(&failure, &events).unwrap();
        assert_eq!(
            (call.kind, call.name.as_str()),
            ("entity", "counter@big add")
        );
        assert_eq!((call.index, call.action, call.attempts), (1, 3, 1));
        assert_eq!(call.instance.as_deref(), Some("@counter@big"));
        assert!(call.caused);
        // What answers no request is an event like any other.
        let stranger = [
            events[0].clone(),
            raised("00000000-0000-0000-0000-00000000000b"),
        ];
        assert!(blamed_call(&failure, &stranger).is_none());
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
            entry(5, EventType::SubOrchestrationInstanceCreated(created)),
            entry(-1, EventType::SubOrchestrationInstanceFailed(failed)),
        ];
        let call = blamed_call(&Failure::new("E", "because"), &events).unwrap();
        assert_eq!(
            (call.kind, call.instance.as_deref()),
            ("orchestration", Some("child"))
        );
    }
}
