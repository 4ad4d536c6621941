//! How results are printed.

use std::io::{ErrorKind, IsTerminal, Write};

use clap::ColorChoice;

use super::fault::Fault;
use crate::display::Paint;

/// In which form.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// For people
    Table,
    /// For scripts: the documents as the host gave them
    Json,
}

/// How results are printed.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// In which form to print results
    #[arg(short, long, global = true, value_enum, default_value = "table")]
    output: Format,
    /// Print the documents as the host gave them, the same as `--output json`
    #[arg(long, global = true)]
    json: bool,
    /// Whether to use colours; `auto` does on a terminal unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto"
    )]
    color: ColorChoice,
}

impl OutputArgs {
    /// Whether scripts read it.
    pub(super) fn is_json(&self) -> bool {
        self.json || self.output == Format::Json
    }

    /// Colours for standard output.
    pub(super) fn paint(&self) -> Paint {
        Paint::standard_output(self.color)
    }

    /// Colours for standard error.
    pub(super) fn error_paint(&self) -> Paint {
        Paint::standard_error(self.color)
    }
}

/// Columns of the terminal; nothing when standard output is none, so that nothing is cut off there.
pub(super) fn columns() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

/// Prints to standard output. Nobody reading on, as in `| head`, is no fault.
pub(super) fn print(text: &str) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Fault::failed(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a line of text for people.
pub(super) fn say(text: &str) -> Result<(), Fault> {
    print(&format!("{text}\n"))
}

/// Prints a remark to standard error, where it does not disturb what is read by others.
pub(super) fn remark(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}
