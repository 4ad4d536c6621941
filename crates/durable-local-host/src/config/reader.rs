//! Settings of host.json, checked as they are read.

use std::path::Path;
use std::time::Duration;

use durable_functions_protocol::time_span;
use serde_json::{Map, Value};

use super::json_file::at;
use crate::error::Error;

/// The settings of host.json, by their paths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    path: &'a Path,
    pub(super) object: &'a Map<String, Value>,
}

impl<'a> Reader<'a> {
    /// Reads what is in a file, settings that stand for values of it included.
    pub(super) fn new(path: &'a Path, object: &'a Map<String, Value>) -> Self {
        Self { path, object }
    }

    /// What is wrong with a setting.
    pub(super) fn fault(&self, path: &[&str], message: &str) -> Error {
        Error::Setting {
            path: self.path.to_owned(),
            setting: path.join("."),
            message: message.to_owned(),
        }
    }

    /// A text; numbers count as texts, too.
    pub(super) fn text(&self, path: &[&str]) -> Result<Option<String>, Error> {
        match at(self.object, path) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(self.fault(path, "a text is expected")),
        }
    }

    /// One of some words, in any case; the default when there is none.
    pub(super) fn choice<T: Copy + Default>(
        &self,
        path: &[&str],
        choices: &[(&str, T)],
    ) -> Result<T, Error> {
        let Some(text) = self.text(path)? else {
            return Ok(T::default());
        };
        let chosen = choices
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(&text));
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(path, &format!("`{text}` is none of {}", words.join(", ")))
        })
    }

    /// A time span.
    pub(super) fn timespan(&self, path: &[&str]) -> Result<Option<Duration>, Error> {
        let Some(text) = self.text(path)? else {
            return Ok(None);
        };
        match time_span::parse(&text) {
            Some(span) => Ok(Some(span)),
            None => Err(self.fault(path, &format!("`{text}` is no time span such as 00:00:30"))),
        }
    }

    /// A switch, off when it is not there; also as text, which is how settings stand for it.
    pub(super) fn flag(&self, path: &[&str]) -> Result<bool, Error> {
        match at(self.object, path) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(self.fault(path, "`true` or `false` is expected")),
        }
    }

    /// A number, also as text.
    pub(super) fn number(&self, path: &[&str], least: u32) -> Result<Option<u32>, Error> {
        let value = match at(self.object, path) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_u64().and_then(|number| u32::try_from(number).ok()),
        };
        match value {
            Some(number) if number >= least => Ok(Some(number)),
            _ => Err(self.fault(path, &format!("a number from {least} on is expected"))),
        }
    }

    /// A list of texts; also as one text that holds a JSON array, which is how environment
    /// variables override it.
    pub(super) fn list(&self, path: &[&str]) -> Result<Vec<String>, Error> {
        let texts = |items: &[Value]| -> Option<Vec<String>> {
            items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect()
        };
        let list = match at(self.object, path) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::Array(items)) => texts(items),
            Some(Value::String(text)) if text.trim().is_empty() => Some(Vec::new()),
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            Some(_) => None,
        };
        list.ok_or_else(|| self.fault(path, "a list of texts is expected"))
    }
}
