//! Work that goes on by itself.

use std::sync::Arc;

use super::panics;
use super::service::Engine;
use crate::store::StoreError;

impl Engine {
    /// Sets work going that the clock and the end of the host wait for.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let at_work = self.clock.at_work();
        self.tasks.spawn(async move {
            work.await;
            drop(at_work);
        });
    }

    /// Writes for a client, to the end even when the client goes away meanwhile: what is in the
    /// store and was not delivered would wait for the next start of the host.
    pub(super) async fn see_through<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let at_work = self.clock.at_work();
        let task = self.tasks.spawn(async move {
            let outcome = work.await;
            drop(at_work);
            outcome
        });
        task.await
            .unwrap_or_else(|error| match error.try_into_panic() {
                Ok(panic) => Err(StoreError::Panic(panics::text(&*panic))),
                Err(_) => Err(StoreError::Closed),
            })
    }

    /// Sets somebody to work on an entity that was claimed, or that got its first message.
    pub(super) fn spawn_entity(self: &Arc<Self>, id: Arc<str>) {
        self.spawn(Arc::clone(self).work_on_entity(id));
    }

    /// Sets a task going.
    pub(super) fn spawn_task(self: &Arc<Self>, task: crate::store::Task) {
        self.spawn(Arc::clone(self).run_task(task));
    }
}
