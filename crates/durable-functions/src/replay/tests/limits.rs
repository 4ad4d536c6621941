//! What no recording shows: sizes and edges.

use serde_json::value::RawValue;

use super::*;

#[test]
fn a_hundred_thousand_actions_fit_in_a_turn() {
    const COUNT: i32 = 100_000;
    let orchestrator = async |ctx: OrchestrationContext| {
        let calls = (0..COUNT).map(|number| ctx.call_by_name::<i64>("square", number));
        Ok(ctx.all(calls).await?.iter().sum::<i64>().to_string())
    };
    let response = run(&first(), orchestrator);
    assert_eq!(response.actions.len(), COUNT as usize);
    let turn = first().answered(&response);
    let turn = (0..COUNT)
        .rev()
        .fold(turn, |turn, id| turn.completed(id, "2"));
    assert_eq!(output(&run(&turn, orchestrator)), r#""200000""#);
}

#[test]
fn a_megabyte_goes_both_ways() {
    let large = "ü".repeat(512 * 1024);
    let sent = large.clone();
    let orchestrator = move |ctx: OrchestrationContext| {
        let sent = sent.clone();
        async move { ctx.call_by_name("echo", sent).await }
    };
    let response = run(&first(), orchestrator.clone());
    let input = calls(&response)[0].2.unwrap().to_owned();
    assert_eq!(serde_json::from_str::<String>(&input).unwrap(), large);
    let turn = first().answered(&response).completed(0, &input);
    assert_eq!(output(&run(&turn, orchestrator)), input);
}

#[test]
fn whole_numbers_of_64_bits_come_through() {
    for number in [
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
    ] {
        let orchestrator = async |ctx: OrchestrationContext| {
            let number: serde_json::Number = ctx.call_by_name("edge", ()).await?;
            Ok(number.to_string())
        };
        let turn = first().scheduled(0, "edge").next().completed(0, number);
        assert_eq!(output(&run(&turn, orchestrator)), format!("\"{number}\""));
    }
}

#[test]
fn a_raw_value_is_the_very_text() {
    const TEXT: &str = r#"{"n": 123456789012345678901234567890, "d":1.10 , "e":1E+2}"#;
    let orchestrator = async |ctx: OrchestrationContext| {
        let raw: Box<RawValue> = serde_json::from_str(TEXT)?;
        let raw: Box<RawValue> = ctx.call_by_name("echo", raw).await?;
        Ok(raw.get().to_owned())
    };
    let response = run(&first(), orchestrator);
    let input = calls(&response)[0].2.unwrap().to_owned();
    assert_eq!(
        durable_functions_protocol::value::unwrap(&input).unwrap(),
        TEXT,
        "the host would alter it, so it travels wrapped"
    );
    let turn = first().answered(&response).completed(0, &input);
    let text: String = serde_json::from_str(output(&run(&turn, orchestrator))).unwrap();
    assert_eq!(text, TEXT);
}

#[test]
fn a_deep_chain_of_failures_arrives() {
    let chain = (1..20).fold(Failure::new("E0", "0"), |cause, number| {
        Failure::new(format!("E{number}"), number.to_string()).with_cause(cause)
    });
    let turn = first()
        .scheduled(0, "hello")
        .next()
        .failed(0, Some(chain.to_proto()));
    let failure = failure_of(&run(&turn, greet));
    let types: Vec<_> = failure
        .chain()
        .map(|link| link.error_type.clone())
        .collect();
    assert_eq!(types.len(), 21);
    assert_eq!((types[1].as_str(), types[20].as_str()), ("E19", "E0"));
}

#[test]
fn the_clock_may_stand_at_the_end_of_time() {
    let mut turn = first();
    for event in &mut turn.request_mut().new_events {
        event.timestamp = Some(durable_functions_protocol::proto::Timestamp {
            seconds: 253_402_300_799,
            nanos: 999_999_999,
        });
    }
    let response = run(&turn, async |ctx: OrchestrationContext| {
        ctx.sleep(Duration::MAX).await;
        Ok(ctx.now().to_string())
    });
    assert_eq!(timers(&response), [(0, 253_402_300_799)]);
}

#[test]
fn random_numbers_are_the_same_at_every_replay() {
    let orchestrator = async |ctx: OrchestrationContext| {
        let mut rng = ctx.rng();
        let before = rng.next_u64();
        ctx.call_by_name::<()>("hello", before).await?;
        assert_ne!(ctx.rng().next_u64(), before);
        Ok(format!("{before} {}", rng.next_u64()))
    };
    let response = run(&first(), orchestrator);
    let drawn = calls(&response)[0].2.unwrap().to_owned();
    let turn = first().answered(&response).completed(0, "null");
    assert!(output(&run(&turn, orchestrator)).starts_with(&format!("\"{drawn} ")));
}

#[test]
fn sub_orchestrations_have_the_default_version_unless_they_have_their_own() {
    let mut turn = first();
    let kind = prost_types::value::Kind::StringValue("1.5".into());
    let value = prost_types::Value { kind: Some(kind) };
    turn.request_mut()
        .properties
        .insert("defaultVersion".into(), value);
    let response = run(&turn, async |ctx: OrchestrationContext| {
        ctx.call_sub_orchestrator_by_name::<()>("a", ()).detach();
        ctx.call_sub_orchestrator_by_name::<()>("b", ())
            .version("2")
            .detach();
        Ok(String::new())
    });
    let versions: Vec<_> = response
        .actions
        .iter()
        .filter_map(|action| match action.orchestrator_action_type.as_ref() {
            Some(ActionType::CreateSubOrchestration(sub)) => sub.version.clone(),
            _ => None,
        })
        .collect();
    assert_eq!(versions, ["1.5", "2"]);
}

#[test]
fn an_event_sent_to_somebody_else_is_non_determinism() {
    let turn = first().event(
        0,
        EventType::EventSent(EventSentEvent {
            instance_id: "one".into(),
            name: "E".into(),
            input: None,
        }),
    );
    let response = run(&turn.next(), async |ctx: OrchestrationContext| {
        ctx.send_event("other", "E", 1);
        ctx.wait_for_event("never").await
    });
    let failure = failure_of(&response);
    assert_eq!(failure.error_type, "NonDeterministicOrchestration");
    assert!(
        failure.message.contains("'one'") && failure.message.contains("'other'"),
        "{failure}"
    );
}
