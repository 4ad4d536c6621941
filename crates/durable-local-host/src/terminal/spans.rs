//! What an instance did, from its history: calls, timers and events with beginning and end.
//!
//! The API's histories tell nothing of turns, and an event that answers a call stands for both. So
//! calls are found by the time at which they were made, and timers by the time at which they fire.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::Value;

use super::documents::{Event, time};
use crate::time::Ticks;

/// What a span is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Activity,
    Orchestration,
    Entity,
    Timer,
    Received,
    Sent,
    Suspended,
}

/// How it came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Completed,
    Failed(String),
    /// It lasts.
    Open,
    /// It lasted when the instance ended.
    Dropped,
}

/// Something with a beginning and, once it is over, an end.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) start: Ticks,
    pub(super) end: Option<Ticks>,
    pub(super) outcome: Outcome,
    pub(super) attempt: usize,
    /// The instance that was called or sent to.
    pub(super) instance: Option<String>,
}

/// The spans of a history in the order in which they began.
pub(super) fn spans(events: &[Event], ended: bool) -> Vec<Span> {
    let mut reader = Reader::default();
    for event in events {
        reader.take(event);
    }
    let mut spans = reader.spans;
    if ended {
        for span in &mut spans {
            if span.end.is_none() {
                span.outcome = Outcome::Dropped;
            }
        }
    }
    mark_retries(&mut spans);
    spans.sort_by_key(|span| span.start);
    spans
}

#[derive(Default)]
struct Reader {
    spans: Vec<Span>,
    /// Timers that have not fired, by the time at which they do.
    timers: BTreeMap<Option<Ticks>, VecDeque<usize>>,
    /// Requests to entities that wait for their answer, by id.
    requests: HashMap<String, usize>,
    suspended: Option<usize>,
}

impl Reader {
    fn take(&mut self, event: &Event) {
        let Some(at) = event.time() else {
            return;
        };
        match event.event_type.as_str() {
            "TaskScheduled" => self.call(event, Kind::Activity, at),
            "SubOrchestrationInstanceCreated" => self.call(event, Kind::Orchestration, at),
            "TaskCompleted" | "TaskFailed" => self.answer(event, Kind::Activity, at),
            "SubOrchestrationInstanceCompleted" | "SubOrchestrationInstanceFailed" => {
                self.answer(event, Kind::Orchestration, at);
            }
            "TimerCreated" => {
                let due = time(event.fire_at.as_deref());
                let place = self.add(Kind::Timer, "Timer", at);
                self.timers.entry(due).or_default().push_back(place);
            }
            "TimerFired" => {
                let due = time(event.fire_at.as_deref());
                let place = self.timers.get_mut(&due).and_then(VecDeque::pop_front);
                // The event bears the time at which it was made, which may be before it fires.
                self.end(place, due.map_or(at, |due| due.max(at)), Outcome::Completed);
            }
            "EventRaised" => self.received(event, at),
            "EventSent" => self.sent(event, at),
            "ExecutionSuspended" if self.suspended.is_none() => {
                self.suspended = Some(self.add(Kind::Suspended, "Suspended", at));
            }
            "ExecutionResumed" => {
                let place = self.suspended.take();
                self.end(place, at, Outcome::Completed);
            }
            _ => {}
        }
    }

    fn add(&mut self, kind: Kind, name: &str, start: Ticks) -> usize {
        self.spans.push(Span {
            kind,
            name: name.to_owned(),
            start,
            end: None,
            outcome: Outcome::Open,
            attempt: 1,
            instance: None,
        });
        self.spans.len() - 1
    }

    fn end(&mut self, place: Option<usize>, at: Ticks, outcome: Outcome) {
        if let Some(span) = place.and_then(|place| self.spans.get_mut(place)) {
            span.end = Some(at.max(span.start));
            span.outcome = outcome;
        }
    }

