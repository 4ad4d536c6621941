//! Reads for people who look at all instances at once.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::names;
use super::queries::{COLUMNS, after_prefix, record_from_row};
use super::{InstanceRecord, RecentRates, Store, StoreError};
use crate::time::Ticks;

/// Instances in numbers; entities are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overview {
    /// How many are in which status.
    pub(crate) statuses: Vec<(i32, i64)>,
    /// How many started and ended in the last seconds.
    pub(crate) rates: RecentRates,
}

/// Which instances to show, the newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    /// Numbers of the statuses; all when empty.
    pub(crate) statuses: Vec<i32>,
    /// A part of the orchestration's name, in any case.
    pub(crate) name: Option<String>,
    /// Beginning of the id.
    pub(crate) prefix: Option<String>,
    /// Not made before.
    pub(crate) from: Option<Ticks>,
    /// Not made after.
    pub(crate) to: Option<Ticks>,
    /// What follows this one: its time and id.
    pub(crate) after: Option<(Ticks, String)>,
    /// How many at most.
    pub(crate) limit: usize,
}

impl Search {
    fn is_for_entities(&self) -> bool {
        let prefix = self.prefix.as_deref();
        prefix.is_some_and(|prefix| prefix.starts_with('@'))
    }
}

/// Every write has to keep these up to date, so they are made when somebody looks for the first time.
const INDEXES: &str = "
CREATE INDEX IF NOT EXISTS instances_by_status ON instances (status, id);
CREATE INDEX IF NOT EXISTS instances_by_age ON instances (created, id, status, name);
";

impl Store {
    /// Makes reads of many instances fast, however many there are.
    pub(super) async fn make_indexes(&self) {
        let make = || {
            self.writer
                .run(|connection| connection.execute_batch(&[INDEXES, names::INDEX].concat()))
        };
        if let Err(error) = self.indexed.get_or_try_init(make).await {
            tracing::warn!(
                "reads of many instances are slow, their indexes can't be made: {error}"
            );
        }
    }

    /// Numbers about all instances.
    pub(crate) async fn overview(&self, now: Ticks) -> Result<Overview, StoreError> {
        self.make_indexes().await;
        let statuses = self.read(count_statuses).await?;
        Ok(Overview {
            statuses,
            rates: self.rates.recent(now),
        })
    }

    /// Rows of entities by id, from that one on.
    pub(crate) async fn entities(
        &self,
        from: String,
        limit: usize,
    ) -> Result<Vec<InstanceRecord>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM instances WHERE id >= max(?1, '@') AND id < 'A' ORDER BY id LIMIT {limit}"
        );
        self.read(move |connection| {
            connection
                .prepare_cached(&sql)?
                .query_map([&from], record_from_row)?
                .collect()
        })
        .await
    }

    /// The instances that are asked for, the newest first, without inputs and outputs.
    pub(crate) async fn search(&self, search: Search) -> Result<Vec<InstanceRecord>, StoreError> {
        self.make_indexes().await;
        let indexed = self.indexed.initialized();
        self.read(move |connection| {
            let rare = match &search.name {
                Some(part) if indexed && !search.is_for_entities() => {
                    names::rare(connection, part)?
                }
                _ => None,
            };
            find(connection, &search, rare)
        })
        .await
    }
}

