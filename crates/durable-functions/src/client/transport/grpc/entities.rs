//! The operations on entities, as calls of the endpoint.

use durable_functions_protocol::entity::EntityId;
use durable_functions_protocol::proto;
use durable_functions_protocol::time;

use super::{Grpc, Method, Repeat};
use crate::client::ClientError;
use crate::client::entities::{CleanedEntities, EntityQuery, EntityState, Signal};
use crate::client::query::Page;
use crate::client::state::instant;
use crate::orchestrator::timer::timestamp;

const SIGNAL: Method = "/TaskHubSidecarService/SignalEntity";
const GET: Method = "/TaskHubSidecarService/GetEntity";
const QUERY: Method = "/TaskHubSidecarService/QueryEntities";
const CLEAN: Method = "/TaskHubSidecarService/CleanEntityStorage";

impl Grpc<'_> {
    pub(in crate::client) async fn signal_entity(&self, signal: Signal) -> Result<(), ClientError> {
        let id = signal.id.to_string();
        let message = proto::SignalEntityRequest {
            instance_id: id.clone(),
            name: signal.operation,
            input: signal.input,
            request_id: uuid::Uuid::new_v4().to_string(),
            scheduled_time: signal.at.map(timestamp),
            request_time: time::from_system_time(std::time::SystemTime::now()).ok(),
            ..proto::SignalEntityRequest::default()
        };
        let answer = self.unary(SIGNAL, message, Repeat::Never).await;
        let _: proto::SignalEntityResponse =
            answer.map_err(|failed| self.error(SIGNAL, &id, failed))?;
        Ok(())
    }

    pub(in crate::client) async fn get_entity(
        &self,
        id: &EntityId,
        state: bool,
    ) -> Result<Option<EntityState>, ClientError> {
        let message = proto::GetEntityRequest {
            instance_id: id.to_string(),
            include_state: state,
        };
        let answer = self.unary(GET, message, Repeat::Safe).await;
        let answer: proto::GetEntityResponse =
            answer.map_err(|failed| self.error(GET, &id.to_string(), failed))?;
        let entity = answer.entity.filter(|_| answer.exists);
        entity.map(EntityState::from_proto).transpose()
    }

    pub(in crate::client) async fn query_entities(
        &self,
        query: &EntityQuery,
        token: Option<String>,
    ) -> Result<Page<EntityState>, ClientError> {
        let prefix = query.name.as_ref().map(|name| {
            let key = query.key_prefix.as_deref().unwrap_or_default();
            format!("@{name}@{key}")
        });
        let message = proto::QueryEntitiesRequest {
            query: Some(proto::EntityQuery {
                instance_id_starts_with: prefix,
                last_modified_from: query.modified_from.map(timestamp),
                last_modified_to: query.modified_to.map(timestamp),
                include_state: query.states,
                include_transient: query.transient,
                page_size: Some(i32::try_from(query.page_size).unwrap_or(i32::MAX)),
                continuation_token: token,
            }),
        };
        let answer = self.unary(QUERY, message, Repeat::Safe).await;
        let answer: proto::QueryEntitiesResponse =
            answer.map_err(|failed| self.error(QUERY, "", failed))?;
        let entities = answer.entities.into_iter();
        Ok(Page {
            items: entities
                .map(EntityState::from_proto)
                .collect::<Result<_, _>>()?,
            continuation_token: answer.continuation_token.filter(|token| !token.is_empty()),
        })
    }

    /// What was done, and where to go on.
    pub(in crate::client) async fn clean_entities(
        &self,
        token: Option<String>,
    ) -> Result<(CleanedEntities, Option<String>), ClientError> {
        let message = proto::CleanEntityStorageRequest {
            continuation_token: token,
            remove_empty_entities: true,
            release_orphaned_locks: true,
        };
        let answer = self.unary(CLEAN, message, Repeat::Safe).await;
        let answer: proto::CleanEntityStorageResponse =
            answer.map_err(|failed| self.error(CLEAN, "", failed))?;
        let cleaned = CleanedEntities {
            removed: u64::try_from(answer.empty_entities_removed).unwrap_or_default(),
            released: u64::try_from(answer.orphaned_locks_released).unwrap_or_default(),
        };
        let next = answer.continuation_token.filter(|token| !token.is_empty());
        Ok((cleaned, next))
    }
}

impl EntityState {
    fn from_proto(entity: proto::EntityMetadata) -> Result<Self, ClientError> {
        Ok(Self {
            id: entity
                .instance_id
                .parse()
                .map_err(|error| ClientError::Decode {
                    message: format!("an entity in the host's answer: {error}"),
                })?,
            last_modified_at: instant(entity.last_modified_time)?,
            backlog: u64::try_from(entity.backlog_queue_size).unwrap_or_default(),
            locked_by: entity.locked_by.filter(|id| !id.is_empty()),
            state: entity.serialized_state,
        })
    }
}
