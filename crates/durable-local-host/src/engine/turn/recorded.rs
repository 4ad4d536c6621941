//! Plays recorded turns of the real host: from the history and the new events of each request,
//! and the recorded answer, the next history has to come out as recorded.

use std::collections::HashMap;
use std::sync::Arc;

use durable_functions_protocol::proto::{
    EventType, HistoryEvent, OrchestrationStatus, OrchestratorRequest, OrchestratorResponse,
};
use prost::Message as _;
use serde_json::Value;

use super::{Plan, Step, TurnResult, plan};
use crate::clock::Clock;
use crate::engine::ids::Ids;
use crate::engine::state::InstanceState;
use crate::store::{HistoryChunk, HistoryEntry, InstanceRecord, Message, StoredInstance};
use crate::strict::Conduct;
use crate::time::Ticks;

struct RecordedTurn {
    request: OrchestratorRequest,
    response: OrchestratorResponse,
}

fn recordings() -> Vec<(String, Vec<RecordedTurn>)> {
    let json: Value = serde_json::from_str(include_str!("../../../tests/data/turns.json")).unwrap();
    let bytes = |text: &Value| {
        base64_simd::STANDARD
            .decode_to_vec(text.as_str().unwrap())
            .unwrap()
    };
    json.as_object()
        .unwrap()
        .iter()
        .map(|(name, turns)| {
            let turns = turns.as_array().unwrap().iter().map(|turn| RecordedTurn {
                request: OrchestratorRequest::decode(bytes(&turn["request"]).as_slice()).unwrap(),
                response: OrchestratorResponse::decode(bytes(&turn["response"]).as_slice())
                    .unwrap(),
            });
            (name.clone(), turns.collect())
        })
        .collect()
}

fn started(
    events: &[HistoryEvent],
) -> Option<&durable_functions_protocol::proto::ExecutionStartedEvent> {
    events.iter().find_map(|event| match &event.event_type {
        Some(EventType::ExecutionStarted(started)) => Some(started),
        _ => None,
    })
}

/// The instance as it was before the recorded turn.
fn state_before(request: &OrchestratorRequest) -> InstanceState {
    let all: Vec<HistoryEvent> = request
        .past_events
        .iter()
        .chain(&request.new_events)
        .cloned()
        .collect();
    let started = started(&all).unwrap();
    let execution = started
        .orchestration_instance
        .as_ref()
        .unwrap()
        .execution_id
        .clone()
        .unwrap();
    let record = InstanceRecord {
        execution_id: execution.into(),
        name: started.name.clone(),
        version: started.version.clone(),
        input: started.input.clone(),
        generation: Some(0),
        ..InstanceRecord::running(&request.instance_id)
    };
    let past: Vec<HistoryEntry> = request
        .past_events
        .iter()
        .map(|event| HistoryEntry {
            event: event.clone(),
            reason: None,
        })
        .collect();
    let chunks = if past.is_empty() {
        Vec::new()
    } else {
        vec![HistoryChunk::of(&past)]
    };
    InstanceState::stored(StoredInstance {
        record,
        chunks,
        next_turn: 1,
    })
    .unwrap()
}

fn messages(request: &OrchestratorRequest) -> Vec<Message> {
    let news = request
        .new_events
        .iter()
        .filter(|event| !matches!(event.event_type, Some(EventType::OrchestratorStarted(_))));
    news.enumerate()
        .map(|(seq, event)| Message {
            seq: i64::try_from(seq).unwrap(),
            instance: request.instance_id.as_str().into(),
            execution: None,
            content: HistoryEntry {
                event: event.clone(),
                reason: None,
            },
            due: None,
        })
        .collect()
}

/// An event without what differs from run to run: times, and the ids of executions.
fn bare(event: &HistoryEvent) -> HistoryEvent {
    let mut event = event.clone();
    event.timestamp = None;
    if let Some(EventType::ExecutionStarted(started)) = &mut event.event_type
        && let Some(instance) = &mut started.orchestration_instance
    {
        instance.execution_id = None;
    }
    event
}

fn bare_events<'a>(events: impl IntoIterator<Item = &'a HistoryEvent>) -> Vec<HistoryEvent> {
    events.into_iter().map(bare).collect()
}

