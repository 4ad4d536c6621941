//! When timer functions ran.

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError};
use crate::time::Ticks;

/// What is known about the runs of a timer function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerStatus {
    /// The last run; unset when there was none.
    pub(crate) last: Ticks,
    /// The next run.
    pub(crate) next: Ticks,
    /// The time that `next` was reckoned from.
    pub(crate) updated: Ticks,
}

impl Store {
    /// What was written down about a function.
    pub(crate) async fn timer(&self, function: &str) -> Result<Option<TimerStatus>, StoreError> {
        let function = function.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached("SELECT last, next, updated FROM timers WHERE function = ?1")?
                .query_row([&function], |row| {
                    Ok(TimerStatus {
                        last: Ticks(row.get(0)?),
                        next: Ticks(row.get(1)?),
                        updated: Ticks(row.get(2)?),
                    })
                })
                .optional()
        })
        .await
    }

    /// Writes it down.
    pub(crate) async fn put_timer(
        &self,
        function: &str,
        status: TimerStatus,
    ) -> Result<(), StoreError> {
        let function = function.to_owned();
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO timers (function, last, next, updated) VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![function, status.last.0, status.next.0, status.updated.0])
                    .map(drop)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_word_counts() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "Hub").unwrap();
        assert_eq!(store.timer("f").await.unwrap(), None);
        let status = |last| TimerStatus {
            last: Ticks(last),
            next: Ticks(5),
            updated: Ticks::UNSET,
        };
        store.put_timer("f", status(1)).await.unwrap();
        store.put_timer("f", status(2)).await.unwrap();
        drop(store);
        let store = Store::open(folder.path(), "Hub").unwrap();
        assert_eq!(store.timer("f").await.unwrap(), Some(status(2)));
        assert_eq!(store.timer("F").await.unwrap(), None);
    }
}
