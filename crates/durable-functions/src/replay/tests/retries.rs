//! Calls that are made again.

use durable_functions_protocol::proto::{SubOrchestrationInstanceFailedEvent, TaskFailureDetails};

use super::*;
use crate::{FailedAttempt, RetryDecision, RetryPolicy};

const SECOND: Duration = Duration::from_secs(1);

fn declined() -> Option<TaskFailureDetails> {
    Some(Failure::new("orders::CardDeclined", "no").to_proto())
}

fn lost_worker() -> Option<TaskFailureDetails> {
    let details =
        |error_type: &str, message: &str, inner: Option<TaskFailureDetails>| TaskFailureDetails {
            error_type: error_type.into(),
            error_message: message.into(),
            inner_failure: inner.map(Box::new),
            ..TaskFailureDetails::default()
        };
    Some(details(
        "Microsoft.Azure.WebJobs.Host.FunctionInvocationException",
        "Exception while executing function: Functions.pay",
        Some(details(
            "System.Net.Http.HttpIOException",
            "The response ended prematurely. (ResponseEnded)",
            None,
        )),
    ))
}

/// What a turn asked for: `call 0`, `timer 1 +2 s` and so on.
fn asked(turn: &Turn, response: &OrchestratorResponse) -> Vec<String> {
    let now = turn
        .request()
        .new_events
        .iter()
        .rev()
        .find(|event| matches!(event.event_type, Some(EventType::OrchestratorStarted(_))))
        .and_then(|event| event.timestamp)
        .unwrap()
        .seconds;
    let describe = |action: &OrchestratorAction| {
        let id = action.id;
        match action.orchestrator_action_type.as_ref().unwrap() {
            ActionType::ScheduleTask(task) => {
                format!("call {id} {}", task.input.as_deref().unwrap_or_default())
            }
            ActionType::CreateTimer(timer) => {
                format!("timer {id} +{} s", timer.fire_at.unwrap().seconds - now)
            }
            ActionType::CreateSubOrchestration(_) => format!("sub {id}"),
            ActionType::CompleteOrchestration(_) => format!("end {id}"),
            other => format!("{other:?}"),
        }
    };
    response.actions.iter().map(describe).collect()
}

async fn pay(ctx: OrchestrationContext, policy: RetryPolicy) -> Result<String> {
    ctx.call_by_name::<String>("pay", 7)
        .retry(policy)
        .tag("k", "v")
        .await
}

