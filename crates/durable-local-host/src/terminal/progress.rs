//! A line that moves while somebody waits.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::display::one_line;
use crate::display::{Paint, style};

/// How often the line moves.
const BEAT: Duration = Duration::from_millis(100);

/// The line: on standard error, and only when that is a terminal. It goes when this is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    line: ProgressBar,
    id: String,
    paint: Paint,
}

impl Progress {
    /// Shows the line for an instance.
    pub(super) fn start(id: &str, paint: Paint) -> Self {
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(form) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            line.set_style(form);
        }
        line.enable_steady_tick(BEAT);
        Self {
            line,
            id: one_line(id).into_owned(),
            paint,
        }
    }

    /// Shows how things are.
    pub(super) fn show(&self, status: &str, custom: Option<&str>) {
        let custom = custom.map_or_else(String::new, |text| format!("  {}", one_line(text)));
        self.line.set_message(format!(
            "{}  {}{custom}",
            self.paint.text(style::BOLD, &self.id),
            one_line(status),
        ));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.line.finish_and_clear();
    }
}
