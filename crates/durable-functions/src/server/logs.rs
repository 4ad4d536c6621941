//! Where log lines go: with the answer if the invocation succeeds, to standard output otherwise.
//!
//! The host writes the lines of an answer under the invocation they belong to, but reads them only
//! when the invocation succeeds. What is printed reaches the host's log without that link. Nothing
//! is logged twice, and nothing on replay.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::Write as _;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::replay::is_replaying;

/// The listener's own news are of no interest to anybody.
const DEFAULT_FILTER: &str = "info,actix_server=warn,actix_http=warn,actix_web=warn";

thread_local! {
    /// The lines of the invocation that this thread runs; `None` if it runs none.
    static LINES: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Makes `tracing` write as this module says, unless the app has set up something else. `RUST_LOG`
/// chooses the lines; without it these are `info` and above.
pub(crate) fn install() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let installed = tracing_subscriber::registry()
        .with(filter)
        .with(InvocationLogs)
        .try_init();
    drop(installed);
}

/// The log of one invocation, on the thread that runs it.
#[derive(Debug)]
pub(crate) struct Invocation {
    header: String,
}

impl Invocation {
    /// From here on, lines of this thread belong to the invocation.
    pub(crate) fn begin(function: &str, invocation_id: &str) -> Self {
        LINES.set(Some(Vec::new()));
        Self {
            header: format!("[{function} {invocation_id}] "),
        }
    }

    /// The lines so far, for the answer.
    pub(crate) fn take(&self) -> Vec<String> {
        LINES.with_borrow_mut(|lines| lines.as_mut().map(std::mem::take).unwrap_or_default())
    }

    /// Prints the lines so far, since the host will not read those of the answer.
    pub(crate) fn print(&self) {
        for line in self.take() {
            print_line(&format!("{}{line}", self.header));
        }
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        LINES.set(None);
    }
}

/// The lines that fail to be written have nowhere else to go.
fn print_line(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

struct InvocationLogs;

impl<S: Subscriber> Layer<S> for InvocationLogs {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if is_replaying() {
            return;
        }
        let line = line(event);
        let outside = LINES.with_borrow_mut(|lines| match lines {
            Some(lines) => {
                lines.push(line);
                None
            }
            None => Some(line),
        });
        if let Some(line) = outside {
            print_line(&line);
        }
    }
}

fn line(event: &Event<'_>) -> String {
    let metadata = event.metadata();
    let mut line = match *metadata.level() {
        Level::INFO => String::new(),
        level => format!("{level}: "),
    };
    let mut fields = Fields {
        message: String::new(),
        others: String::new(),
    };
    event.record(&mut fields);
    line.push_str(&fields.message);
    line.push_str(&fields.others);
    line
}

struct Fields {
    message: String,
    others: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else if !value.is_empty() {
            // writing to a String can't fail
            let _ = write!(self.others, " {}={value}", field.name());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.others, " {name}={value:?}"),
        };
    }
}
