//! Messages to entities and their answers.

use super::*;
use durable_functions_protocol::entity::{EntityId, Request, Response, scheduled};
use durable_functions_protocol::proto::{
    EntityLockGrantedEvent, EntityOperationCalledEvent, EntityOperationCompletedEvent,
    EntityOperationFailedEvent, OrchestratorEntityParameters, OrchestratorStartedEvent, Timestamp,
};

const WINDOW: i64 = 1_800;

fn with_window(mut turn: Turn, seconds: Option<i64>) -> Turn {
    turn.request_mut().entity_parameters = Some(OrchestratorEntityParameters {
        entity_message_reorder_window: seconds
            .map(|seconds| prost_types::Duration { seconds, nanos: 0 }),
    });
    turn
}

pub(super) fn begin() -> Turn {
    with_window(first(), Some(WINDOW))
}

pub(super) fn sent(response: &OrchestratorResponse) -> Vec<(String, String, String)> {
    let sent = |action: &OrchestratorAction| match &action.orchestrator_action_type {
        Some(ActionType::SendEvent(sent)) => Some((
            sent.instance.as_ref().unwrap().instance_id.clone(),
            sent.name.clone(),
            sent.data.clone().unwrap(),
        )),
        _ => None,
    };
    response.actions.iter().filter_map(sent).collect()
}

/// Targets and names of the messages of a turn.
pub(super) fn targets(response: &OrchestratorResponse) -> Vec<(String, String)> {
    let sent = sent(response).into_iter();
    sent.map(|(target, name, _)| (target, name)).collect()
}

pub(super) fn requests(response: &OrchestratorResponse) -> Vec<Request> {
    let sent = sent(response)
        .into_iter()
        .filter(|(_, name, _)| name != "release");
    sent.map(|(_, _, data)| Request::from_json(&data).unwrap())
        .collect()
}

/// The turn was answered, and its last request is answered with this.
pub(super) fn answered(turn: Turn, response: &OrchestratorResponse, answer: Response) -> Turn {
    let id = requests(response).last().unwrap().id.to_string();
    turn.answered(response).raised(&id, &answer.to_json())
}

pub(super) fn result(text: &str) -> Response {
    Response::Success(Some(text.into()))
}

pub(super) fn counter(key: &str) -> EntityId {
    EntityId::new("Counter", key)
}

pub(super) async fn locked(ctx: OrchestrationContext) -> Result<String> {
    let guard = ctx.lock([counter("b"), counter("a")]).await?;
    let inside = ctx.in_critical_section();
    let got: i64 = ctx.call_entity(counter("b"), "get", ()).await?;
    drop(guard);
    ctx.call_by_name::<()>("after", 0).await?;
    Ok(format!("{inside} {got} {}", ctx.in_critical_section()))
}

const RELEASES: [(&str, &str); 2] = [("@counter@a", "release"), ("@counter@b", "release")];

pub(super) fn releases() -> Vec<(String, String)> {
    RELEASES
        .map(|(target, name)| (target.into(), name.into()))
        .to_vec()
}

#[test]
fn a_call_is_answered() {
    let call = async |ctx: OrchestrationContext| {
        let sum: i64 = ctx.call_entity(counter("K"), "add", 5).await?;
        Ok(sum.to_string())
    };
    let turn = begin();
    let response = run(&turn, call);
    assert_eq!(targets(&response), [("@counter@K".into(), "op".into())]);
    let request = &requests(&response)[0];
    assert_eq!(
        (request.op.as_deref(), request.input.as_deref()),
        (Some("add"), Some("5"))
    );
    assert!(!request.signal && !request.timestamp.is_none() && request.predecessor.is_none());
    assert_eq!(request.parent.as_deref(), Some("an-instance"));
    assert!(completion(&response).is_none());
    let turn = answered(turn, &response, result("8"));
    assert_eq!(output(&run(&turn, call)), "\"8\"");
}

