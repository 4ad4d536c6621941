//! Waiting for changes of any instance.

use super::service::Engine;

impl Engine {
    /// Waits for a change of any instance since the count was `since`, or until the host stops; the
    /// count of changes then.
    pub(crate) async fn wait_for_change(&self, since: u64) -> u64 {
        tokio::select! {
            count = self.watchers.other_than(since) => count,
            () = self.stopping.cancelled() => self.change_count(),
        }
    }

    /// How many changes there were since the host was started.
    pub(crate) fn change_count(&self) -> u64 {
        self.watchers.count()
    }

    /// Ends when the host stops.
    pub(crate) async fn stopped(&self) {
        self.stopping.cancelled().await;
    }
}
