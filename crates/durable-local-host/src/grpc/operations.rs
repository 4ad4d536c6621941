//! What the methods do. Statuses and details are those of the recordings.

use std::sync::Arc;

use durable_functions_protocol::proto::{
    CreateInstanceRequest, CreateInstanceResponse, CreateTaskHubRequest, CreateTaskHubResponse,
    DeleteTaskHubRequest, DeleteTaskHubResponse, GetInstanceRequest, GetInstanceResponse,
    HistoryChunk, OrchestrationStatus, PurgeInstancesRequest, PurgeInstancesRequestRequest,
    PurgeInstancesResponse, QueryInstancesRequest, QueryInstancesResponse, RaiseEventRequest,
    RaiseEventResponse, RestartInstanceRequest, RestartInstanceResponse, ResumeRequest,
    ResumeResponse, RewindInstanceRequest, RewindInstanceResponse, StreamInstanceHistoryRequest,
    SuspendRequest, SuspendResponse, TerminateRequest, TerminateResponse,
};
use tonic::Status;

use super::convert::{chunks, get_instance_response, orchestration_state, statuses, time};
use crate::engine::{Engine, StartOutcome, StartRequest};
use crate::management::status_name;
use crate::store::{InstanceFilter, InstanceRecord, StatusSet, StoreError};

pub(super) type Outcome<T> = Result<T, Status>;

/// How many instances a page has when the caller does not say.
pub(super) const PAGE: usize = 100;

pub(super) fn broken(error: StoreError) -> Status {
    Status::internal(format!("The state cannot be read or written: {error}"))
}

/// The id that a page begins with. The real host's tokens end in a blank.
pub(super) fn from_token(token: Option<&str>) -> Outcome<Option<String>> {
    let token = token.map(str::trim).filter(|token| !token.is_empty());
    token
        .map(|token| {
            InstanceFilter::from_token(token).ok_or_else(|| {
                Status::invalid_argument("The continuation token is none of this host's.")
            })
        })
        .transpose()
}

fn not_found(id: &str) -> String {
    format!("No instance with ID '{id}' was found. (Parameter 'instanceId')")
}

fn cannot(what: &str, record: &InstanceRecord) -> String {
    format!(
        "Cannot {what} the orchestration instance {} because instance is in the {} state.",
        record.id,
        status_name(record.status)
    )
}

/// What the real host says when an exception escapes it.
fn thrown() -> Status {
    Status::unknown("Exception was thrown by handler.")
}

async fn instance(engine: &Engine, id: &str) -> Outcome<Option<InstanceRecord>> {
    engine.store().instance(id).await.map_err(broken)
}

pub(super) async fn start(
    engine: Arc<Engine>,
    request: CreateInstanceRequest,
) -> Outcome<CreateInstanceResponse> {
    let replaceable = request
        .orchestration_id_reuse_policy
        .map(|policy| statuses(&policy.replaceable_status))
        .transpose()?
        .map(StatusSet::from_iter);
    let id = Some(request.instance_id).filter(|id| !id.is_empty());
    let start = StartRequest {
        name: request.name,
        id: id.clone(),
        input: request.input,
        version: request.version,
        scheduled: time(request.scheduled_start_timestamp.as_ref()),
        tags: request.tags,
        replaceable,
        generation: 0,
    };
    let failed = |error: &str| {
        Status::internal(format!(
            "Failed to start instance with ID {}. Inner Exception message: {error}",
            id.as_deref().unwrap_or_default()
        ))
    };
    engine
        .allow_start(start.scheduled)
        .map_err(|refusal| failed(&refusal))?;
    match engine.start_instance(start).await {
        Ok(StartOutcome::Started(instance_id)) => Ok(CreateInstanceResponse { instance_id }),
        Ok(StartOutcome::Exists(_)) => Err(Status::already_exists(format!(
            "An Orchestration instance with the ID {} already exists.",
            id.unwrap_or_default()
        ))),
        Err(error) => Err(failed(&format!("{error}."))),
    }
}

pub(super) async fn get(
    engine: Arc<Engine>,
    request: GetInstanceRequest,
) -> Outcome<GetInstanceResponse> {
    let record = instance(&engine, &request.instance_id).await?;
    Ok(get_instance_response(
        record,
        request.get_inputs_and_outputs,
    ))
}

