//! Instances by a part of their orchestration's name.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Up to so many instances are few: to sort them costs nothing.
const FEW: usize = 1_000;
/// More names than these are not put into one query.
const MOST_NAMES: usize = 500;

/// The index that this module reads.
pub(super) const INDEX: &str =
    "CREATE INDEX IF NOT EXISTS instances_by_name ON instances (name, created);";

/// The names with that text in them, in any case, if only few instances have them: those are
/// found by name, while of many the newest are found sooner by age. Entities are left out.
pub(super) fn rare(connection: &Connection, part: &str) -> rusqlite::Result<Option<Vec<String>>> {
    let part = part.to_lowercase();
    let mut names = Vec::new();
    // Entities have names that begin with @.
    for (from, to) in [("", "@"), ("A", "\u{10ffff}")] {
        let mut next = first(connection, "name >= ?1", from, to)?;
        while let Some(name) = next {
            next = first(connection, "name > ?1", &name, to)?;
            if name.to_lowercase().contains(&part) {
                names.push(name);
            }
        }
    }
    if names.len() > MOST_NAMES {
        return Ok(None);
    }
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM instances INDEXED BY instances_by_name WHERE name IN ({}) LIMIT {FEW})",
        vec!["?"; names.len()].join(",")
    );
    let count: usize = connection
        .prepare(&sql)?
        .query_row(params_from_iter(&names), |row| row.get::<_, u32>(0))?
        .try_into()
        .unwrap_or(usize::MAX);
    Ok((count < FEW).then_some(names))
}

/// The first name that fits, one step in the index.
fn first(
    connection: &Connection,
    condition: &str,
    from: &str,
    to: &str,
) -> rusqlite::Result<Option<String>> {
    let sql = format!(
        "SELECT min(name) FROM instances INDEXED BY instances_by_name WHERE {condition} AND name < ?2"
    );
    connection
        .prepare_cached(&sql)?
        .query_row([from, to], |row| row.get(0))
}

/// Names as values of a query.
pub(super) fn values(names: Vec<String>) -> impl Iterator<Item = Value> {
    names.into_iter().map(Value::Text)
}
