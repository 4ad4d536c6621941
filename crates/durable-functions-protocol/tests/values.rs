//! Values keep their exact text on the way through the host: against recorded traffic and against
//! a model of the host.

// Helpers of tests may fail like tests; Clippy knows only the functions marked as such.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::{input_through_host, result_through_host};
use durable_functions_protocol::Failure;
use durable_functions_protocol::value::{
    is_exact_input, is_exact_result, to_input, to_result, unwrap,
};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    way: String,
    sent: Option<String>,
    arrived: Option<String>,
}

fn recorded() -> Vec<Recorded> {
    serde_json::from_str(include_str!("data/values.json")).unwrap()
}

#[test]
fn what_the_host_altered_in_recordings_is_wrapped() {
    let mut altered = 0;
    for Recorded { way, sent, arrived } in recorded() {
        let Some(sent) = sent else { continue };
        let exact = match way.as_str() {
            "result" => is_exact_result(&sent),
            _ => is_exact_input(&sent),
        };
        // A result of null arrives as none at all, which means the same.
        let same = arrived.unwrap_or("null".into()) == sent;
        altered += u32::from(!same);
        assert!(same || !exact, "{way} {sent} is altered but not wrapped");
        // Not the other way round in general; here only exponents are wrapped without need, and
        // dates that happen to be written the way the host does.
        let needless = sent == "1E+300" || sent == "\"2020-01-01T00:00:00Z\"";
        assert!(
            exact || !same || needless,
            "{way} {sent} is wrapped without need"
        );
    }
    assert_eq!(altered, 13);
}

#[test]
fn the_model_agrees_with_the_recordings() {
    for Recorded { way, sent, arrived } in recorded() {
        let Some(sent) = sent else { continue };
        let model = match way.as_str() {
            "result" => result_through_host(&sent),
            _ => input_through_host(&sent),
        };
        let arrived = arrived.unwrap_or("null".into());
        let model = model.unwrap();
        if model.ends_with("moved to another zone\"") {
            assert_ne!(sent, arrived);
        } else {
            assert_eq!(model, arrived, "{way} {sent}");
        }
    }
}

fn blank() -> impl Strategy<Value = &'static str> {
    prop_oneof![12 => Just(""), 1 => Just(" "), 1 => Just("\n\t"), 1 => Just("\r\n  ")]
}

fn character() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => "[a-zA-Z0-9 _:$T.-]",
        1 => Just("\\\"".to_owned()),
        1 => Just("\\\\".to_owned()),
        1 => Just("\\/".to_owned()),
        1 => "\\\\[bfnrt]",
        1 => "\\\\u00[0-9a-fA-F]{2}",
        1 => prop::sample::select(vec!["\\u2028", "\\u2029", "\\u0085", "\\uD83D\\uDE00", "\\ud800"])
            .prop_map(str::to_owned),
        1 => prop::sample::select(vec!["\u{85}", "\u{2028}", "\u{2029}", "é", "서", "😀", "\u{7f}", "\u{feff}", "\u{a0}", "\u{2027}"])
            .prop_map(str::to_owned),
    ]
}

