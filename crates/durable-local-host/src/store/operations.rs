//! Writes.

use durable_functions_protocol::proto::OrchestrationStatus;
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension, params};

use super::queries::{StoredStatus, message_from_row, task_from_row};
use super::records::{
    Commit, Created, InstanceChange, InstanceRecord, Message, NewInstance, Recovered, Reuse,
    Rewinding, Task, has_ended,
};
use crate::time::Ticks;

/// Writes a commit; what came of its new instances.
pub(super) fn apply(connection: &Connection, commit: &Commit) -> rusqlite::Result<Vec<Created>> {
    if let Some(change) = &commit.change {
        apply_change(connection, change)?;
    }
    if let Some(record) = &commit.entity {
        put_entity(connection, record)?;
    }
    if let Some(id) = &commit.removed_entity {
        connection
            .prepare_cached("DELETE FROM instances WHERE id = ?1")?
            .execute([&**id])?;
    }
    for seq in &commit.consumed {
        connection
            .prepare_cached("DELETE FROM messages WHERE seq = ?1")?
            .execute([seq])?;
    }
    if let Some(change) = &commit.change
        && (change.replace || change.record.has_ended())
    {
        // Timers of an execution that is over.
        connection
            .prepare_cached("DELETE FROM messages WHERE instance = ?1 AND due IS NOT NULL")?
            .execute([&*change.record.id])?;
    }
    if let Some(seq) = commit.done_task {
        connection
            .prepare_cached("DELETE FROM tasks WHERE seq = ?1")?
            .execute([seq])?;
    }
    let created = commit
        .instances
        .iter()
        .map(|new| create(connection, new))
        .collect::<rusqlite::Result<_>>()?;
    commit
        .messages
        .iter()
        .try_for_each(|message| insert_message(connection, message))?;
    commit
        .tasks
        .iter()
        .try_for_each(|task| insert_task(connection, task))?;
    Ok(created)
}

/// Rewinds instances if all of them are as they were seen; whether they are.
pub(super) fn rewind(connection: &Connection, rewinding: &Rewinding) -> rusqlite::Result<bool> {
    for (change, seen) in &rewinding.instances {
        let is_as_seen: Option<bool> = connection
            .prepare_cached("SELECT status = ?2 AND updated = ?3 FROM instances WHERE id = ?1")?
            .query_row(
                params![
                    &*change.record.id,
                    OrchestrationStatus::Failed as i32,
                    seen.0
                ],
                |row| row.get(0),
            )
            .optional()?;
        if is_as_seen != Some(true) {
            return Ok(false);
        }
    }
    for (change, _) in &rewinding.instances {
        apply_change(connection, change)?;
    }
    rewinding
        .messages
        .iter()
        .try_for_each(|message| insert_message(connection, message))?;
    Ok(true)
}

fn apply_change(connection: &Connection, change: &InstanceChange) -> rusqlite::Result<()> {
    let record = &change.record;
    connection
        .prepare_cached(
            "UPDATE instances SET execution_id = ?2, name = ?3, version = ?4, status = ?5, input = ?6, output = ?7,
             custom_status = ?8, failure = ?9, created = ?10, updated = ?11, generation = ?12 WHERE id = ?1",
        )?
        .execute(params![
            &*record.id,
            &*record.execution_id,
            record.name,
            record.version,
            record.status as i32,
            record.input,
            record.output,
            record.custom_status,
            record.failure,
            record.created.0,
            record.updated.0,
            record.generation,
        ])?;
    if change.replace {
        connection
            .prepare_cached("DELETE FROM history WHERE instance = ?1")?
            .execute([&*record.id])?;
    }
    if change.chunk.events.is_empty() {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO history (instance, turn, events, reasons) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            &*record.id,
            change.turn,
            change.chunk.events,
            change.chunk.reasons
        ])?;
    Ok(())
}

fn put_entity(connection: &Connection, record: &InstanceRecord) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO instances (id, execution_id, name, status, input, custom_status, created, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET
             execution_id = ?2, status = ?4, input = ?5, custom_status = ?6, created = ?7, updated = ?8",
        )?
        .execute(params![
            &*record.id,
            &*record.execution_id,
            record.name,
            record.status as i32,
            record.input,
            record.custom_status,
            record.created.0,
            record.updated.0,
        ])?;
    Ok(())
}

