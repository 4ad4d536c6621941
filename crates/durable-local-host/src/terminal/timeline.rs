//! A history as bars over time.

use super::spans::{Kind, Outcome, Span};
use crate::display::duration;
use crate::display::{Paint, style};
use crate::display::{cut, one_line, padding, width};
use crate::time::Ticks;

/// What bars are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs {
    call: char,
    child: char,
    entity: char,
    pause: char,
    suspended: char,
    point: char,
    rule: char,
    ends: [char; 2],
    cut: &'static str,
    good: &'static str,
    bad: &'static str,
    open: &'static str,
}

impl Signs {
    /// Signs for terminals that show Unicode.
    pub(super) const UNICODE: Self = Self {
        call: '█',
        child: '▓',
        entity: '▒',
        pause: '░',
        suspended: '╌',
        point: '◆',
        rule: '─',
        ends: ['├', '┤'],
        cut: "…",
        good: "✓",
        bad: "✗",
        open: "…",
    };

    /// Signs that every terminal shows.
    pub(super) const ASCII: Self = Self {
        call: '#',
        child: '=',
        entity: '%',
        pause: '.',
        suspended: '~',
        point: '*',
        rule: '-',
        ends: ['|', '|'],
        cut: "..",
        good: "ok",
        bad: "FAILED",
        open: "..",
    };

    fn of(self, kind: Kind) -> char {
        match kind {
            Kind::Activity => self.call,
            Kind::Orchestration => self.child,
            Kind::Entity => self.entity,
            Kind::Timer => self.pause,
            Kind::Suspended => self.suspended,
            Kind::Received | Kind::Sent => self.point,
        }
    }
}

/// Columns of labels and bars where nothing is cut off.
const COLUMNS: usize = 100;
/// The least that bars are given.
const LEAST_BARS: usize = 16;

/// What is drawn.
#[derive(Debug)]
pub(super) struct Timeline<'a> {
    pub(super) spans: &'a [Span],
    /// When the instance was made.
    pub(super) from: Ticks,
    /// When it ended, or now.
    pub(super) to: Ticks,
}

impl Timeline<'_> {
    /// The lines, each with a line feed, at most `columns` wide as far as possible. Without a width
    /// nothing is cut off.
    pub(super) fn render(&self, columns: Option<usize>, signs: Signs, paint: Paint) -> String {
        let labels: Vec<String> = self.spans.iter().map(label).collect();
        let notes: Vec<String> = self
            .spans
            .iter()
            .map(|span| self.note(span, signs))
            .collect();
        let widest = |texts: &[String]| texts.iter().map(|text| width(text)).max().unwrap_or(0);
        // Labels and notes get a third each at most; bars what they leave.
        let third = columns.map_or(usize::MAX, |columns| columns / 3);
        let label_columns = widest(&labels).min(third);
        let note_columns = match columns {
            Some(_) => widest(&notes).min(third),
            None => 0,
        };
        let bars = columns
            .unwrap_or(COLUMNS)
            .saturating_sub(label_columns + note_columns + 4)
            .max(LEAST_BARS);
        let mut out = self.scale(label_columns, bars, signs, paint);
        for ((span, label), note) in self.spans.iter().zip(&labels).zip(&notes) {
            let label = cut(label, label_columns, signs.cut);
            out.push_str(&label);
            out.push_str(&padding(&label, label_columns));
            out.push_str("  ");
            let (before, length) = self.place(span, bars);
            out.push_str(&" ".repeat(before));
            let bar: String = std::iter::repeat_n(signs.of(span.kind), length).collect();
            paint.push(&mut out, colour(span), &bar);
            out.push_str(&" ".repeat(bars - before - length + 2));
            let room = columns.map_or(usize::MAX, |columns| {
                columns.saturating_sub(label_columns + bars + 4)
            });
            let note = cut(note, room, signs.cut);
            let note_style = match span.outcome {
                Outcome::Failed(_) => style::BAD,
                _ => style::DIM,
            };
            paint.push(&mut out, note_style, note.trim_end());
            out.truncate(out.trim_end().len());
            out.push('\n');
        }
        out
    }

    /// The line above the bars: how long it took from one end to the other.
    fn scale(&self, label_columns: usize, bars: usize, signs: Signs, paint: Paint) -> String {
        let total = duration(self.to.since(self.from));
        let [left, right] = signs.ends;
        let rule = bars.saturating_sub(2 + width(&total) + 2);
        let mut line = String::new();
        line.push(left);
        line.extend(std::iter::repeat_n(signs.rule, rule / 2));
        line.push_str(&format!(" {total} "));
        line.extend(std::iter::repeat_n(signs.rule, rule - rule / 2));
        line.push(right);
        let mut out = " ".repeat(label_columns + 2);
        paint.push(&mut out, style::DIM, &line);
        out.push('\n');
        out
    }

    /// Columns before the bar, and columns of the bar; together never more than `bars`.
    fn place(&self, span: &Span, bars: usize) -> (usize, usize) {
        let total = self.to.since(self.from).as_secs_f64();
        let column = |time: Ticks| {
            if total <= 0.0 {
                return 0;
            }
            let share = time.since(self.from).as_secs_f64() / total;
            // Neither overflows: a share is at most 1 here.
            (share.clamp(0.0, 1.0) * bars as f64).round() as usize
        };
        let start = column(span.start).min(bars.saturating_sub(1));
        let end = column(span.end.unwrap_or(self.to)).clamp(start + 1, bars);
        match span.kind {
            Kind::Received | Kind::Sent => (start, 1),
            _ => (start, end - start),
        }
    }

    fn note(&self, span: &Span, signs: Signs) -> String {
        let took = duration(span.end.unwrap_or(self.to).since(span.start));
        let is_point =
            matches!(span.kind, Kind::Received | Kind::Sent) || span.end == Some(span.start);
        match &span.outcome {
            Outcome::Completed if is_point => String::new(),
            Outcome::Completed => match span.kind {
                Kind::Timer | Kind::Suspended => took,
                _ => format!("{} {took}", signs.good),
            },
            Outcome::Failed(message) if message.is_empty() => format!("{} {took}", signs.bad),
            Outcome::Failed(message) => {
                format!(
                    "{} {took}  {}",
                    signs.bad,
                    one_line(&message.replace('\n', " "))
                )
            }
            Outcome::Open => match span.kind {
                Kind::Timer => format!("{} waits", signs.open),
                _ => format!("{} for {took}", signs.open),
            },
            Outcome::Dropped => "not awaited".to_owned(),
        }
    }
}

