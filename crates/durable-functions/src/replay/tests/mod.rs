//! Turns built by hand, run through the engine.

mod combinators;
mod critical_sections;
mod entities;
mod http;
mod limits;
mod model;
mod retries;
mod rewound;
mod waiting;

use std::future::{Future, pending};
use std::time::Duration;

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{
    ActionType, EventSentEvent, EventType, ExecutionResumedEvent, ExecutionSuspendedEvent,
    ExecutionTerminatedEvent, GenericEvent, HistoryEvent, OrchestrationStatus, OrchestratorAction,
    OrchestratorResponse, TimerCreatedEvent,
};
use handler_harness::{Turn, completion, failure};
use prost::Message as _;

use crate::orchestrator::OrchestrationContext;
use crate::{Error, Result, TaskError};

fn run<F>(
    turn: &Turn,
    orchestrator: impl Fn(OrchestrationContext) -> F + Send + Sync + 'static,
) -> OrchestratorResponse
where
    F: Future<Output = Result<String>> + 'static,
{
    super::run(turn.request().encode_to_vec(), &move |ctx, _| {
        let running = orchestrator(ctx);
        Ok(Box::pin(async move {
            let output = running.await.map_err(Error::into_failure)?;
            serde_json::to_string(&output).map_err(|error| Failure::new("Json", error.to_string()))
        }))
    })
}

fn first() -> Turn {
    Turn::first("greet", "an-instance", None)
}

fn calls(response: &OrchestratorResponse) -> Vec<(i32, &str, Option<&str>)> {
    response
        .actions
        .iter()
        .filter_map(|action| match &action.orchestrator_action_type {
            Some(ActionType::ScheduleTask(task)) => {
                Some((action.id, task.name.as_str(), task.input.as_deref()))
            }
            _ => None,
        })
        .collect()
}

fn output(response: &OrchestratorResponse) -> &str {
    let complete = completion(response).expect("a completion");
    assert_eq!(
        complete.orchestration_status(),
        OrchestrationStatus::Completed,
        "{complete:?}"
    );
    complete.result.as_deref().expect("an output")
}

/// The failure of an instance that failed.
fn failure_of(response: &OrchestratorResponse) -> Failure {
    super::failure(response).expect("a failure")
}

fn timers(response: &OrchestratorResponse) -> Vec<(i32, i64)> {
    let timer = |action: &OrchestratorAction| match &action.orchestrator_action_type {
        Some(ActionType::CreateTimer(timer)) => Some((action.id, timer.fire_at.unwrap().seconds)),
        _ => None,
    };
    response.actions.iter().filter_map(timer).collect()
}

async fn greet(ctx: OrchestrationContext) -> Result<String> {
    ctx.call_by_name("hello", "Seoul").await
}

async fn greet_both(ctx: OrchestrationContext) -> Result<String> {
    let seoul = ctx.call_by_name::<String>("hello", "Seoul");
    let oslo = ctx.call_by_name::<String>("hello", "Oslo");
    Ok(format!("{} {}", oslo.await?, seoul.await?))
}

