//! Results that the real host's parser writes anew as something else.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::newtonsoft::{Dates, Json, parse, render};

/// Longest text that is shown.
const SHOWN: usize = 80;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(
        rename = "ReturnValue",
        alias = "returnValue",
        alias = "returnvalue",
        borrow
    )]
    value: Option<&'a RawValue>,
}

/// What an answer returned and what arrives instead: dates written in another way, numbers that
/// have lost digits, members that Json.NET takes for its own.
pub(crate) fn altered(body: &[u8], arrived: &Json) -> Option<(String, String)> {
    let envelope: Envelope<'_> = serde_json::from_slice(body).ok()?;
    let returned = envelope.value?.get();
    let kept = parse(returned, Dates::Keep).ok()?;
    let mut numbers = Vec::new();
    collect(&kept, &mut numbers);
    let same_numbers = numbers_of(returned).eq(numbers.into_iter().map(digits));
    if kept == *arrived && same_numbers {
        return None;
    }
    let short = |text: &str| {
        let end = text.char_indices().nth(SHOWN).map(|(at, _)| at);
        end.map_or_else(
            || text.to_owned(),
            |at| format!("{}…", text.get(..at).unwrap_or_default()),
        )
    };
    Some((short(returned), short(&render(arrived))))
}

fn collect<'a>(value: &'a Json, numbers: &mut Vec<&'a str>) {
    match value {
        Json::Number(number) => numbers.push(number),
        Json::Array(items) => items.iter().for_each(|item| collect(item, numbers)),
        Json::Object(members) => members
            .iter()
            .for_each(|(_, value)| collect(value, numbers)),
        Json::Null | Json::Bool(_) | Json::String(_) => {}
    }
}

/// The digits of the numbers in JSON text.
fn numbers_of(text: &str) -> impl Iterator<Item = String> {
    let mut within_text = false;
    let mut escaped = false;
    let bare: String = text
        .chars()
        .map(|c| {
            let quote = c == '"' && !escaped;
            escaped = within_text && c == '\\' && !escaped;
            within_text ^= quote;
            if within_text || quote { ' ' } else { c }
        })
        .collect();
    let numbers: Vec<String> = bare
        .split(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c)))
        .filter(|word| word.contains(|c: char| c.is_ascii_digit()))
        .map(digits)
        .collect();
    numbers.into_iter()
}

/// The digits that count, whatever way the number is written.
fn digits(number: &str) -> String {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(returned: &str) -> Option<(String, String)> {
        let arrived = parse(returned, Dates::Convert).unwrap();
        let body = format!(r#"{{"Logs":["a 1.5 b"],"ReturnValue":{returned}}}"#);
        altered(body.as_bytes(), &arrived)
    }

    #[test]
    fn what_survives_is_not_told() {
        for text in [
            "null",
            "12345678901234567890123",
            "[1.10,-0.0,1e5,0.001,100]",
            r#"{"a":"2024-01-01","b":"text 1.2345678901234567890123 \" 7","c":[1,{"d":2}]}"#,
            r#""2020-01-01T00:00:00Z""#,
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn what_changes_is_told() {
        let told = |text: &str| of(text).unwrap().1;
        assert_eq!(
            told(r#"["2020-01-01T00:00:00.000Z"]"#),
            r#"["2020-01-01T00:00:00Z"]"#
        );
        assert_eq!(told("0.12345678901234567890123"), "0.12345678901234568");
        let long = format!(r#"["{}","2020-01-01T00:00:00.000Z"]"#, "ä".repeat(100));
        assert!(told(&long).ends_with('…'));
    }
}