fn label(span: &Span) -> String {
    let name = one_line(&span.name);
    match (span.kind, &span.instance) {
        (Kind::Received, _) => format!("event {name}"),
        (Kind::Sent, Some(to)) => format!("event {name} to {}", one_line(to)),
        (Kind::Orchestration, Some(child)) => format!("{name} ({})", one_line(child)),
        (Kind::Timer, _) if name == "Timer" => "timer".to_owned(),
        (Kind::Suspended, _) => "suspended".to_owned(),
        _ if span.attempt > 1 => format!("{name} (attempt {})", span.attempt),
        _ => name.into_owned(),
    }
}

fn colour(span: &Span) -> anstyle::Style {
    match (&span.outcome, span.kind) {
        (Outcome::Failed(_), _) => style::BAD,
        (Outcome::Open, _) => style::BUSY,
        (Outcome::Dropped, _) => style::DIM,
        (Outcome::Completed, Kind::Timer) => style::DIM,
        (Outcome::Completed, Kind::Suspended) => style::ODD,
        (Outcome::Completed, _) => style::GOOD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(kind: Kind, name: &str, start: i64, end: Option<i64>, outcome: Outcome) -> Span {
        Span {
            kind,
            name: name.to_owned(),
            start: Ticks(start * 1_000_000),
            end: end.map(|end| Ticks(end * 1_000_000)),
            outcome,
            attempt: 1,
            instance: None,
        }
    }

    /// An order over four seconds; times are tenths of a second.
    fn order() -> Vec<Span> {
        let mut spans = vec![
            span(Kind::Activity, "reserve", 0, Some(5), Outcome::Completed),
            span(
                Kind::Activity,
                "pay",
                5,
                Some(9),
                Outcome::Failed("card\ndeclined".into()),
            ),
            span(
                Kind::Timer,
                "pause before retry",
                9,
                Some(20),
                Outcome::Completed,
            ),
            span(Kind::Activity, "pay", 20, Some(24), Outcome::Completed),
            span(Kind::Orchestration, "ship", 24, None, Outcome::Open),
            span(Kind::Received, "Approval", 30, Some(30), Outcome::Completed),
            span(
                Kind::Entity,
                "@stock@a take",
                24,
                Some(26),
                Outcome::Completed,
            ),
            span(
                Kind::Suspended,
                "Suspended",
                32,
                Some(36),
                Outcome::Completed,
            ),
            span(Kind::Timer, "Timer", 24, None, Outcome::Dropped),
        ];
        spans[3].attempt = 2;
        spans[4].instance = Some("order-7:5".into());
        spans
    }

    fn drawn(columns: usize, signs: Signs) -> String {
        let spans = order();
        let timeline = Timeline {
            spans: &spans,
            from: Ticks(0),
            to: Ticks(40_000_000),
        };
        timeline.render(Some(columns), signs, Paint::NONE)
    }

    #[test]
    fn bars_stand_where_things_happened() {
        assert_eq!(
            drawn(90, Signs::UNICODE),
            concat!(
                "                    ├───────────────── 4.00 s ──────────────────┤\n",
                "reserve             ██████                                         ✓ 500 ms\n",
                "pay                       ████                                     ✗ 400 ms  card declined\n",
                "pause before retry            ░░░░░░░░░░░░░                        1.10 s\n",
                "pay (attempt 2)                            ████                    ✓ 400 ms\n",
                "ship (order-7:5)                               ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓  … for 1.60 s\n",
                "event Approval                                        ◆\n",
                "@stock@a take                                  ▒▒                  ✓ 200 ms\n",
                "suspended                                               ╌╌╌╌╌      400 ms\n",
                "timer                                          ░░░░░░░░░░░░░░░░░░  not awaited\n",
            )
        );
    }

    #[test]
    fn every_terminal_shows_ascii() {
        let text = drawn(70, Signs::ASCII);
        assert!(text.is_ascii(), "{text}");
        assert_eq!(
            text,
            concat!(
                "                    |------- 4.00 s --------|\n",
                "reserve             ###                        ok 500 ms\n",
                "pay                    ###                     FAILED 400 ms  card d..\n",
                "pause before retry        .......              1.10 s\n",
                "pay (attempt 2)                  ##            ok 400 ms\n",
                "ship (order-7:5)                   ==========  .. for 1.60 s\n",
                "event Approval                         *\n",
                "@stock@a take                      %           ok 200 ms\n",
                "suspended                               ~~~    400 ms\n",
                "timer                              ..........  not awaited\n",
            )
        );
    }

    #[test]
    fn nothing_takes_no_time() {
        let spans = [span(Kind::Activity, "a", 0, Some(0), Outcome::Completed)];
        let timeline = Timeline {
            spans: &spans,
            from: Ticks(0),
            to: Ticks(0),
        };
        assert_eq!(
            timeline.render(Some(30), Signs::UNICODE, Paint::NONE),
            "   ├──────── 0 ms ─────────┤\na  █\n"
        );
    }

    proptest::proptest! {
        #[test]
        fn lines_keep_to_the_terminal(times in proptest::collection::vec((0i64..1000, proptest::option::of(0i64..1000)), 0..20), name in ".{0,30}", columns in 60usize..200) {
            let spans: Vec<Span> = times.iter().map(|(start, end)| span(Kind::Activity, &name, *start, end.map(|end| end.max(*start)), Outcome::Completed)).collect();
            let timeline = Timeline { spans: &spans, from: Ticks(0), to: Ticks(500_000_000) };
            for line in timeline.render(Some(columns), Signs::UNICODE, Paint::NONE).lines() {
                proptest::prop_assert!(width(line) <= columns, "{line:?}");
            }
        }
    }

    #[test]
    fn without_a_width_nothing_is_cut_off() {
        let name = "n".repeat(60);
        let reason = "r".repeat(200);
        let spans = [span(
            Kind::Activity,
            &name,
            0,
            Some(40),
            Outcome::Failed(reason.clone()),
        )];
        let timeline = Timeline {
            spans: &spans,
            from: Ticks(0),
            to: Ticks(40_000_000),
        };
        let text = timeline.render(None, Signs::UNICODE, Paint::NONE);
        assert!(text.contains(&name) && text.contains(&reason), "{text}");
        let text = timeline.render(Some(100), Signs::UNICODE, Paint::NONE);
        assert!(!text.contains(&name) && !text.contains(&reason), "{text}");
    }
}
