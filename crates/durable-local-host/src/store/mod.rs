//! The state in SQLite: instances, histories, messages on their way and tasks to run.
//!
//! One thread writes; what arrives while it commits goes into its next transaction (group
//! commit). Reads have a thread and a connection of their own, except in memory, where there is
//! only one connection.

mod error;
mod names;
mod operations;
mod overview;
mod queries;
mod rates;
mod records;
mod schema;
mod timers;
mod worker;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::OnceCell;

pub(crate) use error::StoreError;
pub(crate) use overview::{Overview, Search};
pub(crate) use queries::InstanceFilter;
use rates::Rates;
pub(crate) use rates::{RATE_SECONDS, RecentRates};
#[cfg(test)]
pub(crate) use records::frame_events;
pub(crate) use records::{
    Commit, Created, HistoryChunk, HistoryEntry, InstanceChange, InstanceRecord, Message,
    NewInstance, Recovered, Reuse, Rewinding, StatusSet, StoredInstance, Task, Unreadable,
    has_ended,
};
pub(crate) use timers::TimerStatus;
use worker::Worker;

use crate::error::Error;

/// How long the lock of another host is waited for, and how often it is looked at.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The open state.
#[derive(Debug)]
pub(crate) struct Store {
    place: String,
    writer: Worker,
    reader: Option<Worker>,
    rates: Rates,
    indexed: OnceCell<()>,
    // Held for as long as the store is open, so that no second host uses the same file.
    #[expect(dead_code, reason = "it is there to be held")]
    lock: Option<File>,
}

impl Store {
    /// Opens the state of a task hub in a folder, which is made when it is not there.
    pub(crate) fn open(folder: &Path, hub: &str) -> Result<Self, Error> {
        let fault = |message: String| unusable(folder.display(), message);
        let refused = |error: io::Error| {
            fault(format!(
                "{error}. Choose a folder that you may write to with --state DIR"
            ))
        };
        make_folder(folder).map_err(refused)?;
        let path = folder.join(file_name(hub));
        let lock = private_file(&path.with_extension("lock")).map_err(refused)?;
        lock_file(&lock, || thread::sleep(LOCK_PAUSE)).map_err(fault)?;
        // SQLite gives its log the mode of the database.
        private_file(&path).map_err(refused)?;
        let store = Self::open_file(&path).map_err(|error| unusable(path.display(), error))?;
        Ok(Self {
            lock: Some(lock),
            ..store
        })
    }

    fn open_file(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        schema::prepare(&connection, false)?;
        let reader = Connection::open(path)?;
        schema::prepare_reader(&reader)?;
        Ok(Self {
            place: path.display().to_string(),
            writer: Worker::start("store-writer", connection)?,
            reader: Some(Worker::start("store-reader", reader)?),
            rates: Rates::default(),
            indexed: OnceCell::new(),
            lock: None,
        })
    }

    /// Opens a state that lives in memory.
    pub(crate) fn memory() -> Result<Self, Error> {
        Self::open_memory().map_err(|error| unusable("memory", error))
    }

    fn open_memory() -> Result<Self, StoreError> {
        let connection = Connection::open_in_memory()?;
        schema::prepare(&connection, true)?;
        Ok(Self {
            place: "memory".to_owned(),
            writer: Worker::start("store", connection)?,
            reader: None,
            rates: Rates::default(),
            indexed: OnceCell::new(),
            lock: None,
        })
    }

    /// What is open: everything that a start has to take up again.
    pub(crate) async fn recover(&self) -> Result<Recovered, Error> {
        let recovered = self.writer.run(operations::recover).await;
        recovered.map_err(|error| unusable(&self.place, error))
    }

    /// Where the state is: a file, or memory.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Writes all of it or nothing. Gives the commit back, with `created` filled in.
    pub(crate) async fn commit(&self, commit: Commit) -> Result<Commit, StoreError> {
        let commit = Arc::new(commit);
        let shared = Arc::clone(&commit);
        let created = self
            .writer
            .run(move |connection| operations::apply(connection, &shared))
            .await?;
        // The worker lets go of its share before it answers.
        let mut commit = Arc::into_inner(commit).ok_or(StoreError::Closed)?;
        commit.created = created;
        self.rates.count(&commit);
        Ok(commit)
    }

