//! Reading the loosely typed inputs of the recordings.

use serde_json::Value;

/// A member that is a number, or the input itself if that is one.
pub fn int(input: &Value, name: &str, default: i64) -> i64 {
    input
        .as_i64()
        .or_else(|| input.get(name).and_then(Value::as_i64))
        .unwrap_or(default)
}

/// A member that is a number.
pub fn number(input: &Value, name: &str) -> Option<f64> {
    input.get(name).and_then(Value::as_f64)
}

/// A member as text; numbers are written out.
pub fn text(input: &Value, name: &str) -> Option<String> {
    match input.get(name)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A member that is true or false.
pub fn flag(input: &Value, name: &str, default: bool) -> bool {
    input.get(name).and_then(Value::as_bool).unwrap_or(default)
}
