//! One turn of an orchestration: what the handler is told, and what its answer comes to. No I/O
//! happens here; numbers and times come from [`Ids`].

mod actions;
mod check;
mod continue_as_new;
#[cfg(test)]
mod recorded;
mod start;

use std::collections::HashMap;
use std::sync::Arc;

use durable_functions_protocol::proto::{
    CompleteOrchestrationAction, EventType, HistoryEvent, OrchestrationStatus,
    OrchestratorCompletedEvent, OrchestratorResponse, OrchestratorStartedEvent, ParentInstanceInfo,
    TaskFailureDetails,
};

pub(super) use actions::child_failed;
pub(super) use start::{NewExecution, new_instance};

use actions::Actions;
use check::check;

use super::ids::Ids;
use super::state::InstanceState;
use crate::invocation::Exception;
use crate::store::{HistoryEntry, InstanceRecord, Message, NewInstance, Task};
use crate::strict::Conduct;
use crate::time::Ticks;

/// What a batch of messages asks for.
#[derive(Debug)]
pub(crate) enum Plan {
    /// Nothing: none of them concerns the instance any more.
    Drop,
    /// Nothing yet: the instance has not been started.
    Wait,
    /// A turn.
    Turn(Box<Turn>),
    /// The instance ends without having run.
    End(Box<TurnResult>),
}

/// A turn under way.
#[derive(Debug)]
pub(crate) struct Turn {
    result: TurnResult,
    new_events: Vec<HistoryEntry>,
    /// Custom status of the generation before, when the instance has continued as new.
    carried: Option<String>,
}

/// What a turn comes to.
#[derive(Debug)]
pub(crate) struct TurnResult {
    /// The row after the turn.
    pub(crate) record: InstanceRecord,
    /// What the history gains.
    pub(crate) events: Vec<HistoryEntry>,
    /// Whether it replaces the history: the instance continued as new.
    pub(crate) replace: bool,
    /// Whether the history has begun.
    pub(crate) started: bool,
    /// Who waits for the end.
    pub(crate) parent: Option<ParentInstanceInfo>,
    /// Tags of the instance.
    pub(crate) tags: HashMap<String, String>,
    /// Whether the instance is suspended.
    pub(crate) suspended: bool,
    /// Messages to send.
    pub(crate) messages: Vec<Message>,
    /// Tasks to run.
    pub(crate) tasks: Vec<Task>,
    /// Instances to make.
    pub(crate) instances: Vec<NewInstance>,
    /// Whether something asked for blocks a partition of the task hub.
    pub(crate) blocks: bool,
}

/// What comes after an answer.
#[derive(Debug)]
pub(crate) enum Step {
    /// The turn is over.
    Done(Box<TurnResult>),
    /// The instance continues as new: the handler is called again at once.
    Again(Box<Turn>),
}

/// An event that belongs to no action.
pub(super) fn event(timestamp: Ticks, kind: EventType) -> HistoryEntry {
    numbered(-1, timestamp, kind)
}

fn numbered(event_id: i32, timestamp: Ticks, kind: EventType) -> HistoryEntry {
    HistoryEntry {
        event: HistoryEvent {
            event_id,
            timestamp: Some(timestamp.to_proto()),
            event_type: Some(kind),
        },
        reason: None,
    }
}

/// Decides what a batch of messages asks for.
pub(crate) fn plan(state: &InstanceState, messages: &[Message], ids: &Ids) -> Plan {
    if state.record.has_ended() {
        return Plan::Drop;
    }
    let is_start = |message: &&Message| {
        matches!(
            message.content.event.event_type,
            Some(EventType::ExecutionStarted(_))
        )
    };
    let start = messages
        .iter()
        .find(|message| is_start(message) && !state.started && concerns(state, message));
    let others: Vec<&Message> = messages
        .iter()
        .filter(|message| !is_start(message) && concerns(state, message))
        .collect();
    if !state.started && start.is_none() {
        let terminated =
            others
                .iter()
                .find_map(|message| match &message.content.event.event_type {
                    Some(EventType::ExecutionTerminated(terminated)) => {
                        Some(terminated.input.clone())
                    }
                    _ => None,
                });
        return match terminated {
            Some(reason) => Plan::End(Box::new(terminate_pending(state, reason, ids.time()))),
            None => Plan::Wait,
        };
    }
    if start.is_none() && others.is_empty() {
        return Plan::Drop;
    }
    let mut turn = Turn {
        result: TurnResult::of(state),
        new_events: vec![event(
            ids.time(),
            EventType::OrchestratorStarted(OrchestratorStartedEvent {}),
        )],
        carried: None,
    };
    for message in start.into_iter().chain(others) {
        turn.take(&message.content);
    }
    Plan::Turn(Box::new(turn))
}

/// Whether a message is for the execution that runs.
fn concerns(state: &InstanceState, message: &Message) -> bool {
    message
        .execution
        .as_ref()
        .is_none_or(|execution| *execution == state.record.execution_id)
}

fn terminate_pending(state: &InstanceState, reason: Option<String>, now: Ticks) -> TurnResult {
    let mut result = TurnResult::of(state);
    result.record.status = OrchestrationStatus::Terminated;
    result.record.output = reason;
    result.record.updated = now;
    result
}

