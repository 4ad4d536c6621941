//! What an entity remembers between batches: its state, the requests that wait, who holds its lock.
//! It is stored as the input of the entity's instance, as on the real host.

use std::collections::VecDeque;

use durable_functions_protocol::proto::EventRaisedEvent;
use serde::{Deserialize, Serialize};

use super::message::{EventKind, Release, Request, kind, scheduled};
use super::sorter::{Dropped, Sorter};
use super::stored::Status;
use crate::strict::{Conduct, Punished};
use crate::time::Ticks;

/// So much before its time a request counts as due.
const EARLY: i64 = 100 * 10_000;

/// An entity between batches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Scheduler {
    /// State as JSON text; none when the entity does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<String>,
    /// What waits, next first.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub(super) queue: VecDeque<Request>,
    /// The orchestration in whose critical section the entity is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) locked_by: Option<String>,
    #[serde(default)]
    pub(super) sorter: Sorter,
}

/// What is done next.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Work {
    /// Operations for one batch.
    pub(super) operations: Vec<Request>,
    /// A lock to grant after them.
    pub(super) lock: Option<Request>,
}

/// What came of a message.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Receipt {
    /// What has to come again at a later time: name and content of the event, and the time.
    pub(super) later: Option<(String, String, Ticks)>,
    /// What the developer has to know.
    pub(super) problem: Option<String>,
}