    fn call(&mut self, event: &Event, kind: Kind, at: Ticks) {
        let place = self.add(kind, event.name.as_deref().unwrap_or("?"), at);
        if let Some(span) = self.spans.get_mut(place) {
            span.instance.clone_from(&event.instance_id);
        }
    }

    fn answer(&mut self, event: &Event, kind: Kind, at: Ticks) {
        let start = time(event.scheduled_time.as_deref()).unwrap_or(at);
        let place = self.add(kind, event.function_name.as_deref().unwrap_or("?"), start);
        let outcome = if event.event_type.ends_with("Failed") {
            let failure = event.failure_details.as_ref().map(|details| {
                let failure = details.failure();
                failure.root_cause().message.clone()
            });
            Outcome::Failed(failure.or_else(|| event.reason.clone()).unwrap_or_default())
        } else {
            Outcome::Completed
        };
        self.end(Some(place), at, outcome);
    }

    fn received(&mut self, event: &Event, at: Ticks) {
        let name = event.name.as_deref().unwrap_or_default();
        // What an entity answers comes as an event that is called like the request.
        if let Some(place) = self.requests.remove(name) {
            let outcome = match failure_of(&event.input) {
                Some(message) => Outcome::Failed(message),
                None => Outcome::Completed,
            };
            self.end(Some(place), at, outcome);
            return;
        }
        let place = self.add(Kind::Received, name, at);
        self.end(Some(place), at, Outcome::Completed);
    }

    fn sent(&mut self, event: &Event, at: Ticks) {
        let name = event.name.as_deref().unwrap_or_default();
        let request = Request::read(event);
        let place = match &request {
            Some(request) => self.add(Kind::Entity, &request.name, at),
            None => self.add(Kind::Sent, name, at),
        };
        if let Some(span) = self.spans.get_mut(place) {
            span.instance.clone_from(&event.instance_id);
        }
        match request {
            Some(request) if !request.signal => {
                self.requests.insert(request.id, place);
            }
            _ => self.end(Some(place), at, Outcome::Completed),
        }
    }
}

/// What a message asks of an entity.
struct Request {
    id: String,
    name: String,
    signal: bool,
}

impl Request {
    /// `None` for messages to instances.
    fn read(event: &Event) -> Option<Self> {
        let to = event.instance_id.as_deref()?.strip_prefix('@')?;
        let operation = event.name.as_deref()?.split('@').next()?;
        if operation != "op" {
            return None;
        }
        let body = json_in(&event.input)?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let name = if body.get("IsLockRequest") == Some(&Value::Bool(true)) {
            format!("lock @{to}")
        } else {
            format!("@{to} {}", text("op").unwrap_or("operation"))
        };
        Some(Self {
            id: text("id")?.to_owned(),
            name,
            signal: body.get("signal") == Some(&Value::Bool(true)),
        })
    }
}

/// The JSON in a value, which may be a text that holds it.
fn json_in(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Null => None,
        other => Some(other.clone()),
    }
}

/// The message of an entity's answer, if it is a failure.
fn failure_of(input: &Value) -> Option<String> {
    let answer = json_in(input)?;
    if let Some(details) = answer.get("failureDetails").filter(|it| !it.is_null()) {
        let message = details.get("ErrorMessage").or(details.get("errorMessage"));
        return Some(
            message
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        );
    }
    let kind = answer.get("exceptionType").filter(|it| !it.is_null())?;
    let message = answer.get("result").and_then(Value::as_str);
    Some(message.or(kind.as_str()).unwrap_or_default().to_owned())
}

