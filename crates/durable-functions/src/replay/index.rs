//! The index of a request: where each event lies, found in one scan.
//!
//! Results stay in the request's buffer until an orchestrator reads them.

use std::ops::Range;

use durable_functions_protocol::failure::Failure;

use super::wire::{BYTES, Malformed, Reader, VARINT, int32, key};

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
    /// A message to an entity, as an event of its own, which the Functions host does not write.
    EntityMessage,
    /// The result of a call of an entity or the grant of locks, as an event of its own.
    EntityAnswered,
    /// The failure of a call of an entity, as an event of its own.
    EntityFailed,
    Suspended,
    Resumed,
    /// What a rewind leaves in place of the events that it takes back.
    Rewound,
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
            18 | 30 => Self::Rewound,
            21 => Self::Suspended,
            22 => Self::Resumed,
            23 | 24 | 27 | 29 => Self::EntityMessage,
            25 | 28 => Self::EntityAnswered,
            26 => Self::EntityFailed,
            _ => Self::Other,
        }
    }

    /// Whether it ends an action; its id is that of the action then.
    fn is_completion(self) -> bool {
        matches!(
            self,
            Self::TaskCompleted
                | Self::TaskFailed
                | Self::SubOrchestrationCompleted
                | Self::SubOrchestrationFailed
                | Self::TimerFired
        )
    }

    /// Whether it records that the orchestrator asked for something.
    pub(crate) fn is_scheduling(self) -> bool {
        matches!(
            self,
            Self::TaskScheduled
                | Self::SubOrchestrationCreated
                | Self::TimerCreated
                | Self::EventSent
                | Self::EntityMessage
        )
    }

    /// The words for a scheduling event in messages.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::TaskScheduled => "a call of activity",
            Self::SubOrchestrationCreated => "a call of sub-orchestration",
            Self::TimerCreated => "a timer",
            Self::EventSent => "an event sent as",
            Self::EntityMessage => "a message to an entity",
            _ => "an event",
        }
    }
}

/// One event: 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    /// The action's id, for events that record one or end one.
    pub(crate) id: i32,
    start: u32,
    length: u32,
}

impl Event {
    /// Where the part lies that a replay reads: the timestamp of
    /// [`EventKind::OrchestratorStarted`], the result or the failure's details of an event that
    /// ends an action (empty if there is none), the event's own message otherwise.
    pub(crate) fn body(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.length as usize
    }

    /// [`body`](Self::body) in the form that tasks keep.
    pub(crate) fn span(&self) -> Range<u32> {
        self.start..self.start.saturating_add(self.length)
    }
}

/// How many bytes an event of a history takes, or less.
const TYPICAL_EVENT: usize = 24;

/// The index of an `OrchestratorRequest`.
#[derive(Debug, Default)]
pub(crate) struct RequestIndex {
    pub(crate) instance_id: Range<usize>,
    pub(crate) events: Vec<Event>,
    /// How many of the events are `pastEvents`.
    pub(crate) past: usize,
    /// How many of the events come before the end of the last rewind; 0 if there was none.
    pub(crate) rewound: usize,
    /// The entries of `properties`.
    properties: Vec<Range<usize>>,
    /// How to send messages to entities; none if the host says nothing of it.
    pub(crate) entity_parameters: Option<Range<usize>>,
    /// Ids of the actions that failed, ascending.
    failed: Vec<u32>,
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
        const INSTANCE_ID: u64 = key(1, BYTES);
        const PAST_EVENT: u64 = key(3, BYTES);
        const NEW_EVENT: u64 = key(4, BYTES);
        const ENTITY_PARAMETERS: u64 = key(5, BYTES);
        const PROPERTY: u64 = key(7, BYTES);
        let mut index = Self {
            events: Vec::with_capacity(buffer.len() / TYPICAL_EVENT),
            ..Self::default()
        };
        let mut new_events = Vec::new();
        let mut reader = Reader::new(buffer, 0..buffer.len());
        while !reader.is_at_end() {
            match reader.varint()? {
                PAST_EVENT => index.events.push(event(buffer, reader.bytes()?)?),
                NEW_EVENT => new_events.push(event(buffer, reader.bytes()?)?),
                INSTANCE_ID => index.instance_id = reader.bytes()?,
                ENTITY_PARAMETERS => index.entity_parameters = Some(reader.bytes()?),
                PROPERTY => index.properties.push(reader.bytes()?),
                other => reader.pass(other)?,
            }
        }
        index.past = index.events.len();
        index.events.append(&mut new_events);
        index.index_actions();
        Ok(index)
    }

    /// A scheduling event's id may be any number, so the table ends where no honest history
    /// reaches; ids beyond are reported when their events are met.
    fn index_actions(&mut self) {
        let limit = self.events.len().saturating_mul(4) + 1024;
        for (position, event) in self.events.iter().enumerate() {
            match event.kind {
                EventKind::Rewound => self.rewound = position + 1,
                EventKind::TaskFailed | EventKind::SubOrchestrationFailed => {
                    self.failed.extend(u32::try_from(event.id));
                }
                kind if kind.is_scheduling() => {
                    let Some(id) = usize::try_from(event.id).ok().filter(|id| *id < limit) else {
                        continue;
                    };
                    if id >= self.scheduled.len() {
                        self.scheduled.resize(id + 1, 0);
                    }
                    if let (Some(slot), Ok(position)) =
                        (self.scheduled.get_mut(id), u32::try_from(position + 1))
                    {
                        *slot = position;
                    }
                }
                _ => {}
            }
        }
        self.failed.sort_unstable();
    }

    /// The event in history that recorded the action of this id.
    #[inline]
    pub(crate) fn scheduled(&self, id: u32) -> Option<Event> {
        let position = self.scheduled.get(id as usize)?.checked_sub(1)?;
        self.events.get(position as usize).copied()
    }

    /// Whether the history says that the action of this id failed.
    #[inline]
    pub(crate) fn has_failed(&self, id: u32) -> bool {
        !self.failed.is_empty() && self.failed.binary_search(&id).is_ok()
    }

    /// The value of one of the request's `properties`, as the bytes of a `google.protobuf.Value`.
    pub(crate) fn property<'a>(&self, buffer: &'a [u8], name: &str) -> Option<&'a [u8]> {
        let is_named = |entry: &&Range<usize>| {
            let key = Reader::new(buffer, (*entry).clone()).find(1).ok().flatten();
            key.and_then(|key| buffer.get(key)) == Some(name.as_bytes())
        };
        let entry = self.properties.iter().find(is_named)?;
        buffer.get(Reader::new(buffer, entry.clone()).find(2).ok()??)
    }

    /// How many actions the history has.
    pub(crate) fn scheduled_len(&self) -> usize {
        self.scheduled.len()
    }
}

