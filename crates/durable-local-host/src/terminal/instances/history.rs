//! `instances history`.

use super::list::status_style;
use super::unknown;
use crate::display::duration;
use crate::display::one_line;
use crate::display::style;
use crate::terminal::client::{Call, Host};
use crate::terminal::documents::{Event, Status, time};
use crate::terminal::fault::Fault;
use crate::terminal::output::{OutputArgs, columns, print, remark};
use crate::terminal::spans::spans;
use crate::terminal::table::{Cell, Column, Table};
use crate::terminal::timeline::{Signs, Timeline};
use crate::time::Ticks;

/// How to draw the history.
#[derive(clap::Args, Debug)]
pub(super) struct HistoryArgs {
    /// Id of the instance
    id: String,
    /// List the events in place of the bars
    #[arg(long)]
    events: bool,
    /// Draw with ASCII characters only
    #[arg(long)]
    ascii: bool,
    /// How wide to draw [default: the terminal's width; in a pipe nothing is cut off]
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..))]
    width: Option<u16>,
}

pub(super) async fn run(host: &Host, output: &OutputArgs, args: &HistoryArgs) -> Result<(), Fault> {
    let call = Call {
        path: vec!["instances", &args.id],
        query: vec![
            ("showHistory", "true".to_owned()),
            ("showHistoryOutput", "true".to_owned()),
        ],
        ..Call::default()
    };
    let answer = host
        .get(call)
        .await?
        .ok_or_else(|| unknown(host, &args.id))?;
    if output.is_json() {
        return print(&format!("{}\n", answer.body));
    }
    let status: Status<'_> =
        serde_json::from_str(&answer.body).map_err(|error| host.unreadable(&error, &answer))?;
    let paint = output.paint();
    let events = status.history_events.as_deref().unwrap_or_default();
    let spans = spans(events, status.has_ended());
    let timeline = Timeline {
        spans: &spans,
        from: first(events, &status),
        to: last(events, &status),
    };
    let took = duration(timeline.to.since(timeline.from));
    let mut text = format!(
        "{}  {}  {}  {took}\n\n",
        paint.text(style::BOLD, &one_line(&status.instance_id)),
        one_line(status.name.as_deref().unwrap_or_default()),
        paint.text(status_style(&status.runtime_status), &status.runtime_status),
    );
    if args.events {
        text.push_str(&list(events, timeline.from).render(columns(), paint));
        return print(&text);
    }
    let signs = if args.ascii {
        Signs::ASCII
    } else {
        Signs::UNICODE
    };
    let width = args.width.map(usize::from).or_else(columns);
    if spans.is_empty() {
        remark("The history has no calls, timers or events; --events lists what it has.");
    } else {
        text.push_str(&timeline.render(width, signs, paint));
    }
    print(&text)
}

/// When the instance began. Documents have whole seconds, histories have more.
fn first(events: &[Event], status: &Status<'_>) -> Ticks {
    events
        .first()
        .and_then(Event::time)
        .or_else(|| status.created())
        .unwrap_or_default()
}

/// When it ended; now when it has not.
fn last(events: &[Event], status: &Status<'_>) -> Ticks {
    let told = events.iter().filter_map(Event::time).max();
    if status.has_ended() {
        told.or_else(|| status.updated()).unwrap_or_default()
    } else {
        // The host's clock may be ahead of this one.
        told.unwrap_or_default().max(Ticks::of_system())
    }
}

/// When an event happened. That of a timer bears the time at which it was made, which may be before
/// it fires.
fn happened(event: &Event) -> Option<Ticks> {
    let due = match event.event_type.as_str() {
        "TimerFired" => time(event.fire_at.as_deref()),
        _ => None,
    };
    event.time().max(due)
}

fn list(events: &[Event], from: Ticks) -> Table {
    let mut table = Table::new(vec![
        Column::number("AFTER"),
        Column::flexible("EVENT", 1, 12),
        Column::flexible("NAME", 2, 8),
        Column::flexible("DETAILS", 3, 12).optional(),
    ]);
    for event in events {
        let after = happened(event).map_or_else(String::new, |time| duration(time.since(from)));
        let name = event.function_name.as_deref().or(event.name.as_deref());
        let style = if event.event_type.ends_with("Failed")
            || event.orchestration_status.as_deref() == Some("Failed")
        {
            style::BAD
        } else {
            style::PLAIN
        };
        table.row(vec![
            Cell::styled(&after, style::DIM),
            Cell::styled(&event.event_type, style),
            Cell::new(name.unwrap_or_default()),
            Cell::new(&details(event)),
        ]);
    }
    table
}

/// What an event tells besides its name.
fn details(event: &Event) -> String {
    let mut parts = Vec::new();
    if let Some(status) = &event.orchestration_status {
        parts.push(status.clone());
    }
    if let Some(failure) = &event.failure_details {
        let failure = failure.failure();
        parts.push(format!("{}: {}", failure.error_type, failure.message));
    }
    if let Some(instance) = &event.instance_id {
        parts.push(format!("instance {instance}"));
    }
    if let Some(due) = &event.fire_at {
        parts.push(format!("due {due}"));
    }
    for (label, value) in [("input", &event.input), ("result", &event.result)] {
        match value {
            serde_json::Value::Null => {}
            serde_json::Value::String(text) => parts.push(format!("{label} {text}")),
            other => parts.push(format!("{label} {other}")),
        }
    }
    if event.failure_details.is_none()
        && let Some(reason) = &event.reason
    {
        parts.push(reason.clone());
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::Paint;

    #[test]
    fn events_are_listed_with_what_they_tell() {
        let events: Vec<Event> = serde_json::from_str(
            r#"[{"EventType":"ExecutionStarted","Timestamp":"2026-11-24T09:00:00Z","FunctionName":"order","Input":"7"},
                {"EventType":"TaskFailed","Timestamp":"2026-11-24T09:00:01Z","FunctionName":"pay","Reason":"hidden","FailureDetails":{"ErrorType":"E","ErrorMessage":"no money"}},
                {"EventType":"TimerCreated","Timestamp":"2026-11-24T09:00:01Z","FireAt":"2026-11-24T09:00:05Z"},
                {"EventType":"TimerFired","Timestamp":"2026-11-24T09:00:01Z","FireAt":"2026-11-24T09:00:05Z"},
                {"EventType":"EventRaised","Timestamp":"2026-11-24T09:00:06Z","Name":"Go","Input":"true"},
                {"EventType":"ExecutionCompleted","Timestamp":"2026-11-24T09:00:06.5Z","OrchestrationStatus":"Completed","Result":[1]}]"#,
        )
        .unwrap();
        let from = events[0].time().unwrap();
        assert_eq!(
            list(&events, from).render(None, Paint::NONE),
            " AFTER  EVENT               NAME   DETAILS\n  \
               0 ms  ExecutionStarted    order  input 7\n\
             1.00 s  TaskFailed          pay    E: no money\n\
             1.00 s  TimerCreated               due 2026-11-24T09:00:05Z\n\
             5.00 s  TimerFired                 due 2026-11-24T09:00:05Z\n\
             6.00 s  EventRaised         Go     input true\n\
             6.50 s  ExecutionCompleted         Completed; result [1]\n"
        );
        for columns in [40, 45, 60, 80] {
            let text = list(&events, from).render(Some(columns), Paint::NONE);
            for line in text.lines() {
                assert!(crate::display::width(line) <= columns, "{line}");
            }
        }
    }
}
