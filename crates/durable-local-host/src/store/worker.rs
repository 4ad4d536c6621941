//! A thread with a connection.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::{io, mem, thread};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::StoreError;

/// How many jobs share a transaction at most.
const GROUP: usize = 512;

/// Runs jobs on a thread of its own, those that wait together in one transaction.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: Option<Sender<Box<dyn Job>>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Something to do with the connection.
trait Job: Send {
    /// Does it; may be called again when the transaction it took part in failed.
    fn apply(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Reports the outcome to whoever waits.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Query<T, F> {
    query: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: FnMut(&Connection) -> rusqlite::Result<T> + Send> Job for Query<T, F> {
    fn apply(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.result = Some((self.query)(connection)?);
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self {
            query,
            result,
            reply,
        } = *self;
        // First let go of what the query holds: whoever waits may want it back.
        drop(query);
        // Whoever asked may have gone; then nobody needs the answer.
        drop(reply.send(outcome.and_then(|()| result.ok_or(StoreError::Closed))));
    }
}

impl Worker {
    /// Starts the thread.
    pub(super) fn start(name: &str, connection: Connection) -> io::Result<Self> {
        let (jobs, queue) = channel();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&connection, &queue))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Runs a query and waits until its transaction is committed.
    pub(super) async fn run<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Query {
            query,
            result: None,
            reply,
        });
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(job).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Worker {
    // Waits for the last commit: whoever opens the same file next finds everything.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn work(connection: &Connection, queue: &Receiver<Box<dyn Job>>) {
    let mut group: Vec<Box<dyn Job>> = Vec::new();
    while let Ok(first) = queue.recv() {
        group.push(first);
        group.extend(queue.try_iter().take(GROUP - 1));
        let mut jobs = mem::take(&mut group);
        match transact(connection, &mut jobs) {
            Ok(()) => jobs.into_iter().for_each(|job| job.finish(Ok(()))),
            // One of them is at fault; alone, each gets its own outcome.
            Err(error) if jobs.len() > 1 && !concerns_all(&error) => {
                tracing::debug!("a group of writes failed and is tried one by one: {error}");
                for job in jobs {
                    let mut one = vec![job];
                    let outcome = transact(connection, &mut one).map_err(StoreError::from);
                    one.into_iter().for_each(|job| job.finish(outcome.clone()));
                }
            }
            Err(error) => {
                let error = StoreError::from(error);
                jobs.into_iter()
                    .for_each(|job| job.finish(Err(error.clone())));
            }
        }
    }
}

/// Whether a fault is one of the file, which no job alone would escape.
fn concerns_all(error: &rusqlite::Error) -> bool {
    use ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly, SystemIoFailure};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseBusy | DatabaseLocked | DiskFull | ReadOnly | SystemIoFailure)
    )
}

/// Runs jobs in one transaction; on a full disk once more after the log was given back to it.
fn transact(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    let outcome = attempt(connection, jobs);
    match &outcome {
        Err(error)
            if error.sqlite_error_code() == Some(ErrorCode::DiskFull)
                && shorten_log(connection) =>
        {
            attempt(connection, jobs)
        }
        _ => outcome,
    }
}

/// Moves what the write-ahead log holds into the file, where pages lie once and not once for each
/// time they were written, and cuts the log off. Whether that could be done.
fn shorten_log(connection: &Connection) -> bool {
    let moved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        row.get::<_, i64>(0)
    });
    moved.is_ok_and(|busy| busy == 0)
}

fn attempt(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let applied = jobs.iter_mut().try_for_each(|job| job.apply(connection));
    let outcome = applied.and_then(|()| connection.prepare_cached("COMMIT")?.execute([]).map(drop));
    if outcome.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    outcome
}