fn play(turn: &RecordedTurn, ids: &Ids) -> (InstanceState, Step) {
    let state = state_before(&turn.request);
    // A continued orchestration's first turn comes from the turn before, not from messages.
    let Plan::Turn(planned) = plan(&state, &messages(&turn.request), ids) else {
        panic!("no turn")
    };
    assert_eq!(
        bare_events(planned.new_events()),
        bare_events(&turn.request.new_events)
    );
    let step = planned
        .answer(turn.response.clone(), false, Conduct::Strict, ids)
        .map_err(|(_, fault)| fault)
        .unwrap();
    (state, step)
}

fn is_continued(request: &OrchestratorRequest) -> bool {
    request
        .new_events
        .iter()
        .any(|event| matches!(event.event_type, Some(EventType::OrchestratorCompleted(_))))
}

#[test]
fn histories_grow_as_recorded() {
    let ids = Ids::after(Clock::system(), 0);
    let mut compared = 0;
    for (name, turns) in recordings() {
        let mut expected: HashMap<String, Vec<HistoryEvent>> = HashMap::new();
        for turn in &turns {
            let id = turn.request.instance_id.clone();
            if let Some(history) = expected.remove(&id) {
                assert_eq!(bare_events(&turn.request.past_events), history, "{name}");
                compared += 1;
            }
            if is_continued(&turn.request) {
                continue;
            }
            let (_, step) = play(turn, &ids);
            if let Step::Done(result) = step {
                let mut history = bare_events(&turn.request.past_events);
                history.extend(bare_events(result.events.iter().map(|entry| &entry.event)));
                expected.insert(id, history);
                check_outbox(&turn.response, &result);
            }
        }
    }
    assert!(compared >= 25, "{compared}");
}

/// Every action has sent what it asks for.
fn check_outbox(response: &OrchestratorResponse, result: &TurnResult) {
    use durable_functions_protocol::proto::ActionType;
    let count = |wanted: fn(&ActionType) -> bool| {
        response
            .actions
            .iter()
            .filter(|action| action.orchestrator_action_type.as_ref().is_some_and(wanted))
            .count()
    };
    assert_eq!(
        result.tasks.len(),
        count(|action| matches!(action, ActionType::ScheduleTask(_)))
    );
    assert_eq!(
        result.instances.len(),
        count(|action| matches!(action, ActionType::CreateSubOrchestration(_)))
    );
    let timers = result
        .messages
        .iter()
        .filter(|message| message.due.is_some())
        .count();
    assert_eq!(
        timers,
        count(|action| matches!(action, ActionType::CreateTimer(_)))
    );
}

#[test]
fn continued_turns_begin_as_recorded() {
    let ids = Ids::after(Clock::system(), 0);
    let mut compared = 0;
    for (name, turns) in recordings() {
        for pair in turns.windows(2) {
            let [before, after] = pair else { continue };
            if is_continued(&before.request) || !is_continued(&after.request) {
                continue;
            }
            let (_, Step::Again(next)) = play(before, &ids) else {
                panic!("{name}")
            };
            assert!(next.is_anew());
            assert_eq!(
                bare_events(next.new_events()),
                bare_events(&after.request.new_events),
                "{name}"
            );
            let execution = started(&after.request.new_events).unwrap();
            assert_eq!(
                execution
                    .orchestration_instance
                    .as_ref()
                    .unwrap()
                    .execution_id
                    .as_ref()
                    .unwrap()
                    .len(),
                32
            );
            compared += 1;
        }
    }
    assert!(compared >= 4, "{compared}");
}

#[test]
fn children_start_as_recorded() {
    let ids = Ids::after(Clock::system(), 0);
    let mut compared = 0;
    for (name, turns) in recordings() {
        let mut children: HashMap<String, HistoryEvent> = HashMap::new();
        for turn in &turns {
            if let Some(start) = children.remove(&turn.request.instance_id) {
                let recorded = turn
                    .request
                    .new_events
                    .iter()
                    .find(|event| matches!(event.event_type, Some(EventType::ExecutionStarted(_))))
                    .unwrap();
                assert_eq!(bare(&start), bare(recorded), "{name}");
                compared += 1;
            }
            if is_continued(&turn.request) {
                continue;
            }
            if let (_, Step::Done(result)) = play(turn, &ids) {
                for new in result.instances {
                    assert_eq!(new.record.status, OrchestrationStatus::Pending);
                    children.insert(new.record.id.to_string(), new.start.content.event);
                }
            }
        }
    }
    assert!(compared >= 3, "{compared}");
}

