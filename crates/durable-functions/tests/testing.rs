//! Test runs of orchestrators, as an app's own tests would have them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use durable_functions::prelude::*;
use durable_functions::testing::{
    History, LostWorker, NoDetails, TestEventKind, TestOrchestration, TestStatus, replay,
};
use durable_functions::{
    DurableHttpRequest, DurableHttpResponse, Either, Error, RetryPolicy, TaskError,
};
use handler_harness::Turn;
use prost::Message as _;

const DAY: Duration = Duration::from_secs(86_400);

#[derive(Debug, thiserror::Error)]
#[error("card {0} declined")]
struct Declined(u32);

#[activity]
async fn charge(card: u32) -> Result<String> {
    Err(Error::msg(format!("asks the bank for card {card}")))
}

#[activity]
async fn square(n: u64) -> u64 {
    n * n
}

#[orchestrator]
async fn order(ctx: OrchestrationContext, card: u32) -> Result<String> {
    ctx.set_custom_status("waiting");
    let approval = ctx.wait_for_event::<bool>("Approval");
    match ctx.either(approval, ctx.sleep(3 * DAY)).await {
        Either::First(approved) => {
            if !approved? {
                return Ok("rejected".into());
            }
            ctx.set_custom_status("charging");
            let policy = RetryPolicy::exponential(3, Duration::from_secs(10));
            ctx.call(charge, card).retry(policy).await
        }
        Either::Second(()) => Ok("nobody answered".into()),
    }
}

#[orchestrator]
async fn sum(ctx: OrchestrationContext, count: u64) -> Result<u64> {
    let squares = ctx.all((0..count).map(|n| ctx.call(square, n)));
    Ok(squares.await?.iter().sum())
}

#[orchestrator]
async fn sums(ctx: OrchestrationContext, counts: Vec<u64>) -> Result<Vec<u64>> {
    let sums = counts
        .into_iter()
        .map(|count| ctx.call_sub_orchestrator(sum, count));
    ctx.all(sums).await
}

#[test]
fn events_timers_and_activities() {
    let paid = TestOrchestration::new(order)
        .input(7)
        .activity(charge, |card| format!("paid with {card}"))
        .event_after(DAY, "approval", true)
        .run();
    assert_eq!(paid.output().unwrap(), "paid with 7");
    assert_eq!(paid.elapsed(), DAY);
    assert_eq!(paid.inputs_of(charge).unwrap(), [7]);
    assert_eq!(
        paid.custom_status::<String>().unwrap().as_deref(),
        Some("charging")
    );

    let late = TestOrchestration::new(order).input(7).run();
    assert_eq!(late.output().unwrap(), "nobody answered");
    assert_eq!(late.elapsed(), 3 * DAY);
    assert_eq!(late.inputs_of(charge).unwrap(), [0; 0]);
}

#[test]
fn failures_are_retried_and_told() {
    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    let paid = TestOrchestration::new(order)
        .input(7)
        .event("Approval", true)
        .activity(charge, move |card| {
            counted.set(counted.get() + 1);
            if counted.get() < 3 {
                Err(Declined(card))
            } else {
                Ok("paid".to_owned())
            }
        })
        .run();
    assert_eq!(paid.output().unwrap(), "paid");
    assert_eq!((calls.get(), paid.elapsed()), (3, Duration::from_secs(30)));

    let declined = TestOrchestration::new(order)
        .input(7)
        .event("Approval", true)
        .activity(charge, |card| -> Result<String> {
            Err(Error::from(Declined(card)).non_retriable())
        })
        .run();
    let failure = declined.failure().unwrap();
    assert_eq!(failure.root_cause().message, "card 7 declined");
    assert!(failure.root_cause().error_type.ends_with("Declined"));
    assert!(
        declined
            .output()
            .unwrap_err()
            .to_string()
            .contains("called activity charge 7")
    );
}

#[test]
fn what_only_the_host_says_of_failures() {
    #[orchestrator]
    async fn once(ctx: OrchestrationContext) -> Result<String> {
        match ctx.call(charge, 7).at_most_once().await {
            Err(error) => match error.task() {
                Some(TaskError::Activity { failure, .. }) => Ok(failure.error_type.clone()),
                _ => Err(error),
            },
            paid => paid,
        }
    }
    let lost = TestOrchestration::new(once)
        .activity(charge, |_| Err(LostWorker))
        .run();
    assert!(
        lost.output()
            .unwrap()
            .contains("FunctionInvocationException")
    );
    let silent = TestOrchestration::new(once)
        .activity(charge, |_| Err(NoDetails))
        .run();
    assert_eq!(silent.output().unwrap(), "TaskFailed");
}

