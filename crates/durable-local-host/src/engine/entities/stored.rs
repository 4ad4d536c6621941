//! Entities as the store has them, for whoever shows them: the instance's input holds what the
//! [`Scheduler`] writes, its custom status the entity in short.

use serde::{Deserialize, Serialize};

use super::message::{Request, is_default};
use super::scheduler::Scheduler;
use crate::store::{InstanceRecord, StoreError};

/// An entity in short, as its custom status has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    /// Whether it has a state.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) entity_exists: bool,
    /// How many requests wait.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) queue_size: usize,
    /// Who holds the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) locked_by: Option<String>,
}

/// What a stored entity holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// State as JSON text; none when it has been deleted, or had no operation yet.
    pub(crate) state: Option<String>,
    /// The requests that wait, next first.
    pub(crate) queue: Vec<Waiting>,
}

/// A request that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// What it asks for.
    pub(crate) kind: WaitingKind,
    /// Name of the operation.
    pub(crate) operation: Option<String>,
    /// Input as JSON text.
    pub(crate) input: Option<String>,
    /// The instance that sent it; none for clients.
    pub(crate) sender: Option<String>,
}

/// What a request that waits asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitingKind {
    /// An operation, and its result.
    Call,
    /// An operation.
    Signal,
    /// The lock.
    Lock,
}

impl Status {
    /// The status of a stored entity.
    pub(crate) fn of(record: &InstanceRecord) -> Result<Self, StoreError> {
        match &record.custom_status {
            Some(text) => {
                serde_json::from_str(text).map_err(|error| unreadable(record, "status", &error))
            }
            None => Ok(Self::default()),
        }
    }
}

impl Contents {
    /// What a stored entity holds.
    pub(crate) fn of(record: &InstanceRecord) -> Result<Self, StoreError> {
        let scheduler = scheduler(record)?;
        Ok(Self {
            state: scheduler.state,
            queue: scheduler.queue.into_iter().map(Waiting::from).collect(),
        })
    }
}

impl From<Request> for Waiting {
    fn from(request: Request) -> Self {
        Self {
            kind: match (request.lockset, request.signal) {
                (Some(_), _) => WaitingKind::Lock,
                (None, true) => WaitingKind::Signal,
                (None, false) => WaitingKind::Call,
            },
            operation: request.operation,
            input: request.input,
            sender: request.parent,
        }
    }
}

/// The state of a stored entity as JSON text.
pub(crate) fn state_of(record: &InstanceRecord) -> Result<Option<String>, StoreError> {
    scheduler(record).map(|scheduler| scheduler.state)
}

fn scheduler(record: &InstanceRecord) -> Result<Scheduler, StoreError> {
    match &record.input {
        Some(text) => Scheduler::read(text).map_err(|error| unreadable(record, "state", &error)),
        None => Ok(Scheduler::default()),
    }
}

fn unreadable(record: &InstanceRecord, what: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Unreadable(format!(
        "the {what} of the entity {} is not what the host writes: {error}",
        record.id
    ))
}

/// Whether what is stored under the id of an entity is one: orchestrations may have such ids too.
pub(crate) fn is_stored_entity(record: &InstanceRecord) -> bool {
    record.name == *record.id
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::{Commit, InstanceFilter, Store};

    fn record(id: &str, scheduler: &Scheduler) -> InstanceRecord {
        InstanceRecord {
            input: Some(scheduler.write().unwrap()),
            custom_status: Some(serde_json::to_string(&scheduler.status()).unwrap()),
            ..InstanceRecord::running(id)
        }
    }

    /// The store looks for members of the status in its text.
    #[tokio::test]
    async fn the_store_finds_entities_with_a_state_and_with_a_queue() {
        let store = Store::memory().unwrap();
        let mut expected = [BTreeSet::new(), BTreeSet::new()];
        for number in 0..8 {
            let id = format!("@counter@{number}");
            let (exists, waits, locked) = (number & 1 > 0, number & 2 > 0, number & 4 > 0);
            let scheduler = Scheduler {
                state: exists.then(|| "5".to_owned()),
                queue: waits.then(Request::default).into_iter().collect(),
                locked_by: locked.then(|| "o".to_owned()),
                ..Scheduler::default()
            };
            let commit = Commit {
                entity: Some(record(&id, &scheduler)),
                ..Commit::default()
            };
            store.commit(commit).await.unwrap();
            for (found, is_expected) in expected.iter_mut().zip([exists, waits]) {
                if is_expected {
                    found.insert(id.clone());
                }
            }
        }
        let filter = InstanceFilter {
            with_state: true,
            ..InstanceFilter::default()
        };
        let with_state = store.list(filter).await.unwrap();
        let with_queue = store.recover().await.unwrap().entities;
        let found: [BTreeSet<String>; 2] = [
            with_state
                .iter()
                .map(|record| record.id.to_string())
                .collect(),
            with_queue.iter().map(ToString::to_string).collect(),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_written_is_what_is_shown() {
        let request = |operation: Option<&str>, signal: bool| Request {
            operation: operation.map(str::to_owned),
            signal,
            input: signal.then(|| "7".to_owned()),
            parent: (!signal).then(|| "o".to_owned()),
            lockset: operation.is_none().then(Vec::new),
            ..Request::default()
        };
        let scheduler = Scheduler {
            state: Some("5".to_owned()),
            queue: [
                request(Some("get"), false),
                request(Some("add"), true),
                request(None, false),
            ]
            .into(),
            ..Scheduler::default()
        };
        let record = record("@counter@a", &scheduler);
        let contents = Contents::of(&record).unwrap();
        assert_eq!(contents.state.as_deref(), Some("5"));
        let shown: Vec<_> = contents
            .queue
            .iter()
            .map(|waiting| {
                let texts = [&waiting.operation, &waiting.input, &waiting.sender];
                (waiting.kind, texts.map(Option::as_deref))
            })
            .collect();
        assert_eq!(
            shown,
            [
                (WaitingKind::Call, [Some("get"), None, Some("o")]),
                (WaitingKind::Signal, [Some("add"), Some("7"), None]),
                (WaitingKind::Lock, [None, None, Some("o")]),
            ]
        );
        assert_eq!(Status::of(&record).unwrap(), scheduler.status());
    }
}
