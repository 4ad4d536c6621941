//! Watching and steering entities.

use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use durable_functions_protocol::entity::EntityId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::query::Pages;
use super::{ClientError, DurableClient};

const PAGE_SIZE: u32 = 100;
/// The operation that deletes an entity's state.
const DELETE: &str = "delete";

/// What is known of an entity.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EntityState {
    /// Its id.
    pub id: EntityId,
    /// When it ran operations last, if the host tells.
    pub last_modified_at: Option<DateTime<Utc>>,
    /// How many messages wait for it, if the host tells.
    pub backlog: u64,
    /// The orchestration that has locked it, if one has and the host tells.
    pub locked_by: Option<String>,
    pub(super) state: Option<String>,
}

impl EntityState {
    /// The state; `None` if there is none or it was not asked for.
    ///
    /// # Errors
    ///
    /// [`ClientError::Decode`] when it is no `T`.
    pub fn state<T: DeserializeOwned>(&self) -> Result<Option<T>, ClientError> {
        let Some(text) = &self.state else {
            return Ok(None);
        };
        let state = serde_json::from_str(text).map_err(|error| ClientError::Decode {
            message: format!("the state of entity '{}': {error}", self.id),
        })?;
        Ok(Some(state))
    }

    /// The state as JSON text; `None` as for [`state`](Self::state).
    pub fn raw_state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// Which entities to find, and what to tell of them.
///
/// ```
/// use durable_functions::EntityQuery;
///
/// let counters = EntityQuery::new().name("counter").page_size(500).states();
/// ```
#[derive(Clone, Debug)]
pub struct EntityQuery {
    pub(super) name: Option<String>,
    pub(super) key_prefix: Option<String>,
    pub(super) modified_from: Option<DateTime<Utc>>,
    pub(super) modified_to: Option<DateTime<Utc>>,
    pub(super) page_size: u32,
    pub(super) states: bool,
    pub(super) transient: bool,
    pub(super) continuation_token: Option<String>,
}

impl EntityQuery {
    /// All entities that have a state, without telling it.
    pub fn new() -> Self {
        Self {
            name: None,
            key_prefix: None,
            modified_from: None,
            modified_to: None,
            page_size: PAGE_SIZE,
            states: false,
            transient: false,
            continuation_token: None,
        }
    }

    /// Only entities of this name; upper and lower case are the same.
    #[must_use]
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(name.as_ref().to_lowercase());
        self
    }

    /// Only entities whose key begins so; it needs a [`name`](Self::name). Only the host's gRPC
    /// endpoint can do that.
    #[must_use]
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = Some(prefix.into());
        self
    }

    /// Only entities that ran an operation then or later.
    #[must_use]
    pub fn modified_from(mut self, time: DateTime<Utc>) -> Self {
        self.modified_from = Some(time);
        self
    }

    /// Only entities that ran no operation after that.
    #[must_use]
    pub fn modified_to(mut self, time: DateTime<Utc>) -> Self {
        self.modified_to = Some(time);
        self
    }

    /// How many entities a page has at most: 100 unless said otherwise, at least 1.
    #[must_use]
    pub fn page_size(mut self, entities: u32) -> Self {
        self.page_size = entities.max(1);
        self
    }

    /// Lets the state come with each entity.
    #[must_use]
    pub fn states(mut self) -> Self {
        self.states = true;
        self
    }

    /// Finds entities without a state too, such as locked ones or ones that were deleted and not
    /// cleaned away. Only the host's gRPC endpoint can do that.
    #[must_use]
    pub fn with_transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// Goes on behind the page that had this token.
    #[must_use]
    pub fn continue_from(mut self, token: impl Into<String>) -> Self {
        self.continuation_token = Some(token.into());
        self
    }
}

impl Default for EntityQuery {
    fn default() -> Self {
        Self::new()
    }
}

/// What [`DurableClient::clean_entity_storage`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CleanedEntities {
    /// Entities without state that were removed.
    pub removed: u64,
    /// Locks of orchestrations that have ended that were released.
    pub released: u64,
}

/// A signal, to be awaited.
#[derive(Debug)]
#[must_use = "nothing is sent before this is awaited"]
pub struct SignalEntity {
    client: DurableClient,
    pub(super) message: Result<Signal, ClientError>,
}

/// A signal, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Signal {
    pub(super) id: EntityId,
    pub(super) operation: String,
    /// JSON; `None` for no input.
    pub(super) input: Option<String>,
    pub(super) at: Option<DateTime<Utc>>,
}

