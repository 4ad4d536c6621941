use proptest::prelude::*;
use prost_types::Timestamp;
use uuid::Uuid;

use super::*;
use crate::failure::Failure;
use crate::time;

const CALL: &str = r#"{"op":"get","id":"8c848ead-1d29-5389-a7a5-ee999bf25bc2","parent":"entity_calls","parentExecution":"c83104e1-2e4f-4825-8a2a-860c6ba2cfb2","Timestamp":"2026-11-23T09:02:39.1634762Z","Predecessor":"2026-11-23T09:02:38.9591529Z","IsLockRequest":false,"createTrace":true,"requestTime":"2026-11-23T09:02:39.1836367+00:00"}"#;
const SIGNAL: &str = r#"{"op":"add","signal":true,"input":"3","id":"3e2fea51-1857-575a-ac49-c92b7013baf4","parent":"entity_calls","parentExecution":"c83104e1-2e4f-4825-8a2a-860c6ba2cfb2","Timestamp":"2026-11-23T09:02:39.2032208","Predecessor":"2026-11-23T09:02:39.2032207Z","IsLockRequest":false,"createTrace":true,"requestTime":"2026-11-23T09:02:39.2065434+00:00"}"#;
const LOCK: &str = r#"{"op":null,"id":"57c79451-2248-5ac4-9d62-fed5e2a99749","parent":"entity_lock","parentExecution":"99895fb2-0dc5-4ef6-b031-de0aaf349940","Timestamp":"2026-11-23T09:02:39.79437Z","Predecessor":"0001-01-01T00:00:00","lockset":[{"name":"counter","key":"entity_lock-a"},{"name":"counter","key":"entity_lock-b"}],"IsLockRequest":true,"createTrace":false}"#;
const RELEASED: &str = r#"{"parent":"entity_lock","id":"57c79451-2248-5ac4-9d62-fed5e2a99749"}"#;

#[test]
fn recorded_requests_are_written_as_they_were_read() {
    for json in [CALL, SIGNAL, LOCK] {
        assert_eq!(Request::from_json(json).unwrap().to_json(), json);
    }
    let call = Request::from_json(CALL).unwrap();
    assert_eq!(call.op.as_deref(), Some("get"));
    assert!(!call.signal && !call.is_lock_request && call.input.is_none());
    let signal = Request::from_json(SIGNAL).unwrap();
    assert!(signal.signal && signal.timestamp.is_after(&signal.predecessor));
    let lock = Request::from_json(LOCK).unwrap();
    assert!(lock.is_lock_request && lock.op.is_none() && lock.predecessor.is_none());
    assert_eq!(lock.lockset.unwrap().len(), 2);
    assert_eq!(Release::from_json(RELEASED).unwrap().to_json(), RELEASED);
}

#[test]
fn locks_are_sorted_and_told_once() {
    let ids = ["@b@1", "@a@2", "@A@10", "@a@2"].map(|id| id.parse().unwrap());
    let lock = Request::lock(Uuid::nil(), ids.to_vec());
    let lockset: Vec<_> = lock
        .lockset
        .unwrap()
        .iter()
        .map(|it| it.0.to_string())
        .collect();
    assert_eq!(lockset, ["@a@10", "@a@2", "@b@1"]);
}

