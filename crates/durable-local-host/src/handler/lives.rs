//! The lives of the handler process.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// Counts the lives of the process: a call that takes too long ends the life that it began in, and
/// not the next one.
#[derive(Debug, Default)]
pub(super) struct Lives {
    current: AtomicU64,
    ended: watch::Sender<u64>,
}

impl Lives {
    pub(super) fn current(&self) -> u64 {
        self.current.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) -> u64 {
        self.current.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn end(&self, life: u64) {
        self.ended.send_modify(|ended| *ended = life.max(*ended));
    }

    /// Whether the process of now is to live on.
    pub(super) fn goes_on(&self) -> bool {
        *self.ended.borrow() < self.current()
    }

    pub(super) async fn ended(&self, life: u64) {
        let mut ended = self.ended.subscribe();
        drop(ended.wait_for(|ended| *ended >= life).await);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_late_timeout_does_not_end_the_next_life() {
        let lives = Lives::default();
        let first = lives.begin();
        assert!(lives.goes_on());
        lives.end(first);
        lives.ended(first).await;
        assert!(!lives.goes_on());
        let second = lives.begin();
        lives.end(first);
        assert!(lives.goes_on());
        let soon = timeout(Duration::from_millis(20), lives.ended(second)).await;
        assert!(soon.is_err());
        assert_eq!(lives.current(), second);
    }
}
