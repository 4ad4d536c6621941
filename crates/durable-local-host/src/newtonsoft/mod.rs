//! JSON the way Json.NET reads and writes it: the real host passes values through it, and what it
//! changes on the way is part of the wire.

mod members;
mod number;
mod parse;
mod write;

pub(crate) use members::Members;
pub(crate) use parse::{JsonFault, parse};
pub(crate) use write::{render, render_indented, write_string};

/// A JSON value as Json.NET holds it: members in order, numbers as it would write them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number, as it would be written.
    Number(String),
    /// A text.
    String(String),
    /// A list.
    Array(Vec<Json>),
    /// An object; names are unique, the last value given wins.
    Object(Vec<(String, Json)>),
}

/// What becomes of texts that look like dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dates {
    /// They stay texts.
    Keep,
    /// They become dates and are written anew.
    Convert,
}

impl Json {
    /// The member of that name, compared without case.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(key, _)| key == name)
                .or_else(|| {
                    members
                        .iter()
                        .find(|(key, _)| key.eq_ignore_ascii_case(name))
                })
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The scalar as .NET text: what `ToString` gives; `None` for null, lists and objects.
    pub(crate) fn scalar_text(&self) -> Option<String> {
        match self {
            Self::Bool(true) => Some("True".to_owned()),
            Self::Bool(false) => Some("False".to_owned()),
            Self::Number(number) => Some(number.strip_suffix(".0").unwrap_or(number).to_owned()),
            Self::String(text) => Some(text.clone()),
            Self::Null | Self::Array(_) | Self::Object(_) => None,
        }
    }
}

/// Reads and writes again, without blanks.
pub(crate) fn compact(text: &str, dates: Dates) -> Result<String, JsonFault> {
    parse(text, dates).map(|value| render(&value))
}

/// The JSON text as a value to embed: parsed and compact, or as a JSON string when it is no JSON.
pub(crate) fn json_or_text(text: &str) -> Json {
    parse(text, Dates::Keep).unwrap_or_else(|_| Json::String(text.to_owned()))
}
