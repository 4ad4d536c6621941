//! Messages to entities, their answers, and critical sections.

use durable_functions_protocol::entity::{EntityId, Request, Response, scheduled};
use durable_functions_protocol::proto::{
    EntityLockGrantedEvent, EntityOperationCalledEvent, EntityOperationCompletedEvent,
    EntityOperationFailedEvent, OrchestratorEntityParameters, OrchestratorStartedEvent, Timestamp,
};
use proptest::prelude::*;

use super::*;

const WINDOW: i64 = 1_800;

fn with_window(mut turn: Turn, seconds: Option<i64>) -> Turn {
    turn.request_mut().entity_parameters = Some(OrchestratorEntityParameters {
        entity_message_reorder_window: seconds
            .map(|seconds| prost_types::Duration { seconds, nanos: 0 }),
    });
    turn
}

fn begin() -> Turn {
    with_window(first(), Some(WINDOW))
}

fn sent(response: &OrchestratorResponse) -> Vec<(String, String, String)> {
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
fn targets(response: &OrchestratorResponse) -> Vec<(String, String)> {
    let sent = sent(response).into_iter();
    sent.map(|(target, name, _)| (target, name)).collect()
}

fn requests(response: &OrchestratorResponse) -> Vec<Request> {
    let sent = sent(response)
        .into_iter()
        .filter(|(_, name, _)| name != "release");
    sent.map(|(_, _, data)| Request::from_json(&data).unwrap())
        .collect()
}

/// The turn was answered, and its last request is answered with this.
fn answered(turn: Turn, response: &OrchestratorResponse, answer: Response) -> Turn {
    let id = requests(response).last().unwrap().id.to_string();
    turn.answered(response).raised(&id, &answer.to_json())
}

fn result(text: &str) -> Response {
    Response::Success(Some(text.into()))
}

fn counter(key: &str) -> EntityId {
    EntityId::new("Counter", key)
}

async fn locked(ctx: OrchestrationContext) -> Result<String> {
    let guard = ctx.lock([counter("b"), counter("a")]).await?;
    let inside = ctx.in_critical_section();
    let got: i64 = ctx.call_entity(counter("b"), "get", ()).await?;
    drop(guard);
    ctx.call_by_name::<()>("after", 0).await?;
    Ok(format!("{inside} {got} {}", ctx.in_critical_section()))
}

const RELEASES: [(&str, &str); 2] = [("@counter@a", "release"), ("@counter@b", "release")];

fn releases() -> Vec<(String, String)> {
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
fn locks_are_asked_for_in_order_and_given_back_when_the_guard_is_dropped() {
    let turn = begin();
    let response = run(&turn, locked);
    assert_eq!(targets(&response), [("@counter@a".into(), "op".into())]);
    let lockset = requests(&response)[0].lockset.clone().unwrap();
    let keys: Vec<_> = lockset.iter().map(|it| it.0.key().to_owned()).collect();
    assert_eq!(keys, ["a", "b"]);
    let turn = answered(turn, &response, result("Lock Acquisition Completed"));
    let response = run(&turn, locked);
    assert_eq!(targets(&response), [("@counter@b".into(), "op".into())]);
    let turn = answered(turn, &response, result("7"));
    let response = run(&turn, locked);
    assert_eq!(targets(&response), releases());
    let turn = turn.answered(&response).completed(4, "null");
    assert_eq!(output(&run(&turn, locked)), "\"true 7 false\"");
}

/// The turn in which the locks of `a` and `b` are granted.
fn granted<F>(orchestrator: fn(OrchestrationContext) -> F) -> OrchestratorResponse
where
    F: Future<Output = Result<String>> + 'static,
{
    let turn = begin();
    let response = run(&turn, orchestrator);
    run(
        &answered(turn, &response, result("Lock Acquisition Completed")),
        orchestrator,
    )
}

async fn lock_both(ctx: &OrchestrationContext) -> Result<crate::LockGuard> {
    ctx.lock([counter("a"), counter("b"), counter("a")]).await
}

#[test]
fn locks_are_given_back_however_the_orchestration_ends() {
    async fn returns(ctx: OrchestrationContext) -> Result<String> {
        let guard = lock_both(&ctx).await?;
        std::mem::forget(guard);
        Ok("done".into())
    }
    async fn fails(ctx: OrchestrationContext) -> Result<String> {
        let _guard = lock_both(&ctx).await?;
        Err(Error::msg("no"))
    }
    async fn panics(ctx: OrchestrationContext) -> Result<String> {
        let _guard = lock_both(&ctx).await?;
        panic!("no")
    }
    async fn goes_on(ctx: OrchestrationContext) -> Result<String> {
        let _guard = lock_both(&ctx).await?;
        ctx.continue_as_new(())
    }
    async fn is_faulty(ctx: OrchestrationContext) -> Result<String> {
        let _guard = lock_both(&ctx).await?;
        pending::<()>().await;
        Ok(String::new())
    }
    async fn is_faulty_after(ctx: OrchestrationContext) -> Result<String> {
        drop(lock_both(&ctx).await?);
        pending::<()>().await;
        Ok(String::new())
    }
    let statuses = [
        (granted(is_faulty_after), OrchestrationStatus::Failed),
        (granted(returns), OrchestrationStatus::Completed),
        (granted(fails), OrchestrationStatus::Failed),
        (granted(panics), OrchestrationStatus::Failed),
        (granted(goes_on), OrchestrationStatus::ContinuedAsNew),
        (granted(is_faulty), OrchestrationStatus::Failed),
    ];
    for (response, status) in statuses {
        assert_eq!(targets(&response), releases(), "{status:?}");
        let complete = completion(&response).unwrap();
        assert_eq!(complete.orchestration_status(), status);
        assert_eq!(response.actions.len(), 3);
    }
}

#[test]
fn locks_that_nobody_waits_for_are_given_back_before_the_end() {
    async fn gives_up(ctx: OrchestrationContext) -> Result<String> {
        let lock = ctx.lock([counter("a"), counter("b")]);
        ctx.call_by_name::<()>("other", 0).await?;
        drop(lock);
        Ok("done".into())
    }
    let turn = begin();
    let response = run(&turn, gives_up);
    let section = requests(&response)[0].id.to_string();
    // the end waits for the grant
    let turn = turn.answered(&response).completed(1, "null");
    let response = run(&turn, gives_up);
    assert!(response.actions.is_empty(), "{response:?}");
    let grant = result("Lock Acquisition Completed").to_json();
    let turn = turn.next().raised(&section, &grant);
    let response = run(&turn, gives_up);
    assert_eq!(targets(&response), releases());
    assert_eq!(output(&response), "\"done\"");
    // and one that came before is given back as soon as its future is dropped
    let turn = begin();
    let response = run(&turn, gives_up);
    let turn = turn
        .answered(&response)
        .raised(&section, &grant)
        .completed(1, "null");
    let response = run(&turn, gives_up);
    assert_eq!(targets(&response), releases());
    assert_eq!(output(&response), "\"done\"");
}

#[test]
fn a_termination_does_not_wait_for_locks() {
    async fn waits(ctx: OrchestrationContext) -> Result<String> {
        let _guard = lock_both(&ctx).await?;
        ctx.wait_for_event::<()>("never").await?;
        Ok(String::new())
    }
    let terminated = |turn: Turn| {
        turn.event(
            -1,
            EventType::ExecutionTerminated(ExecutionTerminatedEvent::default()),
        )
    };
    let turn = begin();
    let response = run(&turn, waits);
    let asked = run(&terminated(turn.clone().answered(&response)), waits);
    assert!(completion(&asked).is_some() && targets(&asked).is_empty());
    let turn = answered(turn, &response, result("Lock Acquisition Completed"));
    let held = run(&terminated(turn), waits);
    assert_eq!(targets(&held), releases());
    assert!(completion(&held).is_some());
}

#[test]
fn the_rules_of_critical_sections_are_told() {
    async fn outside(ctx: OrchestrationContext) -> Result<String> {
        let _guard = lock_both(&ctx).await?;
        ctx.call_entity(counter("c"), "get", ()).await
    }
    async fn twice(ctx: OrchestrationContext) -> Result<String> {
        let _guard = lock_both(&ctx).await?;
        let first = ctx.call_entity::<String>(counter("a"), "get", ());
        let second = ctx.call_entity::<String>(counter("a"), "get", ());
        Ok(first.await? + &second.await?)
    }
    async fn signals(ctx: OrchestrationContext) -> Result<String> {
        let _guard = lock_both(&ctx).await?;
        ctx.signal_entity(counter("a"), "add", 1);
        Ok(String::new())
    }
    async fn nests(ctx: OrchestrationContext) -> Result<String> {
        let _guard = lock_both(&ctx).await?;
        let _other = ctx.lock([counter("c")]).await?;
        Ok(String::new())
    }
    async fn calls_sub(ctx: OrchestrationContext) -> Result<String> {
        let _guard = lock_both(&ctx).await?;
        ctx.call_sub_orchestrator_by_name("sub", ()).await
    }
    for (response, advice) in [
        (granted(outside), "has locked only @counter@a, @counter@b"),
        (granted(twice), "Await one call"),
        (granted(signals), "Call it instead"),
        (granted(nests), "Lock all entities at once"),
        (granted(calls_sub), "call it before the lock"),
    ] {
        let failed = failure_of(&response);
        assert_eq!(failed.error_type, "CriticalSection");
        assert!(failed.message.contains(advice), "{failed}");
        assert_eq!(targets(&response), releases());
    }
}

#[test]
fn a_rewound_orchestration_does_not_go_on_without_its_locks() {
    async fn works(ctx: OrchestrationContext) -> Result<String> {
        let _guard = lock_both(&ctx).await?;
        ctx.call_by_name("work", 0).await
    }
    let turn = begin();
    let response = run(&turn, works);
    let turn = answered(turn, &response, result("Lock Acquisition Completed"));
    let response = run(&turn, works);
    let turn = turn.answered(&response).failed(1, None);
    let failed = run(&turn, works);
    assert_eq!(targets(&failed), releases());
    let mut turn = turn.answered(&failed);
    let taken_back = || Some(EventType::GenericEvent(GenericEvent::default()));
    for event in &mut turn.request_mut().past_events {
        if let Some(EventType::TaskScheduled(_) | EventType::TaskFailed(_)) = event.event_type {
            event.event_type = taken_back();
        }
    }
    let turn = turn.event(-1, EventType::GenericEvent(GenericEvent::default()));
    let failed = failure_of(&run(&turn, works));
    assert!(failed.message.contains("Start it anew"), "{failed}");
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

/// One step of a random program.
#[derive(Clone, Debug)]
enum Step {
    Lock(Vec<u8>),
    /// Asks for locks, and does not wait for them.
    Glance(Vec<u8>),
    Release,
    Call(u8),
    Activity,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let keys = || prop::collection::vec(0..4_u8, 1..4);
    let step = prop_oneof![
        2 => keys().prop_map(Step::Lock),
        1 => keys().prop_map(Step::Glance),
        2 => Just(Step::Release),
        3 => (0..4_u8).prop_map(Step::Call),
        1 => Just(Step::Activity),
    ];
    prop::collection::vec(step, 0..12)
}

async fn program(ctx: OrchestrationContext, steps: Vec<Step>, fails: bool) -> Result<String> {
    let ids = |keys: &[u8]| {
        keys.iter()
            .map(|key| counter(&key.to_string()))
            .collect::<Vec<_>>()
    };
    let mut guard = None;
    for step in steps {
        match step {
            Step::Lock(keys) => {
                drop(guard.take());
                guard = Some((ctx.lock(ids(&keys)).await?, keys));
            }
            Step::Glance(keys) if guard.is_none() => drop(ctx.lock(ids(&keys))),
            Step::Glance(_) => {}
            Step::Release => drop(guard.take()),
            Step::Call(key) => {
                if guard.as_ref().is_none_or(|(_, keys)| keys.contains(&key)) {
                    ctx.call_entity::<()>(counter(&key.to_string()), "get", ())
                        .await?;
                }
            }
            Step::Activity => ctx.call_by_name::<()>("work", 0).await?,
        }
    }
    if fails {
        Err(Error::msg("at the end"))
    } else {
        Ok("done".into())
    }
}

proptest! {
    /// Whatever a program does, it asks for locks in one order for all, and when it has ended it
    /// has given back what it was granted, each lock once.
    #[test]
    fn every_lock_is_given_back(steps in steps(), fails: bool) {
        let orchestrator = move |ctx: OrchestrationContext| program(ctx, steps.clone(), fails);
        let mut turn = begin();
        let mut granted = std::collections::BTreeMap::new();
        let mut open = std::collections::VecDeque::new();
        let ended = loop {
            let response = run(&turn, orchestrator.clone());
            for (target, name, data) in sent(&response) {
                if name == "release" {
                    let id = serde_json::from_str::<serde_json::Value>(&data).unwrap()["id"].to_string();
                    let held: &mut Vec<String> = granted.get_mut(&id).unwrap();
                    let at = held.iter().position(|it| *it == target);
                    prop_assert!(at.is_some(), "{} was not locked", target);
                    held.remove(at.unwrap());
                } else {
                    let request = Request::from_json(&data).unwrap();
                    if let Some(lockset) = &request.lockset {
                        prop_assert!(lockset.windows(2).all(|pair| pair[0].0 < pair[1].0));
                        prop_assert_eq!(lockset[0].0.to_string(), target);
                    }
                    open.push_back(request);
                }
            }
            let done: Vec<_> = calls(&response).iter().map(|(id, ..)| *id).collect();
            if completion(&response).is_some() {
                break response;
            }
            turn = turn.answered(&response);
            if !done.is_empty() {
                turn = done.iter().fold(turn, |turn, id| turn.completed(*id, "null"));
                continue;
            }
            let Some(request) = open.pop_front() else {
                return Err(TestCaseError::fail("stuck"));
            };
            let answer = match &request.lockset {
                None => Response::Success(None),
                Some(lockset) => {
                    let held = lockset.iter().map(|it| it.0.to_string()).collect();
                    granted.insert(format!("\"{}\"", request.id), held);
                    result("Lock Acquisition Completed")
                }
            };
            turn = turn.raised(&request.id.to_string(), &answer.to_json());
        };
        prop_assert!(open.iter().all(|request| request.lockset.is_none()));
        prop_assert!(granted.values().all(Vec::is_empty), "{:?}", granted);
        let failed = completion(&ended).unwrap().orchestration_status() == OrchestrationStatus::Failed;
        prop_assert_eq!(failed, fails);
    }
}