/// Waits for an instance that does not exist, too, as the real host does.
pub(super) async fn wait_for_start(
    engine: Arc<Engine>,
    request: GetInstanceRequest,
) -> Outcome<GetInstanceResponse> {
    let has_started = |record: Option<&InstanceRecord>| {
        record.is_some_and(|record| record.status != OrchestrationStatus::Pending)
    };
    let record = engine.wait_until(&request.instance_id, has_started).await;
    Ok(get_instance_response(
        record.map_err(broken)?,
        request.get_inputs_and_outputs,
    ))
}

/// Waits for an instance that does not exist, too, as the real host does.
pub(super) async fn wait_for_completion(
    engine: Arc<Engine>,
    request: GetInstanceRequest,
) -> Outcome<GetInstanceResponse> {
    let record = engine.completion_of(&request.instance_id).await;
    Ok(get_instance_response(
        record.map_err(broken)?,
        request.get_inputs_and_outputs,
    ))
}

pub(super) async fn raise_event(
    engine: Arc<Engine>,
    request: RaiseEventRequest,
) -> Outcome<RaiseEventResponse> {
    let id = &request.instance_id;
    match instance(&engine, id).await? {
        None => Err(Status::not_found(not_found(id))),
        Some(record) if record.has_ended() => Err(Status::failed_precondition(cannot(
            &format!("raise event {} for", request.name),
            &record,
        ))),
        Some(_) => {
            let raised = engine.raise_event(id, request.name, request.input).await;
            raised.map_err(broken)?;
            Ok(RaiseEventResponse {})
        }
    }
}

pub(super) async fn terminate(
    engine: Arc<Engine>,
    request: TerminateRequest,
) -> Outcome<TerminateResponse> {
    let id = &request.instance_id;
    match instance(&engine, id).await? {
        None => Err(Status::not_found(format!(
            "ArgumentException: {}",
            not_found(id)
        ))),
        Some(record) if record.has_ended() => Err(Status::failed_precondition(format!(
            "InvalidOperationException: {}",
            cannot("terminate", &record)
        ))),
        Some(_) => {
            let terminated = engine.terminate(id, request.output).await;
            terminated.map_err(broken)?;
            Ok(TerminateResponse {})
        }
    }
}

pub(super) async fn suspend(
    engine: Arc<Engine>,
    request: SuspendRequest,
) -> Outcome<SuspendResponse> {
    match instance(&engine, &request.instance_id).await? {
        Some(record) if !record.has_ended() && record.status != OrchestrationStatus::Suspended => {
            let suspended = engine.suspend(&record.id, request.reason).await;
            suspended.map_err(broken)?;
            Ok(SuspendResponse {})
        }
        _ => Err(thrown()),
    }
}

pub(super) async fn resume(engine: Arc<Engine>, request: ResumeRequest) -> Outcome<ResumeResponse> {
    match instance(&engine, &request.instance_id).await? {
        Some(record) if record.status == OrchestrationStatus::Suspended => {
            let resumed = engine.resume(&record.id, request.reason).await;
            resumed.map_err(broken)?;
            Ok(ResumeResponse {})
        }
        _ => Err(thrown()),
    }
}

pub(super) async fn restart(
    engine: Arc<Engine>,
    request: RestartInstanceRequest,
) -> Outcome<RestartInstanceResponse> {
    let id = &request.instance_id;
    let Some(record) = instance(&engine, id).await? else {
        return Err(Status::not_found(format!(
            "ArgumentException: {}",
            not_found(id)
        )));
    };
    let new_id = request.restart_with_new_instance_id;
    match engine.restart(record, new_id).await.map_err(broken)? {
        StartOutcome::Started(instance_id) => Ok(RestartInstanceResponse { instance_id }),
        StartOutcome::Exists(status) => Err(Status::failed_precondition(format!(
            "An Orchestration instance with the status {} already exists.",
            status_name(status)
        ))),
    }
}

