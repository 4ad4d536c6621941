//! Colours, for those who can see them.

use std::io::IsTerminal;

use anstyle::{AnsiColor, Color, Style};
use clap::ColorChoice;

/// The styles of the commands and of the console.
pub(crate) mod style {
    use super::{AnsiColor, Color, Style};

    const fn colour(colour: AnsiColor) -> Style {
        Style::new().fg_color(Some(Color::Ansi(colour)))
    }

    pub(crate) const PLAIN: Style = Style::new();
    pub(crate) const BOLD: Style = Style::new().bold();
    pub(crate) const DIM: Style = Style::new().dimmed();
    pub(crate) const GOOD: Style = colour(AnsiColor::Green);
    pub(crate) const BAD: Style = colour(AnsiColor::Red).bold();
    pub(crate) const ODD: Style = colour(AnsiColor::Yellow);
    pub(crate) const BUSY: Style = colour(AnsiColor::Cyan);
    pub(crate) const ENDED: Style = colour(AnsiColor::Magenta);
}

/// Colours texts, or leaves them as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint(bool);

impl Paint {
    /// Without colours.
    #[cfg(test)]
    pub(crate) const NONE: Self = Self(false);

    /// For standard output: unless told otherwise, with colours when it is a terminal that knows
    /// them and NO_COLOR is not set.
    pub(crate) fn standard_output(choice: ColorChoice) -> Self {
        Self(wanted(choice, std::io::stdout().is_terminal()))
    }

    /// The same for standard error.
    pub(crate) fn standard_error(choice: ColorChoice) -> Self {
        Self(wanted(choice, std::io::stderr().is_terminal()))
    }

    /// The text in that style.
    pub(crate) fn text(self, style: Style, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        self.push(&mut out, style, text);
        out
    }

    /// Appends the text in that style.
    pub(crate) fn push(self, out: &mut String, style: Style, text: &str) {
        use std::fmt::Write;
        if !self.0 || style.is_plain() || text.is_empty() {
            out.push_str(text);
            return;
        }
        // Writing to a string can't fail.
        let _ = write!(out, "{style}{text}{style:#}");
    }
}

fn wanted(choice: ColorChoice, terminal: bool) -> bool {
    let wanted = match choice {
        ColorChoice::Never => false,
        ColorChoice::Always => true,
        ColorChoice::Auto => {
            !anstyle_query::no_color()
                && (anstyle_query::clicolor_force()
                    || (terminal
                        && anstyle_query::clicolor().unwrap_or(true)
                        && anstyle_query::term_supports_color()))
        }
    };
    // Consoles of Windows have to be told.
    #[cfg(windows)]
    if wanted && terminal {
        anstyle_query::windows::enable_ansi_colors();
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_a_matter_of_choice() {
        assert!(!wanted(ColorChoice::Auto, false));
        assert!(wanted(ColorChoice::Always, false));
        assert!(!wanted(ColorChoice::Never, true));
        assert_eq!(Paint(true).text(style::GOOD, "ok"), "\u{1b}[32mok\u{1b}[0m");
        assert_eq!(Paint(true).text(style::PLAIN, "ok"), "ok");
        assert_eq!(Paint::NONE.text(style::BAD, "no"), "no");
    }
}
