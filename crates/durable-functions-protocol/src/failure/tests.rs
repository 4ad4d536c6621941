use std::error::Error as _;

use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};

use super::*;
use crate::proto::TaskFailureDetails;

/// The message with which the host reports an answer that it cannot read.
fn host_text(header: &str) -> String {
    format!(
        "Invalid HttpResponseMessage:\nStatusCode: 200, ReasonPhrase: 'OK', Version: 1.1, Content: \
         System.Net.Http.HttpConnectionResponseContent, Headers:\n{{\n  Date: Mon, 23 Nov 2026 \
         09:41:44 GMT\n  durable-failure: {header}\n  Content-Type: application/problem+json\n}}\n \
         {{\"type\":\"about:blank\"}}"
    )
}

fn details(error_type: &str, message: &str) -> TaskFailureDetails {
    TaskFailureDetails {
        error_type: error_type.into(),
        error_message: message.into(),
        ..Default::default()
    }
}

fn reported(message: &str) -> TaskFailureDetails {
    TaskFailureDetails {
        inner_failure: Some(Box::new(TaskFailureDetails {
            inner_failure: Some(Box::new(details(
                "System.Net.Http.UnsupportedMediaTypeException",
                "No MediaTypeFormatter is available",
            ))),
            ..details("System.InvalidOperationException", message)
        })),
        ..details(
            "Microsoft.Azure.WebJobs.Host.FunctionInvocationException",
            "Exception while executing function: Functions.pay",
        )
    }
}

fn chain_of(length: usize) -> Failure {
    let links = (0..length).map(|i| Failure::new(format!("type {i}"), format!("message {i}")));
    Failure::from_links(links.collect()).unwrap()
}

fn full() -> Failure {
    let mut failure = Failure::new("orders::CardDeclined", "card 4711: résumé ☃\nline two")
        .with_stack_trace("   0: orders::charge\n   1: orders::main")
        .non_retriable()
        .with_cause(Failure::new("std::io::Error", "timed out"));
    failure.properties = BTreeMap::from([
        ("code".to_owned(), json!(51)),
        ("nested".to_owned(), json!({"a": [1, 2.5, null, true, "x"]})),
    ]);
    failure
}

#[test]
fn a_failure_comes_back_from_the_host_text() {
    let failure = full();
    let text = host_text(&failure.to_header());
    assert_eq!(Failure::from_activity(Some(&reported(&text))), failure);
    // Names of headers have no case.
    let text = text.replace("durable-failure", "Durable-Failure");
    assert_eq!(Failure::from_activity(Some(&reported(&text))), failure);
    // Should a host quote the body only.
    let body = format!(
        "{{\"ReturnValue\":{{\"durable-failure\":\"{}\"}}}}",
        failure.to_header()
    );
    assert_eq!(Failure::from_activity(Some(&reported(&body))), failure);
    assert_eq!(
        Failure::from_activity(Some(&reported(&body.replace('"', "\\\"")))),
        failure
    );
}

#[test]
fn a_mark_that_carries_nothing_leaves_the_chain_of_the_host() {
    let cut = &full().to_header()[..40];
    for text in [
        "durable-failure: ".to_owned(),
        "durable-failure:".to_owned(),
        "durable-failure".to_owned(),
        "durable-failure: ????".to_owned(),
        "durable-failure: bnVsbA==".to_owned(),
        host_text(cut),
        host_text("eyJhIjoxfQ=="),
    ] {
        let details = reported(&text);
        let failure = Failure::from_activity(Some(&details));
        assert_eq!(failure, Failure::from_proto(&details), "{text}");
        assert_eq!(failure.chain().count(), 3);
    }
    // A broken mark does not hide a whole one.
    let text = format!("durable-failure: no {}", host_text(&full().to_header()));
    assert_eq!(Failure::from_activity(Some(&reported(&text))), full());
}

#[test]
fn no_details_say_so() {
    let failure = Failure::from_activity(None);
    assert_eq!(failure.error_type, NO_DETAILS);
    assert!(failure.message.contains("gave no details"), "{failure}");
    assert!(!failure.non_retriable);
}

