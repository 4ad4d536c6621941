//! Settings that stand for values of host.json: `AzureFunctionsJobHost__functionTimeout` and the like.

use serde_json::{Map, Value};

/// What their names begin with.
const PREFIX: &str = "AzureFunctionsJobHost";

/// The path below host.json that a setting stands for, if it does.
pub(super) fn path(setting: &str) -> Option<Vec<&str>> {
    let (prefix, rest) = setting.split_at_checked(PREFIX.len())?;
    if !prefix.eq_ignore_ascii_case(PREFIX) {
        return None;
    }
    let rest = rest.strip_prefix("__").or_else(|| rest.strip_prefix(':'))?;
    let names: Vec<&str> = rest.split("__").flat_map(|part| part.split(':')).collect();
    names.iter().all(|name| !name.is_empty()).then_some(names)
}

/// Puts a value at a path; what is not there is made. Names are compared without case.
pub(super) fn put(object: &mut Map<String, Value>, path: &[&str], text: String) {
    let Some((name, rest)) = path.split_first() else {
        return;
    };
    let key = object
        .keys()
        .find(|key| key.eq_ignore_ascii_case(name))
        .cloned()
        .unwrap_or_else(|| (*name).to_owned());
    let value = object.entry(key).or_insert(Value::Null);
    if rest.is_empty() {
        *value = Value::String(text);
        return;
    }
    if let (Value::Array(items), [index]) = (&mut *value, rest)
        && let Ok(index) = index.parse::<usize>()
    {
        match items.get_mut(index) {
            Some(item) => *item = Value::String(text),
            None => items.push(Value::String(text)),
        }
        return;
    }
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Value::Object(object) = value {
        put(object, rest, text);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_paths() {
        assert_eq!(
            path("azurefunctionsjobhost__extensions__durableTask__hubName"),
            Some(vec!["extensions", "durableTask", "hubName"])
        );
        assert_eq!(path("AzureFunctionsJobHost:a__b"), Some(vec!["a", "b"]));
        for other in [
            "AzureFunctionsJobHost",
            "AzureFunctionsJobHost__",
            "AzureFunctionsJobHostX__a",
            "é",
        ] {
            assert_eq!(path(other), None, "{other}");
        }
    }

    #[test]
    fn values_are_replaced_or_made() {
        let mut object = json!({ "Extensions": { "http": { "routePrefix": "api" } }, "list": ["a"], "text": "x" });
        let object = object.as_object_mut().unwrap();
        put(object, &["extensions", "HTTP", "routeprefix"], "v1".into());
        put(
            object,
            &["extensions", "durableTask", "hubName"],
            "Mine".into(),
        );
        put(object, &["list", "0"], "b".into());
        put(object, &["list", "7"], "c".into());
        put(object, &["text", "below"], "y".into());
        assert_eq!(
            Value::Object(object.clone()),
            json!({
                "Extensions": { "http": { "routePrefix": "v1" }, "durableTask": { "hubName": "Mine" } },
                "list": ["b", "c"],
                "text": { "below": "y" }
            })
        );
    }
}
