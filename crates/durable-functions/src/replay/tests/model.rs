//! Random orchestrators against a random backend.

use std::collections::BTreeSet;
use std::pin::Pin;

use durable_functions_protocol::proto::{
    SubOrchestrationInstanceCompletedEvent, SubOrchestrationInstanceFailedEvent,
};
use proptest::prelude::*;

use super::*;
use crate::{Either, RetryPolicy};

/// What an orchestrator does.
#[derive(Clone, Debug)]
enum Step {
    Call,
    Retried(u32),
    Sleep(u64),
    Wait(u8),
    WaitFor(u8, u64),
    Sub,
    Send,
    Detached,
    Status,
    Guid,
    Sequence(Vec<Step>),
    All(Vec<Step>),
    JoinAll(Vec<Step>),
    Race(Vec<Step>),
    Any(Vec<Step>),
    Either(Box<Step>, Box<Step>),
}

fn steps() -> impl Strategy<Value = Step> {
    let leaf = prop_oneof![
        4 => Just(Step::Call),
        2 => (1..4u32).prop_map(Step::Retried),
        2 => (0..600_000u64).prop_map(Step::Sleep),
        2 => (0..3u8).prop_map(Step::Wait),
        1 => (0..3u8, 0..9u64).prop_map(|(name, time)| Step::WaitFor(name, time)),
        2 => Just(Step::Sub),
        1 => Just(Step::Send),
        1 => Just(Step::Detached),
        1 => Just(Step::Status),
        1 => Just(Step::Guid),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        let several = || proptest::collection::vec(inner.clone(), 1..5);
        prop_oneof![
            several().prop_map(Step::Sequence),
            several().prop_map(Step::All),
            several().prop_map(Step::JoinAll),
            several().prop_map(Step::Race),
            several().prop_map(Step::Any),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| Step::Either(Box::new(a), Box::new(b))),
        ]
    })
}

type Done = Pin<Box<dyn Future<Output = Result<u64>>>>;

fn perform(ctx: &OrchestrationContext, step: &Step) -> Done {
    let (ctx, step) = (ctx.clone(), step.clone());
    let each =
        |steps: &[Step]| -> Vec<Done> { steps.iter().map(|step| perform(&ctx, step)).collect() };
    match &step {
        Step::Call => Box::pin(ctx.call_by_name("work", 1)),
        Step::Retried(attempts) => {
            let policy = RetryPolicy::exponential(*attempts, Duration::from_secs(1));
            Box::pin(ctx.call_by_name("work", 2).retry(policy))
        }
        Step::Sub => Box::pin(ctx.call_sub_orchestrator_by_name("child", 3)),
        Step::Wait(name) => Box::pin(ctx.wait_for_event(format!("E{name}"))),
        Step::All(steps) => {
            let steps = each(steps);
            Box::pin(async move { Ok(ctx.all(steps).await?.iter().sum()) })
        }
        Step::JoinAll(steps) => {
            let steps = each(steps);
            Box::pin(async move {
                let results = futures::future::join_all(steps).await;
                Ok(results
                    .iter()
                    .filter_map(|result| result.as_ref().ok())
                    .sum())
            })
        }
        Step::Race(steps) => {
            let steps = each(steps);
            Box::pin(async move {
                let mut race = ctx.race(steps);
                let mut sum = 0;
                while let Some((place, result)) = race.next().await {
                    sum += result.unwrap_or(place as u64);
                    if sum % 3 == 2 {
                        break;
                    }
                }
                Ok(sum)
            })
        }
        Step::Any(steps) => {
            let steps = each(steps);
            Box::pin(async move { ctx.any(steps).await })
        }
        Step::Either(a, b) => {
            let (a, b) = (perform(&ctx, a), perform(&ctx, b));
            Box::pin(async move {
                match ctx.either(a, b).await {
                    Either::First(result) => result,
                    Either::Second(result) => Ok(result? + 1),
                }
            })
        }
        _ => Box::pin(async move {
            match step {
                Step::Sequence(steps) => {
                    let mut sum = 0;
                    for step in steps {
                        sum += perform(&ctx, &step).await.unwrap_or(7);
                    }
                    return Ok(sum);
                }
                Step::Sleep(seconds) => ctx.sleep(Duration::from_secs(seconds)).await,
                Step::WaitFor(name, time) => {
                    let wait = ctx.wait_for_event::<u64>(format!("E{name}"));
                    return Ok(wait.timeout(Duration::from_secs(time)).await.unwrap_or(5));
                }
                Step::Send => ctx.send_event("other", "E", 1),
                Step::Detached => ctx.call_by_name::<u64>("work", 4).detach(),
                Step::Status => ctx.set_custom_status(ctx.now().timestamp()),
                Step::Guid => return Ok(u64::from(ctx.new_uuid().as_bytes()[0]) % 7),
                _ => {}
            }
            Ok(1)
        }),
    }
}

