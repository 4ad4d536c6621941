//! Removing what deleted entities left behind, and locks whose owners are gone.

use std::sync::Arc;

use durable_functions_protocol::proto::{EventRaisedEvent, EventType};
use serde_json::json;

use super::message::RELEASE;
use super::stored::{Status, is_stored_entity, state_of};
use crate::engine::service::Engine;
use crate::store::{Commit, InstanceFilter, InstanceRecord, StoreError};

/// How many entities are looked at in one go.
const PAGE: usize = 1000;

/// What was cleaned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cleaned {
    /// Entities without a state that were removed.
    pub(crate) removed: usize,
    /// Locks that were released.
    pub(crate) released: usize,
    /// The id from which to go on, if there is more.
    pub(crate) next: Option<String>,
}

impl Engine {
    /// Cleans a page of entities. An entity is removed when it has neither state nor messages, and
    /// none came within the window in which messages are sorted.
    pub(crate) async fn clean_entities(
        self: &Arc<Self>,
        remove_empty: bool,
        release_orphaned: bool,
        from_id: Option<String>,
    ) -> Result<Cleaned, StoreError> {
        let filter = InstanceFilter {
            prefix: Some("@".to_owned()),
            from_id,
            limit: Some(PAGE + 1),
            ..InstanceFilter::default()
        };
        let mut records = self.store.list(filter).await?;
        let mut cleaned = Cleaned {
            next: records.get(PAGE).map(|record| record.id.to_string()),
            ..Cleaned::default()
        };
        records.truncate(PAGE);
        for record in records {
            if !is_stored_entity(&record) {
                continue;
            }
            let status = Status::of(&record)?;
            if let Some(owner) = &status.locked_by
                && release_orphaned
                && self.is_gone(owner).await?
            {
                let release = json!({"parent": owner, "id": "fix-orphaned-lock"});
                let raised = EventRaisedEvent {
                    name: RELEASE.to_owned(),
                    input: Some(release.to_string()),
                };
                self.send(&record.id, EventType::EventRaised(raised))
                    .await?;
                cleaned.released += 1;
            }
            if remove_empty && self.is_idle(&record)? && self.remove(&record.id).await? {
                cleaned.removed += 1;
            }
        }
        Ok(cleaned)
    }

    async fn is_gone(&self, owner: &str) -> Result<bool, StoreError> {
        let owner = self.store.instance(owner).await?;
        Ok(owner.is_none_or(|owner| owner.has_ended()))
    }

    /// Whether an entity is empty and has been for long enough.
    fn is_idle(&self, record: &InstanceRecord) -> Result<bool, StoreError> {
        Ok(record.custom_status.is_some()
            && Status::of(record)? == Status::default()
            && state_of(record)?.is_none()
            && self.clock.now().since(record.updated) > self.options.entity_reorder_window)
    }

    /// Removes an entity unless it has been revived; nobody works on it meanwhile.
    async fn remove(self: &Arc<Self>, id: &Arc<str>) -> Result<bool, StoreError> {
        let (engine, id) = (Arc::clone(self), Arc::clone(id));
        self.see_through(async move {
            if !engine.entities.claim(&id) {
                return Ok(false);
            }
            drop(engine.entities.begin(&id));
            let outcome = engine.remove_if_idle(&id).await;
            // Whoever works on it next finds what has come meanwhile.
            engine.spawn_entity(id);
            outcome
        })
        .await
    }

    async fn remove_if_idle(&self, id: &Arc<str>) -> Result<bool, StoreError> {
        let Some(stored) = self.store.load(id).await? else {
            return Ok(false);
        };
        if !self.is_idle(&stored.record)? {
            return Ok(false);
        }
        let commit = Commit {
            removed_entity: Some(Arc::clone(id)),
            ..Commit::default()
        };
        self.commit(commit).await?;
        Ok(true)
    }
}
