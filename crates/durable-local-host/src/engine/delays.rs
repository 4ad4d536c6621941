//! How long messages may wait on Azure Storage: its queues hide none for longer than a week.

use durable_functions_protocol::proto::{
    ActionType, EntityBatchResult, OperationActionOperationActionType as Operation,
    OrchestratorResponse,
};

use super::dispatch::Fault;
use super::entities;
use super::retry::Retry;
use super::service::Engine;
use crate::strict::Punished;
use crate::time::Ticks;

const LONGEST_SECONDS: u64 = 7 * 24 * 60 * 60;

impl Engine {
    /// Says that a client's start waits for longer than can be, or refuses it with a reason.
    pub(crate) fn allow_start(&self, due: Option<Ticks>) -> Result<(), String> {
        match self.long_delay("the start of an orchestration", due) {
            Some(reason) if self.conduct.refuses_long_delays() => Err(reason),
            Some(line) => {
                self.console.problem(line);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The same for what is asked for in a turn or a batch: no reason reaches it.
    pub(super) fn allow_delay(
        &self,
        what: &str,
        due: Option<Ticks>,
        retry: &mut Retry,
    ) -> Result<(), Fault> {
        match self.long_delay(what, due) {
            Some(reason) if self.conduct.refuses_long_delays() => {
                if retry.is_first_telling() {
                    self.console.problem(&reason);
                }
                Err(Fault::Again(reason))
            }
            Some(line) => {
                self.console.problem(line);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn long_delay(&self, what: &str, due: Option<Ticks>) -> Option<String> {
        // The queue counts whole seconds.
        let is_long = due?.since(self.clock.now()).as_secs() > LONGEST_SECONDS;
        let what = format!("{what} is due in more than 7 days");
        (is_long && self.options.azure_storage)
            .then(|| self.conduct.tell(&what, Punished::LongDelay))
    }
}

/// When the last of what a turn asks for is due.
pub(super) fn latest_of_turn(response: &OrchestratorResponse) -> Option<Ticks> {
    let actions = response.actions.iter();
    let kinds = actions.filter_map(|action| action.orchestrator_action_type.as_ref());
    let due = kinds.filter_map(|action| match action {
        ActionType::CreateTimer(timer) => timer.fire_at.as_ref().map(Ticks::from_proto),
        ActionType::SendEvent(sent) => {
            entities::due(&sent.instance.as_ref()?.instance_id, &sent.name)
        }
        _ => None,
    });
    due.max()
}

/// The same for a batch. Its signals are sent in time: a late one is sent on until it is due.
pub(super) fn latest_of_batch(result: &EntityBatchResult) -> Option<Ticks> {
    let actions = result.actions.iter();
    let kinds = actions.filter_map(|action| action.operation_action_type.as_ref());
    let due = kinds.filter_map(|action| match action {
        Operation::StartNewOrchestration(start) => {
            start.scheduled_time.as_ref().map(Ticks::from_proto)
        }
        Operation::SendSignal(_) => None,
    });
    due.max()
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::{
        CreateTimerAction, OrchestrationInstance, OrchestratorAction, SendEventAction,
    };

    use super::*;

    #[test]
    fn timers_and_signals_to_entities_are_due_at_a_time() {
        let timer = CreateTimerAction {
            fire_at: Some(Ticks(5).to_proto()),
        };
        let sent = |instance: &str| {
            ActionType::SendEvent(SendEventAction {
                instance: Some(OrchestrationInstance {
                    instance_id: instance.into(),
                    execution_id: None,
                }),
                name: "op@2030-01-01T00:00:00Z".into(),
                data: None,
            })
        };
        let latest = |actions: Vec<ActionType>| {
            let actions = actions.into_iter().map(|action| OrchestratorAction {
                id: 0,
                orchestrator_action_type: Some(action),
            });
            latest_of_turn(&OrchestratorResponse {
                actions: actions.collect(),
                ..Default::default()
            })
        };
        assert_eq!(latest(vec![sent("a")]), None);
        let timer = ActionType::CreateTimer(timer);
        assert_eq!(latest(vec![timer.clone(), sent("a")]), Some(Ticks(5)));
        let due = Ticks::parse("2030-01-01T00:00:00Z");
        assert_eq!(latest(vec![sent("@a@k"), timer]), due);
    }
}
