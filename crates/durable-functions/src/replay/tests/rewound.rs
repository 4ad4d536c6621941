//! Histories that were rewound: what failed is there no more, what followed it still is.

use super::*;
use crate::RetryPolicy;

fn taken_back(turn: Turn, id: i32) -> Turn {
    turn.event(id, EventType::GenericEvent(GenericEvent::default()))
}

fn reason(turn: Turn) -> Turn {
    let data = Some("again".into());
    turn.event(-1, EventType::GenericEvent(GenericEvent { data }))
}

async fn pay_and_send(ctx: OrchestrationContext) -> Result<String> {
    let policy = RetryPolicy::fixed(2, Duration::from_secs(1));
    ctx.call_by_name::<()>("pay", 7).retry(policy).await?;
    ctx.sleep(Duration::from_secs(5)).await;
    ctx.call_by_name("send", "x").await
}

/// Both attempts of `pay` failed; the timer between them stayed.
fn rewound() -> Turn {
    let turn = taken_back(first(), 0).next();
    let turn = taken_back(turn, -1).event(1, EventType::TimerCreated(TimerCreatedEvent::default()));
    let turn = turn.next().fired(1);
    let turn = taken_back(turn, 2).next();
    let turn = taken_back(taken_back(turn, -1), 3);
    reason(turn.next())
}

#[test]
fn an_old_retry_timer_is_passed_over_and_the_instance_completes() {
    let turn = rewound();
    let response = run(&turn, pay_and_send);
    assert_eq!(calls(&response), [(0, "pay", Some("7"))]);
    assert_eq!(response.actions.len(), 1, "{response:?}");

    let turn = turn.answered(&response).completed(0, "null");
    let response = run(&turn, pay_and_send);
    // 1 is used up by the old timer
    let slept = timers(&response);
    assert_eq!(slept.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [2]);

    let turn = turn.answered(&response).fired(2);
    let response = run(&turn, pay_and_send);
    assert_eq!(calls(&response), [(3, "send", Some(r#""x""#))]);
    let turn = turn.answered(&response).completed(3, r#""sent""#);
    assert_eq!(output(&run(&turn, pay_and_send)), r#""sent""#);
}

#[test]
fn a_rewound_call_is_retried_anew() {
    let turn = rewound();
    let response = run(&turn, pay_and_send);
    let turn = turn.answered(&response);
    let details = Failure::new("E", "no").to_proto();
    let turn = turn.failed(0, Some(details));
    let response = run(&turn, pay_and_send);
    assert_eq!(timers(&response).len(), 1);
    let id = response.actions[0].id;
    let turn = turn.answered(&response).fired(id);
    let response = run(&turn, pay_and_send);
    assert_eq!(calls(&response), [(3, "pay", Some("7"))]);
    let turn = turn.answered(&response).completed(3, "null");
    assert_eq!(timers(&run(&turn, pay_and_send)).len(), 1);
}

#[test]
fn a_rewind_of_a_rewound_instance_replays() {
    let turn = rewound();
    // the second rewind takes back what the first turn after the first one asked for
    let turn = taken_back(turn, 0).next();
    let turn = taken_back(taken_back(turn, -1), 1);
    let turn = reason(turn.next());
    assert_eq!(calls(&run(&turn, pay_and_send)), [(0, "pay", Some("7"))]);
}

#[test]
fn a_history_that_was_not_rewound_is_held_to_the_letter() {
    let turn = first()
        .event(1, EventType::TimerCreated(TimerCreatedEvent::default()))
        .next();
    let failure = failure_of(&run(&turn, pay_and_send));
    assert_eq!(failure.error_type, "NonDeterministicOrchestration");
    // nor is what happens after a rewind
    let turn = rewound();
    let turn = turn.answered(&run(&rewound(), pay_and_send));
    let turn = turn.scheduled(9, "other").next();
    assert_eq!(
        failure_of(&run(&turn, pay_and_send)).error_type,
        "NonDeterministicOrchestration"
    );
}
