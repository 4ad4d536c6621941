//! What happened in a test run.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use durable_functions_protocol::entity::{RELEASE, Request, is_request};
use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{
    EventSentEvent, EventType, HistoryEvent, TaskFailureDetails,
};
use durable_functions_protocol::value;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TestEventKind {
    /// The orchestration began, or began anew.
    Started,
    /// It called an activity.
    ActivityCalled,
    /// It called a sub-orchestration.
    SubOrchestrationCalled,
    /// An activity or a sub-orchestration ended with a result.
    Completed,
    /// An activity or a sub-orchestration failed.
    Failed,
    /// It set a timer.
    TimerSet,
    /// A timer fired.
    TimerFired,
    /// An event was raised for it.
    EventRaised,
    /// It sent an event to another instance.
    EventSent,
    /// It called an entity.
    EntityCalled,
    /// It signalled an entity.
    EntitySignalled,
    /// It asked for the locks of entities; the name is that of the first.
    LockRequested,
    /// It gave back the lock of an entity.
    LockReleased,
    /// It told a custom status.
    CustomStatus,
    /// It was told to hold.
    Suspended,
    /// It was told to go on.
    Resumed,
    /// It was told to end.
    Terminated,
    /// It ended.
    Ended,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TestEvent {
    /// When, since the orchestration began.
    pub at: Duration,
    /// What.
    pub kind: TestEventKind,
    /// Id of the action that it belongs to.
    pub id: Option<i32>,
    /// Name of the activity, orchestrator or event; for an event that was sent also the target.
    pub name: String,
    /// Input, result, payload, status or failure, as JSON text or in words.
    pub payload: String,
}

impl TestEvent {
    /// What a history event says, if it says something to a reader.
    pub(super) fn of(event: &HistoryEvent, at: Duration) -> Option<Self> {
        use TestEventKind as Kind;
        let own = Some(event.event_id);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let unwrapped = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default();
            value::unwrap(text).map_or_else(|_| text.to_owned(), Cow::into_owned)
        };
        let (kind, id, name, payload) = match event.event_type.as_ref()? {
            EventType::ExecutionStarted(it) => {
                (Kind::Started, None, it.name.clone(), text(&it.input))
            }
            EventType::TaskScheduled(it) => {
                let input = unwrapped(&it.input);
                (Kind::ActivityCalled, own, it.name.clone(), input)
            }
            EventType::SubOrchestrationInstanceCreated(it) => (
                Kind::SubOrchestrationCalled,
                own,
                it.name.clone(),
                text(&it.input),
            ),
            EventType::TaskCompleted(it) => (
                Kind::Completed,
                Some(it.task_scheduled_id),
                String::new(),
                unwrapped(&it.result),
            ),
            EventType::SubOrchestrationInstanceCompleted(it) => (
                Kind::Completed,
                Some(it.task_scheduled_id),
                String::new(),
                text(&it.result),
            ),
            EventType::TaskFailed(it) => {
                let failure = in_words(it.failure_details.as_ref());
                (
                    Kind::Failed,
                    Some(it.task_scheduled_id),
                    String::new(),
                    failure,
                )
            }
            EventType::SubOrchestrationInstanceFailed(it) => {
                let failure = in_words(it.failure_details.as_ref());
                (
                    Kind::Failed,
                    Some(it.task_scheduled_id),
                    String::new(),
                    failure,
                )
            }
            EventType::TimerCreated(_) => (Kind::TimerSet, own, String::new(), String::new()),
            EventType::TimerFired(it) => (
                Kind::TimerFired,
                Some(it.timer_id),
                String::new(),
                String::new(),
            ),
            EventType::EventRaised(it) => {
                (Kind::EventRaised, None, it.name.clone(), text(&it.input))
            }
            EventType::EventSent(it) if it.instance_id.starts_with('@') => {
                let (kind, name, input) = to_entity(it);
                (kind, own, name, input)
            }
            EventType::EventSent(it) => {
                let name = format!("{} to {}", it.name, it.instance_id);
                (Kind::EventSent, own, name, text(&it.input))
            }
            EventType::ExecutionTerminated(it) => {
                (Kind::Terminated, None, String::new(), text(&it.input))
            }
            EventType::ExecutionSuspended(it) => {
                (Kind::Suspended, None, String::new(), text(&it.input))
            }
            EventType::ExecutionResumed(it) => {
                (Kind::Resumed, None, String::new(), text(&it.input))
            }
            _ => return None,
        };
        Some(Self {
            at,
            kind,
            id,
            name,
            payload,
        })
    }
}

/// A message to an entity: what it is, `operation of entity`, and the input.
fn to_entity(sent: &EventSentEvent) -> (TestEventKind, String, String) {
    let entity = &sent.instance_id;
    let data = sent.input.as_deref().unwrap_or_default();
    match Request::from_json(data) {
        Ok(request) if is_request(&sent.name) => {
            let kind = match (request.is_lock_request, request.signal) {
                (true, _) => return (TestEventKind::LockRequested, entity.clone(), String::new()),
                (false, true) => TestEventKind::EntitySignalled,
                (false, false) => TestEventKind::EntityCalled,
            };
            let operation = request.op.unwrap_or_default();
            let input = request.input.unwrap_or_default();
            (kind, format!("{operation} of {entity}"), input)
        }
        _ if sent.name == RELEASE => (TestEventKind::LockReleased, entity.clone(), String::new()),
        _ => {
            let name = format!("{} to {entity}", sent.name);
            (TestEventKind::EventSent, name, data.to_owned())
        }
    }
}

fn in_words(details: Option<&TaskFailureDetails>) -> String {
    Failure::from_activity(details).to_string()
}

impl fmt::Display for TestEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            TestEventKind::Started => "started",
            TestEventKind::ActivityCalled => "called activity",
            TestEventKind::SubOrchestrationCalled => "called sub-orchestration",
            TestEventKind::Completed => "completed",
            TestEventKind::Failed => "failed",
            TestEventKind::TimerSet => "set timer",
            TestEventKind::TimerFired => "timer fired",
            TestEventKind::EventRaised => "event raised",
            TestEventKind::EventSent => "sent event",
            TestEventKind::EntityCalled => "called entity",
            TestEventKind::EntitySignalled => "signalled entity",
            TestEventKind::LockRequested => "asked for locks",
            TestEventKind::LockReleased => "released lock",
            TestEventKind::CustomStatus => "status",
            TestEventKind::Suspended => "told to hold",
            TestEventKind::Resumed => "told to go on",
            TestEventKind::Terminated => "told to end",
            TestEventKind::Ended => "ended",
        };
        write!(f, "{:>12}  ", format!("+{:?}", self.at))?;
        match self.id {
            Some(id) => write!(f, "#{id:<4}")?,
            None => write!(f, "     ")?,
        }
        write!(f, " {what}")?;
        for part in [&self.name, &self.payload] {
            if !part.is_empty() {
                write!(f, " {part}")?;
            }
        }
        Ok(())
    }
}
