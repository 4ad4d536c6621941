//! Which function serves an orchestration, an activity or an entity.

use std::collections::HashMap;

use crate::config::{Function, Trigger};
use crate::invocation::{ClientOutputs, ClientSettings};

/// Durable functions by the name that orchestrations use; names differ without case.
#[derive(Debug, Default)]
pub(crate) struct FunctionTable {
    orchestrators: HashMap<String, Target>,
    activities: HashMap<String, Target>,
    entities: HashMap<String, Target>,
}

/// A function to call.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Name as registered.
    pub(crate) name: String,
    /// Its folder: the path that the handler serves it under.
    pub(crate) function: String,
    /// Name of the trigger's binding.
    pub(crate) binding: String,
    /// The inputs besides the trigger, with their JSON.
    pub(crate) inputs: Vec<(String, String)>,
    /// The durable clients among its outputs.
    pub(crate) outputs: ClientOutputs,
    /// Whether it declares `$return`, which spoils its answers.
    pub(crate) has_return_binding: bool,
}

impl FunctionTable {
    /// The durable functions among these; what is wrong with them is told as text.
    pub(crate) fn new(functions: &[Function], client: &ClientSettings) -> (Self, Vec<String>) {
        let mut table = Self::default();
        let mut problems = Vec::new();
        for function in functions {
            let (kind, name) = match &function.trigger {
                Trigger::Orchestration(name) => (&mut table.orchestrators, name),
                Trigger::Activity(name) => (&mut table.activities, name),
                Trigger::Entity(name) => (&mut table.entities, name),
                Trigger::Http { .. } | Trigger::Timer(_) => continue,
            };
            let target = Target {
                name: name.clone(),
                function: function.name.clone(),
                binding: function
                    .trigger_binding()
                    .map(|binding| binding.name.clone())
                    .unwrap_or_default(),
                inputs: client.inputs(function),
                outputs: ClientOutputs::of(function),
                has_return_binding: function.return_binding().is_some(),
            };
            if target.has_return_binding {
                problems.push(format!(
                    "{}/function.json: `$return` on a durable function makes the host decode the answer as base64, so every call fails: remove that binding",
                    function.name
                ));
            }
            if let Some(other) = kind.insert(name.to_lowercase(), target) {
                problems.push(format!(
                    "`{name}` is registered twice: by {} and {}",
                    other.function, function.name
                ));
            }
        }
        (table, problems)
    }

    /// Names of all orchestrations, in order.
    pub(crate) fn orchestrator_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .orchestrators
            .values()
            .map(|target| target.name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    /// The function of an orchestration.
    pub(crate) fn orchestrator(&self, name: &str) -> Option<&Target> {
        find(&self.orchestrators, name)
    }

    /// The function of an activity.
    pub(super) fn activity(&self, name: &str) -> Option<&Target> {
        find(&self.activities, name)
    }

    /// The function of an entity.
    pub(super) fn entity(&self, name: &str) -> Option<&Target> {
        find(&self.entities, name)
    }

    /// Whether somebody serves entities of that name.
    pub(crate) fn has_entity(&self, name: &str) -> bool {
        self.entity(name).is_some()
    }

    /// What the host says about an entity that nobody serves.
    pub(crate) fn unknown_entity(&self, name: &str) -> String {
        unknown(&self.entities, name, "an entity", "entity")
    }

    /// What the host says about an orchestration that nobody serves.
    pub(crate) fn unknown_orchestrator(&self, name: &str) -> String {
        unknown(&self.orchestrators, name, "an orchestrator", "orchestrator")
    }

    /// What the host says about an activity that nobody serves.
    pub(super) fn unknown_activity(&self, name: &str) -> String {
        unknown(&self.activities, name, "an activity", "activity")
    }
}

fn find<'a>(table: &'a HashMap<String, Target>, name: &str) -> Option<&'a Target> {
    // Names are mostly in lower case already.
    table.get(name).or_else(|| table.get(&name.to_lowercase()))
}

fn unknown(table: &HashMap<String, Target>, name: &str, a_kind: &str, kind: &str) -> String {
    let mut names: Vec<String> = table
        .values()
        .map(|target| format!("'{}'", target.name))
        .collect();
    names.sort();
    let known = if names.is_empty() {
        format!("No {kind} functions are currently registered!")
    } else {
        format!(
            "The following are the known {kind} functions: {}.",
            names.join(", ")
        )
    };
    format!(
        "The function '{name}' doesn't exist, is disabled, or is not {a_kind} function. Additional info: {known}"
    )
}

/// What the real host says of a function that has failed.
pub(super) fn unhandled(function: &str) -> String {
    format!("Function '{function}' failed with an unhandled exception.")
}
