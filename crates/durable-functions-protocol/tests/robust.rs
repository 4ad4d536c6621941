//! Nothing panics and nothing is accepted that should not be, whatever comes in.

// Helpers of tests may fail like tests; Clippy knows only the functions marked as such.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use durable_functions_protocol::proto::{
    EntityBatchRequest, OrchestratorRequest, OrchestratorResponse, TaskFailureDetails,
};
use durable_functions_protocol::{
    BindingValue, Failure, HttpResponseData, InvocationRequest, Reply, http_api, id, value,
};
use proptest::prelude::*;
use prost::Message;
use serde_json::value::RawValue;

/// Texts that get further than arbitrary ones: pieces of requests in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\\"",
        "\\\\",
        "\\u0041",
        "\\ud800",
        "null",
        "true",
        "1",
        "-",
        "1.5",
        "1e999",
        " ",
        "\n",
        "\"Data\":",
        "\"Metadata\":",
        "\"Url\":",
        "\"Method\":",
        "\"Query\":",
        "\"Headers\":",
        "\"Body\":",
        "\"a\"",
        "\"\\\"AQID\\\"\"",
        "\"grpcHttpClientTimeout\":",
        "00:01:40",
        "durable-json:",
        "durable-failure",
        "\"durable-failure\":",
        "eyJhIjoxfQ==",
        "서울",
        "😀",
        "\u{2028}",
        "@",
        "$type",
        "2020-01-01T00:00:00Z",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|it| it.concat())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![pieces(), "(?s).{0,80}"]
}

/// Everything that can be asked of a value.
fn exercise(value: BindingValue<'_>) {
    let mut buffer = vec![1, 2, 3];
    let filled = value.protobuf_into(&mut buffer);
    assert!(filled.is_ok() != buffer.is_empty());
    assert_eq!(value.protobuf().ok(), filled.is_ok().then_some(buffer));
    let _ = value.message::<OrchestratorRequest>();
    if let Ok(Some(json)) = value.json() {
        serde_json::from_str::<serde::de::IgnoredAny>(&json).unwrap();
        let _ = value::unwrap(&json);
    }
    for error in [
        value.http_request().err(),
        value.durable_client().err(),
        value.protobuf().err(),
    ]
    .into_iter()
    .flatten()
    {
        assert!(error.excerpt().is_none_or(|it| it.chars().count() <= 80));
        assert!(!error.to_string().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(1024),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn requests(body in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        text().prop_map(String::into_bytes),
        pieces().prop_map(|it| format!("{{\"Data\":{{\"a\":{it}}}}}").into_bytes()),
    ]) {
        match InvocationRequest::parse(&body) {
            Ok(request) => {
                request.bindings().for_each(|(_, value)| exercise(value));
                let _ = (request.data("a"), request.only_data(), request.metadata_text("a"));
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn values(text in text(), levels in 0..3) {
        let mut json = text.clone();
        for _ in 0..levels {
            json = serde_json::to_string(&json).unwrap();
        }
        if let Ok(raw) = serde_json::from_str::<&RawValue>(&json) {
            exercise(BindingValue::new(raw));
        }
        let _ = value::unwrap(&json);
        let _ = Failure::from_result(&json);
        let _ = Failure::from_header(&text);
        let _ = id::validate_instance_id(&text);
        prop_assert!(http_api::url_encode(&text).is_ascii());
    }

    #[test]
    fn messages(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = OrchestratorResponse::decode(bytes.as_slice());
        let _ = EntityBatchRequest::decode(bytes.as_slice());
        if let Ok(request) = OrchestratorRequest::decode(bytes.as_slice()) {
            let again = OrchestratorRequest::decode(request.encode_to_vec().as_slice());
            prop_assert!(again.is_ok());
        }
        if let Ok(details) = TaskFailureDetails::decode(bytes.as_slice()) {
            let failure = Failure::from_activity(Some(&details));
            let _ = (failure.to_header(), failure.to_proto());
        }
    }

    #[test]
    fn messages_come_through_both_levels(bytes in prop::collection::vec(any::<u8>(), 1..200)) {
        let once = format!("\"{}\"", base64_simd::STANDARD.encode_to_string(&bytes));
        let twice = serde_json::to_string(&once).unwrap();
        // Readers must not depend on how the host escapes.
        let escaped: String = once.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        for text in [once, twice, format!("\"{escaped}\"")] {
            let raw: &RawValue = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&BindingValue::new(raw).protobuf().unwrap(), &bytes, "{}", text);
        }
    }

    #[test]
    fn inputs_come_through_as_the_host_encodes_them(input in text()) {
        let input = serde_json::to_string(&input).unwrap();
        let wire = serde_json::to_string(&serde_json::to_string(&input).unwrap()).unwrap();
        let raw: &RawValue = serde_json::from_str(&wire).unwrap();
        let json = BindingValue::new(raw).json().unwrap();
        prop_assert_eq!(json.as_deref(), Some(&*input));
    }

    #[test]
    fn replies_are_always_objects(
        logs in prop::collection::vec(".{0,20}", 0..3),
        text in text(),
        status: u16,
        headers in prop::collection::vec(("(?i)set-cookie|[a-c]", ".{0,9}"), 0..5),
    ) {
        let response = HttpResponseData { status, headers, body: Some(text.clone()) };
        // Not wrapped, which is a mistake: still JSON, if with numbers that not all can read.
        let raw = Reply::activity(Some(&text), &logs);
        prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&raw.body).is_ok());
        for reply in [
            Reply::activity(Some(&value::to_result(text.clone())), &logs),
            Reply::activity_failure(&Failure::new(text.clone(), text.clone())),
            Reply::http_through(&text, &response, &logs),
        ] {
            let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            prop_assert!(body["Outputs"].is_object() && body["Logs"].is_array());
            prop_assert_eq!(reply.failure_header.is_some(), reply.content_type != "application/json");
            if let Some(header) = reply.failure_header {
                prop_assert!(header.bytes().all(|b| b.is_ascii_graphic()));
            }
        }
    }
}

#[test]
fn invalid_input_is_not_taken_for_empty() {
    for text in ["\"\"", "\"\\\"\\\"\"", "null", "\"null\""] {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        assert!(BindingValue::new(raw).protobuf().is_err(), "{text}");
    }
}