#[test]
fn the_first_turn_calls_and_waits() {
    let response = run(&first(), greet);
    assert_eq!(response.instance_id, "an-instance");
    assert_eq!(calls(&response), [(0, "hello", Some(r#""Seoul""#))]);
    assert!(completion(&response).is_none());
}

#[test]
fn a_later_turn_takes_the_result_and_completes() {
    let turn = first()
        .scheduled(0, "hello")
        .next()
        .completed(0, r#""Hello Seoul!""#);
    let response = run(&turn, greet);
    assert_eq!(calls(&response), []);
    assert_eq!(output(&response), r#""Hello Seoul!""#);
    assert_eq!(response.actions[0].id, 1);
}

#[test]
fn two_calls_run_at_once_and_end_in_any_order() {
    let response = run(&first(), greet_both);
    assert_eq!(
        calls(&response),
        [
            (0, "hello", Some(r#""Seoul""#)),
            (1, "hello", Some(r#""Oslo""#))
        ]
    );
    let turn = first()
        .scheduled(0, "hello")
        .scheduled(1, "hello")
        .next()
        .completed(1, r#""o""#);
    assert!(run(&turn, greet_both).actions.is_empty());
    let response = run(&turn.next().completed(0, r#""s""#), greet_both);
    assert_eq!(output(&response), r#""o s""#);
}

#[test]
fn a_dropped_call_is_still_made() {
    let response = run(&first(), async |ctx: OrchestrationContext| {
        ctx.call_by_name::<()>("log", "x").detach();
        Ok("done".into())
    });
    assert_eq!(calls(&response), [(0, "log", Some(r#""x""#))]);
    assert_eq!(output(&response), r#""done""#);
}

#[test]
fn a_failure_can_be_caught() {
    let details = Failure::new("orders::CardDeclined", "no").to_proto();
    let turn = first()
        .scheduled(0, "hello")
        .next()
        .failed(0, Some(details));
    let response = run(&turn, async |ctx: OrchestrationContext| {
        let error = ctx
            .call_by_name::<String>("hello", "Seoul")
            .await
            .unwrap_err();
        Ok(error
            .task()
            .and_then(|task| task.failure())
            .map(|failure| failure.error_type.clone())
            .unwrap_or_default())
    });
    assert_eq!(output(&response), r#""orders::CardDeclined""#);
    let response = run(&turn, greet);
    let failed = failure(&response);
    assert_eq!(failed.error_type, "TaskFailed");
    assert_eq!(
        failed.inner_failure.as_ref().unwrap().error_type,
        "orders::CardDeclined"
    );
}

#[test]
fn a_failure_without_details_is_told_as_that() {
    let turn = first().scheduled(0, "hello").next().failed(0, None);
    let response = run(&turn, greet);
    assert!(
        failure(&response).error_message.contains("'hello' failed"),
        "{response:?}"
    );
}

#[test]
fn an_unreadable_result_is_an_error_of_the_call() {
    let turn = first().scheduled(0, "hello").next().completed(0, "5");
    let response = run(&turn, greet);
    let message = &failure(&response).error_message;
    assert!(
        message.contains("'hello'")
            && message.contains("alloc::string::String")
            && message.contains("it is 5"),
        "{message}"
    );
}

#[test]
fn another_name_in_history_is_non_determinism() {
    let turn = first().scheduled(0, "goodbye").next().completed(0, "1");
    let response = run(&turn, greet);
    assert_eq!(response.actions.len(), 1);
    let failed = failure(&response);
    assert_eq!(failed.error_type, "NonDeterministicOrchestration");
    assert!(
        failed.error_message.contains("'goodbye'") && failed.error_message.contains("'hello'"),
        "{failed:?}"
    );
    assert!(failed.is_non_retriable);
}

#[test]
fn another_kind_in_history_is_non_determinism() {
    let sent = EventSentEvent {
        name: "hello".into(),
        ..EventSentEvent::default()
    };
    let turn = first().event(0, EventType::EventSent(sent)).next();
    let message = &failure(&run(&turn, greet)).error_message.clone();
    assert!(
        message.contains("an event sent as 'hello'")
            && message.contains("a call of activity 'hello'"),
        "{message}"
    );
}

#[test]
fn more_in_history_than_in_the_code_is_non_determinism() {
    for id in [1, i32::MAX] {
        let turn = first().scheduled(0, "hello").scheduled(id, "hello").next();
        let message = &failure(&run(&turn, greet)).error_message.clone();
        assert!(message.contains(&format!("as action {id}")), "{message}");
    }
}

#[test]
fn names_compare_without_case() {
    let turn = first().scheduled(0, "HELLO").next().completed(0, r#""x""#);
    assert_eq!(output(&run(&turn, greet)), r#""x""#);
}

#[test]
fn foreign_awaits_are_reported() {
    let response = run(&first(), async |_| {
        pending::<()>().await;
        Ok(String::new())
    });
    assert_eq!(failure(&response).error_type, "ForeignAwait");
    // a timer needs a runtime, and the engine's threads have one
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let response = run(&first(), async |_| {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(String::new())
    });
    assert_eq!(failure(&response).error_type, "ForeignAwait");
}

#[test]
fn a_panic_fails_the_instance_with_message_and_place() {
    let response = run(&first(), async |_| -> Result<String> { panic!("no stock") });
    let failed = failure(&response);
    assert_eq!(failed.error_type, "Panic");
    assert!(
        failed.error_message.contains("no stock (at ")
            && failed.error_message.contains("tests/mod.rs:"),
        "{failed:?}"
    );
}

#[test]
fn a_panicking_destructor_harms_nobody() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let response = run(&first(), async |ctx: OrchestrationContext| {
        let _bomb = Bomb;
        greet(ctx).await
    });
    assert_eq!(calls(&response).len(), 1);
}

#[test]
fn what_a_destructor_asks_for_in_a_suspended_turn_is_not_recorded() {
    struct Release(OrchestrationContext);
    impl Drop for Release {
        fn drop(&mut self) {
            self.0.call_by_name::<()>("release", ()).detach();
        }
    }
    let orchestrator = async |ctx: OrchestrationContext| {
        let _release = Release(ctx.clone());
        greet(ctx).await
    };
    assert_eq!(calls(&run(&first(), orchestrator)).len(), 1);
    let turn = first().scheduled(0, "hello").next().completed(0, r#""x""#);
    let response = run(&turn, orchestrator);
    assert_eq!(
        calls(&response),
        [(1, "release", Some("null"))],
        "a destructor that runs when the code ends counts"
    );
    assert_eq!(output(&response), r#""x""#);
}

#[test]
fn duplicate_unknown_and_late_completions_are_ignored() {
    let turn = first()
        .scheduled(0, "hello")
        .next()
        .completed(7, "1")
        .completed(-3, "1")
        .completed(0, r#""x""#)
        .completed(0, r#""y""#);
    assert_eq!(output(&run(&turn, greet)), r#""x""#);
}

#[test]
fn unknown_events_and_marks_of_the_host_are_ignored() {
    let mut turn = first()
        .event(-1, EventType::GenericEvent(GenericEvent::default()))
        .event(-100, EventType::TimerCreated(TimerCreatedEvent::default()))
        .scheduled(0, "hello")
        .next()
        .completed(0, r#""x""#);
    turn.request_mut().past_events[1].event_type = None;
    let without_start = run(&turn, greet);
    assert_eq!(failure(&without_start).error_type, "InvalidRequest");
    let turn = first()
        .event(-1, EventType::GenericEvent(GenericEvent::default()))
        .event(-100, EventType::TimerCreated(TimerCreatedEvent::default()))
        .scheduled(0, "hello")
        .next()
        .completed(0, r#""x""#);
    assert_eq!(output(&run(&turn, greet)), r#""x""#);
}

#[test]
fn termination_ends_the_instance_with_the_reason() {
    let reason = ExecutionTerminatedEvent {
        input: Some("enough".into()),
        recurse: false,
    };
    let turn = first()
        .scheduled(0, "hello")
        .next()
        .event(-1, EventType::ExecutionTerminated(reason));
    let response = run(&turn, greet);
    let complete = completion(&response).unwrap();
    assert_eq!(
        complete.orchestration_status(),
        OrchestrationStatus::Terminated
    );
    assert_eq!(complete.result.as_deref(), Some("enough"));
}

#[test]
fn time_stands_still_within_a_turn_and_no_timestamp_is_too_large() {
    let orchestrator = async |ctx: OrchestrationContext| Ok(ctx.now().to_rfc3339());
    assert_eq!(
        output(&run(&first(), orchestrator)),
        r#""2026-11-23T09:00:58+00:00""#
    );
    for seconds in [i64::MAX, i64::MIN, 253_402_300_800] {
        let mut turn = first();
        turn.request_mut().new_events[0]
            .timestamp
            .as_mut()
            .unwrap()
            .seconds = seconds;
        assert_eq!(
            failure(&run(&turn, orchestrator)).error_type,
            "InvalidRequest"
        );
    }
}

#[test]
fn guids_are_those_of_the_dotnet_sdk() {
    let mut turn = Turn::first("greet", "abc", None);
    turn.request_mut().new_events[0]
        .timestamp
        .as_mut()
        .unwrap()
        .seconds = 1_704_067_200;
    let response = run(&turn, async |ctx: OrchestrationContext| {
        Ok(format!("{} {}", ctx.new_uuid(), ctx.new_uuid()))
    });
    assert!(
        output(&response).starts_with(r#""80835b95-20cf-5cec-8922-92309c9a2bb6 "#),
        "{response:?}"
    );
}

#[test]
fn garbage_is_told_apart_and_fails() {
    let start: &super::Start = &|_, _| Err(Failure::new("never", "called"));
    for bytes in [
        &b"\x08"[..],
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"",
        b"\x1a\x7f",
        b"\x0a\x01x",
    ] {
        let response = super::run(bytes.to_vec(), start);
        assert_eq!(failure(&response).error_type, "InvalidRequest", "{bytes:?}");
    }
}

#[test]
fn replaying_is_true_for_past_events_only() {
    let orchestrator = async |ctx: OrchestrationContext| {
        let before = ctx.is_replaying();
        greet(ctx.clone()).await?;
        Ok(format!("{before} {}", ctx.is_replaying()))
    };
    let turn = first().scheduled(0, "hello").next().completed(0, r#""x""#);
    assert_eq!(output(&run(&turn, orchestrator)), r#""true false""#);
}

/// A waker whose end drops a call, as a combinator's may.
#[test]
fn a_waker_that_drops_a_call_finds_nothing_borrowed() {
    use std::cell::RefCell;
    use std::sync::Arc;
    use std::task::{Context, Wake, Waker};

    thread_local! {
        static KEPT: RefCell<Option<crate::Call<String>>> = const { RefCell::new(None) };
    }
    struct Dropper;
    impl Wake for Dropper {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Dropper {
        fn drop(&mut self) {
            drop(KEPT.take());
        }
    }
    let response = run(&first(), async |ctx: OrchestrationContext| {
        let mut call = ctx.call_by_name::<String>("hello", "x");
        KEPT.set(Some(ctx.call_by_name("hello", "y")));
        {
            let waker = Waker::from(Arc::new(Dropper));
            let polled = std::pin::Pin::new(&mut call).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        // replaces the waker, whose last clone this was
        call.await
    });
    assert_eq!(calls(&response).len(), 2, "{response:?}");
}

mod arbitrary {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_the_engine_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let start: &super::super::Start = &|ctx, _| Ok(Box::pin(async move { greet(ctx).await.map_err(Error::into_failure) }));
            let _ = super::super::run(bytes, start);
        }

        #[test]
        fn no_flipped_byte_makes_the_engine_panic(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let start: &super::super::Start = &|ctx, _| Ok(Box::pin(async move { greet(ctx).await.map_err(Error::into_failure) }));
            let mut bytes = first().scheduled(0, "hello").next().completed(0, r#""x""#).request().encode_to_vec();
            let position = position.index(bytes.len());
            bytes[position] = byte;
            let _ = super::super::run(bytes, start);
        }
    }
}
