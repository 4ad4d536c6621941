//! What the host refuses to apply.

use durable_functions_protocol::proto::{
    ActionType, CompleteOrchestrationAction, OrchestrationStatus, OrchestratorResponse,
};

use crate::engine::entities::to_event;
use crate::invocation::Exception;
use crate::strict::{Conduct, Punished};

/// The custom status may have this many bytes as UTF-16.
const CUSTOM_STATUS_LIMIT: usize = 16 * 1024;

fn ends(completion: &CompleteOrchestrationAction) -> bool {
    matches!(
        completion.orchestration_status(),
        OrchestrationStatus::Completed
            | OrchestrationStatus::ContinuedAsNew
            | OrchestrationStatus::Failed
            | OrchestrationStatus::Canceled
            | OrchestrationStatus::Terminated
    )
}

/// What the host refuses to apply.
pub(super) fn check(response: &OrchestratorResponse, conduct: Conduct) -> Result<(), Exception> {
    if let Some(status) = &response.custom_status {
        let size = status.encode_utf16().count() * 2;
        if size > CUSTOM_STATUS_LIMIT {
            #[allow(clippy::cast_precision_loss, reason = "two digits are shown")]
            let kilobytes = size as f64 / 1024.0;
            return Err(Exception::new(
                "System.ArgumentException",
                format!(
                    "CustomStatus is too large: limit = 16 KB (UTF-16), actual = {kilobytes:.2} KB."
                ),
            ));
        }
    }
    let unsupported = |text: &str| Err(Exception::new("System.NotSupportedException", text));
    for action in &response.actions {
        match &action.orchestrator_action_type {
            Some(ActionType::CreateSubOrchestration(sub))
                if sub.instance_id.is_empty() && !conduct.takes_children_without_id() =>
            {
                return unsupported(&conduct.tell(
                    "A sub-orchestration without an instance id was asked for",
                    Punished::ChildWithoutId,
                ));
            }
            Some(ActionType::CompleteOrchestration(completion)) if !ends(completion) => {
                return unsupported(&conduct.tell(
                    "An orchestration was completed with a state that is no end",
                    Punished::NoEnd,
                ));
            }
            Some(ActionType::SendEntityMessage(message)) => drop(to_event(message.clone())?),
            Some(ActionType::TerminateOrchestration(_)) => {
                return unsupported("The action TerminateOrchestration is not supported.");
            }
            Some(ActionType::RewindOrchestration(_)) => {
                return unsupported("The action RewindOrchestration is not supported.");
            }
            None => return unsupported("An action without a kind was sent."),
            Some(_) => {}
        }
    }
    Ok(())
}