#[test]
fn a_failure_in_a_result_is_recognised() {
    let failure = full();
    let text = format!("{{\"durable-failure\":\"{}\"}}", failure.to_header());
    assert_eq!(Failure::from_result(&text), Some(failure.clone()));
    let spaced = format!(" {{ \"durable-failure\" :\n\"{}\" }} ", failure.to_header());
    assert_eq!(Failure::from_result(&spaced), Some(failure));
    for other in [
        "",
        "null",
        "{}",
        "\"durable-failure\"",
        "{\"durable-failure\":1}",
        "{\"durable-failure\":\"x\",\"more\":1}",
        "{\"durable-failures\":\"x\"}",
        "{\"durable-failure\":\"",
        "[{\"durable-failure\":\"x\"}]",
    ] {
        assert_eq!(Failure::from_result(other), None, "{other}");
    }
    // Such a result is a failure even if nobody can tell which.
    let broken = Failure::from_result("{\"durable-failure\":\"x\"}").unwrap();
    assert_eq!(broken.error_type, NO_DETAILS);
}

#[test]
fn results_of_programs_never_look_like_failures() {
    let text = format!("{{\"durable-failure\":\"{}\"}}", full().to_header());
    let sent = crate::value::to_result(text);
    assert_eq!(Failure::from_result(&sent), None);
}

#[test]
fn the_header_has_no_padding_that_looks_like_a_secret() {
    for length in 0..12 {
        let header = Failure::new("T", "x".repeat(length)).to_header();
        assert!(!header.contains('='), "{header}");
        assert!(header.len().is_multiple_of(4));
    }
}

#[test]
fn stacks_are_cut_first_and_the_innermost_before_others() {
    let stack = |n: usize| "at somewhere\n".repeat(n);
    let mut failure = Failure::new("Outer", "outer message")
        .with_stack_trace(stack(1000))
        .with_cause(
            Failure::new("Inner", "inner message")
                .with_stack_trace(stack(2000))
                .non_retriable(),
        );
    failure.properties.insert("a".into(), json!("b"));
    let header = failure.to_header();
    assert!(header.len() <= MAX_HEADER);
    // Nothing is thrown away that would have fitted.
    assert!(header.len() > MAX_HEADER - 64, "{}", header.len());
    let back = Failure::from_header(&header).unwrap();
    assert_eq!(back.stack_trace, failure.stack_trace);
    assert_eq!(back.properties, failure.properties);
    let inner = back.cause.as_ref().unwrap();
    assert!(inner.stack_trace.as_ref().unwrap().ends_with(" [cut]"));
    assert!(inner.non_retriable);
    assert_eq!(inner.message, "inner message");
}

#[test]
fn properties_go_before_messages_and_messages_before_causes() {
    let long = "é\"".repeat(20_000);
    let mut failure = chain_of(5);
    failure.message = long.clone();
    failure.stack_trace = Some(long.clone());
    failure.properties.insert("big".into(), long.clone().into());
    failure.non_retriable = true;
    let back = Failure::from_header(&failure.to_header()).unwrap();
    assert_eq!(back.chain().count(), 5);
    assert!(back.non_retriable && back.error_type == "type 0");
    assert_eq!(back.stack_trace, None);
    assert_eq!(back.properties["cut"], "1 properties were cut");
    let kept = back.message.strip_suffix(" [cut]").unwrap();
    assert!(long.starts_with(kept) && kept.len() > 10_000);
    assert_eq!(back.root_cause().message, "message 4");
}

#[test]
fn chains_are_cut_in_the_middle() {
    let failure = chain_of(10_000);
    let back = Failure::from_header(&failure.to_header()).unwrap();
    assert_eq!(back.chain().count(), MAX_CHAIN);
    assert_eq!(back.error_type, "type 0");
    assert_eq!(back.root_cause().error_type, "type 9999");
    assert!(back.root_cause().message.starts_with("message 9999 ["));

    let message = failure.to_proto();
    let bytes = message.encode_to_vec();
    let decoded = TaskFailureDetails::decode(bytes.as_slice()).unwrap();
    assert_eq!(Failure::from_proto(&decoded), back);
}

