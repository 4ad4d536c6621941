//! Those who wait for something to happen to an instance, or to any.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::service::Engine;
use crate::sync::lock;

/// What a change has made of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It goes on.
    Moved,
    /// It has ended, or is there no more.
    Ended,
}

/// Who is told of changes.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    by_id: Mutex<HashMap<Arc<str>, watch::Sender<Change>>>,
    any: watch::Sender<u64>,
}

/// Waits for changes of one instance for as long as it lives.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    watchers: &'a Watchers,
    id: Arc<str>,
    receiver: Option<watch::Receiver<Change>>,
}

impl Watchers {
    /// From now on no change of the instance is missed.
    pub(super) fn watch(&self, id: &str) -> Watch<'_> {
        let id: Arc<str> = id.into();
        let receiver = lock(&self.by_id)
            .entry(Arc::clone(&id))
            .or_insert_with(|| watch::channel(Change::Moved).0)
            .subscribe();
        Watch {
            watchers: self,
            id,
            receiver: Some(receiver),
        }
    }

    /// Tells those who wait that the instance has changed, in the store too.
    pub(super) fn changed(&self, id: &str, change: Change) {
        if let Some(sender) = lock(&self.by_id).get(id) {
            sender.send_replace(change);
        }
        self.any.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// How many changes there were, of all instances together.
    pub(super) fn count(&self) -> u64 {
        *self.any.borrow()
    }

    /// Waits until the count is another one; what it is then.
    pub(super) async fn other_than(&self, count: u64) -> u64 {
        let mut receiver = self.any.subscribe();
        // The sender lives as long as this does.
        receiver
            .wait_for(|now| *now != count)
            .await
            .map_or(count, |now| *now)
    }
}

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

impl Watch<'_> {
    /// Waits for a change since the last one that was seen; what it is.
    pub(super) async fn changed(&mut self) -> Change {
        if let Some(receiver) = &mut self.receiver
            && receiver.changed().await.is_ok()
        {
            return *receiver.borrow_and_update();
        }
        // The sender stays as long as there is a receiver.
        std::future::pending().await
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut by_id = lock(&self.watchers.by_id);
        drop(self.receiver.take());
        if by_id
            .get(&self.id)
            .is_some_and(|sender| sender.receiver_count() == 0)
        {
            by_id.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_is_told_and_nothing_stays_behind() {
        let watchers = Watchers::default();
        let mut one = watchers.watch("a");
        let mut two = watchers.watch("a");
        let other = watchers.watch("b");
        watchers.changed("a", Change::Moved);
        let told = tokio::join!(one.changed(), two.changed());
        assert_eq!(told, (Change::Moved, Change::Moved));
        drop(one);
        assert_eq!(lock(&watchers.by_id).len(), 2);
        // A change before the wait is not missed.
        watchers.changed("a", Change::Ended);
        assert_eq!(two.changed().await, Change::Ended);
        // Nobody waits for this one.
        watchers.changed("c", Change::Moved);
        drop((two, other));
        assert!(lock(&watchers.by_id).is_empty());
    }

    #[tokio::test]
    async fn changes_of_any_instance_are_counted() {
        let watchers = Watchers::default();
        let before = watchers.count();
        watchers.changed("a", Change::Moved);
        assert_ne!(watchers.other_than(before).await, before);
        let seen = watchers.count();
        let (now, ()) = tokio::join!(watchers.other_than(seen), async {
            tokio::task::yield_now().await;
            watchers.changed("b", Change::Moved);
        });
        assert_eq!(now, watchers.count());
    }
}
