//! Lines as they are written: for people, or as JSON.

use serde::Serialize;

use super::{ConsoleLine, ConsoleSource, Executed, Outcome};
use crate::display::{Paint, coloured, lines, style};
use crate::time::Ticks;

/// In which form lines are written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// For people, with the colours of standard output and standard error.
    Text(Paint, Paint),
    /// One JSON object a line, everything on standard output.
    Json,
}

/// What stands before a line so that its source shows.
pub(super) fn mark(source: ConsoleSource) -> &'static str {
    match source {
        ConsoleSource::Host | ConsoleSource::Invocation | ConsoleSource::Executed => "",
        ConsoleSource::Problem | ConsoleSource::Fatal => "! ",
        ConsoleSource::Detail => "  . ",
        ConsoleSource::HandlerOut => "[handler] ",
        ConsoleSource::HandlerError => "[handler!] ",
    }
}

/// A line as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    timestamp: String,
    level: &'static str,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invocation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<f64>,
    message: &'a str,
}

impl Form {
    /// Whether a line goes to standard error.
    pub(super) fn is_error(self, source: ConsoleSource) -> bool {
        matches!(self, Self::Text(..))
            && matches!(source, ConsoleSource::Problem | ConsoleSource::Fatal)
    }

    /// Appends a line with its line feed.
    pub(super) fn line(self, out: &mut String, at: Ticks, line: &ConsoleLine) {
        let (paint, error_paint) = match self {
            Self::Json => return json(out, at, line, None),
            Self::Text(paint, error_paint) => (paint, error_paint),
        };
        let (paint, mark_style, text_style) = match line.source {
            // The listing of functions is no log.
            ConsoleSource::Host => {
                out.push_str(&line.text);
                out.push('\n');
                return;
            }
            ConsoleSource::Problem | ConsoleSource::Fatal => (error_paint, style::BAD, style::ODD),
            ConsoleSource::Detail => (paint, style::DIM, style::DIM),
            ConsoleSource::HandlerOut => (paint, style::BUSY, style::PLAIN),
            ConsoleSource::HandlerError => (paint, style::ODD, style::PLAIN),
            ConsoleSource::Invocation | ConsoleSource::Executed => {
                (paint, style::PLAIN, style::PLAIN)
            }
        };
        clock(out, at, paint);
        paint.push(out, mark_style, mark(line.source));
        match line.source {
            ConsoleSource::HandlerOut | ConsoleSource::HandlerError | ConsoleSource::Invocation => {
                let lines: Vec<_> = line.text.lines().map(coloured).collect();
                out.push_str(&lines.join("\n"));
            }
            // Exceptions and ids are in these.
            _ => {
                let lines: Vec<_> = lines(&line.text).collect();
                paint.push(out, text_style, &lines.join("\n"));
            }
        }
        out.push('\n');
    }

    /// Appends a call that is over.
    pub(super) fn executed(self, out: &mut String, at: Ticks, executed: &Executed) {
        let Self::Text(paint, _) = self else {
            return json(out, at, &executed.line(), Some(executed));
        };
        clock(out, at, paint);
        let style = match executed.outcome {
            Outcome::Good(_) => style::GOOD,
            Outcome::Failed(_) => style::BAD,
            Outcome::Again(_) => style::ODD,
        };
        paint.push(out, style, &format!("{:<6}", executed.outcome.word()));
        paint.push(out, style::DIM, &format!(" {:>8}  ", executed.duration()));
        out.push_str(&executed.rest());
        out.push('\n');
    }
}

/// The time of day in UTC, to the millisecond.
fn clock(out: &mut String, at: Ticks, paint: Paint) {
    let text = at.iso_round_trip();
    paint.push(out, style::DIM, text.get(11..23).unwrap_or_default());
    out.push_str("  ");
}

