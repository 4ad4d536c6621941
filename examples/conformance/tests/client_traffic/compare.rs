//! What is the same.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use regex_lite::Regex;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::exchange::{Answer, Exchange};
use super::exclusions::{EXCLUSIONS, Part};

/// What came of one exchange.
pub struct Compared {
    pub sent: bool,
    /// Numbers of the exclusions that it needed.
    pub excluded: Vec<usize>,
    /// Numbers of those that were for it.
    pub applicable: Vec<usize>,
    pub differences: Vec<String>,
}

/// Ids that are made anew, times of the day of the recording and of today, keys, hubs and ports.
static VARYING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"http://localhost:\d+", "http://HOST"),
        (r"taskHub=\w+", "taskHub=HUB"),
        (r"code=[\w=%-]+", "code=KEY"),
        (
            r"20(2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|\+00:00)?",
            "TIME.FRACTION",
        ),
        (
            r"20(2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)?",
            "TIME",
        ),
        (
            r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
            "GUID",
        ),
        (r"\b[0-9a-f]{32}\b", "HEX"),
    ]
    .into_iter()
    .map(|(pattern, name)| (Regex::new(pattern).unwrap(), name))
    .collect()
});

pub fn normal(text: &str) -> String {
    VARYING
        .iter()
        .fold(text.to_owned(), |text, (pattern, name)| {
            pattern.replace_all(&text, *name).into_owned()
        })
}

/// A continuation token is base64 of the next id; Azure Storage's end in a blank.
fn normal_header(name: &str, value: &str) -> String {
    if name == "x-ms-continuation-token" {
        let decoded = base64_simd::STANDARD.decode_to_vec(value.trim());
        if let Some(id) = decoded.ok().and_then(|id| String::from_utf8(id).ok()) {
            return format!("base64({})", normal(&id));
        }
    }
    normal(value)
}

/// A document as a value. Payloads are texts of the app, which may be spaced and ordered differently;
/// the instances of a listing are sorted by ids that are made anew.
fn document(text: &str) -> Value {
    let mut value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
    unpack(&mut value);
    if let Value::Array(items) = &mut value
        && items.iter().all(|item| item["instanceId"].is_string())
    {
        items.sort_by_key(Value::to_string);
    }
    value
}

/// Texts that are JSON become what they say.
fn unpack(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(unpack),
        Value::Array(items) => items.iter_mut().for_each(unpack),
        Value::String(text) if text.starts_with(['{', '[', '"']) => {
            if let Ok(mut unpacked) = serde_json::from_str(text) {
                unpack(&mut unpacked);
                *value = unpacked;
            }
        }
        _ => {}
    }
}

/// The names of a document's members, and of those in a listing, in their order.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<String>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a document")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut names = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    let events = value.as_array().filter(|_| name == "historyEvents");
                    names.push(format!("{name}{:?}", events.map(Vec::len)));
                }
                Ok(names)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut names = Vec::new();
                while let Some(Names(item)) = items.next_element()? {
                    names.extend(item);
                }
                Ok(names)
            }
        }
        deserializer.deserialize_any(Collect).map(Self)
    }
}

fn names(text: &str) -> Option<Vec<String>> {
    serde_json::from_str::<Names>(text)
        .ok()
        .map(|names| names.0)
}

/// Takes the members of this name out of a document. `{"ok":true,"result":..}` is the frame of what
/// the app answers.
fn take(value: &mut Value, name: &str, taken: &mut Vec<Value>) {
    match value {
        Value::Object(members) => {
            if name != "result" || !members.contains_key("ok") {
                taken.extend(members.remove(name));
            }
            members
                .values_mut()
                .for_each(|value| take(value, name, taken));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| take(item, name, taken)),
        _ => {}
    }
}

pub fn compare(scenario: &str, exchange: &Exchange, ours: &Answer) -> Compared {
    let recorded = &exchange.recorded;
    let mut compared = Compared {
        sent: true,
        excluded: Vec::new(),
        applicable: Vec::new(),
        differences: Vec::new(),
    };
    let request = format!("{} {}", exchange.method, exchange.path);
    let applicable: Vec<(usize, Part)> = EXCLUSIONS
        .iter()
        .enumerate()
        .filter(|(_, exclusion)| exclusion.applies(scenario, &request))
        .map(|(number, exclusion)| (number, exclusion.part))
        .collect();
    compared.applicable = applicable.iter().map(|(number, _)| *number).collect();
    let mut differ = |what: &str, recorded: String, ours: String| {
        compared.differences.push(format!(
            "{scenario}: {request}\n  {what}\n    recorded {recorded}\n    ours     {ours}"
        ));
    };

    if recorded.status != ours.status {
        let exclusion = applicable
            .iter()
            .find(|(_, part)| matches!(part, Part::Status));
        match exclusion {
            Some((number, _)) => compared.excluded.push(*number),
            None => differ(
                "status",
                recorded.status.to_string(),
                format!("{} {}", ours.status, ours.body),
            ),
        }
    }
    let present = recorded.headers.keys().chain(ours.headers.keys());
    let present: BTreeSet<&String> = present.collect();
    for name in present {
        let value = |answer: &Answer| {
            let value = answer.headers.get(name);
            value.map(|value| normal_header(name, value))
        };
        let (recorded, ours) = (value(recorded), value(ours));
        if recorded == ours {
            continue;
        }
        let exclusion = applicable
            .iter()
            .find(|(_, part)| matches!(part, Part::Header(header) if header == name));
        match exclusion {
            Some((number, _)) => compared.excluded.push(*number),
            None => differ(name, format!("{recorded:?}"), format!("{ours:?}")),
        }
    }

    let (recorded_text, our_text) = (normal(&recorded.body), normal(&ours.body));
    if recorded_text == our_text {
        return compared;
    }
    if let Some((number, _)) = applicable
        .iter()
        .find(|(_, part)| matches!(part, Part::Body))
    {
        compared.excluded.push(*number);
        return compared;
    }
    let (mut recorded_value, mut our_value) = (document(&recorded_text), document(&our_text));
    for (number, part) in &applicable {
        if let Part::Member(name) = part {
            let (mut of_recorded, mut of_ours) = (Vec::new(), Vec::new());
            take(&mut recorded_value, name, &mut of_recorded);
            take(&mut our_value, name, &mut of_ours);
            if of_recorded != of_ours {
                compared.excluded.push(*number);
            }
        }
    }
    let by_the_host = exchange.path.starts_with("/runtime/");
    if recorded_value != our_value {
        differ("body", recorded_value.to_string(), our_value.to_string());
    } else if by_the_host && compared.excluded.is_empty() {
        let (recorded, ours) = (names(&recorded_text), names(&our_text));
        if recorded != ours {
            differ("names", format!("{recorded:?}"), format!("{ours:?}"));
        }
    }
    compared
}
