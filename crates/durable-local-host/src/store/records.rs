//! What is stored.

use std::sync::Arc;

use durable_functions_protocol::proto::{HistoryEvent, OrchestrationStatus, OrchestratorRequest};
use prost::Message as _;
use serde_json::{Value, json};

use crate::time::Ticks;

/// An instance as queries show it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InstanceRecord {
    /// Its id.
    pub(crate) id: Arc<str>,
    /// Id of the present execution.
    pub(crate) execution_id: Arc<str>,
    /// Name of the orchestration.
    pub(crate) name: String,
    /// Version, when it has one.
    pub(crate) version: Option<String>,
    /// Its state.
    pub(crate) status: OrchestrationStatus,
    /// Input as JSON text.
    pub(crate) input: Option<String>,
    /// Output: JSON text or, of failures and reasons, plain text.
    pub(crate) output: Option<String>,
    /// Custom status as JSON text.
    pub(crate) custom_status: Option<String>,
    /// The failure, encoded.
    pub(crate) failure: Option<Vec<u8>>,
    /// When the present execution was started.
    pub(crate) created: Ticks,
    /// When it changed last.
    pub(crate) updated: Ticks,
    /// When it is to start, if later.
    pub(crate) scheduled: Option<Ticks>,
    /// How often it was restarted; unset for what orchestrations start.
    pub(crate) generation: Option<i64>,
}

impl InstanceRecord {
    /// Whether nothing can happen any more.
    pub(crate) fn has_ended(&self) -> bool {
        has_ended(self.status)
    }
}

#[cfg(test)]
impl InstanceRecord {
    /// A running instance of which nothing is known but the id, which is its name too.
    pub(crate) fn running(id: &str) -> Self {
        Self {
            id: id.into(),
            execution_id: "e".into(),
            name: id.into(),
            version: None,
            status: OrchestrationStatus::Running,
            input: None,
            output: None,
            custom_status: None,
            failure: None,
            created: Ticks(0),
            updated: Ticks(0),
            scheduled: None,
            generation: None,
        }
    }
}

/// Whether a status is final.
pub(crate) fn has_ended(status: OrchestrationStatus) -> bool {
    use OrchestrationStatus::{Canceled, Completed, Failed, Terminated};
    matches!(status, Completed | Failed | Canceled | Terminated)
}

/// An event of a history, or on its way to one.
#[derive(Clone, Debug)]
pub(crate) struct HistoryEntry {
    /// The event.
    pub(crate) event: HistoryEvent,
    /// A text that belongs to it but has no place in the message: the reason of a failed task.
    pub(crate) reason: Option<String>,
}

/// A message to an instance: the event that it brings.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Order of arrival, unique.
    pub(crate) seq: i64,
    /// To whom.
    pub(crate) instance: Arc<str>,
    /// The execution that it is for; unset when any will do.
    pub(crate) execution: Option<Arc<str>>,
    /// What it brings.
    pub(crate) content: HistoryEntry,
    /// Not before this time.
    pub(crate) due: Option<Ticks>,
}

/// A task for an activity.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Unique number.
    pub(crate) seq: i64,
    /// Who asked for it.
    pub(crate) instance: Arc<str>,
    /// Its execution.
    pub(crate) execution: Arc<str>,
    /// Action id.
    pub(crate) id: i32,
    /// Name of the activity.
    pub(crate) name: String,
    /// Input as JSON text.
    pub(crate) input: Option<String>,
}

/// When an id may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// The id is known to be new.
    New,
    /// When its instance has ended.
    IfEnded,
    /// When its instance has ended in one of these states.
    IfEndedIn(StatusSet),
}

/// A set of states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatusSet(u32);

impl StatusSet {
    /// The set of all.
    pub(crate) fn all() -> Self {
        Self(u32::MAX)
    }

    /// The set with one more.
    pub(crate) fn with(self, status: OrchestrationStatus) -> Self {
        Self(self.0 | 1 << status as u32)
    }

    /// Whether it is in the set.
    pub(crate) fn contains(self, status: OrchestrationStatus) -> bool {
        self.0 & 1 << status as u32 != 0
    }
}

impl FromIterator<OrchestrationStatus> for StatusSet {
    fn from_iter<I: IntoIterator<Item = OrchestrationStatus>>(statuses: I) -> Self {
        statuses.into_iter().fold(Self::default(), Self::with)
    }
}

/// An instance to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewInstance {
    /// Its row.
    pub(crate) record: InstanceRecord,
    /// The message that starts it.
    pub(crate) start: Message,
    /// Whether the id may be taken.
    pub(crate) reuse: Reuse,
    /// What its parent gets when it may not.
    pub(crate) refusal: Option<Message>,
}

impl NewInstance {
    /// The row in a generation; what orchestrations start has none.
    pub(crate) fn in_generation(&self, generation: i64) -> InstanceRecord {
        InstanceRecord {
            generation: self.record.generation.map(|_| generation),
            ..self.record.clone()
        }
    }
}

