//! Texts as a terminal can show them.

use std::borrow::Cow;
use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a character would do something to the terminal instead of being shown.
fn is_command(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text on one line: what would move the cursor, change colours or turn the direction of
/// writing is written out. Ids, inputs and outputs come from anybody who can reach a host.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_command) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_command(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// The same for a text of several lines, which stay lines.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.lines().map(one_line)
}

/// The text as a program coloured it: besides tabs and colours, what would do something to the
/// terminal is written out.
pub(crate) fn coloured(text: &str) -> Cow<'_, str> {
    if !text.contains(is_command) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = match colour(rest) {
            Some(length) => length,
            None => c.len_utf8(),
        };
        let (piece, after) = rest.split_at(taken);
        if taken > c.len_utf8() || c == '\t' || !is_command(c) {
            out.push_str(piece);
        } else {
            out.extend(c.escape_default());
        }
        rest = after;
    }
    Cow::Owned(out)
}

/// Length of the command for colours (SGR) that the text begins with.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let length = parameters.find(|c: char| !matches!(c, '0'..='9' | ';' | ':'))?;
    parameters
        .get(length..)?
        .starts_with('m')
        .then_some(length + 3)
}

/// Columns that the text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most so many columns; `mark` stands for what was cut off.
pub(crate) fn cut<'a>(text: &'a str, columns: usize, mark: &str) -> Cow<'a, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let room = columns.saturating_sub(width(mark));
    let mut used = 0;
    let mut out = String::new();
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        out.push(c);
    }
    out.push_str(mark);
    Cow::Owned(out)
}

/// Blanks that bring a text to that many columns.
pub(crate) fn padding(text: &str, columns: usize) -> String {
    " ".repeat(columns.saturating_sub(width(text)))
}

/// How long something took, with about three digits.
pub(crate) fn duration(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    let whole = took.as_secs();
    match whole {
        0 if took.is_zero() => "0 ms".to_owned(),
        0 if seconds < 0.000_995 => format!("{:.2} ms", seconds * 1e3),
        0 if seconds < 0.009_95 => format!("{:.1} ms", seconds * 1e3),
        0 if seconds < 0.999_5 => format!("{:.0} ms", seconds * 1e3),
        0..10 => format!("{seconds:.2} s"),
        10..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole / 60 % 60),
        _ => format!("{} d {} h", whole / 86_400, whole / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        assert_eq!(
            one_line("a\u{1b}[31mb\nc\u{202e}d"),
            "a\\u{1b}[31mb\\nc\\u{202e}d"
        );
        assert_eq!(one_line("plain 東京"), "plain 東京");
        assert_eq!(lines("a\tb\nc").collect::<Vec<_>>(), ["a\\tb", "c"]);
    }

    #[test]
    fn programs_may_colour_what_they_print_and_nothing_else() {
        for fine in ["plain 東京", "a\tb", "\u{1b}[1;38:5:4mred\u{1b}[m", ""] {
            assert_eq!(coloured(fine), fine);
        }
        for (text, shown) in [
            ("a\rb", "a\\rb"),
            ("\u{1b}[2Jx\u{1b}[31my", "\\u{1b}[2Jx\u{1b}[31my"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{1b}[3", "\\u{1b}[3"),
            ("\u{9b}31m\u{202e}", "\\u{9b}31m\\u{202e}"),
        ] {
            assert_eq!(coloured(text), shown);
        }
    }

    #[test]
    fn cutting_counts_columns() {
        assert_eq!(cut("short", 5, "…"), "short");
        assert_eq!(cut("longer", 5, "…"), "long…");
        // Each of these takes two columns.
        assert_eq!(cut("東京都庁", 6, "…"), "東京…");
        assert_eq!(padding("東京", 6).len(), 2);
    }

    #[test]
    fn durations_are_readable() {
        for (micros, text) in [
            (0, "0 ms"),
            (4, "0.00 ms"),
            (738, "0.74 ms"),
            (999, "1.0 ms"),
            (1_234, "1.2 ms"),
            (9_960, "10 ms"),
            (410_400, "410 ms"),
            (999_400, "999 ms"),
            (999_600, "1.00 s"),
            (3_214_000, "3.21 s"),
            (42_000_000, "42.0 s"),
            (200_000_000, "3 min 20 s"),
            (7_260_000_000, "2 h 1 min"),
            (864_000_000_000, "10 d 0 h"),
        ] {
            assert_eq!(duration(Duration::from_micros(micros)), text);
        }
    }
}
