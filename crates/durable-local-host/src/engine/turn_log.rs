//! What the console is told of turns.

use std::borrow::Cow;

use durable_functions_protocol::proto::{
    ActionType, OrchestrationStatus, OrchestratorAction, OrchestratorResponse,
};

use super::dispatch::is_platform_fault;
use super::service::Engine;
use super::turn::Turn;
use crate::console::{Invocation, Outcome};
use crate::invocation::Exception;
use crate::time::Ticks;

impl Engine {
    /// Tells how a turn's call came out, and in detail what it asks for.
    pub(super) fn tell_turn(
        &self,
        invocation: Invocation,
        turn: &Turn,
        answer: &Result<OrchestratorResponse, Exception>,
    ) {
        if self.console.wants_details()
            && let Ok(response) = answer
        {
            let asked: Vec<String> = response.actions.iter().filter_map(action).collect();
            let asked = if asked.is_empty() {
                "nothing".to_owned()
            } else {
                asked.join(", ")
            };
            let events = turn.new_events().count();
            let text = format!("{}: {events} new events; asks for {asked}", turn.instance());
            self.console.detail(&invocation, text);
        }
        self.console.executed(invocation, outcome(answer));
    }
}

fn outcome(answer: &Result<OrchestratorResponse, Exception>) -> Outcome {
    match answer {
        Ok(response) if response.requires_history => Outcome::Again("asks for its history".into()),
        Ok(response) => ending(&response.actions),
        Err(fault) if is_platform_fault(fault) => Outcome::Again(fault.to_line().into()),
        // Why is said where the orchestration is made to fail.
        Err(_) => Outcome::FAILED,
    }
}

/// Whether the actions end the orchestration.
fn ending(actions: &[OrchestratorAction]) -> Outcome {
    let completion = actions
        .iter()
        .find_map(|action| match &action.orchestrator_action_type {
            Some(ActionType::CompleteOrchestration(completion)) => Some(completion),
            _ => None,
        });
    let Some(completion) = completion else {
        return Outcome::Good("waits".into());
    };
    match completion.orchestration_status() {
        OrchestrationStatus::Completed => Outcome::Good("completed".into()),
        OrchestrationStatus::ContinuedAsNew => Outcome::Good("continues as new".into()),
        OrchestrationStatus::Failed => {
            Outcome::Failed(failure(completion.failure_details.as_ref()))
        }
        other => Outcome::Good(format!("{other:?}").to_lowercase().into()),
    }
}

fn failure(
    details: Option<&durable_functions_protocol::proto::TaskFailureDetails>,
) -> Cow<'static, str> {
    match details {
        Some(details) => {
            format!("failed: {}: {}", details.error_type, details.error_message).into()
        }
        None => "failed".into(),
    }
}

/// What an action asks for; nothing for the end, which is told anyway.
fn action(action: &OrchestratorAction) -> Option<String> {
    Some(match action.orchestrator_action_type.as_ref()? {
        ActionType::ScheduleTask(task) => task.name.clone(),
        ActionType::CreateSubOrchestration(sub) => {
            format!("sub-orchestration {} ({})", sub.name, sub.instance_id)
        }
        ActionType::CreateTimer(timer) => match &timer.fire_at {
            Some(due) => format!("a timer until {}", Ticks::from_proto(due).iso()),
            None => "a timer".to_owned(),
        },
        ActionType::SendEvent(sent) => {
            let to = sent.instance.as_ref().map_or("?", |to| &to.instance_id);
            format!("event {} to {to}", sent.name)
        }
        ActionType::SendEntityMessage(_) => "a message to an entity".to_owned(),
        ActionType::TerminateOrchestration(end) => format!("the end of {}", end.instance_id),
        ActionType::RewindOrchestration(_) => "a rewind".to_owned(),
        ActionType::CompleteOrchestration(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::{
        CompleteOrchestrationAction, CreateTimerAction, ScheduleTaskAction, TaskFailureDetails,
        Timestamp,
    };

    use super::*;

    fn with(kind: ActionType) -> OrchestratorAction {
        OrchestratorAction {
            id: 0,
            orchestrator_action_type: Some(kind),
        }
    }

    fn ended(status: OrchestrationStatus, failure: Option<TaskFailureDetails>) -> Outcome {
        let completion = CompleteOrchestrationAction {
            orchestration_status: status as i32,
            failure_details: failure,
            ..Default::default()
        };
        ending(&[with(ActionType::CompleteOrchestration(completion))])
    }

    #[test]
    fn turns_are_told_by_what_they_ask_for() {
        let task = ScheduleTaskAction {
            name: "hello".into(),
            ..Default::default()
        };
        let timer = CreateTimerAction {
            fire_at: Some(Timestamp {
                seconds: 0,
                nanos: 0,
            }),
        };
        let task = with(ActionType::ScheduleTask(task));
        assert_eq!(action(&task).unwrap(), "hello");
        assert_eq!(
            action(&with(ActionType::CreateTimer(timer))).unwrap(),
            "a timer until 1970-01-01T00:00:00Z"
        );
        assert_eq!(ending(&[task]), Outcome::Good("waits".into()));
        assert_eq!(
            ended(OrchestrationStatus::Completed, None),
            Outcome::Good("completed".into())
        );
        let failure = TaskFailureDetails {
            error_type: "E".into(),
            error_message: "no money".into(),
            ..Default::default()
        };
        assert_eq!(
            ended(OrchestrationStatus::Failed, Some(failure)),
            Outcome::Failed("failed: E: no money".into())
        );
    }
}