#[test]
fn messages_are_labelled_for_each_destination_when_the_receiver_sorts() {
    let send = async |ctx: OrchestrationContext| {
        for key in ["x", "x", "y", "x"] {
            ctx.signal_entity(counter(key), "add", 1);
        }
        let later = ctx.now() + Duration::from_secs(60);
        ctx.entity_by_id(counter("x"))
            .signal()
            .at(later)
            .send("add", 1);
        Ok(String::new())
    };
    let all = requests(&run(&begin(), send));
    let [first, second, other, third, scheduled] = all.as_slice() else {
        panic!("{all:?}");
    };
    assert!(first.predecessor.is_none() && other.predecessor.is_none());
    assert_eq!(other.timestamp, first.timestamp);
    assert_eq!(second.predecessor, first.timestamp);
    assert_eq!(second.timestamp, first.timestamp.next());
    assert_eq!(third.predecessor, second.timestamp);
    assert_eq!(third.timestamp, second.timestamp.next());
    // what is scheduled is delivered by its time
    assert!(scheduled.timestamp.is_none() && scheduled.due.is_some());

    for window in [None, Some(0)] {
        let unsorted = requests(&run(&with_window(super::first(), window), send));
        assert!(
            unsorted
                .iter()
                .all(|it| it.timestamp.is_none() && it.predecessor.is_none())
        );
    }
}

#[test]
fn what_was_sent_before_the_window_is_forgotten() {
    let send = async |ctx: OrchestrationContext| {
        ctx.signal_entity(counter("x"), "add", 1);
        ctx.call_by_name::<()>("wait", 0).await?;
        ctx.signal_entity(counter("x"), "add", 1);
        Ok(String::new())
    };
    for (later, kept) in [(WINDOW, true), (WINDOW + 1, false)] {
        let turn = begin();
        let response = run(&turn, send);
        let mut turn = turn
            .answered(&response)
            .completed(0, "null")
            .completed(1, "null");
        let began = turn.request().past_events[0].timestamp.unwrap();
        let now = Timestamp {
            seconds: began.seconds + later,
            ..began
        };
        for event in &mut turn.request_mut().new_events {
            if let Some(EventType::OrchestratorStarted(OrchestratorStartedEvent {})) =
                event.event_type
            {
                event.timestamp = Some(now);
            }
        }
        let second = &requests(&run(&turn, send))[0];
        assert_eq!(second.predecessor.is_none(), !kept);
    }
}

#[test]
fn a_far_signal_is_capped_in_its_name_and_keeps_its_time() {
    let response = run(&begin(), async |ctx: OrchestrationContext| {
        let day = Duration::from_secs(86_400);
        ctx.entity_by_id(counter("x"))
            .signal()
            .after(10 * day)
            .send("add", ());
        ctx.entity_by_id(counter("x"))
            .signal()
            .after(day)
            .send("add", ());
        Ok(ctx.now().to_rfc3339())
    });
    let now = begin().request().new_events[0].timestamp.unwrap();
    let plus = |days: i64| Timestamp {
        seconds: now.seconds + days * 86_400,
        ..now
    };
    let names: Vec<_> = targets(&response)
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(names, [scheduled(&plus(3)), scheduled(&plus(1))]);
    let dues: Vec<_> = requests(&response)
        .iter()
        .map(|it| it.due.unwrap().time())
        .collect();
    assert_eq!(dues, [plus(10), plus(1)]);
}

#[test]
fn failures_arrive_in_every_form() {
    let call = async |ctx: OrchestrationContext| {
        let error = ctx
            .call_entity::<()>(counter("x"), "fail", ())
            .await
            .unwrap_err();
        let Some(TaskError::Entity {
            entity,
            operation,
            failure,
        }) = error.task()
        else {
            return Err(error);
        };
        Ok(format!(
            "{entity} {operation} {failure} {}",
            failure.root_cause()
        ))
    };
    let turn = begin();
    let response = run(&turn, call);
    let failure = Failure::new("Broken", "no").with_cause(Failure::new("Root", "why"));
    let expected = "\"@counter@x fail Broken: no Root: why\"";
    let told = answered(turn.clone(), &response, Response::Failure(failure.clone()));
    assert_eq!(output(&run(&told, call)), expected);
    let id = requests(&response)[0].id.to_string();
    let typed = turn.answered(&response).event(
        -1,
        EventType::EntityOperationFailed(EntityOperationFailedEvent {
            request_id: id,
            failure_details: Some(failure.to_proto()),
        }),
    );
    assert_eq!(output(&run(&typed, call)), expected);
}

