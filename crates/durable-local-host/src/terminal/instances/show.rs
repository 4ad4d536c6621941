//! `instances show`.

use serde_json::value::RawValue;

use super::list::status_style;
use super::unknown;
use crate::display::{Paint, style};
use crate::display::{lines, one_line};
use crate::terminal::client::{Call, Host};
use crate::terminal::documents::{Event, Status};
use crate::terminal::fault::Fault;
use crate::terminal::output::{OutputArgs, print};
use crate::terminal::when::{age, readable_text, whole_seconds};
use crate::time::Ticks;

/// Which instance to show.
#[derive(clap::Args, Debug)]
pub(super) struct ShowArgs {
    /// Id of the instance
    id: String,
}

pub(super) async fn run(host: &Host, output: &OutputArgs, args: &ShowArgs) -> Result<(), Fault> {
    show(host, output, &args.id).await
}

/// Shows an instance as it is now.
pub(super) async fn show(host: &Host, output: &OutputArgs, id: &str) -> Result<(), Fault> {
    let call = |history: bool| Call {
        path: vec!["instances", id],
        query: if history {
            vec![("showHistory", "true".to_owned())]
        } else {
            Vec::new()
        },
        ..Call::default()
    };
    let mut answer = host
        .get(call(false))
        .await?
        .ok_or_else(|| unknown(host, id))?;
    if output.is_json() {
        return print(&format!("{}\n", answer.body));
    }
    let status: Status<'_> =
        serde_json::from_str(&answer.body).map_err(|error| host.unreadable(&error, &answer))?;
    // Only the history tells which call failed, and with which causes.
    if status.runtime_status == "Failed" {
        answer = host
            .get(call(true))
            .await?
            .ok_or_else(|| unknown(host, id))?;
    }
    let status: Status<'_> =
        serde_json::from_str(&answer.body).map_err(|error| host.unreadable(&error, &answer))?;
    print(&page(&status, Ticks::of_system(), output.paint()))
}

fn page(status: &Status<'_>, now: Ticks, paint: Paint) -> String {
    let mut page = Page {
        out: String::new(),
        paint,
    };
    page.field("Instance", style::BOLD, &status.instance_id);
    page.field(
        "Name",
        style::PLAIN,
        status.name.as_deref().unwrap_or_default(),
    );
    page.field(
        "Status",
        status_style(&status.runtime_status),
        &status.runtime_status,
    );
    let created = readable_text(&status.created_time);
    let ago = status
        .created()
        .map_or_else(String::new, |time| format!(", {}", age(time, now)));
    page.field("Created", style::PLAIN, &format!("{created} UTC{ago}"));
    let updated = readable_text(&status.last_updated_time);
    let took = match (status.created(), status.updated()) {
        (Some(from), Some(to)) if to.since(from).as_secs() > 0 => {
            format!(", after {}", whole_seconds(to.since(from)))
        }
        _ => String::new(),
    };
    let label = if status.has_ended() {
        "Ended"
    } else {
        "Updated"
    };
    page.field(label, style::PLAIN, &format!("{updated} UTC{took}"));
    page.value("Input", status.input);
    page.value("Custom status", status.custom_status);
    page.value("Output", status.output);
    page.failure(status.history_events.as_deref().unwrap_or_default());
    page.out
}

struct Page {
    out: String,
    paint: Paint,
}

impl Page {
    fn field(&mut self, label: &str, style: anstyle::Style, text: &str) {
        self.paint
            .push(&mut self.out, style::DIM, &format!("{label:<10}"));
        self.paint.push(&mut self.out, style, &one_line(text));
        self.out.push('\n');
    }

    fn heading(&mut self, label: &str) {
        self.out.push('\n');
        self.paint.push(&mut self.out, style::DIM, label);
        self.out.push('\n');
    }

    fn line(&mut self, indent: usize, style: anstyle::Style, text: &str) {
        self.out.push_str(&" ".repeat(indent));
        self.paint.push(&mut self.out, style, text);
        self.out.push('\n');
    }