#[test]
fn sub_orchestrations_run_or_are_answered() {
    let run = TestOrchestration::new(sums)
        .input(vec![2, 4])
        .sub_orchestrator(sum)
        .activity(square, |n| n * n)
        .run();
    assert_eq!(run.output().unwrap(), [1, 14]);
    let run = TestOrchestration::new(sums)
        .input(vec![2, 4])
        .sub_orchestration(sum, |count| count * 100)
        .run();
    assert_eq!(run.output().unwrap(), [200, 400]);
    assert_eq!(run.inputs::<u64>("SUM").unwrap(), [2, 4]);
}

#[test]
fn tasks_may_end_in_any_order() {
    #[orchestrator]
    async fn order_of_ends(ctx: OrchestrationContext) -> Result<Vec<usize>> {
        let mut race = ctx.race((0..6).map(|n| ctx.call(square, n)));
        let mut order = Vec::new();
        while let Some((place, _)) = race.next().await {
            order.push(place);
        }
        Ok(order)
    }
    let order = |seed| {
        let run = TestOrchestration::new(order_of_ends).activity(square, |n| n);
        let run = if seed == 0 { run } else { run.shuffled(seed) };
        run.run().output().unwrap()
    };
    assert_eq!(order(0), [0, 1, 2, 3, 4, 5]);
    assert_ne!(order(1), order(0));
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
}

#[test]
fn http_calls_are_answered() {
    #[orchestrator]
    async fn fetch(ctx: OrchestrationContext) -> Result<String> {
        let answer = ctx
            .call_http(DurableHttpRequest::get("https://a.example/job"))
            .await?;
        Ok(answer.text().to_owned())
    }
    let run = TestOrchestration::new(fetch)
        .http(|request| match request["uri"].as_str() {
            Some("https://a.example/job") => DurableHttpResponse::new(202, "")
                .with_header("Location", "/done")
                .with_header("Retry-After", "60"),
            _ => DurableHttpResponse::new(200, "done"),
        })
        .run();
    assert_eq!(run.output().unwrap(), "done");
    assert_eq!(run.elapsed(), Duration::from_secs(60));
}

#[test]
fn eternal_orchestrations_are_terminated() {
    #[orchestrator]
    async fn heartbeat(ctx: OrchestrationContext, beat: u64) -> Result<u64> {
        ctx.sleep(DAY).await;
        ctx.continue_as_new(beat + 1)
    }
    let run = TestOrchestration::new(heartbeat)
        .input(0)
        .terminate_after(10 * DAY, "enough")
        .run();
    assert_eq!(run.status(), &TestStatus::Terminated("enough".into()));
    assert_eq!((run.runs(), run.elapsed()), (10, 10 * DAY));
    let run = TestOrchestration::new(heartbeat).input(0).run();
    assert!(
        matches!(run.status(), TestStatus::Stuck(reason) if reason.contains("terminate_after"))
    );
}

#[test]
fn what_the_test_lacks_is_named() {
    #[orchestrator]
    async fn waits(ctx: OrchestrationContext) -> Result<bool> {
        ctx.wait_for_event("Never").await
    }
    let stuck = |run: &dyn Fn() -> TestStatus, words: &str| match run() {
        TestStatus::Stuck(reason) => assert!(reason.contains(words), "{reason}"),
        other => panic!("{other:?}"),
    };
    stuck(
        &|| TestOrchestration::new(waits).run().status().clone(),
        "('never'): add `.event(..)`",
    );
    let unanswered = || {
        let run = TestOrchestration::new(order)
            .input(1)
            .event("Approval", true);
        run.run().status().clone()
    };
    stuck(&unanswered, "add `.activity(charge, ..)`");
    let held = || {
        let run = TestOrchestration::new(waits).suspend_after(DAY);
        run.event_after(2 * DAY, "Never", true)
            .run()
            .status()
            .clone()
    };
    stuck(&held, "add `.resume_after(..)`");
    let unknown = || {
        TestOrchestration::new(sums)
            .input(vec![1])
            .run()
            .status()
            .clone()
    };
    stuck(&unknown, "add `.sub_orchestrator(sum)`");
}

