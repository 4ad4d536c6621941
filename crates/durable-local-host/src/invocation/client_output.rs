//! The durableClient output binding: what it holds is started.

use super::{Answer, Exception};
use crate::config::Function;
use crate::newtonsoft::{Dates, Json, parse, render};

/// The durable clients among the outputs of a function.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientOutputs {
    /// Their names and task hubs.
    bindings: Vec<(String, Option<String>)>,
    has_return_binding: bool,
}

/// An orchestration that an output holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoundStart {
    /// Task hub of the binding, if it names one.
    pub(crate) task_hub: Option<String>,
    /// Name of the orchestration.
    pub(crate) function: String,
    /// Instance id, if any.
    pub(crate) id: Option<String>,
    /// Input as JSON text.
    pub(crate) input: Option<String>,
}

impl ClientOutputs {
    /// Those of a function.
    pub(crate) fn of(function: &Function) -> Self {
        Self {
            bindings: function
                .outputs()
                .filter(|binding| binding.is_durable_client())
                .map(|binding| (binding.name.clone(), binding.task_hub.clone()))
                .collect(),
            has_return_binding: function.return_binding().is_some(),
        }
    }

    /// What an answer asks them to start; what the real host fails with when it can't be read.
    pub(crate) fn starts(&self, answer: &Answer) -> Result<Vec<BoundStart>, Exception> {
        let mut starts = Vec::new();
        for (name, task_hub) in &self.bindings {
            let parsed;
            let value = match answer.output(name, self.has_return_binding) {
                None | Some(Json::Null) => continue,
                Some(Json::String(text)) => {
                    parsed = parse(text, Dates::Keep).map_err(|_| unreadable(name))?;
                    &parsed
                }
                Some(value) => value,
            };
            let items = match value {
                Json::Array(items) => items.as_slice(),
                item => std::slice::from_ref(item),
            };
            for item in items {
                starts.push(start(item, task_hub.clone()).ok_or_else(|| unreadable(name))?);
            }
        }
        Ok(starts)
    }
}

fn start(item: &Json, task_hub: Option<String>) -> Option<BoundStart> {
    let text = |name| item.member(name).and_then(Json::scalar_text);
    Some(BoundStart {
        task_hub,
        function: text("FunctionName").filter(|name| !name.is_empty())?,
        id: text("InstanceId").filter(|id| !id.is_empty()),
        input: item
            .member("Input")
            .filter(|input| **input != Json::Null)
            .map(render),
    })
}

fn unreadable(name: &str) -> Exception {
    Exception::new(
        "System.InvalidOperationException",
        format!(
            "The durableClient output `{name}` holds nothing that can be started: {{\"FunctionName\":..,\"InstanceId\":..,\"Input\":..}} is expected, or a list of these."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(
        name: &str,
        has_return_binding: bool,
        answer: &str,
    ) -> Result<Vec<BoundStart>, Exception> {
        let outputs = ClientOutputs {
            bindings: vec![(name.to_owned(), None)],
            has_return_binding,
        };
        outputs.starts(&Answer::from_json(parse(answer, Dates::Convert).unwrap()).unwrap())
    }

    fn names(found: Result<Vec<BoundStart>, Exception>) -> Vec<String> {
        found
            .unwrap()
            .into_iter()
            .map(|start| start.function)
            .collect()
    }

    #[test]
    fn objects_texts_and_lists_are_read() {
        assert_eq!(
            starts(
                "s",
                false,
                r#"{"Outputs":{"s":{"functionname":"a","InstanceId":"i","Input":{"n":[1.50]}}}}"#
            )
            .unwrap(),
            [BoundStart {
                task_hub: None,
                function: "a".into(),
                id: Some("i".into()),
                input: Some(r#"{"n":[1.5]}"#.into()),
            }]
        );
        let text = starts(
            "s",
            false,
            r#"{"Outputs":{"s":"{\"FunctionName\":\"a\",\"InstanceId\":null}"}}"#,
        );
        let text = text.unwrap();
        assert_eq!((&text[0].id, &text[0].input), (&None, &None));
        let list = r#"{"Outputs":{"s":[{"FunctionName":"a"},{"FunctionName":"b"}]}}"#;
        assert_eq!(names(starts("s", false, list)), ["a", "b"]);
    }

    #[test]
    fn the_return_value_counts_as_the_host_counts_it() {
        let merged =
            r#"{"Outputs":{"s":{"FunctionName":"a"}},"ReturnValue":{"s":{"FunctionName":"b"}}}"#;
        assert_eq!(names(starts("s", false, merged)), ["b"]);
        assert_eq!(names(starts("s", true, merged)), ["a"]);
        let returned = r#"{"ReturnValue":{"FunctionName":"a"}}"#;
        assert_eq!(names(starts("$return", true, returned)), ["a"]);
        for nothing in ["{}", r#"{"Outputs":{"S":{}}}"#, r#"{"Outputs":{"s":null}}"#] {
            assert_eq!(starts("s", false, nothing).unwrap(), []);
        }
    }

    #[test]
    fn what_cannot_be_started_is_told() {
        for value in [
            "5",
            "\"\"",
            "\"abcd\"",
            "{}",
            "[null]",
            r#"{"FunctionName":""}"#,
        ] {
            let answer = format!(r#"{{"Outputs":{{"s":{value}}}}}"#);
            let message = starts("s", false, &answer).unwrap_err().message;
            assert!(
                message.contains("output `s` holds nothing"),
                "{value}: {message}"
            );
        }
    }
}
