//! Inline route constraints: what stands behind the colon in `{id:int}`.

use regex_lite::Regex;

use crate::time::Ticks;

/// A condition on the value of a route parameter.
#[derive(Clone, Debug)]
pub(super) enum Constraint {
    Int,
    Long,
    Bool,
    Guid,
    Alpha,
    DateTime,
    Decimal,
    Double,
    Required,
    Length { least: usize, most: usize },
    Range { least: i64, most: i64 },
    Regex(Regex),
}

impl Constraint {
    /// Reads `name` or `name(arguments)`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, arguments) = match text.split_once('(') {
            Some((name, rest)) => {
                let arguments = rest
                    .strip_suffix(')')
                    .ok_or_else(|| format!("the constraint `{text}` lacks its `)`"))?;
                (name, Some(arguments))
            }
            None => (text, None),
        };
        let fault = || format!("the constraint `{text}` is not known or has wrong arguments");
        let numbers = || -> Option<Vec<i64>> {
            arguments?
                .split(',')
                .map(|number| number.trim().parse().ok())
                .collect()
        };
        let size = |number: i64| usize::try_from(number).map_err(|_| fault());
        let constraint = match (name.to_ascii_lowercase().as_str(), arguments) {
            ("int", None) => Self::Int,
            ("long", None) => Self::Long,
            ("bool", None) => Self::Bool,
            ("guid", None) => Self::Guid,
            ("alpha", None) => Self::Alpha,
            ("datetime", None) => Self::DateTime,
            ("decimal", None) => Self::Decimal,
            ("double" | "float", None) => Self::Double,
            ("required", None) => Self::Required,
            ("regex", Some(pattern)) => {
                let regex = Regex::new(&format!("(?i){pattern}"));
                Self::Regex(regex.map_err(|error| format!("the constraint `{text}`: {error}"))?)
            }
            (name, Some(_)) => match (name, numbers().as_deref()) {
                ("length", Some([exact])) => Self::Length {
                    least: size(*exact)?,
                    most: size(*exact)?,
                },
                ("length", Some([least, most])) => Self::Length {
                    least: size(*least)?,
                    most: size(*most)?,
                },
                ("minlength", Some([least])) => Self::Length {
                    least: size(*least)?,
                    most: usize::MAX,
                },
                ("maxlength", Some([most])) => Self::Length {
                    least: 0,
                    most: size(*most)?,
                },
                ("min", Some([least])) => Self::Range {
                    least: *least,
                    most: i64::MAX,
                },
                ("max", Some([most])) => Self::Range {
                    least: i64::MIN,
                    most: *most,
                },
                ("range", Some([least, most])) => Self::Range {
                    least: *least,
                    most: *most,
                },
                _ => return Err(fault()),
            },
            _ => return Err(fault()),
        };
        Ok(constraint)
    }

    /// Whether the value meets the condition.
    pub(super) fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Int => value.trim().parse::<i32>().is_ok(),
            Self::Long => value.trim().parse::<i64>().is_ok(),
            Self::Bool => ["true", "false"]
                .iter()
                .any(|word| value.trim().eq_ignore_ascii_case(word)),
            Self::Guid => is_guid(value),
            Self::Alpha => value.bytes().all(|byte| byte.is_ascii_alphabetic()),
            Self::DateTime => Ticks::parse(value).is_some(),
            Self::Decimal => is_number(value, false),
            Self::Double => is_number(value, true),
            Self::Required => !value.is_empty(),
            // .NET counts UTF-16 units.
            Self::Length { least, most } => {
                (*least..=*most).contains(&value.encode_utf16().count())
            }
            Self::Range { least, most } => value
                .trim()
                .parse::<i64>()
                .is_ok_and(|number| (*least..=*most).contains(&number)),
            Self::Regex(regex) => regex.is_match(value),
        }
    }
}

/// A GUID in one of the forms N, D, B and P.
fn is_guid(value: &str) -> bool {
    let bare = value
        .strip_prefix('{')
        .and_then(|inner| inner.strip_suffix('}'))
        .or_else(|| {
            value
                .strip_prefix('(')
                .and_then(|inner| inner.strip_suffix(')'))
        })
        .unwrap_or(value);
    let groups_fit = || bare.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    let hex = bare
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    hex && (groups_fit() || (bare.len() == 32 && !bare.contains('-') && bare.len() == value.len()))
}

fn is_number(value: &str, exponent: bool) -> bool {
    let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'+' | b'-' | b',');
    let value = value.trim();
    let shape = value
        .bytes()
        .all(|byte| plain(byte) || (exponent && matches!(byte, b'e' | b'E')));
    shape && value.replace(',', "").parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constraint_accepts_and_refuses() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            (
                "int",
                &["5", "-7", "2147483647"],
                &["2147483648", "x", "1.0", ""],
            ),
            ("long", &["2147483648"], &["9223372036854775808", "a"]),
            ("bool", &["true", "FALSE"], &["1", "yes"]),
            (
                "guid",
                &[
                    "0f8fad5b-d9cb-469f-a165-70867728950e",
                    "{0f8fad5b-d9cb-469f-a165-70867728950e}",
                    "0f8fad5bd9cb469fa16570867728950e",
                ],
                &["0f8fad5b", "zf8fad5b-d9cb-469f-a165-70867728950e"],
            ),
            ("alpha", &["abcZ"], &["a1", "ä"]),
            (
                "datetime",
                &["2016-12-31", "2016-12-31T07:32:00Z"],
                &["x", "5"],
            ),
            ("decimal", &["49.99", "-1"], &["1e5", "x"]),
            ("double", &["1.234", "-1,001.01e8"], &["x"]),
            ("float", &["1.5"], &["y"]),
            ("length(3)", &["abc"], &["ab", "abcd"]),
            ("length(2,3)", &["ab", "abc"], &["a", "abcd"]),
            ("minlength(2)", &["ab"], &["a"]),
            ("maxlength(2)", &["ab", ""], &["abc"]),
            ("min(18)", &["18"], &["17", "x"]),
            ("max(120)", &["120"], &["121"]),
            ("range(1,3)", &["1", "3"], &["0", "4"]),
            (r"regex(^\d{2}-[a-z]+$)", &["12-ab", "12-AB"], &["1-ab"]),
            ("required", &["x"], &[""]),
        ];
        for (text, good, bad) in cases {
            let constraint = Constraint::parse(text).unwrap();
            good.iter()
                .for_each(|value| assert!(constraint.accepts(value), "{text}: {value}"));
            bad.iter()
                .for_each(|value| assert!(!constraint.accepts(value), "{text}: {value}"));
        }
        for wrong in [
            "nope",
            "int(3)",
            "length",
            "length(a)",
            "min()",
            "length(3",
            "regex([)",
            "length(-1)",
        ] {
            assert!(Constraint::parse(wrong).is_err(), "{wrong}");
        }
    }
}