#[test]
fn a_failed_call_is_made_again_with_fresh_ids_after_a_timer() {
    let policy = RetryPolicy::exponential(3, SECOND);
    let orchestrator = move |ctx| pay(ctx, policy.clone());
    let turn = first();
    let response = run(&turn, orchestrator.clone());
    assert_eq!(asked(&turn, &response), ["call 0 7"]);
    let turn = turn.answered(&response).failed(0, declined());
    let response = run(&turn, orchestrator.clone());
    assert_eq!(asked(&turn, &response), ["timer 1 +1 s"]);
    let turn = turn.answered(&response).fired(1);
    let response = run(&turn, orchestrator.clone());
    assert_eq!(asked(&turn, &response), ["call 2 7"]);
    let Some(ActionType::ScheduleTask(task)) = &response.actions[0].orchestrator_action_type else {
        panic!("{response:?}");
    };
    assert_eq!(task.tags["k"], "v", "options go along");
    let turn = turn.answered(&response).failed(2, declined());
    let response = run(&turn, orchestrator.clone());
    assert_eq!(asked(&turn, &response), ["timer 3 +2 s"]);
    let turn = turn.answered(&response).fired(3);
    let response = run(&turn, orchestrator.clone());
    assert_eq!(asked(&turn, &response), ["call 4 7"]);
    let turn = turn.answered(&response);

    let paid = run(
        &turn.clone().completed(4, r#""paid""#),
        orchestrator.clone(),
    );
    assert_eq!(output(&paid), r#""paid""#);
    // the last attempt is followed by no timer
    let declined = run(&turn.failed(4, declined()), orchestrator);
    let failure = failure_of(&declined);
    assert_eq!(
        failure.cause.as_ref().unwrap().error_type,
        "orders::CardDeclined"
    );
    assert_eq!(declined.actions.len(), 1);
}

#[test]
fn a_call_that_nobody_awaits_is_made_again_too() {
    let orchestrator = async |ctx: OrchestrationContext| {
        let call = ctx.call_by_name::<()>("pay", 7);
        call.retry(RetryPolicy::fixed(2, Duration::ZERO)).detach();
        ctx.wait_for_event("Done").await
    };
    let turn = first();
    let turn = turn.answered(&run(&first(), orchestrator));
    let turn = turn.failed(0, declined());
    let response = run(&turn, orchestrator);
    assert_eq!(asked(&turn, &response), ["call 1 7"], "no pause, no timer");
}

#[test]
fn what_no_retry_can_mend_is_final() {
    let mut marked = declined().unwrap();
    marked.is_non_retriable = true;
    let refused = RetryPolicy::fixed(9, SECOND).retry_if(|failure| failure.message == "yes");
    for (policy, details) in [
        (RetryPolicy::fixed(9, SECOND), Some(marked)),
        (refused, declined()),
        (RetryPolicy::fixed(1, SECOND), declined()),
        (
            RetryPolicy::fixed(9, SECOND).timeout(Duration::ZERO),
            declined(),
        ),
    ] {
        let turn = first().scheduled(0, "pay").next().failed(0, details);
        let response = run(&turn, move |ctx| pay(ctx, policy.clone()));
        assert_eq!(asked(&turn, &response), ["end 1"]);
        assert!(failure_of(&response).message.contains("'pay'"));
    }
}

#[test]
fn a_senseless_policy_fails_the_instance_at_once() {
    let response = run(&first(), |ctx| pay(ctx, RetryPolicy::fixed(0, SECOND)));
    let failure = failure_of(&response);
    assert_eq!(failure.error_type, "InvalidRetryPolicy");
    assert!(failure.message.contains("no attempt at all"), "{failure}");
}

#[test]
fn a_long_pause_is_several_timers() {
    const DAY: Duration = Duration::from_secs(86_400);
    let policy = RetryPolicy::fixed(2, 4 * DAY).max_interval(30 * DAY);
    let orchestrator = move |ctx| pay(ctx, policy.clone());
    let turn = first().scheduled(0, "pay").next().failed(0, declined());
    let response = run(&turn, orchestrator.clone());
    assert_eq!(asked(&turn, &response), ["timer 1 +259200 s"]);
    let turn = turn.answered(&response).fired(1);
    let response = run(&turn, orchestrator.clone());
    assert_eq!(timers(&response).len(), 1);
    let turn = turn.answered(&response).fired(2);
    assert_eq!(asked(&turn, &run(&turn, orchestrator)), ["call 3 7"]);
}

#[test]
fn a_lost_worker_is_called_once_more() {
    let orchestrator = async |ctx: OrchestrationContext| ctx.call_by_name("pay", 7).await;
    let turn = first().scheduled(0, "pay").next().failed(0, lost_worker());
    let response = run(&turn, orchestrator);
    assert_eq!(asked(&turn, &response), ["timer 1 +2 s"]);
    let turn = turn.answered(&response).fired(1);
    let response = run(&turn, orchestrator);
    assert_eq!(asked(&turn, &response), ["call 2 7"]);
    let turn = turn.answered(&response);
    assert_eq!(
        output(&run(&turn.clone().completed(2, r#""paid""#), orchestrator)),
        r#""paid""#
    );
    let lost_again = run(&turn.failed(2, lost_worker()), orchestrator);
    assert!(failure_of(&lost_again).message.contains("'pay'"));
}

#[test]
fn a_lost_worker_is_an_attempt_unless_there_must_be_one_at_most() {
    let never = |_: &Failure| false;
    let turn = first().scheduled(0, "pay").next().failed(0, lost_worker());
    let policy = RetryPolicy::fixed(2, 5 * SECOND).retry_if(never);
    let response = run(&turn, move |ctx| pay(ctx, policy.clone()));
    assert_eq!(asked(&turn, &response), ["timer 1 +5 s"]);

    let response = run(&turn, async |ctx: OrchestrationContext| {
        let policy = RetryPolicy::fixed(9, SECOND);
        ctx.call_by_name("pay", 7)
            .retry(policy)
            .at_most_once()
            .await
    });
    assert_eq!(asked(&turn, &response), ["end 1"]);
    let response = run(&turn, async |ctx: OrchestrationContext| {
        ctx.call_by_name("pay", 7).at_most_once().await
    });
    assert_eq!(asked(&turn, &response), ["end 1"]);
}

#[test]
fn a_sub_orchestration_has_a_new_id_at_each_attempt_unless_it_has_its_own() {
    fn ids(own: bool) -> Vec<String> {
        let orchestrator = move |ctx: OrchestrationContext| async move {
            let sub = ctx.call_sub_orchestrator_by_name("child", ());
            let sub = sub.retry(RetryPolicy::fixed(2, Duration::ZERO));
            let sub = if own { sub.instance_id("mine") } else { sub };
            sub.await
        };
        let id =
            |response: &OrchestratorResponse| match &response.actions[0].orchestrator_action_type {
                Some(ActionType::CreateSubOrchestration(sub)) => sub.instance_id.clone(),
                other => panic!("{other:?}"),
            };
        let response = run(&first(), orchestrator);
        let turn = first().answered(&response).event(
            -1,
            EventType::SubOrchestrationInstanceFailed(SubOrchestrationInstanceFailedEvent {
                task_scheduled_id: 0,
                failure_details: declined(),
            }),
        );
        vec![id(&response), id(&run(&turn, orchestrator))]
    }
    assert_eq!(ids(true), ["mine", "mine"]);
    let drawn = ids(false);
    assert_ne!(drawn[0], drawn[1]);
    assert!(drawn.iter().all(|id| id.len() == 32), "{drawn:?}");
}

#[test]
fn a_handler_decides_with_all_that_an_orchestrator_has() {
    let orchestrator = async |ctx: OrchestrationContext| {
        let asking = ctx.clone();
        let call = ctx.call_by_name("pay", 7);
        let decide = move |failed: FailedAttempt| {
            let ctx = asking.clone();
            async move {
                assert_eq!(failed.failure.error_type, "orders::CardDeclined");
                let again: bool = ctx.call_by_name("ask", failed.number).await.unwrap();
                match again {
                    true => RetryDecision::After(SECOND),
                    false => RetryDecision::GiveUp,
                }
            }
        };
        call.retry_with(decide).await
    };
    let turn = first().scheduled(0, "pay").next().failed(0, declined());
    let response = run(&turn, orchestrator);
    assert_eq!(asked(&turn, &response), ["call 1 1"]);
    let asked_first = turn.answered(&response);
    let turn = asked_first.clone().completed(1, "true");
    let response = run(&turn, orchestrator);
    assert_eq!(asked(&turn, &response), ["timer 2 +1 s"]);
    let turn = turn.answered(&response).fired(2);
    let response = run(&turn, orchestrator);
    assert_eq!(asked(&turn, &response), ["call 3 7"]);
    let turn = turn.answered(&response).completed(3, r#""paid""#);
    assert_eq!(output(&run(&turn, orchestrator)), r#""paid""#);

    let given_up = run(&asked_first.completed(1, "false"), orchestrator);
    assert!(failure_of(&given_up).message.contains("'pay'"));
}

#[test]
fn a_failure_in_a_result_is_retried_like_any_other() {
    let result = Failure::new("orders::CardDeclined", "no").to_header();
    let result = format!(r#"{{"durable-failure":"{result}"}}"#);
    let policy = RetryPolicy::fixed(2, SECOND);
    let turn = first().scheduled(0, "pay").next().completed(0, &result);
    let response = run(&turn, move |ctx| pay(ctx, policy.clone()));
    assert_eq!(asked(&turn, &response), ["timer 1 +1 s"]);
}

#[test]
fn a_second_answer_to_an_attempt_that_is_over_is_ignored() {
    let policy = RetryPolicy::fixed(2, SECOND);
    let turn = first()
        .scheduled(0, "pay")
        .next()
        .failed(0, declined())
        .completed(0, r#""late""#)
        .failed(0, declined());
    let response = run(&turn, move |ctx| pay(ctx, policy.clone()));
    assert_eq!(asked(&turn, &response), ["timer 1 +1 s"]);
}