fn create(connection: &Connection, new: &NewInstance) -> rusqlite::Result<Created> {
    let record = &new.record;
    if new.reuse != Reuse::New {
        let may_go = |status| {
            has_ended(status)
                && match new.reuse {
                    Reuse::IfEndedIn(statuses) => statuses.contains(status),
                    Reuse::IfEnded | Reuse::New => true,
                }
        };
        let existing: Option<(StoredStatus, Option<i64>)> = connection
            .prepare_cached("SELECT status, generation FROM instances WHERE id = ?1")?
            .query_row([&*record.id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match existing {
            Some((StoredStatus(status), _)) if !may_go(status) => {
                if let Some(refusal) = &new.refusal {
                    insert_message(connection, refusal)?;
                }
                return Ok(Created::Exists(status));
            }
            Some((_, generation)) => {
                delete(connection, &record.id)?;
                let again = new.in_generation(generation.unwrap_or(0).saturating_add(1));
                insert_instance(connection, &again)?;
                insert_message(connection, &new.start)?;
                return Ok(again.generation.map_or(Created::Yes, Created::Again));
            }
            None => {}
        }
    }
    insert_instance(connection, record)?;
    insert_message(connection, &new.start)?;
    Ok(Created::Yes)
}

fn insert_instance(connection: &Connection, record: &InstanceRecord) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO instances (id, execution_id, name, version, status, input, created, updated, scheduled, generation)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            &*record.id,
            &*record.execution_id,
            record.name,
            record.version,
            record.status as i32,
            record.input,
            record.created.0,
            record.updated.0,
            record.scheduled.map(|time| time.0),
            record.generation,
        ])?;
    Ok(())
}

fn insert_message(connection: &Connection, message: &Message) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO messages (seq, instance, execution, event, reason, due) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            message.seq,
            &*message.instance,
            message.execution.as_deref(),
            message.content.event.encode_to_vec(),
            message.content.reason,
            message.due.map(|time| time.0),
        ])?;
    Ok(())
}

fn insert_task(connection: &Connection, task: &Task) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO tasks (seq, instance, execution, id, name, input) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![task.seq, &*task.instance, &*task.execution, task.id, task.name, task.input])?;
    Ok(())
}

/// Deletes an instance with all that belongs to it.
fn delete(connection: &Connection, id: &str) -> rusqlite::Result<()> {
    for statement in [
        "DELETE FROM history WHERE instance = ?1",
        "DELETE FROM messages WHERE instance = ?1",
        "DELETE FROM instances WHERE id = ?1",
    ] {
        connection.prepare_cached(statement)?.execute([id])?;
    }
    Ok(())
}

/// Deletes those that have ended; how many.
pub(super) fn purge(connection: &Connection, ids: &[String]) -> rusqlite::Result<usize> {
    let mut deleted = 0;
    for id in ids {
        let status: Option<StoredStatus> = connection
            .prepare_cached("SELECT status FROM instances WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        if status.is_some_and(|StoredStatus(status)| has_ended(status)) {
            delete(connection, id)?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// Reads everything that is open.
pub(super) fn recover(connection: &Connection) -> rusqlite::Result<Recovered> {
    let mut statement = connection.prepare(
        "SELECT seq, instance, execution, event, reason, due FROM messages ORDER BY seq",
    )?;
    let messages: Vec<Message> = statement
        .query_map([], message_from_row)?
        .collect::<rusqlite::Result<_>>()?;
    let mut statement = connection
        .prepare("SELECT seq, instance, execution, id, name, input FROM tasks ORDER BY seq")?;
    let tasks: Vec<Task> = statement
        .query_map([], task_from_row)?
        .collect::<rusqlite::Result<_>>()?;
    // A queue is told by the custom status; one that merely reads like it costs a look.
    let mut statement = connection.prepare(
        "SELECT id FROM instances WHERE substr(id, 1, 1) = '@' AND instr(custom_status, '\"queueSize\"') > 0",
    )?;
    let entities = statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let last_time: Option<i64> =
        connection.query_row("SELECT max(updated) FROM instances", [], |row| row.get(0))?;
    let last_seq = messages
        .iter()
        .map(|message| message.seq)
        .chain(tasks.iter().map(|task| task.seq))
        .max();
    Ok(Recovered {
        messages,
        tasks,
        entities,
        last_seq: last_seq.unwrap_or(0),
        last_time: last_time.map(Ticks),
    })
}
