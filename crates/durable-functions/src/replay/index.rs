//! The index of a request: where each event lies, found in one scan.
//!
//! Results stay in the request's buffer until an orchestrator reads them.

use std::ops::Range;

use super::wire::{Field, Malformed, Reader, int32};

/// The kinds of history events, by their field numbers in `HistoryEvent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    ExecutionStarted,
    ExecutionTerminated,
    TaskScheduled,
    TaskCompleted,
    TaskFailed,
    SubOrchestrationCreated,
    SubOrchestrationCompleted,
    SubOrchestrationFailed,
    TimerCreated,
    TimerFired,
    OrchestratorStarted,
    EventSent,
    EventRaised,
    Suspended,
    Resumed,
    /// Of no meaning for a replay, or unknown.
    Other,
}

impl EventKind {
    fn from_number(number: u32) -> Self {
        match number {
            3 => Self::ExecutionStarted,
            5 => Self::ExecutionTerminated,
            6 => Self::TaskScheduled,
            7 => Self::TaskCompleted,
            8 => Self::TaskFailed,
            9 => Self::SubOrchestrationCreated,
            10 => Self::SubOrchestrationCompleted,
            11 => Self::SubOrchestrationFailed,
            12 => Self::TimerCreated,
            13 => Self::TimerFired,
            14 => Self::OrchestratorStarted,
            16 => Self::EventSent,
            17 => Self::EventRaised,
            21 => Self::Suspended,
            22 => Self::Resumed,
            _ => Self::Other,
        }
    }

    /// Whether it records that the orchestrator asked for something.
    pub(crate) fn is_scheduling(self) -> bool {
        matches!(
            self,
            Self::TaskScheduled
                | Self::SubOrchestrationCreated
                | Self::TimerCreated
                | Self::EventSent
        )
    }

    /// The words for a scheduling event in messages.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::TaskScheduled => "a call of activity",
            Self::SubOrchestrationCreated => "a call of sub-orchestration",
            Self::TimerCreated => "a timer",
            Self::EventSent => "an event sent as",
            _ => "an event",
        }
    }
}

/// One event: 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    /// `eventId`: the action's id for scheduling events, -1 for most others.
    pub(crate) id: i32,
    start: u32,
    length: u32,
}

impl Event {
    /// Where the event's own message lies; the timestamp for [`EventKind::OrchestratorStarted`].
    pub(crate) fn body(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.length as usize
    }
}

/// The index of an `OrchestratorRequest`.
#[derive(Debug, Default)]
pub(crate) struct RequestIndex {
    pub(crate) instance_id: Range<usize>,
    pub(crate) events: Vec<Event>,
    /// How many of the events are `pastEvents`.
    pub(crate) past: usize,
    /// Position in `events` of the scheduling event with that id, plus one; 0 for none.
    scheduled: Vec<u32>,
}

impl RequestIndex {
    /// Scans a request.
    pub(crate) fn scan(buffer: &[u8]) -> Result<Self, Malformed> {
        if u32::try_from(buffer.len()).is_err() {
            return Err(Malformed {
                at: 0,
                problem: "a request of more than 4 GiB",
            });
        }
        let mut index = Self::default();
        let mut new_events = Vec::new();
        let mut reader = Reader::new(buffer, 0..buffer.len());
        while let Some((number, field)) = reader.next()? {
            match (number, field) {
                (1, Field::Bytes(range)) => index.instance_id = range,
                (3, Field::Bytes(range)) => index.events.push(event(buffer, range)?),
                (4, Field::Bytes(range)) => new_events.push(event(buffer, range)?),
                _ => {}
            }
        }
        index.past = index.events.len();
        index.events.append(&mut new_events);
        index.index_scheduled();
        Ok(index)
    }

    /// A scheduling event's id may be any number, so the table ends where no honest history
    /// reaches; ids beyond are reported when their events are met.
    fn index_scheduled(&mut self) {
        let limit = self.events.len().saturating_mul(4) + 1024;
        for (position, event) in self.events.iter().enumerate() {
            let Ok(id) = usize::try_from(event.id) else {
                continue;
            };
            if !event.kind.is_scheduling() || id >= limit {
                continue;
            }
            if id >= self.scheduled.len() {
                self.scheduled.resize(id + 1, 0);
            }
            if let (Some(slot), Ok(position)) =
                (self.scheduled.get_mut(id), u32::try_from(position + 1))
            {
                *slot = position;
            }
        }
    }

    /// The event in history that recorded the action of this id.
    #[inline]
    pub(crate) fn scheduled(&self, id: u32) -> Option<Event> {
        let position = self.scheduled.get(id as usize)?.checked_sub(1)?;
        self.events.get(position as usize).copied()
    }

    /// How many actions the history has.
    pub(crate) fn scheduled_len(&self) -> usize {
        self.scheduled.len()
    }
}

#[inline]
fn event(buffer: &[u8], range: Range<usize>) -> Result<Event, Malformed> {
    let at = range.start;
    let mut reader = Reader::new(buffer, range);
    let (mut id, mut kind, mut body, mut timestamp) = (0, EventKind::Other, 0..0, 0..0);
    while let Some((number, field)) = reader.next()? {
        match (number, field) {
            (1, Field::Varint(value)) => {
                id = int32(value).ok_or(Malformed {
                    at,
                    problem: "an event id beyond 32 bits",
                })?;
            }
            (2, Field::Bytes(range)) => timestamp = range,
            (3.., Field::Bytes(range)) => {
                kind = EventKind::from_number(number);
                body = range;
            }
            _ => {}
        }
    }
    if kind == EventKind::OrchestratorStarted {
        body = timestamp;
    }
    // the request is below 4 GiB, so these fit
    let (start, length) = (body.start as u32, body.len() as u32);
    Ok(Event {
        kind,
        id,
        start,
        length,
    })
}
