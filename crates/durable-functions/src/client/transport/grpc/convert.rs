//! The client's values as messages of the endpoint.

use durable_functions_protocol::proto::{self, PurgeInstancesRequestRequest};

use crate::client::transport::Start;
use crate::client::{InstanceQuery, PurgeFilter, RuntimeStatus};
use crate::orchestrator::timer::timestamp;

pub(super) fn start(start: Start) -> proto::CreateInstanceRequest {
    let reuse = start
        .replaceable
        .map(|statuses| proto::OrchestrationIdReusePolicy {
            replaceable_status: self::statuses(&statuses),
        });
    proto::CreateInstanceRequest {
        instance_id: start.instance_id,
        name: start.name,
        version: start.version,
        input: start.input,
        scheduled_start_timestamp: start.start_at,
        orchestration_id_reuse_policy: reuse,
        tags: start.tags,
        ..proto::CreateInstanceRequest::default()
    }
}

pub(super) fn query(query: &InstanceQuery, token: Option<String>) -> proto::InstanceQuery {
    proto::InstanceQuery {
        runtime_status: statuses(&query.statuses),
        created_time_from: query.created_from.map(timestamp),
        created_time_to: query.created_to.map(timestamp),
        max_instance_count: i32::try_from(query.page_size).unwrap_or(i32::MAX),
        continuation_token: token,
        instance_id_prefix: query.prefix.clone(),
        fetch_inputs_and_outputs: query.payloads,
        ..proto::InstanceQuery::default()
    }
}

pub(super) fn purge(filter: &PurgeFilter) -> proto::PurgeInstancesRequest {
    let slice = filter.slice;
    let filter = proto::PurgeInstanceFilter {
        created_time_from: Some(timestamp(filter.beginning())),
        created_time_to: filter.created_to.map(timestamp),
        runtime_status: statuses(&filter.statuses),
        timeout: Some(proto::Duration {
            seconds: i64::try_from(slice.as_secs()).unwrap_or(i64::MAX),
            nanos: slice.subsec_nanos().cast_signed(),
        }),
    };
    proto::PurgeInstancesRequest {
        request: Some(PurgeInstancesRequestRequest::PurgeInstanceFilter(filter)),
        recursive: false,
        is_orchestration: true,
    }
}

fn statuses(statuses: &[RuntimeStatus]) -> Vec<i32> {
    statuses
        .iter()
        .map(|status| status.to_proto() as i32)
        .collect()
}