fn string() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        "2020-01-01T00:00:00",
        "2020-01-01T00:00:00Z",
        "2020-01-01T00:00:00.000Z",
        "2024-02-29T12:34:56.1234567+05:30",
        "2024-02-29T12:34:56.123456789Z",
        "2024-02-29T12:34:56+00:00",
        "2024-02-29 12:34:56",
        "2024-02-29",
        "2024-02-29T12:34:56 and so on, a line of a log",
        "1234567890T12345678",
        "/Date(1)/",
        "/Date(1198908717056+0100)/",
        "/Dates",
        "\\/Date(1)\\/",
        "durable-json:1",
        "durable-json:",
        "durable-json",
        "\\u0064urable-json:1",
        "\\u00320-01-01T00:00:00Z",
        "aGVsbG8=",
        "null",
        "{}",
    ]);
    prop_oneof![
        1 => special.prop_map(|it| format!("\"{it}\"")),
        2 => prop::collection::vec(character(), 0..12).prop_map(|it| format!("\"{}\"", it.concat())),
        1 => "[0-9]{4}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-1][0-9]:[03]0)?"
            .prop_map(|it| format!("\"{it}\"")),
    ]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,3})",
        "-?(0|[1-9][0-9]{0,40})",
        "-?(0|[1-9][0-9]{0,5})\\.[0-9]{1,4}",
        "-?(0|[1-9][0-9]{0,16})\\.[0-9]{1,20}",
        "-?0\\.0{0,8}[0-9]{1,6}",
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?[eE][+-]?[0-9]{1,3}",
        any::<f64>()
            .prop_filter("JSON has no such", |it| it.is_finite())
            .prop_map(|it| serde_json::to_string(&it).unwrap()),
        any::<f64>()
            .prop_filter("JSON has no such", |it| it.is_finite())
            .prop_map(|it| format!("{it}")),
        (any::<i32>(), 0..6u32)
            .prop_map(|(it, scale)| { (f64::from(it) / f64::from(10u32.pow(scale))).to_string() }),
        (379..383usize).prop_map(|it| "7".repeat(it)),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-d]{0,2}",
        1 => prop::sample::select(vec!["$type", "$id", "$ref", "$values", "$", "durable-failure", "instanceId", "INSTANCEID", "2020-01-01T00:00:00.0Z"])
            .prop_map(str::to_owned),
        1 => character(),
    ]
    .prop_map(|it| format!("\"{it}\""))
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["null", "true", "false", "[]", "{}"]).prop_map(str::to_owned),
        number(),
        string(),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        let spaced = (blank(), inner.clone(), blank()).prop_map(|(a, it, b)| format!("{a}{it}{b}"));
        let member = (blank(), key(), blank(), inner)
            .prop_map(|(a, name, b, value)| format!("{a}{name}{b}:{value}"));
        prop_oneof![
            prop::collection::vec(spaced, 1..6).prop_map(|it| format!("[{}]", it.join(","))),
            prop::collection::vec(member, 1..8).prop_map(|it| format!("{{{}}}", it.join(","))),
        ]
    })
}

/// What programs ordinarily return: no reason to wrap any of it.
fn tame() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Into::into),
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-1_000_000..1_000_000i32).prop_map(|cents| (f64::from(cents) / 100.0).into()),
        "[ -~가-힣\n\t]{0,18}".prop_map(Into::into),
    ];
    let leaf = leaf.prop_filter(
        "dates and zeros have their own tests",
        |it: &serde_json::Value| {
            *it != serde_json::json!(-0.0)
                && !it.as_str().is_some_and(|it| it.starts_with("/Date("))
        },
    );
    leaf.prop_recursive(4, 64, 16, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..16).prop_map(Into::into),
            prop::collection::vec(("[a-z][a-zA-Z_]{0,9}", inner), 0..40)
                .prop_map(|it| it.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(1024),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn results_that_are_not_wrapped_pass_unaltered(text in json()) {
        if is_exact_result(&text) {
            prop_assert_eq!(result_through_host(&text), Some(text));
        }
    }

    #[test]
    fn inputs_that_are_not_wrapped_pass_unaltered(text in json()) {
        if is_exact_input(&text) {
            prop_assert_eq!(input_through_host(&text), Some(text));
        }
    }

    #[test]
    fn results_come_back_as_the_very_text(text in json()) {
        let sent = to_result(text.clone());
        prop_assert_eq!(unwrap(&sent).unwrap(), text.as_str());
        let arrived = result_through_host(&sent).unwrap();
        prop_assert_eq!(unwrap(&arrived).unwrap(), text.as_str());
        prop_assert_eq!(Failure::from_result(&arrived), None);
    }

    #[test]
    fn inputs_come_back_as_the_very_text(text in json()) {
        let arrived = input_through_host(&to_input(text.clone())).unwrap();
        prop_assert_eq!(unwrap(&arrived).unwrap(), text.as_str());
    }

    #[test]
    fn doubles_come_back_to_the_last_bit(value in any::<f64>()) {
        prop_assume!(value.is_finite());
        let sent = to_result(serde_json::to_string(&value).unwrap());
        let arrived = result_through_host(&sent).unwrap();
        let back: f64 = serde_json::from_str(&unwrap(&arrived).unwrap()).unwrap();
        prop_assert_eq!(back.to_bits(), value.to_bits());
    }

    #[test]
    fn any_text_at_all_comes_back(text in ".*") {
        for sent in [to_result(text.clone()), to_input(text.clone())] {
            prop_assert_eq!(unwrap(&sent).unwrap(), text.as_str());
            // And what is sent is always JSON.
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&sent).is_ok());
        }
    }

    #[test]
    fn ordinary_values_are_not_wrapped(value in tame()) {
        let text = value.to_string();
        prop_assert!(is_exact_result(&text), "{}", text);
        prop_assert!(is_exact_input(&text), "{}", text);
    }
}