    /// Rewinds instances, unless one of them is no more as it was seen: then nothing is written.
    /// Whether they were rewound.
    pub(crate) async fn rewind(&self, rewinding: Arc<Rewinding>) -> Result<bool, StoreError> {
        self.writer
            .run(move |connection| operations::rewind(connection, &rewinding))
            .await
    }

    /// The instance with its history, for the engine: read by the writer, so that everything
    /// that was committed before is in it.
    pub(crate) async fn load(&self, id: &str) -> Result<Option<StoredInstance>, StoreError> {
        let id = id.to_owned();
        self.writer
            .run(move |connection| queries::load(connection, &id))
            .await
    }

    /// The instance with its history, for people.
    pub(crate) async fn history(&self, id: &str) -> Result<Option<StoredInstance>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| queries::load(connection, &id))
            .await
    }

    /// The instance without its history.
    pub(crate) async fn instance(&self, id: &str) -> Result<Option<InstanceRecord>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| queries::instance(connection, &id))
            .await
    }

    /// The instances that a filter lets through, by id.
    pub(crate) async fn list(
        &self,
        filter: InstanceFilter,
    ) -> Result<Vec<InstanceRecord>, StoreError> {
        let by_age = filter.created_from.is_some() || filter.created_to.is_some();
        if by_age || !filter.statuses.is_empty() {
            self.make_indexes().await;
        }
        let by_age = by_age && self.indexed.initialized();
        self.read(move |connection| queries::list(connection, &filter, by_age))
            .await
    }

    /// As many of the instances that a filter lets through as a page holds, and the token of the
    /// page behind it, if there is one.
    pub(crate) async fn page(
        &self,
        filter: InstanceFilter,
        size: usize,
    ) -> Result<(Vec<InstanceRecord>, Option<String>), StoreError> {
        let filter = InstanceFilter {
            // one more tells where the next page begins
            limit: Some(size.saturating_add(1)),
            ..filter
        };
        let mut records = self.list(filter).await?;
        let next = records
            .get(size)
            .map(|record| InstanceFilter::token(&record.id));
        records.truncate(size);
        Ok((records, next))
    }

    /// Deletes these instances as far as they have ended; how many there were.
    pub(crate) async fn purge(&self, ids: Vec<String>) -> Result<usize, StoreError> {
        self.writer
            .run(move |connection| operations::purge(connection, &ids))
            .await
    }

    async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.reader
            .as_ref()
            .unwrap_or(&self.writer)
            .run(query)
            .await
    }
}

/// Makes a folder for a state, for its owner only; one that is there stays as it is.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens a file, which is made for its owner only when it is not there: what orchestrations work with
/// is nobody else's.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A file name for a task hub of any name: another one for each, whatever the case.
fn file_name(hub: &str) -> PathBuf {
    let mut name = String::with_capacity(hub.len() + 8);
    for char in hub.chars().flat_map(char::to_lowercase) {
        if char.is_ascii_alphanumeric() {
            name.push(char);
        } else {
            name.push_str(&format!("_{:x}_", u32::from(char)));
        }
    }
    PathBuf::from(format!("{name}.sqlite3"))
}

fn unusable(place: impl ToString, message: impl ToString) -> Error {
    Error::State {
        place: place.to_string(),
        message: message.to_string(),
    }
}

