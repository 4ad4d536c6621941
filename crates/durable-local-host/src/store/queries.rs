//! Reads.

use std::sync::Arc;

use durable_functions_protocol::proto::{HistoryEvent, OrchestrationStatus};
use prost::Message as _;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, Type, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::records::{HistoryChunk, HistoryEntry, InstanceRecord, Message, StoredInstance, Task};
use crate::time::Ticks;

/// The columns of an instance, as [`record_from_row`] reads them.
pub(super) const COLUMNS: &str = "id, execution_id, name, version, status, input, output, custom_status, failure, created, updated, scheduled, generation";

/// Which instances a listing shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct InstanceFilter {
    /// Beginning of the id.
    pub(crate) prefix: Option<String>,
    /// Not made before.
    pub(crate) created_from: Option<Ticks>,
    /// Not made after.
    pub(crate) created_to: Option<Ticks>,
    /// In one of these states; all when empty.
    pub(crate) statuses: Vec<OrchestrationStatus>,
    /// Whether entities are left out.
    pub(crate) without_entities: bool,
    /// Whether entities without a state are left out.
    pub(crate) with_state: bool,
    /// Ids from this one on.
    pub(crate) from_id: Option<String>,
    /// How many at most.
    pub(crate) limit: Option<usize>,
}

impl InstanceFilter {
    /// The token of a page that begins with that id.
    pub(crate) fn token(id: &str) -> String {
        base64_simd::STANDARD.encode_to_string(id.as_bytes())
    }

    /// The id in a token.
    pub(crate) fn from_token(token: &str) -> Option<String> {
        let bytes = base64_simd::STANDARD.decode_to_vec(token).ok()?;
        String::from_utf8(bytes).ok()
    }
}

/// The instance of that id.
pub(super) fn instance(
    connection: &Connection,
    id: &str,
) -> rusqlite::Result<Option<InstanceRecord>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM instances WHERE id = ?1"))?
        .query_row([id], record_from_row)
        .optional()
}

/// The instance of that id with its history.
pub(super) fn load(connection: &Connection, id: &str) -> rusqlite::Result<Option<StoredInstance>> {
    let Some(record) = instance(connection, id)? else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(
        "SELECT turn, events, reasons FROM history WHERE instance = ?1 ORDER BY turn",
    )?;
    let mut rows = statement.query([id])?;
    let (mut chunks, mut next_turn) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        next_turn = row.get::<_, i64>(0)? + 1;
        chunks.push(HistoryChunk {
            events: row.get(1)?,
            reasons: row.get(2)?,
        });
    }
    Ok(Some(StoredInstance {
        record,
        chunks,
        next_turn,
    }))
}

/// The instances that the filter lets through, by id. `by_age` tells that there is an index of
/// their ages.
pub(super) fn list(
    connection: &Connection,
    filter: &InstanceFilter,
    by_age: bool,
) -> rusqlite::Result<Vec<InstanceRecord>> {
    // Few of an age are found by age and sorted; else going by id finds a page of them sooner.
    let index = if by_age && are_few_of_age(connection, filter)? {
        "INDEXED BY instances_by_age"
    } else {
        ""
    };
    let mut sql = format!("SELECT {COLUMNS} FROM instances {index} WHERE 1");
    let mut values: Vec<Value> = Vec::new();
    let mut condition = |sql: &mut String, text: &str, value: Value| {
        values.push(value);
        sql.push_str(&text.replace('?', &format!("?{}", values.len())));
    };
    if let Some(prefix) = &filter.prefix {
        condition(&mut sql, " AND id >= ?", Value::Text(prefix.clone()));
        if let Some(end) = after_prefix(prefix) {
            condition(&mut sql, " AND id < ?", Value::Text(end));
        }
    }
    if let Some(time) = filter.created_from {
        condition(&mut sql, " AND created >= ?", Value::Integer(time.0));
    }
    if let Some(time) = filter.created_to {
        condition(&mut sql, " AND created <= ?", Value::Integer(time.0));
    }
    if let Some(id) = &filter.from_id {
        condition(&mut sql, " AND id >= ?", Value::Text(id.clone()));
    }
    if !filter.statuses.is_empty() {
        let list: Vec<String> = filter
            .statuses
            .iter()
            .map(|status| (*status as i32).to_string())
            .collect();
        sql.push_str(&format!(" AND status IN ({})", list.join(",")));
    }
    if filter.without_entities {
        sql.push_str(" AND substr(id, 1, 1) <> '@'");
    }
    if filter.with_state {
        // The first member of the custom status.
        sql.push_str(" AND instr(custom_status, '{\"entityExists\":true') = 1");
    }
    sql.push_str(" ORDER BY id");
    if let Some(limit) = filter.limit {
        sql.push_str(&format!(" LIMIT {limit}"));
    }
    connection
        .prepare(&sql)?
        .query_map(params_from_iter(values), record_from_row)?
        .collect()
}