#[inline]
fn event(buffer: &[u8], range: Range<usize>) -> Result<Event, Malformed> {
    const ID: u64 = key(1, VARINT);
    const TIMESTAMP: u64 = key(2, BYTES);
    let at = range.start;
    let mut reader = Reader::new(buffer, range);
    let (mut id, mut kind, mut body, mut timestamp) = (0, EventKind::Other, 0..0, 0..0);
    while !reader.is_at_end() {
        match reader.varint()? {
            ID => id = int32(reader.varint()?).ok_or_else(|| too_large(at))?,
            TIMESTAMP => timestamp = reader.bytes()?,
            key if key & 7 == BYTES => {
                kind = EventKind::from_number(reader.number(key)?);
                body = reader.bytes()?;
            }
            other => reader.pass(other)?,
        }
    }
    if kind == EventKind::OrchestratorStarted {
        body = timestamp;
    } else if kind.is_completion() {
        (id, body) = completion(buffer, kind, body)?;
        if kind == EventKind::TaskCompleted && is_failure(buffer.get(body.clone())) {
            kind = EventKind::TaskFailed;
        }
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

#[cold]
fn too_large(at: usize) -> Malformed {
    Malformed {
        at,
        problem: "an id beyond 32 bits",
    }
}

/// Whether a result carries a failure.
fn is_failure(result: Option<&[u8]>) -> bool {
    let result = result.unwrap_or_default();
    let may_be = match result.first() {
        Some(b'{') => result
            .get(1..)
            .unwrap_or_default()
            .trim_ascii_start()
            .starts_with(b"\"durable-failure\""),
        Some(first) => first.is_ascii_whitespace(),
        None => false,
    };
    may_be && std::str::from_utf8(result).is_ok_and(|text| Failure::from_result(text).is_some())
}

/// The id of the action that an event ends, and where its result or its failure's details lie.
#[inline]
fn completion(
    buffer: &[u8],
    kind: EventKind,
    body: Range<usize>,
) -> Result<(i32, Range<usize>), Malformed> {
    const OUTCOME: u64 = key(2, BYTES);
    let at = body.start;
    let answered = key(if kind == EventKind::TimerFired { 2 } else { 1 }, VARINT);
    let (mut id, mut outcome) = (0, 0..0);
    let mut reader = Reader::new(buffer, body);
    while !reader.is_at_end() {
        match reader.varint()? {
            key if key == answered => id = int32(reader.varint()?).ok_or_else(|| too_large(at))?,
            OUTCOME => outcome = reader.bytes()?,
            other => reader.pass(other)?,
        }
    }
    let outcome = match kind {
        EventKind::TimerFired => 0..0,
        EventKind::TaskCompleted | EventKind::SubOrchestrationCompleted => {
            let start = outcome.start;
            let text = Reader::new(buffer, outcome).find(1)?;
            text.unwrap_or(start..start)
        }
        _ => outcome,
    };
    Ok((id, outcome))
}
