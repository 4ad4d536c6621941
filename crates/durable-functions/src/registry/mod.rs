//! What an app has registered: its functions by name, and what the host is told of them.

mod binding;
mod function;
mod function_json;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub(crate) use binding::CLIENT_BINDING;
pub(crate) use function::Handler;
pub use function::{AsActivity, AsHttp, AsOrchestrator, Function, IntoFunction};
pub(crate) use function_json::{stale, write as write_function_json};

use crate::argument::States;

/// What is wrong with an app, all of it at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct AppError {
    problems: Vec<String>,
}

impl AppError {
    /// The problems, one sentence each.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this function app can't run:")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

/// The functions of a checked app, by name, and what they share.
#[derive(Debug)]
pub(crate) struct Registry {
    functions: HashMap<String, Function>,
    pub(crate) states: Arc<States>,
    /// Whether instances are held whose orchestrators no longer fit their histories.
    pub(crate) holds: bool,
}

impl Registry {
    pub(crate) fn new(
        functions: Vec<Function>,
        states: States,
        mut problems: Vec<String>,
    ) -> Result<Self, AppError> {
        let mut by_name = HashMap::with_capacity(functions.len());
        for function in functions {
            if let Err(problem) = binding::check(function.name, &function.bindings) {
                problems.push(format!("function '{}': {problem}", function.name));
            }
            if let Some(missing) = (function.missing)(&states) {
                problems.push(format!(
                    "function '{}' needs `State<{missing}>`, and the app has no such state; add `.state(..)` to the FunctionApp",
                    function.name
                ));
            }
            let name = function.name;
            if let Some(earlier) = by_name.insert(name.to_ascii_lowercase(), function) {
                problems.push(format!(
                    "two functions are named '{name}' (and '{}'); names compare without case: rename one, or give one `name = \"..\"` in its attribute",
                    earlier.name
                ));
            }
        }
        if problems.is_empty() {
            Ok(Self {
                functions: by_name,
                states: Arc::new(states),
                holds: false,
            })
        } else {
            Err(AppError { problems })
        }
    }

    /// The function of this name, without regard to case.
    pub(crate) fn get(&self, name: &str) -> Option<&Function> {
        self.functions
            .get(name)
            .or_else(|| self.functions.get(&name.to_ascii_lowercase()))
    }

    /// All functions, ordered by name.
    pub(crate) fn functions(&self) -> Vec<&Function> {
        let mut functions: Vec<_> = self.functions.values().collect();
        functions.sort_by_key(|function| function.name);
        functions
    }
}
