//! The tables.

use rusqlite::Connection;

use super::StoreError;

/// Number of this layout; a file of another one is refused.
const VERSION: i64 = 2;

const TABLES: &str = "
CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    execution_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT,
    status INTEGER NOT NULL,
    input TEXT,
    output TEXT,
    custom_status TEXT,
    failure BLOB,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    scheduled INTEGER,
    generation INTEGER
);
-- A row is what one turn added: its events, framed as they go into a request.
CREATE TABLE history (
    instance TEXT NOT NULL,
    turn INTEGER NOT NULL,
    events BLOB NOT NULL,
    reasons TEXT
);
CREATE INDEX history_of_instance ON history (instance, turn);
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY,
    instance TEXT NOT NULL,
    execution TEXT,
    event BLOB NOT NULL,
    reason TEXT,
    due INTEGER
);
CREATE INDEX messages_of_instance ON messages (instance);
CREATE TABLE tasks (
    seq INTEGER PRIMARY KEY,
    instance TEXT NOT NULL,
    execution TEXT NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    input TEXT
);
";

/// Added by layout 2.
const TIMERS: &str = "
CREATE TABLE timers (
    function TEXT PRIMARY KEY,
    last INTEGER NOT NULL,
    next INTEGER NOT NULL,
    updated INTEGER NOT NULL
);
";

/// Makes a connection ready to write, and the tables when they are not there.
pub(super) fn prepare(connection: &Connection, memory: bool) -> Result<(), StoreError> {
    set_up(connection, memory)?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match version {
        // A file that can't be written shall say so now, not with the first orchestration; a
        // transaction that changes nothing would not find out.
        VERSION => lay_out(connection, &[]),
        0 => lay_out(connection, &[TABLES, TIMERS]),
        1 => lay_out(connection, &[TIMERS]),
        other => Err(StoreError::Unreadable(format!(
            "it was made by another version of this program (layout {other}, this one knows {VERSION}): choose another folder"
        ))),
    }
}

fn lay_out(connection: &Connection, parts: &[&str]) -> Result<(), StoreError> {
    let parts = parts.concat();
    connection.execute_batch(&format!(
        "BEGIN; {parts} PRAGMA user_version = {VERSION}; COMMIT;"
    ))?;
    Ok(())
}

/// Makes a connection ready to read.
pub(super) fn prepare_reader(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA busy_timeout = 10000;")
}

fn set_up(connection: &Connection, memory: bool) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    if !memory {
        // NORMAL with a write-ahead log: a killed process loses nothing that was committed.
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        connection
            .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000;")?;
    }
    connection.execute_batch(
        "PRAGMA busy_timeout = 1000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000;",
    )
}