impl TurnResult {
    fn of(state: &InstanceState) -> Self {
        Self {
            record: state.record.clone(),
            events: Vec::new(),
            replace: false,
            started: state.started,
            parent: state.parent.clone(),
            tags: state.tags.clone(),
            suspended: state.suspended,
            messages: Vec::new(),
            tasks: Vec::new(),
            instances: Vec::new(),
            blocks: false,
        }
    }
}

impl Turn {
    /// The events that are new to the handler.
    pub(crate) fn new_events(&self) -> impl Iterator<Item = &HistoryEvent> {
        self.new_events.iter().map(|entry| &entry.event)
    }

    /// Whether the handler gets no history: the instance has continued as new.
    pub(crate) fn is_anew(&self) -> bool {
        self.result.replace
    }

    /// Name of the orchestration.
    pub(crate) fn name(&self) -> &str {
        &self.result.record.name
    }

    /// Id of the instance.
    pub(crate) fn instance(&self) -> &Arc<str> {
        &self.result.record.id
    }

    fn take(&mut self, content: &HistoryEntry) {
        let result = &mut self.result;
        match &content.event.event_type {
            Some(EventType::ExecutionStarted(started)) => {
                result.started = true;
                result.parent.clone_from(&started.parent_instance);
                result.tags.clone_from(&started.tags);
            }
            Some(EventType::ExecutionSuspended(suspended)) => {
                result.suspended = true;
                set_when_given(&mut result.record.output, &suspended.input);
            }
            Some(EventType::ExecutionResumed(resumed)) => {
                result.suspended = false;
                set_when_given(&mut result.record.output, &resumed.input);
            }
            _ => {}
        }
        self.new_events.push(content.clone());
    }

    /// Applies the handler's answer.
    pub(crate) fn answer(
        mut self,
        response: OrchestratorResponse,
        store_inputs: bool,
        conduct: Conduct,
        ids: &Ids,
    ) -> Result<Step, (Box<Self>, Exception)> {
        if let Err(fault) = check(&response, conduct) {
            return Err((Box::new(self), fault));
        }
        self.result.record.custom_status = response.custom_status;
        let mut actions = Actions::new(&mut self.result, ids, store_inputs);
        for action in response.actions {
            actions.apply(action);
        }
        let produced = match actions.completion.take() {
            Some((_, completion))
                if completion.orchestration_status
                    == OrchestrationStatus::ContinuedAsNew as i32 =>
            {
                return Ok(Step::Again(Box::new(self.continue_as_new(completion, ids))));
            }
            Some((id, completion)) => {
                actions.complete(id, completion);
                actions.events
            }
            None => actions.events,
        };
        Ok(Step::Done(Box::new(self.finish(produced, ids))))
    }

    /// Version of the orchestration.
    pub(crate) fn version(&self) -> Option<&str> {
        self.result.record.version.as_deref()
    }

    /// Ends the orchestration because its version is none that the app runs; `past` is how many
    /// events its history has.
    pub(crate) fn fail_version(mut self, past: usize, ids: &Ids) -> TurnResult {
        let completion = CompleteOrchestrationAction {
            orchestration_status: OrchestrationStatus::Failed as i32,
            failure_details: Some(TaskFailureDetails {
                error_type: "VersionMismatch".to_owned(),
                error_message: "Orchestration version did not comply with Worker Versioning"
                    .to_owned(),
                is_non_retriable: true,
                ..Default::default()
            }),
            ..Default::default()
        };
        self.result.record.custom_status = None;
        self.end(i32::try_from(past).unwrap_or(i32::MAX), completion, ids)
    }

    /// Ends the orchestration because the host can't go on with it.
    pub(crate) fn fail(mut self, message: &str, details: Option<&str>, ids: &Ids) -> TurnResult {
        use crate::newtonsoft::{Json, render};
        let text = |text: &str| Json::String(text.to_owned());
        let result = render(&Json::Object(vec![
            ("message".to_owned(), text(message)),
            ("details".to_owned(), details.map_or(Json::Null, text)),
        ]));
        let completion = CompleteOrchestrationAction {
            orchestration_status: OrchestrationStatus::Failed as i32,
            result: Some(result),
            ..Default::default()
        };
        self.result.record.custom_status = None;
        self.end(0, completion, ids)
    }

    fn end(mut self, id: i32, completion: CompleteOrchestrationAction, ids: &Ids) -> TurnResult {
        let mut actions = Actions::new(&mut self.result, ids, false);
        actions.complete(id, completion);
        let produced = actions.events;
        self.finish(produced, ids)
    }

    fn finish(mut self, produced: Vec<HistoryEntry>, ids: &Ids) -> TurnResult {
        let now = ids.time();
        let result = &mut self.result;
        let status = &mut result.record.custom_status;
        *status = status.take().or(self.carried);
        result.events = self.new_events;
        result.events.extend(produced);
        result.events.push(event(
            now,
            EventType::OrchestratorCompleted(OrchestratorCompletedEvent {}),
        ));
        if !result.record.has_ended() {
            result.record.status = if result.suspended {
                OrchestrationStatus::Suspended
            } else {
                OrchestrationStatus::Running
            };
        }
        result.record.updated = now;
        self.result
    }
}

/// A reason that is not given leaves the output as it was; that is what the real host shows.
fn set_when_given(output: &mut Option<String>, given: &Option<String>) {
    if given.is_some() {
        output.clone_from(given);
    }
}