#[test]
fn orchestrations_are_suspended_and_resumed() {
    let run = TestOrchestration::new(order)
        .input(7)
        .activity(charge, |_| "paid".to_owned())
        .suspend_after(DAY / 4)
        .event_after(DAY / 2, "Approval", true)
        .resume_after(DAY)
        .run();
    assert_eq!(run.output().unwrap(), "paid");
    assert_eq!(run.elapsed(), DAY);
    let kinds: Vec<_> = run.events().iter().map(|event| event.kind).collect();
    let place = |kind| kinds.iter().position(|other| *other == kind).unwrap();
    assert!(place(TestEventKind::Suspended) < place(TestEventKind::EventRaised));
    assert!(place(TestEventKind::Resumed) < place(TestEventKind::ActivityCalled));
}

#[activity]
async fn convert(rate: State<f64>, ctx: ActivityContext, dollars: f64) -> Result<String> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    if dollars < 0.0 {
        return Err(Error::msg("no such amount"));
    }
    assert!(dollars < 1e6, "too much");
    Ok(format!("{} {}", ctx.instance_id(), dollars * *rate))
}

#[orchestrator]
async fn exchange(ctx: OrchestrationContext, dollars: f64) -> Result<String> {
    ctx.call(convert, dollars).await
}

#[tokio::test]
async fn activities_run_themselves() {
    let run = |dollars: f64| {
        TestOrchestration::new(exchange)
            .input(dollars)
            .instance_id("bank")
            .state(0.5)
            .real_activity(convert)
            .run()
    };
    assert_eq!(run(3.0).output().unwrap(), "bank 1.5");
    assert_eq!(run(3.0).inputs_of(convert).unwrap(), [3.0]);
    let failed = |dollars| run(dollars).failure().unwrap().root_cause().clone();
    assert_eq!(failed(-1.0).message, "no such amount");
    assert!(failed(1e7).message.starts_with("too much (at "));
    let lacking = TestOrchestration::new(exchange)
        .input(3.0)
        .real_activity(convert)
        .run();
    assert_eq!(
        lacking.failure().unwrap().root_cause().error_type,
        "MissingState"
    );
}

#[test]
fn values_arrive_exactly() {
    #[orchestrator]
    async fn echo(ctx: OrchestrationContext, texts: Vec<String>) -> Result<Vec<String>> {
        let mut echoed = Vec::new();
        for text in texts {
            echoed.push(ctx.call_by_name("echo", text).await?);
        }
        Ok(echoed)
    }
    let texts = ["durable-json:1", "2024-01-01T00:00:00Z", "{\"$type\":1}"];
    let run = TestOrchestration::new(echo)
        .input(texts.map(String::from).to_vec())
        .activity_by_name("echo", |text: String| Ok::<_, Error>(text))
        .run();
    assert_eq!(run.output().unwrap(), texts);
    assert_eq!(run.inputs::<String>("echo").unwrap(), texts);
    assert!(!run.to_string().contains("durable-json:\\"));
}

#[test]
fn children_know_their_parent() {
    #[orchestrator]
    async fn child(ctx: OrchestrationContext) -> String {
        format!("{:?} {:?}", ctx.parent_name(), ctx.parent_instance_id())
    }
    #[orchestrator]
    async fn parent(ctx: OrchestrationContext) -> Result<String> {
        ctx.call_sub_orchestrator(child, ()).await
    }
    let run = TestOrchestration::new(parent).sub_orchestrator(child).run();
    assert_eq!(
        run.output().unwrap(),
        r#"Some("parent") Some("test-instance")"#
    );
    assert_eq!(
        TestOrchestration::new(child).run().output().unwrap(),
        "None None"
    );
}