/// Takes the lock. That of a host which was killed can outlive it for a moment: in a process that it
/// was just about to start.
fn lock_file(file: &File, mut pause: impl FnMut()) -> Result<(), String> {
    let given_up = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < given_up => pause(),
            Err(TryLockError::WouldBlock) => {
                return Err(
                    "another host is using it: stop that one, or choose another folder with --state DIR"
                        .to_owned(),
                );
            }
            Err(TryLockError::Error(error)) => return Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::{
        EventType, HistoryEvent, OrchestrationStatus, OrchestratorStartedEvent,
    };

    use super::*;
    use crate::time::Ticks;

    pub(super) fn new_instance(id: &str, seq: i64, reuse: Reuse) -> NewInstance {
        let kind = EventType::OrchestratorStarted(OrchestratorStartedEvent {});
        let event = HistoryEvent {
            event_id: -1,
            timestamp: None,
            event_type: Some(kind),
        };
        let record = InstanceRecord {
            name: "n".into(),
            status: OrchestrationStatus::Pending,
            input: Some("1".into()),
            created: Ticks(7),
            updated: Ticks(8),
            generation: Some(0),
            ..InstanceRecord::running(id)
        };
        let content = HistoryEntry {
            event,
            reason: Some("why".into()),
        };
        let start = Message {
            seq,
            instance: id.into(),
            execution: None,
            content,
            due: Some(Ticks(9)),
        };
        NewInstance {
            record,
            start,
            reuse,
            refusal: None,
        }
    }

    fn start(id: &str, seq: i64) -> Commit {
        Commit {
            instances: vec![new_instance(id, seq, Reuse::IfEnded)],
            ..Commit::default()
        }
    }

    fn end(id: &str, chunk: HistoryChunk) -> Commit {
        let mut record = new_instance(id, 0, Reuse::New).record;
        record.status = OrchestrationStatus::Completed;
        let change = InstanceChange {
            record,
            turn: 0,
            chunk,
            replace: false,
        };
        Commit {
            change: Some(change),
            ..Commit::default()
        }
    }

    #[tokio::test]
    async fn what_was_committed_is_there_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "Hub").unwrap();
        let made = store.commit(start("a", 5)).await.unwrap();
        assert_eq!(made.created, [Created::Yes]);
        let task = Task {
            seq: 6,
            instance: "a".into(),
            execution: "e".into(),
            id: 1,
            name: "t".into(),
            input: None,
        };
        store
            .commit(Commit {
                tasks: vec![task],
                ..Commit::default()
            })
            .await
            .unwrap();
        drop(store);
        let store = Store::open(folder.path(), "Hub").unwrap();
        let recovered = store.recover().await.unwrap();
        assert_eq!(
            (recovered.last_seq, recovered.last_time),
            (6, Some(Ticks(8)))
        );
        assert_eq!(recovered.messages[0].content.reason.as_deref(), Some("why"));
        assert_eq!(recovered.messages[0].due, Some(Ticks(9)));
        assert_eq!(recovered.tasks[0].name, "t");
        assert_eq!(
            store.instance("a").await.unwrap().unwrap(),
            new_instance("a", 5, Reuse::New).record
        );
    }

    #[tokio::test]
    async fn an_id_is_free_again_when_its_instance_has_ended() {
        let store = Store::memory().unwrap();
        store.commit(start("a", 1)).await.unwrap();
        let again = store.commit(start("a", 2)).await.unwrap();
        assert_eq!(
            again.created,
            [Created::Exists(OrchestrationStatus::Pending)]
        );
        let event = new_instance("a", 0, Reuse::New).start.content;
        store
            .commit(end("a", HistoryChunk::of(&[event])))
            .await
            .unwrap();
        assert_eq!(store.load("a").await.unwrap().unwrap().chunks.len(), 1);
        // Its delayed messages went with it.
        assert!(store.recover().await.unwrap().messages.is_empty());
        assert_eq!(
            store.commit(start("a", 3)).await.unwrap().created,
            [Created::Again(1)]
        );
        let again = store.instance("a").await.unwrap().unwrap();
        assert_eq!(again.generation, Some(1));
        assert!(store.load("a").await.unwrap().unwrap().chunks.is_empty());
    }

    #[tokio::test]
    async fn a_write_that_fails_spoils_no_other() {
        let store = Store::memory().unwrap();
        store.commit(start("a", 1)).await.unwrap();
        // The same number twice is refused by the table; both may share a transaction.
        let (bad, good) = tokio::join!(store.commit(start("b", 1)), store.commit(start("c", 2)));
        assert!(bad.is_err());
        assert_eq!(good.unwrap().created, [Created::Yes]);
        assert!(
            store.instance("b").await.unwrap().is_none(),
            "half of it was kept"
        );
        assert!(store.instance("c").await.unwrap().is_some());
    }

    #[tokio::test]
    async fn chunks_keep_events_and_reasons() {
        let store = Store::memory().unwrap();
        store.commit(start("a", 1)).await.unwrap();
        let mut plain = new_instance("a", 0, Reuse::New).start.content;
        plain.reason = None;
        let reasoned = HistoryEntry {
            reason: Some("because".into()),
            ..plain.clone()
        };
        store
            .commit(end("a", HistoryChunk::of(&[plain.clone(), reasoned])))
            .await
            .unwrap();
        let stored = store.history("a").await.unwrap().unwrap();
        let events = stored.chunks[0].decode().unwrap();
        assert_eq!(events.len(), 2);
        assert_eq!(events[0].event, plain.event);
        assert_eq!(
            (events[0].reason.as_deref(), events[1].reason.as_deref()),
            (None, Some("because"))
        );
    }

    #[test]
    fn a_chunk_whose_reasons_are_lost_is_not_read() {
        let event = new_instance("a", 0, Reuse::New).start.content;
        let chunk = HistoryChunk::of(&[event]);
        assert_eq!(chunk.reasons.as_deref(), Some(r#"[[0,"why"]]"#));
        for reasons in ["", "{}", r#"[[1,"why"]]"#] {
            let broken = HistoryChunk {
                reasons: Some(reasons.into()),
                ..chunk.clone()
            };
            assert!(broken.decode().is_err(), "{reasons}");
        }
    }

    #[tokio::test]
    async fn a_status_that_is_none_is_neither_read_nor_purged() {
        let store = Store::memory().unwrap();
        store.commit(start("a", 1)).await.unwrap();
        let spoil = |connection: &Connection| {
            connection.execute("UPDATE instances SET status = 99", [])?;
            Ok(())
        };
        store.writer.run(spoil).await.unwrap();
        let error = store.instance("a").await.unwrap_err().to_string();
        assert!(error.contains("99"), "{error}");
        assert!(store.purge(vec!["a".into()]).await.is_err());
        assert!(store.commit(start("a", 2)).await.is_err());
    }

    #[tokio::test]
    async fn a_file_of_the_first_layout_gets_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "Hub").unwrap();
        store.commit(start("a", 5)).await.unwrap();
        drop(store);
        let connection = Connection::open(folder.path().join("hub.sqlite3")).unwrap();
        connection
            .execute_batch("DROP TABLE timers; PRAGMA user_version = 1")
            .unwrap();
        drop(connection);
        let store = Store::open(folder.path(), "Hub").unwrap();
        assert_eq!(store.timer("f").await.unwrap(), None);
        assert!(store.instance("a").await.unwrap().is_some());
    }

    #[test]
    fn a_file_that_can_only_be_read_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path(), "Hub").unwrap());
        let file = folder.path().join("hub.sqlite3");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(file, flags).unwrap();
        let error = schema::prepare(&connection, false).unwrap_err().to_string();
        assert!(
            error.contains("Make the folder and its files writable"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_full_disk_gets_the_log_back_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "Hub").unwrap();
        let limit = async |pages: &'static str| {
            let pragma = format!("PRAGMA max_page_count = {pages}");
            let set = move |connection: &Connection| {
                connection.query_row(&pragma, [], |row| row.get::<_, i64>(0))
            };
            store.writer.run(set).await.unwrap()
        };
        let large = |number: i64| {
            let mut commit = start(&format!("i{number}"), number);
            commit.instances[0].record.input = Some("x".repeat(100_000));
            commit
        };
        store.commit(large(0)).await.unwrap();
        let log = folder.path().join("hub.sqlite3-wal");
        assert!(fs::metadata(&log).unwrap().len() > 100_000);
        // A limit below what is there already means as much as there is.
        limit("1").await;
        let (first, second) = tokio::join!(store.commit(large(1)), store.commit(large(2)));
        for refused in [first, second] {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("Free some space on the disk"), "{error}");
        }
        assert_eq!(fs::metadata(&log).unwrap().len(), 0);
        limit("100000").await;
        store.commit(large(1)).await.unwrap();
        assert!(store.instance("i0").await.unwrap().is_some());
        assert!(store.instance("i2").await.unwrap().is_none());
    }

    #[test]
    fn the_lock_of_a_host_that_is_gone_in_a_moment_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = File::create(&path).unwrap();
        held.lock().unwrap();
        let other = File::create(&path).unwrap();
        let mut held = Some(held);
        assert_eq!(lock_file(&other, || drop(held.take())), Ok(()));
        assert!(held.is_none(), "nobody waited");
    }

    #[test]
    fn every_hub_has_a_file_of_its_own() {
        let name = |hub: &str| file_name(hub).display().to_string();
        assert_eq!(name("MyHub1"), "myhub1.sqlite3");
        assert_eq!(name("../my-hub"), "_2e__2e__2f_my_2d_hub.sqlite3");
        assert_eq!(name("my_hub"), "my_5f_hub.sqlite3");
    }

    #[test]
    fn a_file_of_another_layout_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("hub.sqlite3")).unwrap();
        connection
            .execute_batch("PRAGMA user_version = 99")
            .unwrap();
        let error = Store::open(folder.path(), "Hub").unwrap_err().to_string();
        assert!(
            error.contains("another version") && error.contains("99"),
            "{error}"
        );
    }
}
