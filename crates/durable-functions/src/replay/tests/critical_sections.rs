//! Locks of entities: in which order they are asked for, and that they are given back.

use proptest::prelude::*;

use super::entities::{
    answered, begin, counter, locked, releases, requests, result, sent, targets,
};
use super::*;
use durable_functions_protocol::entity::{Request, Response};

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