impl Scheduler {
    /// Reads what [`Self::write`] has written.
    pub(super) fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// As it is stored.
    pub(super) fn write(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The entity in short.
    pub(super) fn status(&self) -> Status {
        Status {
            entity_exists: self.state.is_some(),
            queue_size: self.queue.len(),
            locked_by: self.locked_by.clone(),
        }
    }

    /// Takes a message in. `window` is that of the sorter.
    pub(super) fn receive(
        &mut self,
        event: &EventRaisedEvent,
        now: Ticks,
        window: i64,
        conduct: Conduct,
    ) -> Receipt {
        let mut receipt = Receipt::default();
        let dropped = |why: String| format!("an event `{}` was dropped: {why}", event.name);
        let unreadable = |why: String| Some(conduct.tell(&dropped(why), Punished::Unreadable));
        match kind(&event.name) {
            EventKind::Request => match Request::read(event.input.as_deref()) {
                Ok(request) if request.is_nothing() => {
                    let what = request.describe();
                    if conduct.queues_requests_without_operation() {
                        self.enqueue(request);
                        receipt.problem = Some(conduct.tell(
                            &format!("{what} names no operation and blocks the entity"),
                            Punished::NoOperation,
                        ));
                    } else {
                        receipt.problem = Some(conduct.tell(
                            &format!("{what} was dropped: it names no operation"),
                            Punished::NoOperation,
                        ));
                    }
                }
                Ok(request)
                    if conduct.lets_unlabelled_pass_later()
                        && request.is_unlabelled()
                        && self.sorter.has_seen_labels() =>
                {
                    self.enqueue(request);
                }
                Ok(request) => self.take(request, now, window, conduct, &mut receipt),
                Err(why) => receipt.problem = unreadable(why),
            },
            EventKind::Release => {
                match serde_json::from_str::<Release>(event.input.as_deref().unwrap_or_default()) {
                    Ok(release) => {
                        if self.locked_by == release.parent {
                            self.locked_by = None;
                        }
                    }
                    Err(error) => receipt.problem = unreadable(error.to_string()),
                }
            }
            EventKind::Other => {
                let why = "entities know `op`, `op@<time>` and `release` only";
                receipt.problem = Some(dropped(why.to_owned()));
            }
        }
        receipt
    }

    fn take(
        &mut self,
        request: Request,
        now: Ticks,
        window: i64,
        conduct: Conduct,
        receipt: &mut Receipt,
    ) {
        match request.due {
            Some(due) if due > now.plus(EARLY) => {
                receipt.later = Some((scheduled(due), request.write(), due));
            }
            Some(_) => self.enqueue(request),
            None => {
                let what = request.describe();
                let sorted = self.sorter.receive(request, window);
                sorted
                    .requests
                    .into_iter()
                    .for_each(|request| self.enqueue(request));
                match sorted.dropped {
                    Some(Dropped::Unlabelled) => {
                        receipt.problem = Some(conduct.tell(
                            &format!(
                                "{what} was dropped, and its sender waits for ever: it has no `Timestamp`"
                            ),
                            Punished::NoLabel,
                        ));
                    }
                    Some(Dropped::Duplicate) => {
                        receipt.problem =
                            Some(format!("{what} was dropped: it was delivered before"));
                    }
                    None => {}
                }
            }
        }
    }

    /// What the lock's owner sends goes ahead of all others, and stays in order.
    fn enqueue(&mut self, request: Request) {
        if self.locked_by.is_none() || self.locked_by != request.parent {
            return self.queue.push_back(request);
        }
        let ahead = self
            .queue
            .iter()
            .take_while(|waiting| waiting.parent == self.locked_by)
            .count();
        self.queue.insert(ahead, request);
    }

    /// Whether something can be done.
    pub(super) fn has_work(&self) -> bool {
        self.queue.front().is_some_and(|next| {
            // behind one that names nothing all others wait for ever
            !next.is_nothing() && (self.locked_by.is_none() || self.locked_by == next.parent)
        })
    }

    /// Takes out what is done next: operations up to a number of them, or up to a lock request.
    pub(super) fn next_work(&mut self, limit: usize) -> Work {
        let mut work = Work::default();
        while work.operations.len() < limit && self.has_work() {
            let Some(next) = self.queue.pop_front() else {
                break;
            };
            if next.is_lock_request {
                work.lock = Some(next);
                break;
            }
            work.operations.push(next);
        }
        work
    }

    /// Takes back what was not done.
    pub(super) fn put_back(&mut self, work: Work) {
        for request in work
            .lock
            .into_iter()
            .chain(work.operations.into_iter().rev())
        {
            self.queue.push_front(request);
        }
    }

    /// Locks the entity; the request is then for the next one of the lock set, if any.
    pub(super) fn lock(&mut self, request: &mut Request) {
        self.locked_by.clone_from(&request.parent);
        request.position = request.position.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn event(name: &str, content: &Value) -> EventRaisedEvent {
        EventRaisedEvent {
            name: name.into(),
            input: Some(content.to_string()),
        }
    }

    fn guid(number: u32) -> String {
        format!("00000000-0000-0000-0000-{number:012}")
    }

    fn call(parent: &str, operation: &str, timestamp: &str) -> EventRaisedEvent {
        event(
            "op",
            &json!({"op": operation, "id": guid(1), "parent": parent, "parentExecution": "e", "Timestamp": timestamp}),
        )
    }

    fn lock(parent: &str, timestamp: &str) -> EventRaisedEvent {
        event(
            "op",
            &json!({"op": null, "id": guid(2), "parent": parent, "parentExecution": "e", "Timestamp": timestamp,
                    "lockset": [{"name": "a", "key": "1"}]}),
        )
    }

    fn signal(operation: &str) -> EventRaisedEvent {
        event(
            "op",
            &json!({"op": operation, "signal": true, "id": guid(3)}),
        )
    }

    fn release(parent: &str) -> EventRaisedEvent {
        event("release", &json!({"parent": parent, "id": guid(2)}))
    }

    const WINDOW: i64 = 18_000_000_000;

    fn receive(scheduler: &mut Scheduler, event: &EventRaisedEvent) -> Receipt {
        scheduler.receive(event, Ticks::of_system(), WINDOW, Conduct::Kind)
    }

    fn operations(work: &Work) -> Vec<&str> {
        work.operations
            .iter()
            .map(|request| request.operation.as_deref().unwrap())
            .collect()
    }

    #[test]
    fn the_owner_goes_ahead_and_others_wait() {
        let mut scheduler = Scheduler::default();
        for event in [
            signal("before"),
            lock("x", "2026-01-01T00:00:01Z"),
            signal("after"),
            lock("y", "2026-01-01T00:00:01Z"),
        ] {
            assert_eq!(receive(&mut scheduler, &event), Receipt::default());
        }
        let mut work = scheduler.next_work(10);
        assert_eq!(operations(&work), ["before"]);
        scheduler.lock(work.lock.as_mut().unwrap());
        assert_eq!(
            serde_json::to_value(scheduler.status()).unwrap(),
            json!({"queueSize": 2, "lockedBy": "x"})
        );
        assert!(!scheduler.has_work());
        receive(&mut scheduler, &call("x", "one", "2026-01-01T00:00:02Z"));
        receive(&mut scheduler, &call("x", "two", "2026-01-01T00:00:03Z"));
        // The lock queue survives a restart.
        scheduler = Scheduler::read(&scheduler.write().unwrap()).unwrap();
        assert_eq!(operations(&scheduler.next_work(10)), ["one", "two"]);
        receive(&mut scheduler, &release("y"));
        assert!(!scheduler.has_work(), "only the owner releases");
        receive(&mut scheduler, &release("x"));
        let work = scheduler.next_work(10);
        assert_eq!(operations(&work), ["after"]);
        assert_eq!(work.lock.unwrap().parent.as_deref(), Some("y"));
    }

    #[test]
    fn batches_are_limited_and_put_back_in_order() {
        let mut scheduler = Scheduler::default();
        for name in ["a", "b", "c"] {
            receive(&mut scheduler, &signal(name));
        }
        receive(&mut scheduler, &lock("x", "2026-01-01T00:00:01Z"));
        receive(&mut scheduler, &signal("d"));
        assert_eq!(operations(&scheduler.clone().next_work(2)), ["a", "b"]);
        let before = scheduler.clone();
        let work = scheduler.next_work(10);
        scheduler.put_back(work);
        assert_eq!(scheduler, before);
    }

    #[test]
    fn what_is_not_due_comes_again() {
        let mut scheduler = Scheduler::default();
        let content =
            json!({"op": "later", "signal": true, "id": guid(1), "due": "2999-01-01T00:00:00Z"});
        let receipt = receive(
            &mut scheduler,
            &event("op@2026-01-01T00:00:00.0000000Z", &content),
        );
        let (name, again, due) = receipt.later.unwrap();
        assert_eq!(name, "op@2999-01-01T00:00:00.0000000Z");
        assert_eq!(super::super::due("@a@b", &name), Some(due));
        assert_eq!(super::super::due("orchestration", &name), None);
        assert_eq!(
            serde_json::from_str::<Value>(&again).unwrap()["due"],
            content["due"]
        );
        assert!(!scheduler.has_work());
        scheduler.receive(&event(&name, &content), due, WINDOW, Conduct::Kind);
        assert_eq!(operations(&scheduler.next_work(1)), ["later"]);
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        let mut scheduler = Scheduler::default();
        let mut problem =
            |event: EventRaisedEvent| receive(&mut scheduler, &event).problem.unwrap();
        let unlabelled = problem(event(
            "op",
            &json!({"op": "get", "id": guid(1), "parent": "o"}),
        ));
        assert!(
            unlabelled.contains("the call of `get` by o was dropped")
                && unlabelled.contains("Timestamp"),
            "{unlabelled}"
        );
        let lock = problem(event(
            "op",
            &json!({"op": null, "id": guid(1), "parent": "o", "lockset": [{"name": "a", "key": "1"}]}),
        ));
        assert!(lock.contains("the lock request of o was dropped"), "{lock}");
        assert!(problem(event("op", &json!({"op": "x", "id": "7"}))).contains("no GUID"));
        assert!(problem(event("op", &json!({"id": guid(1)}))).contains("blocks the entity"));
        assert!(problem(event("E", &json!(1))).contains("`op@<time>`"));
        assert!(problem(event("release", &json!(1))).contains("`release`"));
        assert_eq!(scheduler, Scheduler::default());
    }

    #[test]
    fn what_cannot_be_read_is_dropped_and_told() {
        let raised = |name: &str, input: Option<&str>| EventRaisedEvent {
            name: name.into(),
            input: input.map(str::to_owned),
        };
        for conduct in [Conduct::Kind, Conduct::Strict] {
            for (name, input) in [
                ("op", None),
                ("op", Some("null")),
                ("op", Some(r#"{"op":"x","id":"7"}"#)),
                ("release", None),
                ("release", Some("null")),
                ("release", Some("7")),
            ] {
                let mut scheduler = Scheduler::default();
                let event = raised(name, input);
                let receipt = scheduler.receive(&event, Ticks::of_system(), WINDOW, conduct);
                let problem = receipt.problem.unwrap();
                let begin = format!("an event `{name}` was dropped: ");
                assert!(problem.starts_with(&begin), "{problem}");
                assert!(
                    problem.contains("On Azure Storage it comes again without end"),
                    "{problem}"
                );
                assert_eq!(scheduler, Scheduler::default());
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Ask(usize),
        Call(usize),
        Work,
        Restart,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..4_usize).prop_map(Step::Ask),
            (0..4_usize).prop_map(Step::Call),
            Just(Step::Work),
            Just(Step::Restart),
        ]
    }

    proptest! {
        /// Whatever happens in between: locks are granted in the order of the requests, one at a
        /// time, only the owner's operations run under a lock, and nobody is forgotten.
        #[test]
        fn locks_are_granted_in_order(steps in prop::collection::vec(step(), 1..60)) {
            let mut scheduler = Scheduler::default();
            let mut clock = 0;
            let mut asked: Vec<String> = Vec::new();
            let mut granted: Vec<String> = Vec::new();
            let mut holder: Option<String> = None;
            let mut calls = 0;
            let mut executed = 0;
            let time = |clock: &mut i64| {
                *clock += 1;
                Ticks(20_000_000_000_000_000 + *clock).iso()
            };
            // In the end everybody gets what they wait for.
            let last = std::iter::repeat_n(Step::Work, 200);
            for step in steps.into_iter().chain(last) {
                match step {
                    Step::Ask(number) => {
                        let owner = format!("o{number}");
                        if holder.as_ref() != Some(&owner) && !asked[granted.len()..].contains(&owner) {
                            let request = lock(&owner, &time(&mut clock));
                            receive(&mut scheduler, &request);
                            asked.push(owner);
                        }
                    }
                    Step::Call(number) => {
                        receive(&mut scheduler, &call(&format!("o{number}"), "call", &time(&mut clock)));
                        calls += 1;
                    }
                    Step::Restart => scheduler = Scheduler::read(&scheduler.write().unwrap()).unwrap(),
                    Step::Work => {
                        let mut work = scheduler.next_work(3);
                        executed += work.operations.len();
                        if let Some(owner) = &holder {
                            for operation in &work.operations {
                                prop_assert_eq!(operation.parent.as_ref(), Some(owner));
                            }
                        }
                        if let Some(request) = &mut work.lock {
                            prop_assert_eq!(&holder, &None);
                            scheduler.lock(request);
                            holder.clone_from(&request.parent);
                            granted.extend(holder.clone());
                        } else if work.operations.is_empty() && let Some(owner) = holder.take() {
                            receive(&mut scheduler, &release(&owner));
                        }
                    }
                }
            }
            prop_assert_eq!(granted, asked);
            prop_assert_eq!(executed, calls);
            prop_assert_eq!(scheduler.status(), Status::default());
        }
    }
}
