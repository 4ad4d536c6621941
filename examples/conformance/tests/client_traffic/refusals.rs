//! The comparison refuses recorded answers once something in them is changed.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::Value;
use serde_json::value::RawValue;

use super::compare::Comparer;
use super::exchange::{Answer, Scenario};
use super::words::Place;

/// The recorded answer, as the host of another task hub gives it.
fn ours(answer: &Answer) -> Answer {
    let mut ours = answer.clone();
    for hub in ["RecHub", "RefHub"] {
        ours.body = ours.body.replace(hub, "Hub");
        for value in ours.headers.values_mut() {
            *value = value.replace(hub, "Hub");
        }
    }
    ours
}

/// A change of bodies.
struct Change {
    what: &'static str,
    /// How many recorded answers it changes.
    count: usize,
    /// Changed answers that are right all the same.
    right: &'static [&'static str],
    of: fn(&str) -> Option<String>,
}

const fn change(what: &'static str, count: usize, of: fn(&str) -> Option<String>) -> Change {
    Change {
        what,
        count,
        right: &[],
        of,
    }
}

#[test]
fn changed_answers_are_refused() {
    let mut counts = vec![0; CHANGES.len()];
    let mut passed = Vec::new();
    for scenario in Scenario::all() {
        let place = Place {
            origin: "http://localhost:7071".into(),
            hubs: vec!["Hub".into()],
        };
        let mut comparer = Comparer::new(&scenario, place);
        for (number, exchange) in scenario.exchanges.iter().enumerate() {
            if comparer.left_out(number).is_some() {
                continue;
            }
            let recorded = ours(&exchange.recorded);
            let before = comparer.clone();
            let same = comparer.compare(number, &recorded, None);
            assert!(same.differences.is_empty(), "{:?}", same.differences);
            for (change, count) in CHANGES.iter().zip(&mut counts) {
                let Some(body) = (change.of)(&recorded.body) else {
                    continue;
                };
                assert_ne!(body, recorded.body);
                *count += 1;
                let answer = Answer {
                    body,
                    ..recorded.clone()
                };
                let compared = before.clone().compare(number, &answer, None);
                let request = format!("{} {}", exchange.method, exchange.path);
                if compared.differences.is_empty() && !change.right.contains(&request.as_str()) {
                    let scenario = &scenario.scenario;
                    passed.push(format!("{}: {scenario}: {request}", change.what));
                }
            }
        }
    }
    assert!(passed.is_empty(), "{passed:#?}");
    let counted = CHANGES.iter().zip(counts);
    let wrong = counted.filter(|(change, count)| change.count != *count);
    let wrong: Vec<_> = wrong.map(|(change, count)| (change.what, count)).collect();
    assert!(
        wrong.is_empty(),
        "other numbers of changed answers: {wrong:?}"
    );
}

/// Replaces every member of this name for which `change` has another value, in the text itself:
/// everything else stays as it was written.
fn members(body: &str, name: &str, change: impl Fn(&Value) -> Option<Value>) -> Option<String> {
    let start = format!("\"{name}\":");
    let (mut rest, mut out) = (body, String::new());
    while let Some(at) = rest.find(&start) {
        let (head, tail) = rest.split_at(at + start.len());
        out.push_str(head);
        rest = tail;
        let mut values = serde_json::Deserializer::from_str(tail).into_iter::<Value>();
        if let Some(Ok(value)) = values.next()
            && let Some(other) = change(&value)
        {
            out.push_str(&other.to_string());
            rest = &tail[values.byte_offset()..];
        }
    }
    out.push_str(rest);
    (out != body).then_some(out)
}

fn encoded(value: &Value) -> Option<Value> {
    (!value.is_null()).then(|| value.to_string().into())
}

fn decoded(value: &Value) -> Option<Value> {
    serde_json::from_str(value.as_str()?).ok()
}

fn null(value: &Value) -> Option<Value> {
    (!value.is_null()).then_some(Value::Null)
}

fn renamed(body: &str, name: &str) -> Option<String> {
    other(body, body.replace(&format!("\"{name}\":"), "\"Other\":"))
}

fn other(body: &str, other: String) -> Option<String> {
    (other != body).then_some(other)
}

static ZONE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(202[6-9]-\d\d-\d\dT[\d:.]+)(Z|\+00:00)""#).unwrap());

/// The first two members of an event.
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"("EventType":"\w+"),("\w+":(?:null|"[^"\\]*"|\d+|true|false))"#).unwrap()
});

const CHANGES: &[Change] = &[
    change("input encoded once more", 359, |body| {
        members(body, "input", encoded)
    }),
    change("customStatus encoded once more", 133, |body| {
        members(body, "customStatus", encoded)
    }),
    change("output encoded once more", 275, |body| {
        members(body, "output", encoded)
    }),
    change("Result encoded once more", 83, |body| {
        members(body, "Result", encoded)
    }),
    change("result encoded once more", 213, |body| {
        members(body, "result", encoded)
    }),
    change("Input encoded once more", 83, |body| {
        members(body, "Input", encoded)
    }),
    change("input decoded once more", 172, |body| {
        members(body, "input", decoded)
    }),
    change("output decoded once more", 73, |body| {
        members(body, "output", decoded)
    }),
    change("Input decoded once more", 83, |body| {
        members(body, "Input", decoded)
    }),
    change("output null", 275, |body| members(body, "output", null)),
    change("Result null", 67, |body| {
        // ours is null where an orchestration fails
        let failed = body.contains(r#""OrchestrationStatus":"Failed""#);
        members(body, "Result", null).filter(|_| !failed)
    }),
    change("FailureDetails null", 20, |body| {
        members(body, "FailureDetails", null)
    }),
    change("failureDetails null", 21, |body| {
        members(body, "failureDetails", null)
    }),
    change("no StackTrace", 36, |body| renamed(body, "StackTrace")),
    change("no output", 288, |body| renamed(body, "output")),
    change("no FailureDetails", 86, |body| {
        renamed(body, "FailureDetails")
    }),
    change("times without a zone", 387, |body| {
        other(body, ZONE.replace_all(body, "$1\"").into_owned())
    }),
    Change {
        what: "a listing the other way round",
        count: 8,
        // one entity of these is ours
        right: &[
            "GET /runtime/webhooks/durabletask/entities?code=KEY",
            "GET /runtime/webhooks/durabletask/entities/counter?code=KEY",
        ],
        of: |body| {
            let mut items: Vec<Box<RawValue>> = serde_json::from_str(body).ok()?;
            items.reverse();
            (items.len() > 1).then(|| serde_json::to_string(&items).unwrap())
        },
    },
    change("a history the other way round", 87, |body| {
        members(body, "events", |events| {
            let mut events = events.as_array()?.clone();
            events.reverse();
            Some(events.into())
        })
    }),
    change("an event's members in another order", 86, |body| {
        other(body, PAIR.replace_all(body, "$2,$1").into_owned())
    }),
    change("the first URL of another instance", 91, |body| {
        let (head, tail) = body.split_once("/instances/")?;
        let (id, tail) = tail.split_once('?')?;
        let id = id.replace(|letter: char| letter.is_ascii_alphanumeric(), "0");
        Some(format!("{head}/instances/{id}?{tail}"))
    }),
    change("another task hub", 9, |body| {
        other(body, body.replacen("taskHub=Hub", "taskHub=Other", 1))
    }),
    change("another port", 91, |body| {
        other(body, body.replacen("localhost:7071", "localhost:7072", 1))
    }),
];