/// Histories know nothing of retries. One looks like a failed call, a timer that begins after it,
/// and a call of the same name after that timer, with nothing else begun in between.
fn mark_retries(spans: &mut [Span]) {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|place| spans.get(*place).map(|span| span.start));
    // Failed calls that no timer has followed yet; timers with the call they seem to follow.
    let mut failed: VecDeque<usize> = VecDeque::new();
    let mut paused: Vec<(usize, usize)> = Vec::new();
    let mut ends: Vec<(Ticks, usize)> = spans
        .iter()
        .enumerate()
        .filter(|(_, span)| matches!(span.outcome, Outcome::Failed(_)) && is_call(span.kind))
        .filter_map(|(place, span)| Some((span.end?, place)))
        .collect();
    ends.sort();
    let mut ends = ends.into_iter().peekable();
    for place in order {
        let Some(span) = spans.get(place).cloned() else {
            continue;
        };
        while let Some((_, call)) = ends.next_if(|(end, _)| *end <= span.start) {
            failed.push_back(call);
        }
        if span.kind == Kind::Timer {
            if let Some(call) = failed.pop_front() {
                paused.push((place, call));
            }
            continue;
        }
        if !is_call(span.kind) {
            continue;
        }
        let same = |call: &Span| (call.kind, &call.name) == (span.kind, &span.name);
        let followed = paused.iter().position(|(timer, call)| {
            let over = spans.get(*timer).and_then(|timer| timer.end);
            over.is_some_and(|end| end <= span.start) && spans.get(*call).is_some_and(same)
        });
        // A call of its own kind between failure and timer means that the code went on without it.
        failed.retain(|call| !spans.get(*call).is_some_and(same));
        if let Some((timer, call)) = followed.map(|at| paused.remove(at)) {
            let attempt = spans.get(call).map_or(1, |call| call.attempt) + 1;
            if let Some(span) = spans.get_mut(place) {
                span.attempt = attempt;
            }
            if let Some(timer) = spans.get_mut(timer) {
                timer.name = "pause before retry".to_owned();
            }
        }
    }
}

