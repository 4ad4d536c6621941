//! What the client says, in the form of the gRPC messages behind it.

use chrono::{DateTime, SecondsFormat, Utc};
use durable_functions::{
    CleanedEntities, ClientError, DurableClient, EntityState, Failure, HistoryEvent,
    HistoryEventKind, InstanceState, Page, RuntimeStatus,
};
use serde_json::{Map, Value, json};

/// Leaves out what is null: the JSON form of protobuf has no nulls.
fn object(members: Value) -> Value {
    let Value::Object(members) = members else {
        return members;
    };
    let present = members.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(present.collect::<Map<_, _>>())
}

fn time(time: Option<DateTime<Utc>>) -> Option<String> {
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

fn status_name(status: RuntimeStatus) -> String {
    let name = match status {
        RuntimeStatus::ContinuedAsNew => "CONTINUED_AS_NEW".to_owned(),
        status => status.as_str().to_ascii_uppercase(),
    };
    format!("ORCHESTRATION_STATUS_{name}")
}

fn state(state: &InstanceState, payloads: bool) -> Value {
    let custom_status = state.raw_custom_status().unwrap_or("null");
    object(json!({
        "instanceId": state.instance_id,
        "name": state.name,
        "version": state.version,
        // the default of the field, which is left out
        "orchestrationStatus": (state.status != RuntimeStatus::Running)
            .then(|| status_name(state.status)),
        "createdTimestamp": time(state.created_at),
        "lastUpdatedTimestamp": time(state.last_updated_at),
        "input": state.raw_input(),
        "output": state.raw_output(),
        "customStatus": payloads.then_some(custom_status),
        "failureDetails": state.failure.as_ref().map(failure),
        "parentInstanceId": state.parent_instance_id,
    }))
}

fn failure(failure: &Failure) -> Value {
    object(json!({
        "errorType": failure.error_type,
        "errorMessage": failure.message,
        "stackTrace": failure.stack_trace,
        "innerFailure": failure.cause.as_deref().map(self::failure),
        "isNonRetriable": failure.non_retriable.then_some(true),
    }))
}

pub(super) fn found(found: Option<InstanceState>, payloads: bool) -> Value {
    match found {
        Some(found) => json!({ "exists": true, "orchestrationState": state(&found, payloads) }),
        None => json!({}),
    }
}

pub(super) fn page(page: Option<Page<InstanceState>>) -> Value {
    let Some(page) = page else {
        return json!({});
    };
    let states: Vec<_> = page.items.iter().map(|item| state(item, true)).collect();
    object(json!({
        "orchestrationState": states,
        "continuationToken": page.continuation_token,
    }))
}

fn entity_state(entity: &EntityState) -> Value {
    object(json!({
        "instanceId": entity.id.to_string(),
        "lastModifiedTime": time(entity.last_modified_at),
        "backlogQueueSize": (entity.backlog > 0).then_some(entity.backlog),
        "lockedBy": entity.locked_by,
        "serializedState": entity.raw_state(),
    }))
}

pub(super) fn entity(found: Option<EntityState>) -> Value {
    match found {
        Some(found) => json!({ "exists": true, "entity": entity_state(&found) }),
        None => json!({}),
    }
}

pub(super) fn entities(page: Option<Page<EntityState>>) -> Value {
    let Some(page) = page else {
        return json!({});
    };
    let entities: Vec<_> = page.items.iter().map(entity_state).collect();
    object(json!({
        "entities": (!entities.is_empty()).then_some(entities),
        "continuationToken": page.continuation_token,
    }))
}

pub(super) fn cleaned(cleaned: CleanedEntities) -> Value {
    let some = |count: u64| (count > 0).then_some(count);
    object(json!({
        "emptyEntitiesRemoved": some(cleaned.removed),
        "orphanedLocksReleased": some(cleaned.released),
    }))
}

pub(super) fn purged(count: u64) -> Value {
    object(json!({ "deletedInstanceCount": (count > 0).then_some(count) }))
}

pub(super) fn binding(client: &DurableClient) -> Value {
    let binding = client.binding();
    let timeout = binding.grpc_http_client_timeout.map(|timeout| {
        let seconds = timeout.as_secs();
        format!(
            "{:02}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    });
    json!({
        "taskHubName": binding.task_hub_name,
        "connectionName": binding.connection_name,
        "requiredQueryStringParameters": binding.required_query_string_parameters,
        "rpcBaseUrl": binding.rpc_base_url,
        "httpBaseUrl": binding.http_base_url,
        "maxGrpcMessageSizeInBytes": binding.max_grpc_message_size_in_bytes,
        "grpcHttpClientTimeout": timeout,
    })
}

pub(super) fn history(events: Vec<HistoryEvent>) -> Value {
    let events: Vec<_> = events.iter().map(event).collect();
    json!({ "events": events })
}

fn event(event: &HistoryEvent) -> Value {
    let (name, members) = kind(&event.kind);
    let mut rendered = object(json!({
        "eventId": (event.id != 0).then_some(event.id),
        "timestamp": time(event.timestamp),
    }));
    if let Some(rendered) = rendered.as_object_mut() {
        rendered.insert(name.into(), object(members));
    }
    rendered
}

fn kind(kind: &HistoryEventKind) -> (&'static str, Value) {
    use HistoryEventKind as Kind;
    // an id of 0 is the default, which is left out
    let id = |id: &i32| (*id != 0).then_some(*id);
    match kind {
        Kind::TurnStarted => ("orchestratorStarted", json!({})),
        Kind::TurnCompleted => ("orchestratorCompleted", json!({})),
        Kind::ExecutionStarted {
            name,
            version,
            input,
            execution_id,
            parent_instance_id,
            scheduled_start_at,
        } => (
            "executionStarted",
            json!({
                "name": name,
                "version": version,
                "input": input,
                "orchestrationInstance": { "executionId": execution_id },
                "parentInstance": parent_instance_id
                    .as_ref()
                    .map(|id| json!({ "orchestrationInstance": { "instanceId": id } })),
                "scheduledStartTimestamp": time(*scheduled_start_at),
            }),
        ),
        Kind::ExecutionCompleted {
            status,
            result,
            failure,
        } => (
            "executionCompleted",
            json!({
                "orchestrationStatus": status_name(*status),
                "result": result,
                "failureDetails": failure.as_ref().map(self::failure),
            }),
        ),
        Kind::ExecutionTerminated { reason } => ("executionTerminated", json!({ "input": reason })),
        Kind::ExecutionSuspended { reason } => ("executionSuspended", json!({ "input": reason })),
        Kind::ExecutionResumed { reason } => ("executionResumed", json!({ "input": reason })),
        Kind::ExecutionRewound { reason } => ("executionRewound", json!({ "reason": reason })),
        Kind::ContinuedAsNew { input } => ("continueAsNew", json!({ "input": input })),
        Kind::ActivityScheduled {
            name,
            version,
            input,
        } => (
            "taskScheduled",
            json!({ "name": name, "version": version, "input": input }),
        ),
        Kind::ActivityCompleted {
            scheduled_id,
            result,
        } => (
            "taskCompleted",
            json!({ "taskScheduledId": id(scheduled_id), "result": result }),
        ),
        Kind::ActivityFailed {
            scheduled_id,
            failure,
        } => (
            "taskFailed",
            json!({ "taskScheduledId": id(scheduled_id), "failureDetails": self::failure(failure) }),
        ),
        Kind::SubOrchestrationScheduled {
            name,
            instance_id,
            version,
            input,
        } => (
            "subOrchestrationInstanceCreated",
            json!({ "instanceId": instance_id, "name": name, "version": version, "input": input }),
        ),
        Kind::SubOrchestrationCompleted {
            scheduled_id,
            result,
        } => (
            "subOrchestrationInstanceCompleted",
            json!({ "taskScheduledId": id(scheduled_id), "result": result }),
        ),
        Kind::SubOrchestrationFailed {
            scheduled_id,
            failure,
        } => (
            "subOrchestrationInstanceFailed",
            json!({ "taskScheduledId": id(scheduled_id), "failureDetails": self::failure(failure) }),
        ),
        Kind::TimerCreated { fire_at } => ("timerCreated", json!({ "fireAt": time(*fire_at) })),
        Kind::TimerFired { timer_id, fire_at } => (
            "timerFired",
            json!({ "timerId": id(timer_id), "fireAt": time(*fire_at) }),
        ),
        Kind::EventSent {
            instance_id,
            name,
            input,
        } => (
            "eventSent",
            json!({ "instanceId": instance_id, "name": name, "input": input }),
        ),
        Kind::EventRaised { name, input } => {
            ("eventRaised", json!({ "name": name, "input": input }))
        }
        Kind::Generic { data } => ("genericEvent", json!({ "data": data })),
        Kind::Other { name } => (name, json!({})),
        _ => ("unknown", json!({})),
    }
}

/// The gRPC status that says the same.
pub(super) fn status(error: &ClientError) -> &'static str {
    match error {
        ClientError::InvalidArgument { .. } => "InvalidArgument",
        ClientError::NotFound { .. } => "NotFound",
        ClientError::AlreadyExists { .. } => "AlreadyExists",
        ClientError::WrongState { .. } => "FailedPrecondition",
        ClientError::TimedOut { .. } => "DeadlineExceeded",
        ClientError::TooLarge { .. } => "ResourceExhausted",
        ClientError::Unsupported { .. } => "Unimplemented",
        ClientError::Unauthorized { .. } => "Unauthenticated",
        ClientError::Unavailable { .. } => "Unavailable",
        _ => "Internal",
    }
}