#[test]
fn an_answer_that_can_not_be_read_is_an_error_of_the_call() {
    let call = async |ctx: OrchestrationContext| {
        let sum: i64 = ctx.call_entity(counter("x"), "add", 5).await?;
        Ok(sum.to_string())
    };
    let turn = begin();
    let response = run(&turn, call);
    let id = requests(&response)[0].id.to_string();
    for (answer, words) in [
        (r#"{"result":"\"five\""}"#, "is not a `i64`"),
        ("[", "the answer of entity '@counter@x' to 'add'"),
        ("null", "the answer of entity"),
    ] {
        let failed = failure_of(&run(
            &turn.clone().answered(&response).raised(&id, answer),
            call,
        ));
        assert!(failed.message.contains(words), "{answer}: {failed}");
    }
}

#[test]
fn histories_with_events_of_their_own_for_entities_replay() {
    let call = async |ctx: OrchestrationContext| {
        let _guard = ctx.lock([counter("x")]).await?;
        let sum: i64 = ctx.call_entity(counter("x"), "add", 5).await?;
        Ok(sum.to_string())
    };
    let turn = begin();
    let response = run(&turn, call);
    let section = requests(&response)[0].id.to_string();
    let turn = turn.answered(&response).event(
        -1,
        EventType::EntityLockGranted(EntityLockGrantedEvent {
            critical_section_id: section,
        }),
    );
    let response = run(&turn, call);
    let request = requests(&response)[0].clone();
    let turn = turn
        .event(
            1,
            EventType::EntityOperationCalled(EntityOperationCalledEvent {
                request_id: request.id.to_string(),
                operation: "add".into(),
                target_instance_id: Some("@counter@x".into()),
                ..EntityOperationCalledEvent::default()
            }),
        )
        .next()
        .event(
            -1,
            EventType::EntityOperationCompleted(EntityOperationCompletedEvent {
                request_id: request.id.to_string(),
                output: Some("13".into()),
            }),
        );
    let response = run(&turn, call);
    assert_eq!(output(&response), "\"13\"");
    assert_eq!(
        targets(&response),
        [("@counter@x".into(), "release".into())]
    );
}

#[test]
fn a_request_is_answered_by_the_id_that_history_has() {
    let turn = begin();
    let mut response = run(&turn, locked);
    let other = "11111111-2222-4333-8444-555555555555";
    let own = requests(&response)[0].id.to_string();
    for action in &mut response.actions {
        if let Some(ActionType::SendEvent(sent)) = &mut action.orchestrator_action_type {
            sent.data = Some(sent.data.clone().unwrap().replace(&own, other));
        }
    }
    let grant = result("Lock Acquisition Completed").to_json();
    let turn = turn.answered(&response).raised(other, &grant);
    let response = run(&turn, locked);
    let turn = answered(turn, &response, result("7"));
    for (_, name, data) in sent(&run(&turn, locked)) {
        assert_eq!(name, "release");
        assert!(data.contains(other), "{data}");
    }
}

#[test]
fn what_can_not_be_reached_is_told() {
    let call = async |ctx: OrchestrationContext| {
        ctx.call_entity::<()>(EntityId::new("a@b", "c"), "get", ())
            .await?;
        Ok(String::new())
    };
    let failed = failure_of(&run(&begin(), call));
    assert_eq!(failed.error_type, "InvalidEntityId");
    let call = async |ctx: OrchestrationContext| {
        ctx.call_entity::<()>(counter("c"), "get", ()).await?;
        Ok(String::new())
    };
    let failed = failure_of(&run(&first(), call));
    assert_eq!(failed.error_type, "EntitiesNotSupported");
    let empty = async |ctx: OrchestrationContext| {
        let _guard = ctx.lock(Vec::<EntityId>::new()).await?;
        Ok(String::new())
    };
    assert_eq!(
        failure_of(&run(&begin(), empty)).error_type,
        "CriticalSection"
    );
}

#[test]
fn a_signal_to_another_entity_does_not_fit_the_history() {
    let turn = begin();
    let response = run(&turn, async |ctx: OrchestrationContext| {
        ctx.signal_entity(counter("x"), "add", 1);
        ctx.call_by_name::<()>("wait", 0).await?;
        Ok(String::new())
    });
    let turn = turn.answered(&response).completed(1, "null");
    let response = run(&turn, async |ctx: OrchestrationContext| {
        ctx.signal_entity(counter("y"), "add", 1);
        ctx.call_by_name::<()>("wait", 0).await?;
        Ok(String::new())
    });
    let failed = failure_of(&response);
    assert!(
        failed.message.contains("'@counter@x'") && failed.message.contains("'@counter@y'"),
        "{failed}"
    );
}