fn is_call(kind: Kind) -> bool {
    matches!(kind, Kind::Activity | Kind::Orchestration)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Events whose `Timestamp` is a number of seconds.
    fn events(list: Value) -> Vec<Event> {
        let at = |seconds: &Value| {
            let time = Ticks::parse("2026-11-24T09:00:00Z").unwrap();
            json!(time.plus((seconds.as_f64().unwrap() * 1e7) as i64).iso())
        };
        let mut list = list;
        for event in list.as_array_mut().unwrap() {
            for name in ["Timestamp", "ScheduledTime", "FireAt"] {
                if let Some(seconds) = event.get_mut(name) {
                    *seconds = at(seconds);
                }
            }
        }
        serde_json::from_value(list).unwrap()
    }

    fn told(list: Value, ended: bool) -> Vec<String> {
        let first = Ticks::parse("2026-11-24T09:00:00Z").unwrap();
        let seconds = |time: Ticks| time.since(first).as_secs_f64();
        spans(&events(list), ended)
            .iter()
            .map(|span| {
                format!(
                    "{:?} {} #{} {}..{} {:?}",
                    span.kind,
                    span.name,
                    span.attempt,
                    seconds(span.start),
                    span.end.map_or("".into(), |end| seconds(end).to_string()),
                    span.outcome
                )
            })
            .collect()
    }

    fn failed(start: f64, end: f64, name: &str) -> Value {
        json!({"EventType":"TaskFailed","Timestamp":end,"ScheduledTime":start,"FunctionName":name,
               "FailureDetails":{"ErrorType":"E","ErrorMessage":"no money"}})
    }

    fn done(start: f64, end: f64, name: &str) -> Value {
        json!({"EventType":"TaskCompleted","Timestamp":end,"ScheduledTime":start,"FunctionName":name})
    }

    fn pause(start: f64, end: f64) -> [Value; 2] {
        [
            json!({"EventType":"TimerCreated","Timestamp":start,"FireAt":end}),
            json!({"EventType":"TimerFired","Timestamp":start,"FireAt":end}),
        ]
    }

    #[test]
    fn histories_of_the_real_host_are_understood() {
        let recorded: Value =
            serde_json::from_str(include_str!("../../tests/data/histories.json")).unwrap();
        let told = |name: &str| -> Vec<String> {
            let document = recorded[name]["document"].as_str().unwrap();
            let document: Value = serde_json::from_str(document).unwrap();
            let events = serde_json::from_value(document["historyEvents"].clone()).unwrap();
            let events: Vec<Event> = events;
            let tell = |span: &Span| {
                let took = span.end.map(|end| end.since(span.start).as_millis());
                let took = took.map_or("?".to_owned(), |took| took.to_string());
                format!("{:?} {} {took} {:?}", span.kind, span.name, span.outcome)
            };
            spans(&events, true).iter().map(tell).collect()
        };
        let hello = |took: u32| format!("Activity hello {took} Completed");
        assert_eq!(told("chain_3"), [hello(11), hello(10), hello(13)]);
        assert_eq!(told("eternal_timer"), [""; 0]);
        assert_eq!(
            told("event_raised"),
            ["Timer Timer ? Dropped", "Received Approval 0 Completed"]
        );
        assert_eq!(told("event_timeout"), ["Timer Timer 1996 Completed"]);
        let squares = [15, 16, 19, 19, 23].map(|took| format!("Activity square {took} Completed"));
        assert_eq!(told("fan_out_5"), squares);
        assert_eq!(
            told("send_event"),
            ["Sent E 0 Completed".to_owned(), hello(17)]
        );
        assert_eq!(
            told("sub_sequential"),
            [
                "Orchestration sub_child 43 Completed",
                "Orchestration sub_child 32 Completed"
            ]
        );
        let event = "Received E 0 Completed";
        assert_eq!(
            told("suspend_resume"),
            [event, "Suspended Suspended 1170 Completed", event, event]
        );
        assert_eq!(
            told("suspend_terminate_http"),
            [
                "Suspended Suspended 125 Completed",
                "Suspended Suspended ? Dropped"
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_or_made_up(list in proptest::collection::vec((0usize..12, 0i64..20, 0i64..20, "[ab]"), 0..40)) {
            let kinds = [
                "ExecutionStarted", "TaskScheduled", "TaskCompleted", "TaskFailed", "TimerCreated", "TimerFired",
                "SubOrchestrationInstanceCreated", "SubOrchestrationInstanceFailed", "EventRaised", "EventSent",
                "ExecutionSuspended", "ExecutionResumed",
            ];
            let time = |second: i64| Some(Ticks(second * 10_000_000).iso());
            let events: Vec<Event> = list.iter().map(|(kind, at, other, name)| Event {
                event_type: kinds[*kind].to_owned(),
                timestamp: time(*at),
                scheduled_time: time(*other),
                fire_at: time(*other),
                name: Some(name.clone()),
                function_name: Some(name.clone()),
                ..Event::default()
            }).collect();
            let found = spans(&events, false);
            // Everything but beginnings, ends of what did not begin, and second suspensions.
            let begins = list.iter().filter(|(kind, ..)| matches!(kind, 1..=4 | 6..=9)).count();
            let others = found.iter().filter(|span| span.kind != Kind::Suspended).count();
            proptest::prop_assert_eq!(others, begins);
            proptest::prop_assert!(found.iter().all(|span| span.end.is_none_or(|end| end >= span.start)));
            proptest::prop_assert!(found.is_sorted_by_key(|span| span.start));
        }
    }

    #[test]
    fn a_call_after_a_pause_is_a_further_attempt() {
        let [a, b] = pause(2.0, 3.0);
        let [c, d] = pause(4.0, 6.0);
        let list = json!([
            failed(0.0, 1.0, "pay"),
            a,
            b,
            failed(3.0, 4.0, "pay"),
            c,
            d,
            done(6.0, 7.0, "pay")
        ]);
        assert_eq!(
            told(list, true),
            [
                "Activity pay #1 0..1 Failed(\"no money\")",
                "Timer pause before retry #1 2..3 Completed",
                "Activity pay #2 3..4 Failed(\"no money\")",
                "Timer pause before retry #1 4..6 Completed",
                "Activity pay #3 6..7 Completed",
            ]
        );
    }

    #[test]
    fn other_calls_of_the_same_name_are_not() {
        let [a, b] = pause(3.0, 4.0);
        let list = json!([
            failed(0.0, 1.0, "pay"),
            done(1.0, 2.0, "pay"),
            a,
            b,
            done(5.0, 6.0, "pay")
        ]);
        let told = told(list, true);
        assert!(told.iter().all(|line| line.contains("#1")), "{told:#?}");
        assert!(told[2].starts_with("Timer Timer"), "{told:#?}");
    }

    #[test]
    fn attempts_side_by_side_are_told_apart() {
        let [a, b] = pause(2.0, 3.0);
        let [c, d] = pause(2.0, 4.0);
        let list = json!([
            failed(0.0, 1.0, "a"),
            failed(0.0, 1.5, "b"),
            a,
            c,
            b,
            d,
            done(3.0, 5.0, "a"),
            failed(4.0, 6.0, "b")
        ]);
        let told = told(list, true);
        assert!(
            told.contains(&"Activity a #2 3..5 Completed".to_owned()),
            "{told:#?}"
        );
        assert!(
            told.contains(&"Activity b #2 4..6 Failed(\"no money\")".to_owned()),
            "{told:#?}"
        );
    }

    #[test]
    fn what_is_under_way_when_an_instance_ends_was_not_awaited() {
        let list = json!([
            {"EventType":"TaskScheduled","Timestamp":1,"Name":"slow"},
            {"EventType":"SubOrchestrationInstanceCreated","Timestamp":1,"Name":"child","InstanceId":"c"},
            {"EventType":"TimerCreated","Timestamp":2,"FireAt":9},
        ]);
        assert_eq!(
            told(list.clone(), false),
            [
                "Activity slow #1 1.. Open",
                "Orchestration child #1 1.. Open",
                "Timer Timer #1 2.. Open"
            ]
        );
        assert!(
            told(list, true)
                .iter()
                .all(|line| line.ends_with("Dropped"))
        );
    }

    #[test]
    fn suspensions_last_until_the_instance_is_resumed() {
        let list = json!([
            {"EventType":"ExecutionSuspended","Timestamp":1}, {"EventType":"ExecutionSuspended","Timestamp":2},
            {"EventType":"ExecutionResumed","Timestamp":3}, {"EventType":"EventRaised","Timestamp":4,"Name":"Go"},
        ]);
        assert_eq!(
            told(list, false),
            [
                "Suspended Suspended #1 1..3 Completed",
                "Received Go #1 4..4 Completed"
            ]
        );
    }

    #[test]
    fn operations_of_entities_last_until_they_are_answered() {
        let to = |at: i32, body: &str| json!({"EventType":"EventSent","Timestamp":at,"Name":"op","InstanceId":"@counter@k","Input":body});
        let answer = |at: i32, id: &str, body: &str| json!({"EventType":"EventRaised","Timestamp":at,"Name":id,"Input":body});
        let list = json!([
            to(1, r#"{"id":"i1","op":"add","input":"5"}"#),
            answer(2, "i1", r#"{"result":"5"}"#),
            to(3, r#"{"id":"i2","op":"fail"}"#),
            answer(4, "i2", r#"{"result":null,"failureDetails":{"ErrorType":"E","ErrorMessage":"bad"}}"#),
            to(5, r#"{"id":"i3","op":"add","signal":true}"#),
            to(6, r#"{"id":"i4","op":null,"IsLockRequest":true}"#),
            {"EventType":"EventSent","Timestamp":7,"Name":"op","InstanceId":"other","Input":"1"},
        ]);
        assert_eq!(
            told(list, false),
            [
                "Entity @counter@k add #1 1..2 Completed",
                "Entity @counter@k fail #1 3..4 Failed(\"bad\")",
                "Entity @counter@k add #1 5..5 Completed",
                "Entity lock @counter@k #1 6.. Open",
                "Sent op #1 7..7 Completed",
            ]
        );
    }
}
