//! The bindings of a function, as function.json has them.

use serde::Serialize;

/// Name of the binding that every [`DurableClient`](crate::DurableClient) argument is served from.
pub(crate) const CLIENT_BINDING: &str = "client";
/// Name of the binding through which an HTTP function answers.
pub(crate) const RESPONSE_BINDING: &str = "res";

/// One binding, in the order and spelling of function.json.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Binding {
    pub(crate) name: String,
    pub(crate) r#type: &'static str,
    pub(crate) direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth_level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) methods: Option<&'static [&'static str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task_hub: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection_name: Option<&'static str>,
}

impl Binding {
    pub(crate) fn input(name: &str, r#type: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            r#type,
            direction: "in",
            ..Self::default()
        }
    }

    pub(crate) fn durable_client(
        task_hub: Option<&'static str>,
        connection_name: Option<&'static str>,
    ) -> Self {
        Self {
            task_hub,
            connection_name,
            ..Self::input(CLIENT_BINDING, "durableClient")
        }
    }

    /// Whether it is the client's, and for another place than the host's own.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.task_hub.is_some() || self.connection_name.is_some()
    }

    pub(crate) fn http_response() -> Self {
        Self {
            direction: "out",
            ..Self::input(RESPONSE_BINDING, "http")
        }
    }

    fn is_trigger(&self) -> bool {
        self.direction == "in" && self.r#type.ends_with("Trigger")
    }
}

/// What the Functions host would refuse about a function, if anything. A function that the host
/// refuses is missing, and every instance that calls it fails.
pub(crate) fn check(name: &str, bindings: &[Binding]) -> Result<(), String> {
    if !is_function_name(name) || name.eq_ignore_ascii_case("host") {
        return Err(format!(
            "'{name}' can't be a function's name: it begins with a letter, goes on with at most 127 letters, digits, `_` or `-`, and is not `host`"
        ));
    }
    for (index, binding) in bindings.iter().enumerate() {
        if !is_binding_name(&binding.name) {
            return Err(format!(
                "'{}' can't be a binding's name: it begins with a letter and goes on with at most 127 letters or digits (no `_`, no `-`, no `$return`)",
                binding.name
            ));
        }
        if bindings
            .iter()
            .take(index)
            .any(|earlier| earlier.name.eq_ignore_ascii_case(&binding.name))
        {
            return Err(format!("two bindings are named '{}'", binding.name));
        }
    }
    match bindings
        .iter()
        .filter(|binding| binding.is_trigger())
        .count()
    {
        1 => Ok(()),
        count => Err(format!(
            "it has {count} triggers; a function has exactly one"
        )),
    }
}

fn is_function_name(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn is_binding_name(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_be_for_another_place() {
        let here = Binding::durable_client(None, None);
        let there = Binding::durable_client(Some("Hub"), Some("Storage"));
        assert_eq!((here.is_elsewhere(), there.is_elsewhere()), (false, true));
        assert_eq!(
            serde_json::to_string(&there).unwrap(),
            r#"{"name":"client","type":"durableClient","direction":"in","taskHub":"Hub","connectionName":"Storage"}"#
        );
    }

    fn trigger(name: &str) -> Binding {
        Binding::input(name, "activityTrigger")
    }

    #[test]
    fn names_follow_the_rules_of_the_host() {
        assert_eq!(check("say-hello_2", &[trigger("input")]), Ok(()));
        for name in [
            "",
            "2nd",
            "_x",
            "host",
            "HOST",
            "a.b",
            "ä",
            &"x".repeat(129),
        ] {
            assert!(
                check(name, &[trigger("input")])
                    .unwrap_err()
                    .contains("function's name"),
                "{name}"
            );
        }
        for name in [
            "",
            "my_input",
            "my-input",
            "$return",
            "1st",
            &"x".repeat(129),
        ] {
            assert!(
                check("f", &[trigger(name)])
                    .unwrap_err()
                    .contains("binding's name"),
                "{name}"
            );
        }
    }

    #[test]
    fn one_trigger_and_no_name_twice() {
        assert!(
            check("f", &[trigger("a"), trigger("A")])
                .unwrap_err()
                .contains("two bindings")
        );
        assert!(
            check("f", &[trigger("a"), trigger("b")])
                .unwrap_err()
                .contains("2 triggers")
        );
        assert!(
            check("f", &[Binding::durable_client(None, None)])
                .unwrap_err()
                .contains("0 triggers")
        );
    }
}
