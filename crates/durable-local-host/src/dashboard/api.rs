//! The reads below `/dashboard/api/`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use durable_functions_protocol::proto::{EventType, OrchestrationStatus};

use super::documents::{
    HistoryDocument, InstanceDocument, LinkDocument, ListDocument, OverviewDocument, RowDocument,
    mark,
};
use super::entities::{EntitiesDocument, EntityDetails, EntityDocument};
use super::events::{EVENT_TEXT, EventDocument, links};
use super::failure::{CallDocument, FailureDocument, blamed_call, of_instance};
use super::search::{Query, token};
use super::{Dashboard, Page};
use crate::engine::state_of;
use crate::store::{HistoryChunk, HistoryEntry, StoreError, StoredInstance};

/// How long a wait for changes lasts at most; the page then asks again.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

/// How many sub-orchestrations deep the cause of a failure is looked for.
const DEEPEST: usize = 16;

/// Why a read came to nothing.
enum Fault {
    Store(StoreError),
    Asked(String),
    Gone,
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Dashboard {
    /// Answers a read.
    pub(super) async fn read(&self, name: &str, query: &str) -> Page {
        let query = Query(query);
        let outcome = match name {
            "overview" => self.overview().await,
            "instances" => self.instances(&query).await,
            "instance" => self.instance(&query).await,
            "entities" => self.entities(&query).await,
            "entity" => self.entity(&query).await,
            "value" => self.value(&query).await,
            "event" => self.event(&query).await,
            "failure" => self.failure(&query).await,
            "changes" => self.changes(&query).await,
            _ => Ok(Page::not_found()),
        };
        outcome.unwrap_or_else(|fault| match fault {
            Fault::Asked(message) => Page::text(400, message),
            Fault::Gone => Page::text(404, "There is no such instance."),
            Fault::Store(error) => Page::text(500, format!("The state cannot be read: {error}")),
        })
    }

    async fn overview(&self) -> Result<Page, Fault> {
        // First the mark: what changes while the store is read shows as a change.
        let mark = self.engine.change_count();
        let overview = self
            .engine
            .store()
            .overview(self.engine.clock().now())
            .await?;
        let names = self.engine.functions().orchestrator_names();
        Ok(Page::json(&OverviewDocument::new(
            &overview,
            &self.task_hub,
            mark,
            names,
        )))
    }

    async fn instances(&self, query: &Query<'_>) -> Result<Page, Fault> {
        let search = query.search().map_err(Fault::Asked)?;
        let page = search.limit.saturating_sub(1);
        let mut records = self.engine.store().search(search).await?;
        let more = records.len() > page;
        records.truncate(page);
        let last = records.last().filter(|_| more);
        let next = last.map(|record| token(record.created, &record.id));
        let instances = records.iter().map(RowDocument::new).collect();
        Ok(Page::json(&ListDocument { instances, next }))
    }

    async fn entities(&self, query: &Query<'_>) -> Result<Page, Fault> {
        let page = query.page();
        let from = query.value("from").unwrap_or_default();
        let mut records = self.engine.store().entities(from, page + 1).await?;
        let next = records.get(page).map(|record| record.id.to_string());
        records.truncate(page);
        let entities = records
            .iter()
            .filter_map(|record| EntityDocument::new(record).transpose())
            .collect::<Result<_, _>>()?;
        Ok(Page::json(&EntitiesDocument { entities, next }))
    }

    async fn entity(&self, query: &Query<'_>) -> Result<Page, Fault> {
        let record = self.engine.store().instance(&id_of(query)?).await?;
        let entity = record.as_ref().and_then(EntityDetails::new);
        Ok(Page::json(&entity.ok_or(Fault::Gone)?))
    }

    async fn instance(&self, query: &Query<'_>) -> Result<Page, Fault> {
        let stored = self.stored(&id_of(query)?).await?;
        let known = query.number("turns").zip(query.value("digest"));
        let known = known
            .filter(|(turns, seen)| {
                *seen == digest(stored.chunks.get(..*turns).unwrap_or_default())
            })
            .map(|(turns, _)| turns);
        let failed = stored.record.status == OrchestrationStatus::Failed;
        // The history is read as far as it is needed, since it may be long.
        let (old, new) = stored
            .chunks
            .split_at_checked(known.unwrap_or(0))
            .unwrap_or_default();
        let mut events = if known.is_none() || failed {
            decode(old)?
        } else {
            Vec::new()
        };
        let first = match (known, failed) {
            (Some(_), false) => query.number("events").unwrap_or(0),
            _ => events.len(),
        };
        let added = decode(new)?;
        let documents = (first..)
            .zip(&added)
            .map(|(index, event)| EventDocument::new(index, event, EVENT_TEXT));
        let history = HistoryDocument {
            added: known.is_some(),
            events: documents.collect(),
            turns: stored.chunks.len(),
            digest: digest(&stored.chunks),
        };
        events.extend(added);
        let mut document =
            InstanceDocument::new(&stored.record, history, self.engine.clock().now());
        document.parent = parent(&events);
        document.failure = self.why(&stored, &events, EVENT_TEXT).await?;
        Ok(Page::json(&document))
    }

    /// Why an instance failed, with whole texts.
    async fn failure(&self, query: &Query<'_>) -> Result<Page, Fault> {
        let stored = self.stored(&id_of(query)?).await?;
        let events = decode(&stored.chunks)?;
        let failure = self.why(&stored, &events, usize::MAX).await?;
        let failure = failure.ok_or_else(|| Fault::Asked("the instance has not failed".into()))?;
        Ok(Page::json(&failure))
    }

    /// Why an instance failed, if it did; texts are cut at `limit` characters.
    async fn why(
        &self,
        stored: &StoredInstance,
        events: &[HistoryEntry],
        limit: usize,
    ) -> Result<Option<FailureDocument>, Fault> {
        let Some(failure) = of_instance(&stored.record, events)? else {
            return Ok(None);
        };
        Ok(Some(FailureDocument {
            links: links(&failure, limit),
            call: self.cause(stored, events, limit).await?,
        }))
    }

    /// The call to blame, looked for in failed sub-orchestrations too.
    async fn cause(
        &self,
        stored: &StoredInstance,
        events: &[HistoryEntry],
        limit: usize,
    ) -> Result<Option<CallDocument>, Fault> {
        let mut path = vec![link(stored)];
        let Some(mut call) = of_instance(&stored.record, events)?
            .and_then(|failure| blamed_call(&failure, events, limit))
        else {
            return Ok(None);
        };
        while let Some(child) = call.instance.clone() {
            if call.kind != "orchestration" || path.len() > DEEPEST {
                break;
            }
            let Some(stored) = self.engine.store().history(&child).await? else {
                break;
            };
            let events = decode(&stored.chunks)?;
            let deeper = of_instance(&stored.record, &events)?
                .and_then(|failure| blamed_call(&failure, &events, limit));
            match deeper {
                // Further down only as long as one failure led to the next.
                Some(deeper) if deeper.caused && call.caused => {
                    path.push(link(&stored));
                    call = deeper;
                }
                _ => break,
            }
        }
        call.path = path;
        // Requests to entities are kept whole.
        call.keeps_inputs = call.kind == "entity" || self.engine.keeps_inputs();
        Ok(Some(call))
    }

    async fn stored(&self, id: &str) -> Result<StoredInstance, Fault> {
        self.engine.store().history(id).await?.ok_or(Fault::Gone)
    }

    /// A whole value, as it is stored.
    async fn value(&self, query: &Query<'_>) -> Result<Page, Fault> {
        let record = self.engine.store().instance(&id_of(query)?).await?;
        let record = record.ok_or(Fault::Gone)?;
        let text = match query.value("part").as_deref() {
            Some("input") => record.input,
            Some("output") => record.output,
            Some("customStatus") => record.custom_status,
            Some("state") => state_of(&record)?,
            _ => {
                return Err(Fault::Asked(
                    "`part` is input, output, customStatus or state".into(),
                ));
            }
        };
        Ok(Page::text(200, text.unwrap_or_default()))
    }

    /// A whole event.
    async fn event(&self, query: &Query<'_>) -> Result<Page, Fault> {
        let stored = self.stored(&id_of(query)?).await?;
        let index = query
            .number("index")
            .ok_or_else(|| Fault::Asked("`index` is missing".into()))?;
        let events = decode(&stored.chunks)?;
        let event = events
            .get(index)
            .ok_or_else(|| Fault::Asked(format!("the history has {} events", events.len())))?;
        Ok(Page::json(&EventDocument::new(index, event, usize::MAX)))
    }

    /// Waits until the mark is another one: that of an instance, or of all.
    async fn changes(&self, query: &Query<'_>) -> Result<Page, Fault> {
        let since = query.value("mark").unwrap_or_default();
        let now = match query.value("id") {
            Some(id) => {
                let waiting = self.engine.wait_until(&id, |record| mark(record) != since);
                let changed = tokio::select! {
                    record = waiting => Some(record?),
                    () = tokio::time::sleep(LONGEST_WAIT) => None,
                    () = self.engine.stopped() => None,
                };
                changed.map_or(since, |record| mark(record.as_ref()))
            }
            None => {
                let seen: u64 = since.parse().unwrap_or(0);
                let waiting = self.engine.wait_for_change(seen);
                match tokio::time::timeout(LONGEST_WAIT, waiting).await {
                    Ok(count) => count.to_string(),
                    Err(_) => since,
                }
            }
        };
        Ok(Page::json(&serde_json::json!({ "mark": now })))
    }
}

fn id_of(query: &Query<'_>) -> Result<String, Fault> {
    query
        .value("id")
        .ok_or_else(|| Fault::Asked("`id` is missing".into()))
}

fn link(stored: &StoredInstance) -> LinkDocument {
    LinkDocument {
        id: stored.record.id.to_string(),
        name: stored.record.name.clone(),
    }
}

fn decode(chunks: &[HistoryChunk]) -> Result<Vec<HistoryEntry>, Fault> {
    let mut events = Vec::new();
    for chunk in chunks {
        let decoded = chunk.decode().map_err(|error| {
            Fault::Store(StoreError::Unreadable(format!(
                "the history can't be read: {error}"
            )))
        })?;
        events.extend(decoded);
    }
    Ok(events)
}

fn parent(events: &[HistoryEntry]) -> Option<LinkDocument> {
    events
        .iter()
        .find_map(|entry| match &entry.event.event_type {
            Some(EventType::ExecutionStarted(started)) => {
                let parent = started.parent_instance.as_ref()?;
                Some(LinkDocument {
                    id: parent.orchestration_instance.as_ref()?.instance_id.clone(),
                    name: parent.name.clone().unwrap_or_default(),
                })
            }
            _ => None,
        })
}

/// Tells whether turns are those that a page has seen: a rewind and a new beginning replace them.
fn digest(chunks: &[HistoryChunk]) -> String {
    let mut hasher = DefaultHasher::new();
    chunks.len().hash(&mut hasher);
    for chunk in chunks {
        chunk.events.hash(&mut hasher);
        chunk.reasons.hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}