#[test]
fn the_status_follows_what_happened() {
    let ids = Ids::after(Clock::system(), 0);
    let last = |wanted: &str| {
        let recordings = recordings();
        let (_, turns) = recordings.iter().find(|(name, _)| name == wanted).unwrap();
        let Step::Done(result) = play(turns.last().unwrap(), &ids).1 else {
            panic!()
        };
        result.record
    };
    let failed = last("fail_orch");
    assert_eq!(failed.status, OrchestrationStatus::Failed);
    assert_eq!(
        failed.output.as_deref(),
        Some("RefHandler.OrderRejectedException: order 42 rejected: résumé ☃")
    );
    assert!(failed.failure.is_some());
    let terminated = last("suspend_terminate_http");
    assert_eq!(
        (terminated.status, terminated.output.as_deref()),
        (OrchestrationStatus::Terminated, Some("t"))
    );
    assert_eq!(
        terminated.custom_status.as_deref(),
        Some(r#"{"received":0}"#)
    );
}

#[test]
fn messages_before_the_start_wait_and_termination_does_not() {
    let ids = Ids::after(Clock::system(), 0);
    let (_, turns) = recordings()
        .into_iter()
        .find(|(name, _)| name == "event_raised")
        .unwrap();
    let mut state = state_before(&turns[0].request);
    state.record.status = OrchestrationStatus::Pending;
    let raised = messages(&turns[1].request);
    assert!(matches!(plan(&state, &raised, &ids), Plan::Wait));
    let mut both = raised.clone();
    both.extend(messages(&turns[0].request));
    let Plan::Turn(turn) = plan(&state, &both, &ids) else {
        panic!()
    };
    let kinds: Vec<bool> = turn
        .new_events()
        .map(|event| matches!(event.event_type, Some(EventType::ExecutionStarted(_))))
        .collect();
    assert_eq!(kinds, [false, true, false]);

    let mut terminated = raised.clone();
    terminated[0].content.event.event_type = Some(EventType::ExecutionTerminated(
        durable_functions_protocol::proto::ExecutionTerminatedEvent {
            input: Some("no".into()),
            recurse: false,
        },
    ));
    let Plan::End(end) = plan(&state, &terminated, &ids) else {
        panic!()
    };
    assert_eq!(
        (end.record.status, end.record.output.as_deref()),
        (OrchestrationStatus::Terminated, Some("no"))
    );

    let mut stale = raised.clone();
    stale[0].execution = Some(Arc::from("another one"));
    state.started = true;
    assert!(matches!(plan(&state, &stale, &ids), Plan::Drop));
    state.record.status = OrchestrationStatus::Completed;
    assert!(matches!(plan(&state, &raised, &ids), Plan::Drop));
}

#[test]
fn a_later_start_is_a_message_that_is_not_due_yet() {
    use super::{NewExecution, new_instance};
    use crate::store::Reuse;
    let ids = Ids::after(Clock::system(), 0);
    let at = Ticks::parse("2026-11-23T09:03:33.3796998Z").unwrap();
    let execution = NewExecution {
        id: "scheduled_start".into(),
        execution: Ids::client_execution().into(),
        started: durable_functions_protocol::proto::ExecutionStartedEvent {
            name: "hello_orchestrator".into(),
            ..Default::default()
        },
        scheduled: Some(at),
        generation: Some(0),
    };
    let new = new_instance(execution, Reuse::IfEnded, &ids);
    assert_eq!((new.start.due, new.record.scheduled), (Some(at), Some(at)));
    assert_eq!(new.record.status, OrchestrationStatus::Pending);
    let events = [new.start.content.event];
    let started = started(&events).unwrap();
    assert_eq!(started.scheduled_start_timestamp, Some(at.to_proto()));
    assert_eq!(
        Ticks::from_proto(events[0].timestamp.as_ref().unwrap()),
        new.record.created
    );
}