/// Whether only few instances were made in the filter's time; needs the index.
fn are_few_of_age(connection: &Connection, filter: &InstanceFilter) -> rusqlite::Result<bool> {
    const FEW: i64 = 1_000;
    let limits = [
        filter.created_from.map_or(i64::MIN, |time| time.0),
        filter.created_to.map_or(i64::MAX, |time| time.0),
        FEW,
    ];
    let count: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM instances INDEXED BY instances_by_age
             WHERE created >= ?1 AND created <= ?2 LIMIT ?3)",
        )?
        .query_row(limits, |row| row.get(0))?;
    Ok(count < FEW)
}

/// The text that all texts with this beginning come before; there is none if they come last.
pub(super) fn after_prefix(prefix: &str) -> Option<String> {
    let mut rest = prefix.chars();
    while let Some(last) = rest.next_back() {
        // The range of characters leaves out the surrogates.
        if let Some(next) = (last..=char::MAX).nth(1) {
            return Some(format!("{}{next}", rest.as_str()));
        }
    }
    None
}

/// The instance in a row of [`COLUMNS`].
pub(super) fn record_from_row(row: &Row<'_>) -> rusqlite::Result<InstanceRecord> {
    Ok(InstanceRecord {
        id: row.get::<_, Arc<str>>(0)?,
        execution_id: row.get::<_, Arc<str>>(1)?,
        name: row.get(2)?,
        version: row.get(3)?,
        status: row.get::<_, StoredStatus>(4)?.0,
        input: row.get(5)?,
        output: row.get(6)?,
        custom_status: row.get(7)?,
        failure: row.get(8)?,
        created: Ticks(row.get(9)?),
        updated: Ticks(row.get(10)?),
        scheduled: row.get::<_, Option<i64>>(11)?.map(Ticks),
        generation: row.get(12)?,
    })
}

/// The message in a row of `messages`.
pub(super) fn message_from_row(row: &Row<'_>) -> rusqlite::Result<Message> {
    let bytes: Vec<u8> = row.get(3)?;
    let event = HistoryEvent::decode(bytes.as_slice()).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(3, Type::Blob, Box::new(error))
    })?;
    Ok(Message {
        seq: row.get(0)?,
        instance: row.get::<_, Arc<str>>(1)?,
        execution: row.get::<_, Option<Arc<str>>>(2)?,
        content: HistoryEntry {
            event,
            reason: row.get(4)?,
        },
        due: row.get::<_, Option<i64>>(5)?.map(Ticks),
    })
}

/// The task in a row of `tasks`.
pub(super) fn task_from_row(row: &Row<'_>) -> rusqlite::Result<Task> {
    Ok(Task {
        seq: row.get(0)?,
        instance: row.get::<_, Arc<str>>(1)?,
        execution: row.get::<_, Arc<str>>(2)?,
        id: row.get(3)?,
        name: row.get(4)?,
        input: row.get(5)?,
    })
}

/// A status as rows have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredStatus(pub(super) OrchestrationStatus);

impl FromSql for StoredStatus {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = i32::column_result(value)?;
        OrchestrationStatus::try_from(number)
            .map(Self)
            .map_err(|_| FromSqlError::OutOfRange(number.into()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_with_a_prefix_lie_between_it_and_its_end(
            prefix in "[a\u{10ffff}\u{d7ff}]{0,3}",
            text in "[ab\u{10ffff}\u{d7ff}\u{e000}]{0,5}",
        ) {
            let within = text >= prefix && after_prefix(&prefix).is_none_or(|end| text < end);
            prop_assert_eq!(within, text.starts_with(&prefix));
        }
    }
}
