//! A function: what it is triggered by and bound to.

use crate::schedule::Schedule;

/// A function of the app.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// Name of its folder; the handler is called by it.
    pub(crate) name: String,
    /// What starts it.
    pub(crate) trigger: Trigger,
    /// All bindings, the trigger included, in the file's order.
    pub(crate) bindings: Vec<Binding>,
}

/// What starts a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// An HTTP request.
    Http {
        /// Route below the prefix; without one it is the function's name.
        route: Option<String>,
        /// Methods in upper case; empty for all.
        methods: Vec<String>,
        /// Who may call.
        auth_level: AuthLevel,
    },
    /// A turn of the orchestration of that name.
    Orchestration(String),
    /// A task of that name.
    Activity(String),
    /// A batch for the entities of that name.
    Entity(String),
    /// The time.
    Timer(Timer),
}

/// A timer trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    /// When it is due.
    pub(crate) schedule: Schedule,
    /// Whether it also runs when the host starts.
    pub(crate) run_on_startup: bool,
    /// Whether it is written down when it ran, so that a missed run is made up for.
    pub(crate) use_monitor: bool,
}

/// `authLevel` of an HTTP trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthLevel {
    /// Anybody.
    Anonymous,
    /// Who has a function key.
    Function,
    /// Who has the master key.
    Admin,
}

/// One binding.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    /// Its name; key of its value in the envelope.
    pub(crate) name: String,
    /// `type`, as written.
    pub(crate) kind: String,
    /// Whether the function gets or gives the value.
    pub(crate) direction: Direction,
    /// `dataType` is `binary`.
    pub(crate) binary: bool,
    /// `taskHub` of a durable client.
    pub(crate) task_hub: Option<String>,
    /// `connectionName` of a durable client.
    pub(crate) connection_name: Option<String>,
}

/// `direction` of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Input.
    In,
    /// Output.
    Out,
}

impl Binding {
    /// Whether it is of that type, compared as the real host does.
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    /// Whether it is a durable client, by the name of today or of old.
    pub(crate) fn is_durable_client(&self) -> bool {
        self.is("durableClient") || self.is("orchestrationClient")
    }

    /// Whether its type is that of a trigger.
    pub(super) fn is_trigger(&self) -> bool {
        self.kind.len() > "trigger".len() && self.kind.to_ascii_lowercase().ends_with("trigger")
    }
}

impl Function {
    /// The binding of the trigger.
    pub(crate) fn trigger_binding(&self) -> Option<&Binding> {
        self.bindings.iter().find(|binding| binding.is_trigger())
    }

    /// The output binding of type `http`, unless it is `$return`.
    pub(crate) fn http_output(&self) -> Option<&Binding> {
        self.outputs()
            .find(|binding| binding.is("http") && binding.name != "$return")
    }

    /// The output binding named `$return`.
    pub(crate) fn return_binding(&self) -> Option<&Binding> {
        self.outputs().find(|binding| binding.name == "$return")
    }

    /// The input bindings, the trigger included.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &Binding> {
        self.bindings
            .iter()
            .filter(|binding| binding.direction == Direction::In)
    }

    /// Whether it has an HTTP request, an HTTP response and nothing else.
    pub(crate) fn is_pure_http(&self) -> bool {
        let mut outputs = self.outputs();
        self.inputs().count() == 1
            && matches!(self.trigger, Trigger::Http { .. })
            && outputs.next().is_some_and(|binding| binding.is("http"))
            && outputs.next().is_none()
    }

    /// The output bindings.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &Binding> {
        self.bindings
            .iter()
            .filter(|binding| binding.direction == Direction::Out)
    }
}
