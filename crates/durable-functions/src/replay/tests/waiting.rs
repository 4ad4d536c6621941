//! Timers, events, suspension and continuing as new.

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn created(turn: Turn, id: i32) -> Turn {
    turn.event(id, EventType::TimerCreated(TimerCreatedEvent::default()))
}

/// When the first turn of [`first`] takes place.
const START: i64 = 1_795_424_458;

#[test]
fn a_long_timer_is_several_and_counts_those_that_fired() {
    let orchestrator = async |ctx: OrchestrationContext| {
        ctx.sleep(10 * DAY).await;
        Ok("awake".into())
    };
    let day = |days: i64| START + days * 86_400;
    let mut turn = first();
    for (id, days) in [(0, 3), (1, 6), (2, 9), (3, 10)] {
        assert_eq!(timers(&run(&turn, orchestrator)), [(id, day(days))]);
        // the turns of this history are seconds apart: timers fire early
        turn = created(turn, id).next().fired(id);
    }
    assert_eq!(output(&run(&turn, orchestrator)), r#""awake""#);
}

#[test]
fn a_timer_at_the_end_of_time_does_no_harm() {
    let response = run(&first(), async |ctx: OrchestrationContext| {
        ctx.sleep(Duration::MAX).await;
        Ok(String::new())
    });
    assert_eq!(timers(&response), [(0, START + 3 * 86_400)]);
    let response = run(&first(), async |ctx: OrchestrationContext| {
        ctx.sleep_until(chrono::DateTime::<chrono::Utc>::MIN_UTC)
            .await;
        Ok(String::new())
    });
    assert_eq!(timers(&response).len(), 1, "{response:?}");
}

#[test]
fn events_are_kept_in_order_and_names_compare_without_case() {
    let orchestrator = async |ctx: OrchestrationContext| {
        let first: u32 = ctx.wait_for_event("Tick").await?;
        let second: u32 = ctx.wait_for_event("tick").await?;
        Ok(format!("{first} {second}"))
    };
    let turn = first().raised("TICK", "1").raised("tick", "2");
    assert_eq!(output(&run(&turn, orchestrator)), r#""1 2""#);
}

#[test]
fn the_first_waiter_comes_first_and_a_dropped_one_gives_its_event_on() {
    let orchestrator = async |ctx: OrchestrationContext| {
        let dropped = ctx.wait_for_event::<u32>("E");
        let first = ctx.wait_for_event::<u32>("E");
        let second = ctx.wait_for_event::<u32>("E");
        ctx.call_by_name::<String>("hello", "x").await?;
        drop(dropped);
        Ok(format!("{} {}", first.await?, second.await?))
    };
    let turn = first().raised("E", "1").scheduled(0, "hello").next();
    let turn = turn.completed(0, r#""x""#).raised("E", "2");
    assert_eq!(output(&run(&turn, orchestrator)), r#""1 2""#);
}

#[test]
fn a_wait_can_have_a_time_limit() {
    let orchestrator = async |ctx: OrchestrationContext| match ctx
        .wait_for_event::<String>("E")
        .timeout(DAY)
        .await
    {
        Ok(payload) => Ok(payload),
        Err(error) if matches!(error.task(), Some(TaskError::Timeout { .. })) => Ok("late".into()),
        Err(error) => Err(error),
    };
    assert_eq!(timers(&run(&first(), orchestrator)), [(0, START + 86_400)]);
    let waiting = created(first(), 0).next();
    assert_eq!(
        output(&run(&waiting.clone().raised("e", r#""now""#), orchestrator)),
        r#""now""#
    );
    assert_eq!(output(&run(&waiting.fired(0), orchestrator)), r#""late""#);
}

#[test]
fn options_come_right_after_the_call_and_ids_are_drawn_then() {
    let subs = |response: &OrchestratorResponse| -> Vec<String> {
        let sub = |action: &OrchestratorAction| match &action.orchestrator_action_type {
            Some(ActionType::CreateSubOrchestration(sub)) => Some(sub.instance_id.clone()),
            _ => None,
        };
        response.actions.iter().filter_map(sub).collect()
    };
    let mut turn = Turn::first("greet", "abc", None);
    turn.request_mut().new_events[0]
        .timestamp
        .as_mut()
        .unwrap()
        .seconds = 1_704_067_200;
    let response = run(&turn, async |ctx: OrchestrationContext| {
        ctx.call_sub_orchestrator_by_name::<()>("own", 1)
            .instance_id("mine")
            .detach();
        ctx.call_sub_orchestrator_by_name::<()>("drawn", 2).detach();
        ctx.call_by_name::<()>("hello", 3)
            .tag("k", "v")
            .version("2")
            .detach();
        Ok(String::new())
    });
    assert_eq!(
        subs(&response),
        ["mine", "80835b9520cf5cec892292309c9a2bb6"]
    );
    let Some(ActionType::ScheduleTask(task)) = &response.actions[2].orchestrator_action_type else {
        panic!()
    };
    assert_eq!(
        (task.tags["k"].as_str(), task.version.as_deref()),
        ("v", Some("2"))
    );

    let response = run(&turn, async |ctx: OrchestrationContext| {
        let call = ctx.call_by_name::<()>("hello", 1);
        ctx.new_uuid();
        call.tag("too", "late").await?;
        Ok(String::new())
    });
    assert_eq!(failure(&response).error_type, "LateOption");
    let response = run(&turn, async |ctx: OrchestrationContext| {
        ctx.call_sub_orchestrator_by_name::<()>("own", 1)
            .instance_id("a/b")
            .await?;
        Ok(String::new())
    });
    assert_eq!(failure(&response).error_type, "InvalidInstanceId");
}

#[test]
fn the_custom_status_is_sent_at_every_turn_and_has_a_limit() {
    let orchestrator = async |ctx: OrchestrationContext| {
        ctx.set_custom_status("working");
        greet(ctx).await
    };
    assert_eq!(
        run(&first(), orchestrator).custom_status.as_deref(),
        Some(r#""working""#)
    );
    let turn = first().scheduled(0, "hello").next();
    assert_eq!(
        run(&turn, orchestrator).custom_status.as_deref(),
        Some(r#""working""#)
    );
    let response = run(&first(), async |ctx: OrchestrationContext| {
        ctx.set_custom_status("x".repeat(9_000));
        greet(ctx).await
    });
    assert!(
        failure(&response).error_message.contains("18004 bytes"),
        "{response:?}"
    );
}

#[test]
fn continuing_as_new_takes_events_along_unless_told_otherwise() {
    fn carried(response: &OrchestratorResponse) -> Vec<String> {
        let complete = completion(response).unwrap();
        assert_eq!(
            complete.orchestration_status(),
            OrchestrationStatus::ContinuedAsNew
        );
        let input = |event: &HistoryEvent| match &event.event_type {
            Some(EventType::EventRaised(raised)) => raised.input.clone(),
            _ => None,
        };
        complete.carryover_events.iter().filter_map(input).collect()
    }
    let turn = first()
        .raised("b", "1")
        .raised("a", "2")
        .scheduled(0, "hello")
        .next();
    let turn = turn.completed(0, r#""x""#).raised("b", "3");
    let response = run(&turn, async |ctx: OrchestrationContext| {
        greet(ctx.clone()).await?;
        ctx.continue_as_new("again")
    });
    assert_eq!(carried(&response), ["1", "2", "3"]);
    assert_eq!(
        completion(&response).unwrap().result.as_deref(),
        Some(r#""again""#)
    );
    let response = run(&turn, async |ctx: OrchestrationContext| {
        greet(ctx.clone()).await?;
        let options = crate::ContinueAsNewOptions::new()
            .discard_events()
            .version("2");
        ctx.continue_as_new_with("again", options)
    });
    assert!(carried(&response).is_empty());
    assert_eq!(
        completion(&response).unwrap().new_version.as_deref(),
        Some("2")
    );
}

#[test]
fn a_suspended_instance_holds_still_and_goes_on_where_it_was() {
    let suspended = |turn: Turn| {
        turn.event(
            -1,
            EventType::ExecutionSuspended(ExecutionSuspendedEvent::default()),
        )
    };
    let resumed = |turn: Turn| {
        turn.event(
            -1,
            EventType::ExecutionResumed(ExecutionResumedEvent::default()),
        )
    };
    let turn = suspended(first().scheduled(0, "hello").scheduled(1, "hello").next());
    let turn = turn.completed(0, r#""a""#);
    assert!(run(&turn, greet_both).actions.is_empty());
    let turn = suspended(turn.next()).completed(1, r#""b""#);
    assert!(run(&turn, greet_both).actions.is_empty());
    assert_eq!(output(&run(&resumed(turn.next()), greet_both)), r#""b a""#);

    // what is asked for while suspended is withheld
    let response = run(&suspended(first()), greet);
    assert!(response.actions.is_empty(), "{response:?}");
}

#[test]
fn what_ends_after_a_termination_is_nobodys_business() {
    let orchestrator = async |ctx: OrchestrationContext| {
        ctx.sleep(DAY).await;
        Ok("awake".into())
    };
    let terminated = ExecutionTerminatedEvent {
        input: Some("enough".into()),
        ..ExecutionTerminatedEvent::default()
    };
    let turn = first().answered(&run(&first(), orchestrator));
    let turn = turn
        .event(-1, EventType::ExecutionTerminated(terminated))
        .fired(0);
    let response = run(&turn, orchestrator);
    let complete = completion(&response).expect("a completion");
    assert_eq!(
        complete.orchestration_status(),
        OrchestrationStatus::Terminated
    );
    assert_eq!(complete.result.as_deref(), Some("enough"));
}
