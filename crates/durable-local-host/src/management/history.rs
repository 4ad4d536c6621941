//! The history as the status document shows it.

use std::collections::HashMap;

use durable_functions_protocol::proto::{EventType, HistoryEvent, TaskFailureDetails};

use super::request::{object, text};
use super::status::status_name;
use crate::newtonsoft::{Json, json_or_text};
use crate::store::{HistoryEntry, InstanceRecord};
use crate::time::Ticks;

/// What a history shows besides events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// Whether results are in it.
    pub(super) output: bool,
    /// Whether the input is in it.
    pub(super) input: bool,
}

/// The event that asked for something: it goes into the event that answers it.
struct Asked<'a> {
    name: &'a str,
    input: &'a Option<String>,
    time: Ticks,
}

/// The events of an instance. Scheduled and completed events are merged, those of the
/// orchestrator's turns left out.
pub(super) fn history_events(
    record: &InstanceRecord,
    events: &[HistoryEntry],
    shown: Shown,
) -> Json {
    let answered = answered(events);
    let mut asked: HashMap<(bool, i32), Asked<'_>> = HashMap::new();
    let mut list = Vec::new();
    for entry in events {
        let event = &entry.event;
        match &event.event_type {
            Some(EventType::TaskScheduled(task)) => {
                asked.insert(
                    (false, event.event_id),
                    Asked {
                        name: &task.name,
                        input: &task.input,
                        time: time(event),
                    },
                );
                if answered.contains(&(false, event.event_id)) {
                    continue;
                }
            }
            Some(EventType::SubOrchestrationInstanceCreated(sub)) => {
                asked.insert(
                    (true, event.event_id),
                    Asked {
                        name: &sub.name,
                        input: &sub.input,
                        time: time(event),
                    },
                );
                if answered.contains(&(true, event.event_id)) {
                    continue;
                }
            }
            Some(EventType::OrchestratorStarted(_) | EventType::OrchestratorCompleted(_))
            | None => continue,
            Some(_) => {}
        }
        if let Some(kind) = &event.event_type {
            list.push(render(record, entry, kind, &asked, shown));
        }
    }
    Json::Array(list)
}

/// What has been answered: whether it is a sub-orchestration, and its id.
fn answered(events: &[HistoryEntry]) -> std::collections::HashSet<(bool, i32)> {
    let id = |entry: &HistoryEntry| match &entry.event.event_type {
        Some(EventType::TaskCompleted(done)) => Some((false, done.task_scheduled_id)),
        Some(EventType::TaskFailed(failed)) => Some((false, failed.task_scheduled_id)),
        Some(EventType::SubOrchestrationInstanceCompleted(done)) => {
            Some((true, done.task_scheduled_id))
        }
        Some(EventType::SubOrchestrationInstanceFailed(failed)) => {
            Some((true, failed.task_scheduled_id))
        }
        _ => None,
    };
    events.iter().filter_map(id).collect()
}

fn time(event: &HistoryEvent) -> Ticks {
    event.timestamp.as_ref().map_or(Ticks(0), Ticks::from_proto)
}

fn optional(value: &Option<String>) -> Json {
    value.as_deref().map_or(Json::Null, text)
}

fn parsed(value: &Option<String>) -> Json {
    value.as_deref().map_or(Json::Null, json_or_text)
}

fn date(timestamp: Option<&durable_functions_protocol::proto::Timestamp>) -> Json {
    timestamp.map_or(Json::Null, |timestamp| {
        text(&Ticks::from_proto(timestamp).iso())
    })
}