#[test]
fn chains_of_any_length_are_handled() {
    // In a thread with little stack: whatever recursed would overflow.
    let run = || {
        let failure = chain_of(100_000);
        let copy = failure.clone();
        assert_eq!(copy, failure);
        let other = failure.clone().with_cause(Failure::new("x", "y"));
        assert_ne!(other, failure);
        assert!(format!("{failure:?}").len() > 1_000_000);
        assert_eq!(failure.root_cause().error_type, "type 99999");
        assert!(failure.to_header().len() <= MAX_HEADER);
        drop(failure.to_proto());
        drop(copy);

        let mut message = details("innermost", "x");
        for _ in 0..10_000 {
            message = TaskFailureDetails {
                inner_failure: Some(Box::new(message)),
                ..details("outer", "durable-failure: ")
            };
        }
        assert_eq!(Failure::from_proto(&message).chain().count(), 10_001);
        assert_eq!(
            Failure::from_activity(Some(&message))
                .root_cause()
                .error_type,
            "innermost"
        );
        assert!(!is_lost_worker(&message));
        // The message is not ours: prost's own drop recurses.
        let mut next = message.inner_failure.take();
        while let Some(mut inner) = next {
            next = inner.inner_failure.take();
        }
    };
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn the_deepest_chain_and_properties_can_be_decoded_where_they_go() {
    let deep = (0..60).fold(json!(1), |inner, _| json!({ "a": [inner] }));
    let mut failure = chain_of(60);
    let mut last = &mut failure;
    loop {
        last.properties.insert("deep".into(), deep.clone());
        match &mut last.cause {
            Some(cause) => last = cause,
            None => break,
        }
    }
    // Inside a turn's response, the deepest place that a failure has.
    let bytes = crate::proto::OrchestratorResponse {
        actions: vec![crate::proto::OrchestratorAction {
            id: 1,
            orchestrator_action_type: Some(crate::proto::ActionType::CompleteOrchestration(
                crate::proto::CompleteOrchestrationAction {
                    carryover_events: vec![crate::proto::HistoryEvent {
                        event_type: Some(crate::proto::EventType::TaskFailed(
                            crate::proto::TaskFailedEvent {
                                failure_details: Some(failure.to_proto()),
                                ..Default::default()
                            },
                        )),
                        ..Default::default()
                    }],
                    failure_details: Some(failure.to_proto()),
                    ..Default::default()
                },
            )),
        }],
        ..Default::default()
    }
    .encode_to_vec();
    crate::proto::OrchestratorResponse::decode(bytes.as_slice()).unwrap();
    let back = Failure::from_header(&failure.to_header()).unwrap();
    assert_eq!(back.error_type, "type 0");
}

#[test]
fn numbers_of_properties_stay_exact() {
    let mut failure = Failure::new("T", "m");
    for (name, value) in [
        ("int", json!(42)),
        ("negative", json!(-42)),
        ("exact", json!(9_007_199_254_740_992_i64)),
        ("fraction", json!(0.1)),
        ("minus zero", json!(-0.0)),
    ] {
        failure.properties.insert(name.into(), value);
    }
    assert_eq!(Failure::from_proto(&failure.to_proto()), failure);
    for (value, text) in [
        (json!(9_007_199_254_740_993_i64), "9007199254740993"),
        (json!(i64::MIN), "-9223372036854775808"),
        (json!(u64::MAX), "18446744073709551615"),
    ] {
        failure.properties = BTreeMap::from([("n".to_owned(), value)]);
        let back = Failure::from_proto(&failure.to_proto());
        assert_eq!(back.properties["n"], text);
    }
}

#[test]
fn it_is_an_error_with_sources() {
    let failure = full();
    assert_eq!(
        failure.to_string(),
        "orders::CardDeclined: card 4711: résumé ☃\nline two"
    );
    assert_eq!(
        failure.source().unwrap().to_string(),
        "std::io::Error: timed out"
    );
    assert!(failure.source().unwrap().source().is_none());
}

#[test]
fn a_lost_worker_is_what_the_host_says_and_nothing_else() {
    let ended = |error_type: &str, message: &str| TaskFailureDetails {
        inner_failure: Some(Box::new(details(error_type, message))),
        ..details(
            "Microsoft.Azure.WebJobs.Host.FunctionInvocationException",
            "Exception while executing function: Functions.pay",
        )
    };
    let (http, socket) = (
        "System.Net.Http.HttpIOException",
        "System.Net.Sockets.SocketException",
    );
    let early = "The response ended prematurely. (ResponseEnded)";
    assert!(is_lost_worker(&ended(http, early)));
    assert!(is_lost_worker(&ended(socket, "Connection refused")));
    assert!(!is_lost_worker(&ended(http, "Something else")));
    assert!(!is_lost_worker(&ended("my::Error", early)));
    // Not the root of the chain, or not reported by the host.
    let mut wrapped = ended(http, early);
    if let Some(inner) = &mut wrapped.inner_failure {
        inner.inner_failure = Some(Box::new(details("System.Exception", "x")));
    }
    assert!(!is_lost_worker(&wrapped));
    assert!(!is_lost_worker(&details(http, early)));
    // A failure that an activity reported itself, even of that name.
    let mut own = reported(&host_text(&Failure::new(http, early).to_header()));
    let inner = own.inner_failure.as_mut().unwrap();
    inner.inner_failure = Some(Box::new(details(http, early)));
    assert!(!is_lost_worker(&own));
}

fn property() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        (-(1i64 << 53)..=1 << 53).prop_map(Into::into),
        any::<i32>().prop_map(|it| (f64::from(it) + 0.5).into()),
        ".{0,20}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(".{0,8}", inner, 0..4)
                .prop_map(|it| it.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn failure(text: &'static str) -> impl Strategy<Value = Failure> {
    let link = (
        text,
        text,
        proptest::option::of(text),
        any::<bool>(),
        prop::collection::btree_map(".{0,8}", property(), 0..3),
    );
    let link = link.prop_map(
        |(error_type, message, stack_trace, non_retriable, properties)| {
            let mut failure = Failure::new(error_type, message);
            failure.stack_trace = stack_trace;
            failure.non_retriable = non_retriable;
            failure.properties = properties;
            failure
        },
    );
    prop::collection::vec(link, 1..6).prop_map(|links| Failure::from_links(links).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn round_trips(failure in failure("(?s).{0,40}")) {
        prop_assert_eq!(&Failure::from_header(&failure.to_header()).unwrap(), &failure);
        prop_assert_eq!(&Failure::from_proto(&failure.to_proto()), &failure);
        let text = host_text(&failure.to_header());
        prop_assert_eq!(&Failure::from_activity(Some(&reported(&text))), &failure);
        let bytes = failure.to_proto().encode_to_vec();
        let decoded = TaskFailureDetails::decode(bytes.as_slice()).unwrap();
        prop_assert_eq!(&Failure::from_proto(&decoded), &failure);
    }

    #[test]
    fn arbitrary_texts_carry_no_failure(text in "(?s).{0,200}", mark in any::<bool>()) {
        let text = if mark { format!("durable-failure: {text}") } else { text };
        let details = reported(&text);
        prop_assert_eq!(Failure::from_activity(Some(&details)), Failure::from_proto(&details));
        let _ = Failure::from_header(&text);
        let _ = Failure::from_result(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_limit_holds(
        failure in failure("(?s).{0,60}"),
        times in prop::collection::vec((0..3000usize, 0..3000usize, 0..3000usize, 0..3000usize), 6),
    ) {
        // Blown up, each of its texts by another factor.
        let mut big = failure;
        let mut link = Some(&mut big);
        for (types, messages, stacks, properties) in times {
            let Some(failure) = link.take() else { break };
            failure.error_type = failure.error_type.repeat(types.max(1));
            failure.message = failure.message.repeat(messages);
            if let Some(stack) = &mut failure.stack_trace {
                *stack = stack.repeat(stacks);
            }
            for value in failure.properties.values_mut() {
                *value = value.to_string().repeat(properties).into();
            }
            link = failure.cause.as_deref_mut();
        }
        let header = big.to_header();
        prop_assert!(header.len() <= MAX_HEADER, "{}", header.len());
        let back = Failure::from_header(&header).unwrap();
        prop_assert_eq!(back.non_retriable, big.non_retriable);
        let kept = back.error_type.strip_suffix(" [cut]").unwrap_or(&back.error_type);
        prop_assert!(big.error_type.starts_with(kept));
        prop_assert!(big.error_type.len() > 3_000 || back.error_type == big.error_type);
    }
}
