//! Reading what a task ended with.

use std::any::type_name;
use std::ops::Range;

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::value;
use serde::de::DeserializeOwned;

use crate::error::TaskError;
use crate::invocation::excerpt;
use crate::replay::{Core, task_failure};

/// Reads a JSON value out of the request. The host leaves it unset for `null`.
pub(super) fn decode<T: DeserializeOwned>(
    core: &Core,
    range: Range<u32>,
    source: impl FnOnce() -> String,
) -> Result<T, TaskError> {
    match text(core, range) {
        Ok(text) => {
            serde_json::from_str(text).map_err(|error| undecodable::<T>(source(), &error, text))
        }
        Err(error) => Err(undecodable::<T>(source(), &error, "")),
    }
}

/// Reads the result of an activity, which may be wrapped.
pub(super) fn decode_activity<T: DeserializeOwned>(
    core: &Core,
    range: Range<u32>,
    name: &str,
) -> Result<T, TaskError> {
    let source = || format!("the result of activity '{name}'");
    let text = text(core, range).map_err(|error| undecodable::<T>(source(), &error, ""))?;
    let text = value::unwrap(text).map_err(|error| undecodable::<T>(source(), &error, text))?;
    serde_json::from_str(&text).map_err(|error| undecodable::<T>(source(), &error, &text))
}

/// Reads the failure of a task.
pub(super) fn failure(core: &Core, details: Range<u32>) -> Failure {
    task_failure(core.bytes(widen(details)))
}

pub(super) fn text(core: &Core, range: Range<u32>) -> Result<&str, std::str::Utf8Error> {
    let bytes = core.bytes(widen(range));
    std::str::from_utf8(if bytes.is_empty() { b"null" } else { bytes })
}

pub(super) fn undecodable<T>(
    what: String,
    problem: &dyn std::fmt::Display,
    text: &str,
) -> TaskError {
    TaskError::Decode {
        what,
        expected: type_name::<T>(),
        problem: problem.to_string(),
        excerpt: excerpt(text),
    }
}

fn widen(range: Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}