#[test]
fn recorded_responses() {
    let read = |json| Response::from_json(json).unwrap();
    let text = |text: &str| Response::Success(Some(text.into()));
    assert_eq!(read(r#"{"result":"5"}"#), text("5"));
    assert_eq!(read(r#"{"result":null}"#), Response::Success(None));
    assert_eq!(read("{}"), Response::Success(None));
    let granted = r#"{"result":"Lock Acquisition Completed"}"#;
    assert_eq!(read(granted), text(LOCK_GRANTED));
    assert_eq!(text(LOCK_GRANTED).to_json(), granted);

    let failed = r#"{"result":null,"failureDetails":{"ErrorType":"System.InvalidOperationException","ErrorMessage":"counter fails","StackTrace":"   at x","InnerFailure":{"ErrorType":"System.TimeoutException","ErrorMessage":"inner reason","StackTrace":null,"InnerFailure":null,"IsNonRetriable":false,"Properties":null},"IsNonRetriable":true,"Properties":{"item":4711.0}}}"#;
    let mut expected = Failure::new("System.InvalidOperationException", "counter fails")
        .with_stack_trace("   at x")
        .with_cause(Failure::new("System.TimeoutException", "inner reason"))
        .non_retriable();
    expected.properties.insert("item".into(), 4711.into());
    assert_eq!(read(failed), Response::Failure(expected.clone()));
    let camel =
        r#"{"exceptionType":"ignored","failureDetails":{"errorType":"T","errorMessage":"m"}}"#;
    assert_eq!(read(camel), Response::Failure(Failure::new("T", "m")));
    let old = r#"{"exceptionType":"System.Exception","result":"it went wrong"}"#;
    assert_eq!(
        read(old),
        Response::Failure(Failure::new("System.Exception", "it went wrong"))
    );
    let shapeless = r#"{"failureDetails":"it went wrong"}"#;
    assert!(
        matches!(read(shapeless), Response::Failure(failure) if failure.message.contains("wrong"))
    );
    let error = Response::from_json("[").unwrap_err().to_string();
    assert!(error.contains("an entity's answer"), "{error}");
}

#[test]
fn ids() {
    let id: EntityId = "@Counter@a@B".parse().unwrap();
    assert_eq!((id.name(), id.key()), ("counter", "a@B"));
    assert_eq!(serde_json::to_string(&id).unwrap(), "\"@counter@a@B\"");
    assert_eq!(
        serde_json::from_str::<EntityId>("\"@counter@a@B\"").unwrap(),
        id
    );
    for wrong in ["", "@", "@a", "a@b", "@@b", "@a@", "@a/b@c", "@a@\n"] {
        assert!(wrong.parse::<EntityId>().is_err(), "{wrong:?}");
    }
    assert!(EntityId::new("a@b", "c").validate().is_err());
}

#[test]
fn names_of_events() {
    assert!(is_request("op") && is_request("op@2026-11-23T09:02:40.5550300Z"));
    assert!(!is_request("operate") && !is_request("release") && !is_request("Op"));
}

fn times() -> impl Strategy<Value = Timestamp> {
    (-62_135_596_800..253_402_300_800_i64, 0..10_000_000).prop_map(|(seconds, ticks)| Timestamp {
        seconds,
        nanos: ticks * 100,
    })
}

fn labels() -> impl Strategy<Value = Label> {
    prop_oneof![
        Just(Label::NONE),
        times().prop_map(|time| Label::new(&time)),
        times().prop_map(|time| Label::new(&time).next()),
    ]
}

prop_compose! {
    fn requests()(
        op in proptest::option::of(".*"),
        signal: bool,
        input in proptest::option::of(".*"),
        id: u128,
        parent in proptest::option::of(".*"),
        due in proptest::option::of(labels()),
        timestamp in labels(),
        predecessor in labels(),
        keys in proptest::option::of(proptest::collection::vec(".*", 0..4)),
        position in 0..4_u32,
        is_lock_request: bool,
        create_trace: bool,
        request_time in proptest::option::of(times()),
    ) -> Request {
        Request {
            op,
            signal,
            input,
            id: Uuid::from_u128(id),
            parent_execution: parent.clone(),
            parent,
            due,
            timestamp,
            predecessor,
            lockset: keys.map(|keys| keys.iter().map(|key| LockedEntity(EntityId::new("n", key))).collect()),
            position,
            is_lock_request,
            parent_trace_context: None,
            create_trace,
            request_time: request_time.map(RequestTime),
        }
    }
}

fn failures() -> impl Strategy<Value = Failure> {
    let link = (
        ".*",
        ".*",
        proptest::option::of(".*"),
        any::<bool>(),
        any::<i32>(),
    );
    let chain = proptest::collection::vec(link, 1..5);
    chain.prop_map(|links| {
        let mut chain: Option<Failure> = None;
        for (error_type, message, stack, non_retriable, number) in links {
            let mut failure = Failure::new(error_type, message);
            failure.stack_trace = stack;
            failure.non_retriable = non_retriable;
            failure.properties.insert("number".into(), number.into());
            failure.cause = chain.take().map(Box::new);
            chain = Some(failure);
        }
        chain.unwrap()
    })
}

proptest! {
    #[test]
    fn requests_come_through(request in requests()) {
        prop_assert_eq!(Request::from_json(&request.to_json()).unwrap(), request);
    }

    #[test]
    fn responses_come_through(result in proptest::option::of(".*"), failure in failures()) {
        for response in [Response::Success(result.clone()), Response::Failure(failure)] {
            prop_assert_eq!(Response::from_json(&response.to_json()).unwrap(), response);
        }
    }

    #[test]
    fn labels_move_on(time in times()) {
        let label = Label::new(&time);
        prop_assert!(label.next().is_after(&label) || time::compare(&time, &time::MAX).is_eq());
        let text = format!("\"{label}\"");
        prop_assert_eq!(serde_json::from_str::<Label>(&text).unwrap(), label);
    }

    #[test]
    fn nothing_panics(text in ".*") {
        let _ = Request::from_json(&text);
        let _ = Response::from_json(&text);
        let _ = Release::from_json(&text);
        if let Ok(id) = text.parse::<EntityId>() {
            prop_assert_eq!(id.to_string().parse::<EntityId>().unwrap(), id);
        }
    }
}