    /// A value in full: a text as its lines, other JSON indented.
    fn value(&mut self, label: &str, value: Option<&RawValue>) {
        let Some(json) = value.map(RawValue::get).filter(|json| *json != "null") else {
            return;
        };
        self.heading(label);
        let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| indented(json));
        for line in lines(&text) {
            self.line(2, style::PLAIN, &line);
        }
    }

    fn failure(&mut self, events: &[Event]) {
        let Some(details) = events
            .iter()
            .rev()
            .find(|event| event.event_type == "ExecutionCompleted")
            .and_then(|event| event.failure_details.as_ref())
        else {
            return;
        };
        self.heading("Failure");
        self.chain(2, details);
        let failed = events.iter().rev().find_map(|event| {
            event
                .event_type
                .ends_with("Failed")
                .then_some((event, event.failure_details.as_ref()?))
        });
        if let Some((event, details)) = failed {
            self.heading("Last failed call");
            let name = one_line(event.function_name.as_deref().unwrap_or("?")).into_owned();
            let kind = if event.event_type.starts_with("Task") {
                "activity"
            } else {
                "sub-orchestration"
            };
            self.line(2, style::BOLD, &format!("{kind} {name}"));
            if let Some(input) = event.input.as_str() {
                self.line(2, style::PLAIN, &format!("input {}", one_line(input)));
            }
            self.chain(2, details);
        }
    }

    fn chain(&mut self, indent: usize, details: &crate::terminal::documents::FailureDetails) {
        let failure = details.failure();
        for (number, link) in failure.chain().enumerate() {
            let before = if number == 0 { "" } else { "caused by " };
            let text = format!("{before}{}: {}", link.error_type, link.message);
            for (place, line) in lines(&text).enumerate() {
                let style = if number == 0 {
                    style::BAD
                } else {
                    style::PLAIN
                };
                self.line(indent + 2 * usize::from(place > 0), style, &line);
            }
        }
    }
}

/// JSON with line feeds and blanks; its numbers stay as they are written.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0usize;
    let mut in_text = false;
    let mut escaped = false;
    let mut characters = json.chars().peekable();
    let feed = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    while let Some(c) = characters.next() {
        if in_text {
            out.push(c);
            in_text = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            ' ' | '\n' | '\r' | '\t' => {}
            '{' | '[' => {
                out.push(c);
                while characters.next_if(|c| c.is_whitespace()).is_some() {}
                if let Some(end) = characters.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    feed(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                feed(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                feed(&mut out, depth);
            }
            ':' => out.push_str(": "),
            '"' => {
                in_text = true;
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_not_altered() {
        assert_eq!(
            indented(r#"{"a":1.50,"b":[],"c":[1, {"d":"x, \"{y}"}],"e":{ }}"#),
            "{\n  \"a\": 1.50,\n  \"b\": [],\n  \"c\": [\n    1,\n    {\n      \"d\": \"x, \\\"{y}\"\n    }\n  ],\n  \"e\": {}\n}"
        );
        assert_eq!(indented("12"), "12");
    }

    proptest::proptest! {
        #[test]
        fn indenting_changes_no_value(texts in proptest::collection::vec(".{0,20}", 0..6)) {
            let value = serde_json::json!({"list": texts, "deep": [[{"k": texts}]]});
            let text = indented(&value.to_string());
            proptest::prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn failures_show_the_call_and_its_causes() {
        let document = r#"{"name":"order","instanceId":"order-7","runtimeStatus":"Failed","input":{"id":7},"customStatus":"paying","output":"OrderError: payment failed","createdTime":"2026-11-24T09:00:00Z","lastUpdatedTime":"2026-11-24T09:00:03Z",
            "historyEvents":[
             {"EventType":"TaskFailed","Timestamp":"2026-11-24T09:00:02Z","ScheduledTime":"2026-11-24T09:00:01Z","FunctionName":"pay","Input":"[7]","FailureDetails":{"ErrorType":"CardError","ErrorMessage":"declined","InnerFailure":{"ErrorType":"Io","ErrorMessage":"timed out\nafter 3 s"}}},
             {"EventType":"ExecutionCompleted","Timestamp":"2026-11-24T09:00:03Z","OrchestrationStatus":"Failed","FailureDetails":{"ErrorType":"OrderError","ErrorMessage":"payment failed"}}]}"#;
        let status: Status<'_> = serde_json::from_str(document).unwrap();
        let now = Ticks::parse("2026-11-24T09:05:00Z").unwrap();
        assert_eq!(
            page(&status, now, Paint::NONE),
            "Instance  order-7\n\
             Name      order\n\
             Status    Failed\n\
             Created   2026-11-24 09:00:00 UTC, 5 minutes ago\n\
             Ended     2026-11-24 09:00:03 UTC, after 3 s\n\
             \nInput\n  {\n    \"id\": 7\n  }\n\
             \nCustom status\n  paying\n\
             \nOutput\n  OrderError: payment failed\n\
             \nFailure\n  OrderError: payment failed\n\
             \nLast failed call\n  activity pay\n  input [7]\n  CardError: declined\n  caused by Io: timed out\n    after 3 s\n"
        );
    }
}