fn count_statuses(connection: &Connection) -> rusqlite::Result<Vec<(i32, i64)>> {
    let counts = |sql: &str| -> rusqlite::Result<Vec<(i32, i64)>> {
        connection
            .prepare_cached(sql)?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    let mut statuses: BTreeMap<i32, i64> =
        counts("SELECT status, count(*) FROM instances GROUP BY status")?
            .into_iter()
            .collect();
    // Entities begin with @. To count them and take them off is faster than to look at all ids.
    let entities = counts(
        "SELECT status, count(*) FROM instances WHERE id >= '@' AND id < 'A' GROUP BY status",
    )?;
    for (status, count) in entities {
        if let Some(all) = statuses.get_mut(&status) {
            *all -= count;
        }
    }
    Ok(statuses
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect())
}

/// `names` are all that fit the search, if they are rare.
fn find(
    connection: &Connection,
    search: &Search,
    names: Option<Vec<String>>,
) -> rusqlite::Result<Vec<InstanceRecord>> {
    let columns = COLUMNS
        .replace(" input,", " NULL,")
        .replace(" output,", " NULL,")
        .replace(" failure,", " NULL,");
    let index = match &names {
        Some(_) => "INDEXED BY instances_by_name",
        None => "",
    };
    let mut sql = format!("SELECT {columns} FROM instances {index} WHERE 1");
    let mut values: Vec<Value> = Vec::new();
    let mut condition = |text: &str, value: Value| {
        values.push(value);
        sql.push_str(&text.replace('?', &format!("?{}", values.len())));
    };
    match &search.prefix {
        Some(prefix) => {
            condition(" AND id >= ?", Value::Text(prefix.clone()));
            if let Some(end) = after_prefix(prefix) {
                condition(" AND id < ?", Value::Text(end));
            }
        }
        None => condition(" AND substr(id, 1, 1) <> ?", Value::Text("@".to_owned())),
    }
    match (names, &search.name) {
        (Some(names), _) => {
            condition(" AND name IN (?", Value::Null);
            names::values(names).for_each(|name| condition(", ?", name));
            condition(") AND ?", Value::Integer(1));
        }
        (None, Some(name)) => {
            let text = Value::Text(name.clone());
            condition(" AND instr(lower(name), lower(?)) > 0", text);
        }
        (None, None) => {}
    }
    if let Some(time) = search.from {
        condition(" AND created >= ?", Value::Integer(time.0));
    }
    if let Some(time) = search.to {
        condition(" AND created <= ?", Value::Integer(time.0));
    }
    if let Some((time, id)) = &search.after {
        condition(" AND (created, id) < (?, ", Value::Integer(time.0));
        condition("?)", Value::Text(id.clone()));
    }
    if !search.statuses.is_empty() {
        let list: Vec<String> = search.statuses.iter().map(i32::to_string).collect();
        // The plus keeps SQLite from going by status, which would mean sorting.
        sql.push_str(&format!(" AND +status IN ({})", list.join(",")));
    }
    sql.push_str(&format!(
        " ORDER BY created DESC, id DESC LIMIT {}",
        search.limit
    ));
    connection
        .prepare(&sql)?
        .query_map(params_from_iter(values), record_from_row)?
        .collect()
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::{EventType, HistoryEvent, OrchestratorStartedEvent};

    use super::super::{Commit, HistoryEntry, InstanceFilter, Message, NewInstance, Reuse};
    use super::*;

    async fn store_with(instances: &[(&str, &str, i32, i64)]) -> Store {
        let store = Store::memory().unwrap();
        for (seq, (id, name, status, created)) in (1..).zip(instances) {
            let record = InstanceRecord {
                name: (*name).into(),
                status: (*status).try_into().unwrap(),
                input: Some("1".into()),
                created: Ticks(*created),
                updated: Ticks(*created + 1),
                ..InstanceRecord::running(id)
            };
            let event = HistoryEvent {
                event_id: -1,
                timestamp: None,
                event_type: Some(EventType::OrchestratorStarted(OrchestratorStartedEvent {})),
            };
            let start = Message {
                seq,
                instance: (*id).into(),
                execution: None,
                content: HistoryEntry {
                    event,
                    reason: None,
                },
                due: None,
            };
            let new = NewInstance {
                record,
                start,
                reuse: Reuse::New,
                refusal: None,
            };
            let commit = Commit {
                instances: vec![new],
                ..Commit::default()
            };
            store.commit(commit).await.unwrap();
        }
        store
    }

    fn ids(records: &[InstanceRecord]) -> Vec<&str> {
        records.iter().map(|record| &*record.id).collect()
    }

    #[tokio::test]
    async fn the_newest_come_first_and_pages_follow_each_other() {
        let rows = [
            ("a", "One", 0, 5),
            ("b", "Two", 1, 5),
            ("c", "one more", 3, 9),
            ("@e@k", "@e", 0, 7),
        ];
        let store = store_with(&rows).await;
        let search = |change: &dyn Fn(&mut Search)| {
            let mut search = Search {
                limit: 10,
                ..Search::default()
            };
            change(&mut search);
            store.search(search)
        };
        let all = search(&|_| ()).await.unwrap();
        assert_eq!(ids(&all), ["c", "b", "a"]);
        assert!(all.iter().all(|record| record.input.is_none()));
        let page = search(&|search| search.limit = 2).await.unwrap();
        assert_eq!(ids(&page), ["c", "b"]);
        let rest = search(&|search| search.after = Some((Ticks(5), "b".into())))
            .await
            .unwrap();
        assert_eq!(ids(&rest), ["a"]);
        assert_eq!(
            ids(&search(&|search| search.name = Some("ONE".into()))
                .await
                .unwrap()),
            ["c", "a"]
        );
        assert_eq!(
            ids(&search(&|search| search.statuses = vec![1, 3])
                .await
                .unwrap()),
            ["c", "b"]
        );
        assert_eq!(
            ids(&search(&|search| search.prefix = Some("@".into()))
                .await
                .unwrap()),
            ["@e@k"]
        );
        assert_eq!(
            ids(&search(&|search| search.from = Some(Ticks(6)))
                .await
                .unwrap()),
            ["c"]
        );
        assert_eq!(
            ids(&search(&|search| search.to = Some(Ticks(6))).await.unwrap()),
            ["b", "a"]
        );
        let odd = search(&|search| search.name = Some("' OR 1=1 --".into()))
            .await
            .unwrap();
        assert!(odd.is_empty());
    }

    #[tokio::test]
    async fn names_are_found_whether_rare_or_not() {
        let name_of = |number: i64| match number % 100 {
            0 => "Rare",
            1 => "rarer",
            2 => "Ünlike",
            _ => "often",
        };
        let ids: Vec<String> = (0..3_000).map(|number| format!("i{number}")).collect();
        let rows: Vec<(&str, &str, i32, i64)> = (0..)
            .zip(&ids)
            .map(|(number, id)| (id.as_str(), name_of(number), 1, number))
            .chain([("@rare@k", "@rare@k", 0, 9_999)])
            .collect();
        let store = store_with(&rows).await;
        for part in ["RARE", "rarer", "often", "e", "", "nowhere", "ünl"] {
            let search = Search {
                name: Some(part.to_owned()),
                statuses: vec![1],
                limit: 70,
                ..Search::default()
            };
            let found = store.search(search).await.unwrap();
            let expected: Vec<&str> = rows
                .iter()
                .rev()
                .filter(|(id, name, ..)| {
                    !id.starts_with('@') && name.to_lowercase().contains(&part.to_lowercase())
                })
                .map(|(id, ..)| *id)
                .take(70)
                .collect();
            assert_eq!(self::ids(&found), expected, "{part}");
        }
    }

    #[tokio::test]
    async fn instances_of_an_age_come_by_id_however_many_there_are() {
        let ids: Vec<String> = (0..3_000)
            .map(|number| format!("{:04}", number * 7 % 3_000))
            .collect();
        let rows: Vec<(&str, &str, i32, i64)> = (0..)
            .zip(&ids)
            .map(|(created, id)| (id.as_str(), "n", 1, created))
            .collect();
        let store = store_with(&rows).await;
        for (from, to) in [
            (0, 2_999),
            (100, 149),
            (2_990, 9_999),
            (5_000, 6_000),
            (0, 1_500),
        ] {
            let filter = InstanceFilter {
                created_from: Some(Ticks(from)),
                created_to: Some(Ticks(to)),
                limit: Some(40),
                ..InstanceFilter::default()
            };
            let found = store.list(filter).await.unwrap();
            let mut expected: Vec<&str> = rows
                .iter()
                .filter(|(.., created)| (from..=to).contains(created))
                .map(|(id, ..)| *id)
                .collect();
            expected.sort_unstable();
            expected.truncate(40);
            let found: Vec<&str> = found.iter().map(|record| &*record.id).collect();
            assert_eq!(found, expected);
        }
    }

    #[tokio::test]
    async fn entities_are_read_by_id() {
        let rows = [
            ("@b@2", "@b", 0, 1),
            ("0", "n", 0, 1),
            ("@a@1", "@a", 0, 9),
            ("a", "n", 0, 1),
            ("A", "n", 0, 1),
        ];
        let store = store_with(&rows).await;
        let read = |from: &str, limit| store.entities(from.to_owned(), limit);
        assert_eq!(ids(&read("", 9).await.unwrap()), ["@a@1", "@b@2"]);
        assert_eq!(ids(&read("", 1).await.unwrap()), ["@a@1"]);
        assert_eq!(ids(&read("@b", 9).await.unwrap()), ["@b@2"]);
    }

    #[tokio::test]
    async fn numbers_tell_statuses_and_rates() {
        let second = 10_000_000;
        let now = 1_000 * second;
        let rows = [
            ("a", "n", 0, now - second / 2),
            ("b", "n", 1, now - 3 * second),
            ("c", "n", 1, now - 3 * second - 5),
            ("d", "n", 3, now - 100 * second),
            ("@e@k", "n", 0, now),
        ];
        let overview = store_with(&rows).await.overview(Ticks(now)).await.unwrap();
        assert_eq!(overview.statuses, [(0, 1), (1, 2), (3, 1)]);
        assert_eq!(overview.rates.started, [(1, 1), (3, 1), (4, 1)]);
    }
}
