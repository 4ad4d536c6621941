//! What a turn is answered with.

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{
    ActionType, CompleteOrchestrationAction, HistoryEvent, OrchestrationStatus,
    OrchestrationTraceContext, OrchestratorAction, OrchestratorResponse,
};

use super::core::Continuation;
use super::index::RequestIndex;

/// How a run of an orchestration ended.
pub(super) enum End {
    Completed(String),
    Failed(Failure),
    Terminated(Option<String>),
    ContinuedAsNew(Continuation),
}

/// The action that ends a run of the instance.
pub(super) fn complete(id: i32, end: End, carry_over: Vec<HistoryEvent>) -> OrchestratorAction {
    let mut action = CompleteOrchestrationAction::default();
    let status = match end {
        End::Completed(output) => {
            action.result = Some(output);
            OrchestrationStatus::Completed
        }
        End::Terminated(reason) => {
            action.result = reason;
            OrchestrationStatus::Terminated
        }
        End::ContinuedAsNew(continuation) => {
            action.result = Some(continuation.input);
            action.new_version = continuation.version;
            action.carryover_events = carry_over;
            OrchestrationStatus::ContinuedAsNew
        }
        End::Failed(failure) => {
            action.failure_details = Some(failure.to_proto());
            OrchestrationStatus::Failed
        }
    };
    action.set_orchestration_status(status);
    OrchestratorAction {
        id,
        orchestrator_action_type: Some(ActionType::CompleteOrchestration(action)),
    }
}

/// A response that fails the instance.
pub(crate) fn failed(instance_id: String, id: i32, failure: Failure) -> OrchestratorResponse {
    response(
        instance_id,
        vec![complete(id, End::Failed(failure), Vec::new())],
    )
}

/// A response that asks the host to deliver the same turn again, some seconds later.
pub(crate) fn again(instance_id: String) -> OrchestratorResponse {
    OrchestratorResponse {
        requires_history: true,
        ..response(instance_id, Vec::new())
    }
}

/// [`again`] for a request that nobody has read yet.
pub(crate) fn again_for(request: &[u8]) -> OrchestratorResponse {
    let index = RequestIndex::scan(request).unwrap_or_default();
    again(String::from_utf8_lossy(request.get(index.instance_id).unwrap_or_default()).into_owned())
}

/// The failure in a response, if it fails the instance.
pub(crate) fn failure(response: &OrchestratorResponse) -> Option<Failure> {
    response
        .actions
        .iter()
        .find_map(|action| match &action.orchestrator_action_type {
            Some(ActionType::CompleteOrchestration(complete)) => {
                complete.failure_details.as_ref().map(Failure::from_proto)
            }
            _ => None,
        })
}

/// A response with these actions.
pub(super) fn response(
    instance_id: String,
    actions: Vec<OrchestratorAction>,
) -> OrchestratorResponse {
    OrchestratorResponse {
        instance_id,
        actions,
        // Microsoft's SDKs send this empty message, so we do
        orchestration_trace_context: Some(OrchestrationTraceContext::default()),
        ..OrchestratorResponse::default()
    }
}