fn json(out: &mut String, at: Ticks, line: &ConsoleLine, executed: Option<&Executed>) {
    let failed = executed.is_some_and(|executed| matches!(executed.outcome, Outcome::Failed(_)));
    let entry = Entry {
        timestamp: at.iso_round_trip(),
        level: match line.source {
            _ if failed => "error",
            ConsoleSource::Fatal => "error",
            ConsoleSource::Problem | ConsoleSource::HandlerError => "warning",
            ConsoleSource::Detail => "debug",
            _ => "info",
        },
        source: match line.source {
            ConsoleSource::Host
            | ConsoleSource::Problem
            | ConsoleSource::Fatal
            | ConsoleSource::Detail => "host",
            ConsoleSource::HandlerOut | ConsoleSource::HandlerError => "handler",
            ConsoleSource::Invocation => "function",
            ConsoleSource::Executed => "invocation",
        },
        function: line.function.as_deref(),
        invocation_id: line.invocation_id.as_deref(),
        instance_id: line.instance_id.as_deref(),
        kind: executed.map(|executed| executed.invocation.kind.name()),
        outcome: executed.map(|executed| executed.outcome.name()),
        duration_ms: executed.map(|executed| executed.took.as_secs_f64() * 1e3),
        message: line.text.trim(),
    };
    if entry.message.is_empty() {
        return;
    }
    // Texts and numbers can always be written.
    if let Ok(text) = serde_json::to_string(&entry) {
        out.push_str(&text);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::invocation::sample;
    use super::*;

    const PLAIN: Form = Form::Text(Paint::NONE, Paint::NONE);

    fn at() -> Ticks {
        Ticks::parse("2026-11-24T09:41:03.1274567Z").unwrap()
    }

    fn written(form: Form, source: ConsoleSource, text: &str) -> String {
        let mut out = String::new();
        form.line(&mut out, at(), &ConsoleLine::new(source, text));
        out
    }

    #[test]
    fn lines_show_where_they_come_from() {
        for (source, line) in [
            (ConsoleSource::Host, "x\n"),
            (ConsoleSource::Problem, "09:41:03.127  ! x\n"),
            (ConsoleSource::HandlerOut, "09:41:03.127  [handler] x\n"),
            (ConsoleSource::HandlerError, "09:41:03.127  [handler!] x\n"),
            (ConsoleSource::Invocation, "09:41:03.127  x\n"),
            (ConsoleSource::Detail, "09:41:03.127    . x\n"),
        ] {
            assert_eq!(written(PLAIN, source, "x"), line);
        }
        let written = |source, text| written(PLAIN, source, text)[14..].to_owned();
        assert_eq!(
            written(ConsoleSource::Problem, "a\u{1b}[31mb\rc\nd"),
            "! a\\u{1b}[31mb\\rc\nd\n"
        );
        assert_eq!(written(ConsoleSource::Detail, "a\u{7}"), "  . a\\u{7}\n");
        assert_eq!(
            written(ConsoleSource::HandlerError, "\u{1b}[31mb\u{1b}[m\rc"),
            "[handler!] \u{1b}[31mb\u{1b}[m\\rc\n"
        );
        let mut out = String::new();
        PLAIN.executed(&mut out, at(), &sample("pay", Outcome::GOOD));
        assert_eq!(
            out,
            "09:41:03.127  ok       2.1 ms  pay  order-7  (4f6ac1d2)\n"
        );
    }

    #[test]
    fn json_lines_are_objects() {
        let read = |text: String| -> Value { serde_json::from_str(&text).unwrap() };
        assert_eq!(
            read(written(Form::Json, ConsoleSource::Problem, "a\n\"b\"\n")),
            json!({"timestamp": "2026-11-24T09:41:03.1274567Z", "level": "warning", "source": "host", "message": "a\n\"b\""})
        );
        assert_eq!(written(Form::Json, ConsoleSource::Host, "\n"), "");
        assert_eq!(
            read(written(Form::Json, ConsoleSource::Fatal, "no"))["level"],
            "error"
        );
        let mut out = String::new();
        Form::Json.executed(&mut out, at(), &sample("pay", Outcome::FAILED));
        assert_eq!(
            read(out),
            json!({"timestamp": "2026-11-24T09:41:03.1274567Z", "level": "error", "source": "invocation",
                "function": "pay", "invocationId": "4f6ac1d2-0000-4000-8000-000000000001", "instanceId": "order-7",
                "kind": "activity", "outcome": "failed", "durationMs": 2.14,
                "message": "FAILED   2.1 ms  pay  order-7  (4f6ac1d2)"})
        );
    }
}