#[test]
fn endless_loops_end() {
    #[orchestrator]
    async fn mirror(ctx: OrchestrationContext) -> Result<()> {
        ctx.call_sub_orchestrator_by_name("mirror", ()).await
    }
    let run = TestOrchestration::new(mirror)
        .sub_orchestrator(mirror)
        .run();
    assert_eq!(
        run.status(),
        &TestStatus::Stuck(
            "in sub-orchestration 'mirror', it is 50 sub-orchestrations deep: check what ends the calls of 'mirror'".into()
        )
    );
    #[orchestrator]
    async fn poll(ctx: OrchestrationContext) -> Result<u64> {
        let mut polls = 0;
        while !ctx.call_by_name::<bool>("ready", polls).await? {
            ctx.sleep(Duration::from_secs(30)).await;
            polls += 1;
        }
        Ok(polls)
    }
    let run = |ready_at: u64, most: Option<usize>| {
        let run = TestOrchestration::new(poll)
            .activity_by_name("ready", move |polls: u64| Ok::<_, Error>(polls >= ready_at));
        match most {
            Some(most) => run.max_turns(most).run(),
            None => run.run(),
        }
    };
    assert_eq!(run(3, None).output().unwrap(), 3);
    let endless = run(u64::MAX, None);
    assert!(
        matches!(endless.status(), TestStatus::Stuck(reason) if reason.contains("1000 turns")),
        "{:?}",
        endless.status()
    );
    assert_eq!(run(3, Some(8)).output().unwrap(), 3);
    assert!(matches!(run(3, Some(7)).status(), TestStatus::Stuck(_)));
}

#[test]
fn events_keep_their_order_when_tasks_do_not() {
    #[orchestrator]
    async fn take(ctx: OrchestrationContext, count: usize) -> Result<Vec<usize>> {
        let mut taken = Vec::new();
        for _ in 0..count {
            taken.push(ctx.wait_for_event("Item").await?);
        }
        Ok(taken)
    }
    for seed in 0..20 {
        let run = (0..5).fold(TestOrchestration::new(take).input(5), |run, item| {
            run.event("Item", item)
        });
        assert_eq!(run.shuffled(seed).run().output().unwrap(), [0, 1, 2, 3, 4]);
    }
}

#[test]
fn other_decisions_at_a_replay_are_found() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    #[orchestrator]
    async fn fickle(ctx: OrchestrationContext) -> Result<u64> {
        ctx.call(square, u64::from(CALLS.fetch_add(1, Ordering::Relaxed)))
            .await
    }
    let run = TestOrchestration::new(fickle).activity(square, |n| n).run();
    let error = run.output().unwrap_err().to_string();
    assert!(error.contains("not deterministic"), "{error}");
}

#[test]
fn the_timeline_shows_what_happened() {
    let run = TestOrchestration::new(order)
        .input(7)
        .activity(charge, |_| "paid".to_owned())
        .event("Approval", true)
        .run();
    let kinds: Vec<_> = run.events().iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            TestEventKind::Started,
            TestEventKind::EventRaised,
            TestEventKind::CustomStatus,
            TestEventKind::TimerSet,
            TestEventKind::ActivityCalled,
            TestEventKind::Completed,
            TestEventKind::Ended,
        ]
    );
    let timeline = run.to_string();
    assert!(
        timeline.contains("#1    called activity charge 7"),
        "{timeline}"
    );
    assert!(timeline.contains("completed \"paid\""), "{timeline}");
}

#[test]
fn histories_are_replayed_against_todays_code() {
    let turn = Turn::first("sum", "an-instance", Some("2"))
        .scheduled(0, "square")
        .scheduled(1, "square")
        .next()
        .completed(0, "0");
    let history = History::from_request(&turn.request().encode_to_vec()).unwrap();
    let replayed = replay(sum, &history).unwrap();
    assert_eq!((replayed.output, replayed.next.len()), (None, 0));

    let done = turn.completed(1, "1");
    let history = History::from_events("an-instance", {
        let request = done.request().clone();
        [request.past_events, request.new_events].concat()
    });
    assert_eq!(
        history.len(),
        done.request().past_events.len() + done.request().new_events.len()
    );
    assert_eq!(replay(sum, &history).unwrap().output.as_deref(), Some("1"));

    let failure = replay(sums, &history).unwrap().failure.unwrap();
    assert_eq!(failure.error_type, "InvalidInput");
    #[orchestrator]
    async fn renamed(ctx: OrchestrationContext, _count: u64) -> Result<u64> {
        ctx.call_by_name("cube", 1).await
    }
    let difference = replay(renamed, &history).unwrap_err();
    assert!(
        difference.explanation.contains("'square'") && difference.explanation.contains("'cube'"),
        "{difference}"
    );
    assert!(History::from_base64("no base64").is_err());
}
