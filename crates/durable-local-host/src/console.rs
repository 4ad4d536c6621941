//! What the developer sees: the host's own lines, the handler's output, the invocations and what
//! they log.

mod form;
mod invocation;
mod running;
mod summary;
mod writer;

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

pub(crate) use form::Form;
pub(crate) use invocation::{Executed, Invocation, Kind, Outcome};
pub(crate) use writer::{Options, Writer};

/// Where a line on the console comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsoleSource {
    /// The host itself.
    Host,
    /// The host, about something that is wrong.
    Problem,
    /// The host, about what ends it.
    Fatal,
    /// The host, about what it does in detail: requests, and the actions of turns.
    Detail,
    /// The handler's standard output.
    HandlerOut,
    /// The handler's standard error.
    HandlerError,
    /// A log line of an invocation.
    Invocation,
    /// An invocation that is over: what was called, how long it took, and how it came out.
    Executed,
}

/// One line on the console.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConsoleLine {
    /// Where it comes from.
    pub source: ConsoleSource,
    /// The text.
    pub text: String,
    /// The function that it is about.
    pub function: Option<String>,
    /// The id of the invocation that it is about.
    pub invocation_id: Option<String>,
    /// The orchestration or entity that it is about.
    pub instance_id: Option<String>,
}

impl ConsoleLine {
    fn new(source: ConsoleSource, text: impl Into<String>) -> Self {
        Self {
            source,
            text: text.into(),
            function: None,
            invocation_id: None,
            instance_id: None,
        }
    }

    fn about(about: About, source: ConsoleSource, text: impl Into<String>) -> Self {
        Self {
            source,
            text: text.into(),
            function: about.function.as_deref().map(str::to_owned),
            invocation_id: about.invocation.map(|id| id.to_string()),
            instance_id: about.instance.as_deref().map(str::to_owned),
        }
    }
}

/// What a line is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    function: Option<Arc<str>>,
    invocation: Option<Uuid>,
    instance: Option<Arc<str>>,
}

impl About {
    /// An orchestration or entity.
    pub(crate) fn instance(id: &str) -> Self {
        Self {
            instance: Some(id.into()),
            ..Self::default()
        }
    }

    /// The same, as it runs that function.
    pub(crate) fn with_function(self, function: &str) -> Self {
        Self {
            function: Some(function.into()),
            ..self
        }
    }

    /// A call.
    pub(crate) fn invocation(invocation: &Invocation) -> Self {
        Self {
            function: Some(Arc::clone(&invocation.function)),
            invocation: Some(invocation.id),
            instance: invocation.instance.clone(),
        }
    }
}

impl fmt::Display for ConsoleLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(form::mark(self.source))?;
        f.write_str(&self.text)
    }
}

/// Takes the lines for the developer.
#[derive(Clone)]
pub(crate) struct Console {
    to: To,
    details: bool,
}

#[derive(Clone)]
enum To {
    Log,
    Sink(Arc<dyn Fn(ConsoleLine) + Send + Sync>),
    Writer(Arc<Writer>),
}

impl Console {
    /// A console that hands its lines to `sink`.
    pub(crate) fn new(sink: impl Fn(ConsoleLine) + Send + Sync + 'static) -> Self {
        Self {
            to: To::Sink(Arc::new(sink)),
            details: false,
        }
    }

    /// A console that writes to the terminal, with details when they are wanted.
    pub(crate) fn writer(writer: Arc<Writer>, details: bool) -> Self {
        Self {
            to: To::Writer(writer),
            details,
        }
    }

    /// Lines go to the log, at debug level.
    pub(crate) fn log() -> Self {
        Self {
            to: To::Log,
            details: false,
        }
    }

    /// A line of the host.
    pub(crate) fn say(&self, text: impl Into<String>) {
        self.line(ConsoleSource::Host, text);
    }

    /// A line about something that is wrong.
    pub(crate) fn problem(&self, text: impl Into<String>) {
        self.line(ConsoleSource::Problem, text);
    }

    /// A line about something that is wrong with an instance or a call.
    pub(crate) fn problem_of(&self, about: About, text: impl Into<String>) {
        self.take(ConsoleLine::about(about, ConsoleSource::Problem, text));
    }

    /// A line about what ends the host.
    pub(crate) fn fatal(&self, text: impl Into<String>) {
        self.line(ConsoleSource::Fatal, text);
    }

    /// Whether anybody wants lines in detail; making them may cost something.
    pub(crate) fn wants_details(&self) -> bool {
        self.details
    }

    /// A line from anywhere.
    pub(crate) fn line(&self, source: ConsoleSource, text: impl Into<String>) {
        self.take(ConsoleLine::new(source, text));
    }

    /// Begins a call under a new id.
    pub(crate) fn begin(
        &self,
        kind: Kind,
        function: &str,
        instance: Option<&Arc<str>>,
    ) -> Invocation {
        let mut invocation = Invocation::begin(kind, function, instance);
        if let To::Writer(writer) = &self.to {
            writer.begun(&mut invocation);
        }
        invocation
    }

    /// A detail of an invocation.
    pub(crate) fn detail(&self, invocation: &Invocation, text: impl Into<String>) {
        let about = About::invocation(invocation);
        self.take(ConsoleLine::about(about, ConsoleSource::Detail, text));
    }

    /// What an invocation logged.
    pub(crate) fn logged(&self, invocation: &Invocation, lines: &[String]) {
        for line in lines {
            let text = format!("[{}] {line}", invocation.function);
            let about = About::invocation(invocation);
            self.take(ConsoleLine::about(about, ConsoleSource::Invocation, text));
        }
    }

    /// An invocation that is over. Where the lines are written, this is made a text by whoever
    /// writes.
    pub(crate) fn executed(&self, invocation: Invocation, outcome: Outcome) {
        let executed = || Executed::now(invocation, outcome);
        match &self.to {
            To::Log if !tracing::enabled!(target: "durable_local_host::console", tracing::Level::DEBUG) =>
                {}
            To::Log => log(&executed().line()),
            To::Sink(sink) => sink(executed().line()),
            To::Writer(writer) => writer.executed(executed()),
        }
    }

    fn take(&self, line: ConsoleLine) {
        match &self.to {
            To::Log => log(&line),
            To::Sink(sink) => sink(line),
            To::Writer(writer) => writer.line(line),
        }
    }
}

fn log(line: &ConsoleLine) {
    tracing::debug!(target: "durable_local_host::console", "{line}");
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Console")
    }
}
