//! An instance in memory.

use std::collections::HashMap;

use durable_functions_protocol::proto::{EventType, ParentInstanceInfo};

use super::turn::TurnResult;
use crate::store::{HistoryChunk, InstanceRecord, StoredInstance, Unreadable};

/// An instance with its history as it goes into requests: a turn reads nothing from the store.
#[derive(Clone, Debug)]
pub(crate) struct InstanceState {
    /// The row.
    pub(crate) record: InstanceRecord,
    /// The history, framed.
    pub(crate) past: Vec<u8>,
    /// Whether the history has begun.
    pub(crate) started: bool,
    /// Who waits for it to end.
    pub(crate) parent: Option<ParentInstanceInfo>,
    /// Its tags.
    pub(crate) tags: HashMap<String, String>,
    /// Whether it is suspended.
    pub(crate) suspended: bool,
    /// Number of the next turn.
    pub(crate) next_turn: i64,
}

impl InstanceState {
    /// An instance that was just made.
    pub(crate) fn fresh(record: InstanceRecord) -> Self {
        Self {
            record,
            past: Vec::new(),
            started: false,
            parent: None,
            tags: HashMap::new(),
            suspended: false,
            next_turn: 0,
        }
    }

    /// An instance as the store has it.
    pub(crate) fn stored(stored: StoredInstance) -> Result<Self, Unreadable> {
        let mut state = Self::fresh(stored.record);
        state.next_turn = stored.next_turn;
        for chunk in &stored.chunks {
            for entry in chunk.decode()? {
                match entry.event.event_type {
                    Some(EventType::ExecutionStarted(started)) => {
                        state.started = true;
                        state.parent = started.parent_instance;
                        state.tags = started.tags;
                    }
                    Some(EventType::ExecutionSuspended(_)) => state.suspended = true,
                    Some(EventType::ExecutionResumed(_)) => state.suspended = false,
                    _ => {}
                }
            }
            state.past.extend_from_slice(&chunk.events);
        }
        Ok(state)
    }

    /// How many bytes its texts and its history have.
    pub(crate) fn size(&self) -> usize {
        let record = &self.record;
        let texts = [&record.input, &record.output, &record.custom_status];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        texts + record.failure.as_ref().map_or(0, Vec::len) + self.past.len()
    }

    /// Takes over what a turn came to, once it is committed.
    pub(crate) fn advance(
        &mut self,
        record: InstanceRecord,
        chunk: &HistoryChunk,
        result: TurnResult,
    ) {
        if result.replace {
            self.past.clear();
            self.next_turn = 0;
        }
        self.past.extend_from_slice(&chunk.events);
        self.record = record;
        self.started |= result.started;
        self.parent = result.parent;
        self.tags = result.tags;
        self.suspended = result.suspended;
        self.next_turn += 1;
    }
}
