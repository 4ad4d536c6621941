//! What the methods for entities do.

use std::sync::Arc;

use durable_functions_protocol::proto::{
    CleanEntityStorageRequest, CleanEntityStorageResponse, EntityMetadata, GetEntityRequest,
    GetEntityResponse, QueryEntitiesRequest, QueryEntitiesResponse, SignalEntityRequest,
    SignalEntityResponse,
};
use tonic::Status;

use super::convert::time;
use super::operations::{Outcome, PAGE, broken, from_token};
use crate::engine::{Engine, EntityId, EntityStatus, Signal, is_stored_entity, state_of};
use crate::store::{InstanceFilter, InstanceRecord};

pub(super) async fn signal(
    engine: Arc<Engine>,
    request: SignalEntityRequest,
) -> Outcome<SignalEntityResponse> {
    let id = uuid::Uuid::parse_str(&request.request_id).map_err(|_| {
        Status::invalid_argument(format!(
            "The request id `{}` is no GUID.",
            request.request_id
        ))
    })?;
    check_id(&request.instance_id)?;
    let signal = Signal {
        operation: Some(request.name),
        input: request.input,
        id: Some(id.to_string()),
        due: time(request.scheduled_time.as_ref()),
        trace: request.parent_trace_context,
        requested: time(request.request_time.as_ref()),
    };
    let signaled = engine.signal_entity(&request.instance_id, signal).await;
    signaled.map_err(broken)?;
    Ok(SignalEntityResponse {})
}

pub(super) async fn get(
    engine: Arc<Engine>,
    request: GetEntityRequest,
) -> Outcome<GetEntityResponse> {
    check_id(&request.instance_id)?;
    let record = engine.store().instance(&request.instance_id).await;
    let entity = record
        .map_err(broken)?
        .map(|record| metadata(record, request.include_state, false))
        .transpose()?
        .flatten();
    Ok(GetEntityResponse {
        exists: entity.is_some(),
        entity,
    })
}

pub(super) async fn query(
    engine: Arc<Engine>,
    request: QueryEntitiesRequest,
) -> Outcome<QueryEntitiesResponse> {
    let query = request.query.unwrap_or_default();
    let prefix = query.instance_id_starts_with.unwrap_or_default();
    let prefix = if prefix.starts_with('@') {
        prefix
    } else {
        format!("@{prefix}")
    };
    let page = query
        .page_size
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size > 0)
        .unwrap_or(PAGE);
    let filter = InstanceFilter {
        prefix: Some(prefix),
        created_from: time(query.last_modified_from.as_ref()),
        created_to: time(query.last_modified_to.as_ref()),
        with_state: !query.include_transient,
        from_id: from_token(query.continuation_token.as_deref())?,
        ..InstanceFilter::default()
    };
    let (records, next) = engine.store().page(filter, page).await.map_err(broken)?;
    Ok(QueryEntitiesResponse {
        entities: records
            .into_iter()
            .filter_map(|record| {
                metadata(record, query.include_state, query.include_transient).transpose()
            })
            .collect::<Result<_, _>>()?,
        continuation_token: next,
    })
}

pub(super) async fn clean(
    engine: Arc<Engine>,
    request: CleanEntityStorageRequest,
) -> Outcome<CleanEntityStorageResponse> {
    let from_id = from_token(request.continuation_token.as_deref())?;
    let cleaned = engine.clean_entities(
        request.remove_empty_entities,
        request.release_orphaned_locks,
        from_id,
    );
    let cleaned = cleaned.await.map_err(broken)?;
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    Ok(CleanEntityStorageResponse {
        continuation_token: cleaned.next.as_deref().map(InstanceFilter::token),
        empty_entities_removed: count(cleaned.removed),
        orphaned_locks_released: count(cleaned.released),
    })
}

fn check_id(id: &str) -> Outcome<()> {
    if EntityId::parse(id).is_some() {
        return Ok(());
    }
    Err(Status::invalid_argument(format!(
        "`{id}` is no entity id such as @name@key."
    )))
}

/// What is told of an entity; nothing of one without a state, unless those are wanted too.
fn metadata(
    record: InstanceRecord,
    with_state: bool,
    transient: bool,
) -> Outcome<Option<EntityMetadata>> {
    if !is_stored_entity(&record) {
        return Ok(None);
    }
    let status = EntityStatus::of(&record).map_err(broken)?;
    if !status.entity_exists && !transient {
        return Ok(None);
    }
    let state = state_of(&record).map_err(broken)?;
    Ok(Some(EntityMetadata {
        instance_id: record.id.to_string(),
        last_modified_time: Some(record.created.to_proto()),
        backlog_queue_size: i32::try_from(status.queue_size).unwrap_or(i32::MAX),
        locked_by: status.locked_by,
        serialized_state: state.filter(|_| with_state),
    }))
}