pub(super) async fn query(
    engine: Arc<Engine>,
    request: QueryInstancesRequest,
) -> Outcome<QueryInstancesResponse> {
    let query = request.query.unwrap_or_default();
    let from_id = from_token(query.continuation_token.as_deref())?;
    let page = usize::try_from(query.max_instance_count)
        .ok()
        .filter(|count| *count > 0)
        .unwrap_or(PAGE);
    let filter = InstanceFilter {
        prefix: query.instance_id_prefix.filter(|prefix| !prefix.is_empty()),
        created_from: time(query.created_time_from.as_ref()),
        created_to: time(query.created_time_to.as_ref()),
        statuses: statuses(&query.runtime_status)?,
        without_entities: true,
        from_id,
        ..InstanceFilter::default()
    };
    let (records, next) = engine.store().page(filter, page).await.map_err(broken)?;
    Ok(QueryInstancesResponse {
        orchestration_state: records
            .into_iter()
            .map(|record| orchestration_state(record, query.fetch_inputs_and_outputs))
            .collect(),
        continuation_token: next,
    })
}

pub(super) async fn purge(
    engine: Arc<Engine>,
    request: PurgeInstancesRequest,
) -> Outcome<PurgeInstancesResponse> {
    let ids = match request.request {
        Some(PurgeInstancesRequestRequest::InstanceId(id)) => match instance(&engine, &id).await? {
            None => return Ok(PurgeInstancesResponse::default()),
            Some(record) if !record.has_ended() => {
                return Err(Status::failed_precondition(format!(
                    "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID {id} has status {}",
                    status_name(record.status)
                )));
            }
            Some(_) => vec![id],
        },
        Some(PurgeInstancesRequestRequest::PurgeInstanceFilter(filter)) => {
            let filter = InstanceFilter {
                created_from: time(filter.created_time_from.as_ref()),
                created_to: time(filter.created_time_to.as_ref()),
                statuses: statuses(&filter.runtime_status)?,
                ..InstanceFilter::default()
            };
            let records = engine.store().list(filter).await.map_err(broken)?;
            records
                .into_iter()
                .filter(InstanceRecord::has_ended)
                .map(|record| record.id.to_string())
                .collect()
        }
        Some(PurgeInstancesRequestRequest::InstanceBatch(_)) => {
            return Err(Status::unimplemented(
                "Purging a batch of instances is not supported by the host: purge one by one, or by filter.",
            ));
        }
        None => {
            return Err(Status::invalid_argument(
                "Neither an instance id nor a filter says what to purge.",
            ));
        }
    };
    let count = engine.purge(ids).await.map_err(broken)?;
    Ok(PurgeInstancesResponse {
        deleted_instance_count: i32::try_from(count).unwrap_or(i32::MAX),
        is_complete: None,
    })
}

pub(super) async fn history(
    engine: Arc<Engine>,
    request: StreamInstanceHistoryRequest,
) -> Outcome<Vec<HistoryChunk>> {
    let id = &request.instance_id;
    let stored = engine.store().history(id).await.map_err(broken)?;
    let stored = stored.ok_or_else(|| Status::not_found(not_found(id)))?;
    let mut events = Vec::new();
    for chunk in &stored.chunks {
        let decoded = chunk.decode().map_err(|error| {
            Status::data_loss(format!("The history of {id} cannot be read: {error}"))
        })?;
        events.extend(decoded.into_iter().map(|entry| entry.event));
    }
    Ok(chunks(events))
}

pub(super) async fn create_task_hub(
    _: Arc<Engine>,
    request: CreateTaskHubRequest,
) -> Outcome<CreateTaskHubResponse> {
    if request.recreate_if_exists {
        return Err(kept());
    }
    Ok(CreateTaskHubResponse {})
}

pub(super) async fn delete_task_hub(
    _: Arc<Engine>,
    _: DeleteTaskHubRequest,
) -> Outcome<DeleteTaskHubResponse> {
    Err(kept())
}

fn kept() -> Status {
    Status::unimplemented(
        "This local host does not delete its task hub while it runs: stop it and delete the state folder.",
    )
}

pub(super) async fn rewind(
    engine: Arc<Engine>,
    request: RewindInstanceRequest,
) -> Outcome<RewindInstanceResponse> {
    let id = &request.instance_id;
    match instance(&engine, id).await? {
        None => Err(Status::not_found(not_found(id))),
        Some(record) if record.status != OrchestrationStatus::Failed => {
            Err(Status::failed_precondition(format!(
                "This orchestration has status {}, but only orchestrations in the \"Failed\" state can be rewound.",
                status_name(record.status)
            )))
        }
        Some(_) => {
            let rewound = engine.rewind(id, request.reason).await;
            rewound.map_err(broken)?;
            Ok(RewindInstanceResponse {})
        }
    }
}