/// What may happen to an open action.
#[derive(Clone, Copy, Debug)]
enum Open {
    Task(i32),
    Timer(i32),
    Sub(i32),
}

fn opened(response: &OrchestratorResponse) -> Vec<Open> {
    let open = |action: &OrchestratorAction| match action.orchestrator_action_type.as_ref()? {
        ActionType::ScheduleTask(_) => Some(Open::Task(action.id)),
        ActionType::CreateTimer(_) => Some(Open::Timer(action.id)),
        ActionType::CreateSubOrchestration(_) => Some(Open::Sub(action.id)),
        _ => None,
    };
    response.actions.iter().filter_map(open).collect()
}

fn end(turn: Turn, open: Open, luck: u8) -> Turn {
    let details = || {
        luck.is_multiple_of(2)
            .then(|| Failure::new("E", "no").to_proto())
    };
    let fails = luck.is_multiple_of(3);
    match open {
        Open::Timer(id) => turn.fired(id),
        Open::Task(id) if fails => turn.failed(id, details()),
        Open::Task(id) => turn.completed(id, &luck.to_string()),
        Open::Sub(id) if fails => {
            let failed = SubOrchestrationInstanceFailedEvent {
                task_scheduled_id: id,
                failure_details: details(),
            };
            turn.event(-1, EventType::SubOrchestrationInstanceFailed(failed))
        }
        Open::Sub(id) => {
            let completed = SubOrchestrationInstanceCompletedEvent {
                task_scheduled_id: id,
                result: Some(luck.to_string()),
            };
            turn.event(-1, EventType::SubOrchestrationInstanceCompleted(completed))
        }
    }
}

/// What a backend may say that means nothing.
fn noise(turn: Turn, luck: u8, ended: &[Open]) -> Turn {
    match luck % 7 {
        0 => turn.completed(9_999, "1"),
        1 => turn.event(-1, EventType::GenericEvent(GenericEvent::default())),
        2 => ended
            .first()
            .map_or(turn.clone(), |open| end(turn, *open, 1)),
        3 => turn.event(-100, EventType::TimerCreated(TimerCreatedEvent::default())),
        4 => turn
            .event(
                -1,
                EventType::ExecutionSuspended(ExecutionSuspendedEvent::default()),
            )
            .raised("e0", "1")
            .event(
                -1,
                EventType::ExecutionResumed(ExecutionResumedEvent::default()),
            ),
        _ => turn,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn every_program_replays_and_comes_to_its_end(
        program in steps(),
        seed in any::<u64>(),
    ) {
        let orchestrator = move |ctx: OrchestrationContext| {
            let done = perform(&ctx, &program);
            async move { Ok(done.await?.to_string()) }
        };
        let mut state = seed;
        let mut luck = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as u8
        };
        let mut turn = first();
        let (mut open, mut ended) = (Vec::new(), Vec::new());
        let mut ids = BTreeSet::new();
        let mut turns = 0;
        loop {
            let response = run(&turn, orchestrator.clone());
            prop_assert_eq!(&response, &run(&turn, orchestrator.clone()), "a replay asks for the same");
            let complete = completion(&response);
            let mut last = -1;
            for action in &response.actions {
                prop_assert!(ids.insert(action.id), "action {} is new", action.id);
                prop_assert!(action.id > last, "ids ascend");
                last = action.id;
            }
            if let Some(complete) = complete {
                if let Some(details) = &complete.failure_details {
                    let allowed = ["TaskFailed"];
                    prop_assert!(allowed.contains(&details.error_type.as_str()), "{:?}", details);
                }
                break;
            }
            open.extend(opened(&response));
            turn = turn.answered(&response);
            turn = noise(turn, luck(), &ended);
            for name in 0..3 {
                if luck() % 2 == 0 {
                    turn = turn.raised(&format!("e{name}"), &luck().to_string());
                }
            }
            for _ in 0..=luck() % 3 {
                if !open.is_empty() {
                    let chosen = open.swap_remove(usize::from(luck()) % open.len());
                    turn = end(turn, chosen, luck());
                    ended.push(chosen);
                }
            }
            turns += 1;
            prop_assert!(turns < 300, "it comes to an end");
        }
    }
}