fn render(
    record: &InstanceRecord,
    entry: &HistoryEntry,
    kind: &EventType,
    asked: &HashMap<(bool, i32), Asked<'_>>,
    shown: Shown,
) -> Json {
    let event = &entry.event;
    let timestamp = ("Timestamp", text(&time(event).iso()));
    let named = |name: &str| ("EventType", text(name));
    let result = |value: &Option<String>| shown.output.then(|| ("Result", parsed(value)));
    let origin = |key: (bool, i32)| -> Vec<(&str, Json)> {
        asked.get(&key).map_or_else(Vec::new, |asked| {
            vec![
                ("ScheduledTime", text(&asked.time.iso_offset())),
                ("FunctionName", text(asked.name)),
                ("Input", optional(asked.input)),
            ]
        })
    };
    let failed = |name: &str, details: Option<&TaskFailureDetails>, properties: bool| {
        vec![
            named(name),
            ("Reason", optional(&entry.reason)),
            ("Details", Json::Null),
            ("FailureDetails", failure(details, properties)),
            timestamp.clone(),
        ]
    };
    let mut members = Vec::new();
    match kind {
        EventType::ExecutionStarted(started) => members.extend([
            named("ExecutionStarted"),
            (
                "Input",
                if shown.input {
                    optional(&started.input)
                } else {
                    Json::Null
                },
            ),
            ("Correlation", Json::Null),
            ("ParentTraceContext", Json::Null),
            (
                "ScheduledStartTime",
                date(started.scheduled_start_timestamp.as_ref()),
            ),
            (
                "Generation",
                record
                    .generation
                    .map_or(Json::Null, |number| Json::Number(number.to_string())),
            ),
            ("GenerateNewTrace", Json::Bool(false)),
            timestamp,
            ("FunctionName", text(&started.name)),
        ]),
        EventType::TaskScheduled(task) => members.extend([
            named("TaskScheduled"),
            ("Name", text(&task.name)),
            ("Input", optional(&task.input)),
            ("ParentTraceContext", Json::Null),
            ("Tags", Json::Object(Vec::new())),
            timestamp,
        ]),
        EventType::TaskCompleted(done) => {
            members.push(named("TaskCompleted"));
            members.extend(result(&done.result));
            members.push(timestamp);
            members.extend(origin((false, done.task_scheduled_id)));
        }
        EventType::TaskFailed(task) => {
            members.extend(failed("TaskFailed", task.failure_details.as_ref(), false));
            members.extend(origin((false, task.task_scheduled_id)));
        }
        EventType::SubOrchestrationInstanceCreated(sub) => members.extend([
            named("SubOrchestrationInstanceCreated"),
            ("InstanceId", text(&sub.instance_id)),
            ("Name", text(&sub.name)),
            ("Input", optional(&sub.input)),
            timestamp,
        ]),
        EventType::SubOrchestrationInstanceCompleted(done) => {
            members.push(named("SubOrchestrationInstanceCompleted"));
            members.extend(result(&done.result));
            members.push(timestamp);
            members.extend(origin((true, done.task_scheduled_id)));
        }
        EventType::SubOrchestrationInstanceFailed(sub) => {
            members.extend(failed(
                "SubOrchestrationInstanceFailed",
                sub.failure_details.as_ref(),
                true,
            ));
            members.extend(origin((true, sub.task_scheduled_id)));
        }
        EventType::TimerCreated(timer) => {
            members.extend([
                named("TimerCreated"),
                ("FireAt", date(timer.fire_at.as_ref())),
                timestamp,
            ]);
        }
        EventType::TimerFired(timer) => {
            members.extend([
                named("TimerFired"),
                ("FireAt", date(timer.fire_at.as_ref())),
                timestamp,
            ]);
        }
        EventType::EventRaised(raised) => members.extend([
            named("EventRaised"),
            ("Name", text(&raised.name)),
            ("Input", optional(&raised.input)),
            ("ParentTraceContext", Json::Null),
            timestamp,
        ]),
        EventType::EventSent(sent) => members.extend([
            named("EventSent"),
            ("InstanceId", text(&sent.instance_id)),
            ("Name", text(&sent.name)),
            ("Input", optional(&sent.input)),
            timestamp,
        ]),
        EventType::ExecutionSuspended(suspended) => {
            members.extend([
                named("ExecutionSuspended"),
                ("Reason", optional(&suspended.input)),
                timestamp,
            ]);
        }
        EventType::ExecutionResumed(resumed) => {
            members.extend([
                named("ExecutionResumed"),
                ("Reason", optional(&resumed.input)),
                timestamp,
            ]);
        }
        EventType::ExecutionTerminated(terminated) => {
            members.extend([
                named("ExecutionTerminated"),
                ("Input", optional(&terminated.input)),
                timestamp,
            ]);
        }
        EventType::ExecutionCompleted(completed) => {
            members.push(named("ExecutionCompleted"));
            members.push((
                "OrchestrationStatus",
                text(status_name(completed.orchestration_status())),
            ));
            members.extend(result(&completed.result));
            members.push((
                "FailureDetails",
                failure(completed.failure_details.as_ref(), true),
            ));
            members.push(timestamp);
        }
        EventType::GenericEvent(generic) => {
            members.extend([
                ("Data", optional(&generic.data)),
                named("GenericEvent"),
                timestamp,
            ]);
        }
        other => {
            // Events that this host does not make show what they are called.
            let name = format!("{other:?}");
            members.push(named(name.split('(').next().unwrap_or_default()));
            members.push(timestamp);
        }
    }
    object(members)
}

/// A failure. One that came from the handler has an empty list of properties, one of the host none.
fn failure(details: Option<&TaskFailureDetails>, properties: bool) -> Json {
    let Some(details) = details else {
        return Json::Null;
    };
    object([
        ("ErrorType", text(&details.error_type)),
        ("ErrorMessage", text(&details.error_message)),
        ("StackTrace", optional(&details.stack_trace)),
        (
            "InnerFailure",
            failure(details.inner_failure.as_deref(), properties),
        ),
        ("IsNonRetriable", Json::Bool(details.is_non_retriable)),
        (
            "Properties",
            if properties {
                Json::Object(Vec::new())
            } else {
                Json::Null
            },
        ),
    ])
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::OrchestratorRequest;
    use prost::Message;

    use super::*;
    use crate::newtonsoft::{Dates, parse};

    /// The last turn's request holds the whole history but what its answer added.
    #[test]
    fn histories_are_rendered_as_recorded() {
        let recorded: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/histories.json")).unwrap();
        for (name, case) in recorded.as_object().unwrap() {
            let document = parse(case["document"].as_str().unwrap(), Dates::Keep).unwrap();
            let Some(Json::Array(mut expected)) = document.member("historyEvents").cloned() else {
                panic!("{name}")
            };
            let last = expected.pop().unwrap();
            assert_eq!(
                last.member("EventType"),
                Some(&text("ExecutionCompleted")),
                "{name}"
            );
            let bytes = base64_simd::STANDARD
                .decode_to_vec(case["request"].as_str().unwrap())
                .unwrap();
            let request = OrchestratorRequest::decode(bytes.as_slice()).unwrap();
            let events: Vec<HistoryEntry> = request
                .past_events
                .into_iter()
                .chain(request.new_events)
                .map(|event| HistoryEntry {
                    event,
                    reason: None,
                })
                .collect();
            let generation = expected[0].member("Generation") != Some(&Json::Null);
            let record = InstanceRecord {
                generation: generation.then_some(0),
                ..InstanceRecord::running(&request.instance_id)
            };
            let shown = Shown {
                output: true,
                input: true,
            };
            assert_eq!(
                history_events(&record, &events, shown),
                Json::Array(expected),
                "{name}"
            );
        }
    }
}