impl SignalEntity {
    /// Lets the signal arrive at this time. Only the host's gRPC endpoint can do that.
    pub fn at(mut self, time: DateTime<Utc>) -> Self {
        if let Ok(signal) = &mut self.message {
            signal.at = Some(time);
        }
        self
    }

    /// Lets the signal arrive so much later. Only the host's gRPC endpoint can do that.
    pub fn after(self, delay: Duration) -> Self {
        let delay = TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX);
        let time = Utc::now().checked_add_signed(delay);
        self.at(time.unwrap_or(DateTime::<Utc>::MAX_UTC))
    }
}

impl IntoFuture for SignalEntity {
    type Output = Result<(), ClientError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let signal = self.message?;
            self.client.transport()?.signal_entity(signal).await
        })
    }
}

impl DurableClient {
    /// Sends an operation to an entity, which runs it later; nobody gets its result. Await what
    /// this returns to send it. An input of `()` is none.
    ///
    /// ```no_run
    /// use durable_functions::{ClientError, DurableClient, EntityId};
    ///
    /// async fn count(client: &DurableClient) -> Result<(), ClientError> {
    ///     client.signal_entity(EntityId::new("counter", "clicks"), "add", 5).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::InvalidArgument`] for an id that no entity has, an
    /// empty operation, or, over HTTP, an entity that the app does not have.
    pub fn signal_entity(
        &self,
        id: impl Into<EntityId>,
        operation: &str,
        input: impl Serialize,
    ) -> SignalEntity {
        SignalEntity {
            client: self.clone(),
            message: signal(id.into(), operation, &input),
        }
    }

    /// Deletes an entity's state, with a signal `delete`. Entities that have no such operation of
    /// their own obey it too.
    ///
    /// # Errors
    ///
    /// As [`signal_entity`](Self::signal_entity).
    pub async fn delete_entity(&self, id: impl Into<EntityId>) -> Result<(), ClientError> {
        self.signal_entity(id, DELETE, ()).await
    }

    /// What is known of an entity, with its state; `None` if it has none.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn get_entity(
        &self,
        id: impl Into<EntityId>,
    ) -> Result<Option<EntityState>, ClientError> {
        let id = id.into();
        id.validate().map_err(ClientError::invalid)?;
        self.transport()?.get_entity(&id, true).await
    }

    /// [`get_entity`](Self::get_entity) without the state.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn get_entity_metadata(
        &self,
        id: impl Into<EntityId>,
    ) -> Result<Option<EntityState>, ClientError> {
        let id = id.into();
        id.validate().map_err(ClientError::invalid)?;
        self.transport()?.get_entity(&id, false).await
    }

    /// Finds entities.
    pub fn query_entities(&self, query: EntityQuery) -> Pages<EntityState> {
        let first = query.continuation_token.clone();
        let client = self.clone();
        Pages::new(first, move |token| {
            let (client, query) = (client.clone(), query.clone());
            async move {
                if query.key_prefix.is_some() && query.name.is_none() {
                    return Err(ClientError::invalid("`key_prefix` needs a `name`"));
                }
                client.transport()?.query_entities(&query, token).await
            }
        })
    }

    /// Tidies up behind entities: removes those that have no state, no lock and no messages, and
    /// releases the locks of orchestrations that have ended without doing so, as one has that the
    /// host itself failed in the middle of a critical section.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::Unsupported`] over HTTP.
    pub async fn clean_entity_storage(&self) -> Result<CleanedEntities, ClientError> {
        let why = "it has no such route";
        let mut cleaned = CleanedEntities::default();
        let mut token = None;
        loop {
            let grpc = self.transport()?.grpc_only("cleaning entities", why)?;
            let (part, next) = grpc.clean_entities(token).await?;
            cleaned.removed += part.removed;
            cleaned.released += part.released;
            if next.is_none() {
                return Ok(cleaned);
            }
            token = next;
        }
    }
}

fn signal(id: EntityId, operation: &str, input: &impl Serialize) -> Result<Signal, ClientError> {
    id.validate().map_err(ClientError::invalid)?;
    if operation.is_empty() {
        return Err(ClientError::invalid("the operation's name is empty"));
    }
    let input = serde_json::to_string(input).map_err(|error| {
        ClientError::invalid(format!("the input can't be written as JSON: {error}"))
    })?;
    Ok(Signal {
        id,
        operation: operation.to_owned(),
        input: (input != "null").then_some(input),
        at: None,
    })
}