/// What came of making an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// It is there.
    Yes,
    /// It is there in place of one that had ended; its generation is one more than that one's.
    Again(i64),
    /// There is one of that id in that state.
    Exists(OrchestrationStatus),
}

/// What one turn added to a history.
#[derive(Clone, Debug, Default)]
pub(crate) struct HistoryChunk {
    /// Events, framed by [`frame_events`].
    pub(crate) events: Vec<u8>,
    /// Reasons by position in the chunk, as JSON.
    pub(crate) reasons: Option<String>,
}

/// The change of one instance by a turn.
#[derive(Clone, Debug)]
pub(crate) struct InstanceChange {
    /// The row after the turn.
    pub(crate) record: InstanceRecord,
    /// Number of the turn.
    pub(crate) turn: i64,
    /// What it added.
    pub(crate) chunk: HistoryChunk,
    /// Whether the history so far is dropped: the instance continued as new.
    pub(crate) replace: bool,
}

/// Instances that are rewound together, and what they get.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rewinding {
    /// The instances, each with the time of the last change that the rewind knows of.
    pub(crate) instances: Vec<(InstanceChange, Ticks)>,
    /// Messages to them.
    pub(crate) messages: Vec<Message>,
}

/// Everything that is written together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commit {
    /// The turn's instance.
    pub(crate) change: Option<InstanceChange>,
    /// The batch's entity, which may be new.
    pub(crate) entity: Option<InstanceRecord>,
    /// An entity to delete; messages that are on their way to it stay.
    pub(crate) removed_entity: Option<Arc<str>>,
    /// Messages that were dealt with.
    pub(crate) consumed: Vec<i64>,
    /// The task that was run.
    pub(crate) done_task: Option<i64>,
    /// New messages.
    pub(crate) messages: Vec<Message>,
    /// New tasks.
    pub(crate) tasks: Vec<Task>,
    /// New instances.
    pub(crate) instances: Vec<NewInstance>,
    /// After the commit: what came of each of `instances`.
    pub(crate) created: Vec<Created>,
}

/// An instance with its history.
#[derive(Clone, Debug)]
pub(crate) struct StoredInstance {
    /// Its row.
    pub(crate) record: InstanceRecord,
    /// The turns, oldest first.
    pub(crate) chunks: Vec<HistoryChunk>,
    /// Number of the next turn.
    pub(crate) next_turn: i64,
}

/// What was open when the host stopped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recovered {
    /// Messages on their way.
    pub(crate) messages: Vec<Message>,
    /// Tasks to run.
    pub(crate) tasks: Vec<Task>,
    /// Entities that have requests in their queues.
    pub(crate) entities: Vec<Arc<str>>,
    /// The highest number in use.
    pub(crate) last_seq: i64,
    /// The latest time in any row.
    pub(crate) last_time: Option<Ticks>,
}

/// Appends events as the repeated field 3 of an `OrchestratorRequest`: a history that is kept so
/// goes into the next request by copying.
pub(crate) fn frame_events<'a>(
    events: impl IntoIterator<Item = &'a HistoryEvent>,
    out: &mut Vec<u8>,
) {
    for event in events {
        prost::encoding::message::encode(3, event, out);
    }
}

/// Why a chunk of a history can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Its events are none.
    #[error("{0}")]
    Events(#[from] prost::DecodeError),
    /// The reasons of its failures are none.
    #[error("the reasons of its failures are not what the host writes: {0}")]
    Reasons(#[from] serde_json::Error),
    /// A reason belongs to no event.
    #[error("the reason of a failure is that of event {0} of a turn, which is not there")]
    Nobody(usize),
}

impl HistoryChunk {
    /// A chunk of these events.
    pub(crate) fn of(events: &[HistoryEntry]) -> Self {
        let mut framed = Vec::with_capacity(events.len() * 48);
        frame_events(events.iter().map(|entry| &entry.event), &mut framed);
        let reasons: Vec<Value> = events
            .iter()
            .enumerate()
            .filter_map(|(at, entry)| Some(json!([at, entry.reason.as_deref()?])))
            .collect();
        let reasons = (!reasons.is_empty()).then(|| Value::Array(reasons).to_string());
        Self {
            events: framed,
            reasons,
        }
    }

    /// The events of the chunk.
    pub(crate) fn decode(&self) -> Result<Vec<HistoryEntry>, Unreadable> {
        let events = OrchestratorRequest::decode(self.events.as_slice())?.past_events;
        let mut decoded: Vec<HistoryEntry> = events
            .into_iter()
            .map(|event| HistoryEntry {
                event,
                reason: None,
            })
            .collect();
        let reasons: Vec<(usize, String)> = match &self.reasons {
            Some(text) => serde_json::from_str(text)?,
            None => Vec::new(),
        };
        for (at, reason) in reasons {
            let entry = decoded.get_mut(at).ok_or(Unreadable::Nobody(at))?;
            entry.reason = Some(reason);
        }
        Ok(decoded)
    }
}
