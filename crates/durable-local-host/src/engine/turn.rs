//! One turn of an orchestration: what the handler is told, and what its answer comes to. No I/O
//! happens here; numbers and times come from [`Ids`].

use std::sync::Arc;

use durable_functions_protocol::proto::{
    ActionType, CompleteOrchestrationAction, EventRaisedEvent, EventSentEvent, EventType,
    ExecutionCompletedEvent, ExecutionStartedEvent, HistoryEvent, OrchestrationInstance,
    OrchestrationStatus, OrchestratorAction, OrchestratorCompletedEvent, OrchestratorResponse,
    OrchestratorStartedEvent, ParentInstanceInfo, SubOrchestrationInstanceCompletedEvent,
    SubOrchestrationInstanceCreatedEvent, SubOrchestrationInstanceFailedEvent, TaskFailureDetails,
    TaskScheduledEvent, TimerCreatedEvent, TimerFiredEvent,
};

use super::ids::Ids;
use super::state::InstanceState;
use crate::invocation::Exception;
use crate::store::{Encoded, InstanceRecord, Message, NewInstance, Reuse, Task};
use crate::time::Ticks;

/// The custom status may have this many bytes as UTF-16.
const CUSTOM_STATUS_LIMIT: usize = 16 * 1024;

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
    new_events: Vec<Encoded>,
}

/// What a turn comes to.
#[derive(Debug)]
pub(crate) struct TurnResult {
    /// The row after the turn.
    pub(crate) record: InstanceRecord,
    /// What the history gains.
    pub(crate) events: Vec<Encoded>,
    /// Whether it replaces the history: the instance continued as new.
    pub(crate) replace: bool,
    /// Whether the history has begun.
    pub(crate) started: bool,
    /// Who waits for the end.
    pub(crate) parent: Option<ParentInstanceInfo>,
    /// Whether the instance is suspended.
    pub(crate) suspended: bool,
    /// Messages to send.
    pub(crate) messages: Vec<Message>,
    /// Tasks to run.
    pub(crate) tasks: Vec<Task>,
    /// Instances to make.
    pub(crate) instances: Vec<NewInstance>,
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
pub(super) fn event(timestamp: Ticks, kind: EventType) -> Encoded {
    numbered(-1, timestamp, kind)
}

fn numbered(event_id: i32, timestamp: Ticks, kind: EventType) -> Encoded {
    Encoded {
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
            suspended: state.suspended,
            messages: Vec::new(),
            tasks: Vec::new(),
            instances: Vec::new(),
        }
    }
}

impl Turn {
    /// The events that are new to the handler.
    pub(crate) fn new_events(&self) -> impl Iterator<Item = &HistoryEvent> {
        self.new_events.iter().map(|encoded| &encoded.event)
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

    fn take(&mut self, content: &Encoded) {
        let result = &mut self.result;
        match &content.event.event_type {
            Some(EventType::ExecutionStarted(started)) => {
                result.started = true;
                result.parent.clone_from(&started.parent_instance);
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
        ids: &Ids,
    ) -> Result<Step, (Box<Self>, Exception)> {
        if let Err(fault) = check(&response) {
            return Err((Box::new(self), fault));
        }
        let mut produced = Vec::with_capacity(response.actions.len() + 1);
        let mut completion = None;
        for action in response.actions {
            self.act(action, store_inputs, ids, &mut produced, &mut completion);
        }
        self.result.record.custom_status = response.custom_status;
        Ok(match completion {
            Some((_, completion))
                if completion.orchestration_status
                    == OrchestrationStatus::ContinuedAsNew as i32 =>
            {
                Step::Again(Box::new(self.continue_as_new(completion, ids)))
            }
            Some((id, completion)) => {
                self.complete(id, completion, ids, &mut produced);
                Step::Done(Box::new(self.finish(produced, ids)))
            }
            None => Step::Done(Box::new(self.finish(produced, ids))),
        })
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
        let mut produced = Vec::new();
        self.complete(0, completion, ids, &mut produced);
        self.finish(produced, ids)
    }

    fn act(
        &mut self,
        action: OrchestratorAction,
        store_inputs: bool,
        ids: &Ids,
        produced: &mut Vec<Encoded>,
        completion: &mut Option<(i32, CompleteOrchestrationAction)>,
    ) {
        let id = action.id;
        let record = &self.result.record;
        let kept = |input: &Option<String>| if store_inputs { input.clone() } else { None };
        match action.orchestrator_action_type {
            Some(ActionType::ScheduleTask(task)) => {
                let scheduled = TaskScheduledEvent {
                    name: task.name.clone(),
                    version: task.version,
                    input: kept(&task.input),
                    parent_trace_context: None,
                    tags: task.tags,
                };
                produced.push(numbered(
                    id,
                    ids.time(),
                    EventType::TaskScheduled(scheduled),
                ));
                self.result.tasks.push(Task {
                    seq: ids.seq(),
                    instance: Arc::clone(&record.id),
                    execution: Arc::clone(&record.execution_id),
                    id,
                    name: task.name,
                    input: task.input,
                });
            }
            Some(ActionType::CreateTimer(timer)) => {
                let created = TimerCreatedEvent {
                    fire_at: timer.fire_at,
                };
                produced.push(numbered(id, ids.time(), EventType::TimerCreated(created)));
                let due = timer.fire_at.as_ref().map(Ticks::from_proto);
                let fired = TimerFiredEvent {
                    fire_at: timer.fire_at,
                    timer_id: id,
                };
                self.result.messages.push(Message {
                    seq: ids.seq(),
                    instance: Arc::clone(&record.id),
                    execution: Some(Arc::clone(&record.execution_id)),
                    content: event(ids.time(), EventType::TimerFired(fired)),
                    due,
                });
            }
            Some(ActionType::SendEvent(sent)) => {
                let target = sent.instance.unwrap_or_default();
                let event_sent = EventSentEvent {
                    instance_id: target.instance_id.clone(),
                    name: sent.name.clone(),
                    input: sent.data.clone(),
                };
                produced.push(numbered(id, ids.time(), EventType::EventSent(event_sent)));
                let raised = EventRaisedEvent {
                    name: sent.name,
                    input: sent.data,
                };
                self.result.messages.push(Message {
                    seq: ids.seq(),
                    instance: target.instance_id.into(),
                    execution: target
                        .execution_id
                        .filter(|execution| !execution.is_empty())
                        .map(Arc::from),
                    content: event(ids.time(), EventType::EventRaised(raised)),
                    due: None,
                });
            }
            Some(ActionType::CreateSubOrchestration(sub)) => {
                let created = SubOrchestrationInstanceCreatedEvent {
                    instance_id: sub.instance_id.clone(),
                    name: sub.name.clone(),
                    version: sub.version.clone(),
                    input: kept(&sub.input),
                    parent_trace_context: None,
                    tags: sub.tags.clone(),
                };
                produced.push(numbered(
                    id,
                    ids.time(),
                    EventType::SubOrchestrationInstanceCreated(created),
                ));
                let parent = ParentInstanceInfo {
                    task_scheduled_id: id,
                    name: Some(record.name.clone()),
                    version: record.version.clone(),
                    orchestration_instance: Some(OrchestrationInstance {
                        instance_id: record.id.to_string(),
                        execution_id: Some(record.execution_id.to_string()),
                    }),
                };
                let started = ExecutionStartedEvent {
                    name: sub.name,
                    version: sub.version,
                    input: sub.input,
                    parent_instance: Some(parent),
                    tags: sub.tags,
                    ..Default::default()
                };
                self.result.instances.push(new_instance(
                    NewExecution {
                        id: sub.instance_id.into(),
                        execution: Ids::bare_guid().into(),
                        started,
                        scheduled: None,
                        generation: None,
                    },
                    Reuse::IfEnded,
                    ids,
                ));
            }
            Some(ActionType::CompleteOrchestration(action)) => *completion = Some((id, action)),
            // `check` has refused the others.
            Some(
                ActionType::TerminateOrchestration(_)
                | ActionType::SendEntityMessage(_)
                | ActionType::RewindOrchestration(_),
            )
            | None => {}
        }
    }

    fn complete(
        &mut self,
        id: i32,
        completion: CompleteOrchestrationAction,
        ids: &Ids,
        produced: &mut Vec<Encoded>,
    ) {
        let status = completion.orchestration_status();
        let completed = ExecutionCompletedEvent {
            orchestration_status: status as i32,
            result: completion.result.clone(),
            failure_details: completion.failure_details.clone(),
        };
        produced.push(numbered(
            id,
            ids.time(),
            EventType::ExecutionCompleted(completed),
        ));
        let record = &mut self.result.record;
        record.status = status;
        record.failure = completion
            .failure_details
            .as_ref()
            .map(prost::Message::encode_to_vec);
        let output = match &completion.failure_details {
            Some(failure) if status == OrchestrationStatus::Failed => {
                Some(format!("{}: {}", failure.error_type, failure.error_message))
            }
            _ => completion.result.clone(),
        };
        set_when_given(&mut record.output, &output);
        if let Some(parent) = self.result.parent.clone() {
            self.tell_parent(
                &parent,
                status,
                completion.result,
                completion.failure_details,
                ids,
            );
        }
    }

    fn tell_parent(
        &mut self,
        parent: &ParentInstanceInfo,
        status: OrchestrationStatus,
        result: Option<String>,
        failure: Option<TaskFailureDetails>,
        ids: &Ids,
    ) {
        let Some(instance) = parent.orchestration_instance.clone() else {
            return;
        };
        let task_scheduled_id = parent.task_scheduled_id;
        let content = if status == OrchestrationStatus::Completed {
            let completed = SubOrchestrationInstanceCompletedEvent {
                task_scheduled_id,
                result,
            };
            event(
                ids.time(),
                EventType::SubOrchestrationInstanceCompleted(completed),
            )
        } else {
            child_failed(task_scheduled_id, failure, result, ids.time())
        };
        self.result.messages.push(Message {
            seq: ids.seq(),
            instance: instance.instance_id.into(),
            execution: instance.execution_id.map(Arc::from),
            content,
            due: None,
        });
    }

    fn finish(mut self, produced: Vec<Encoded>, ids: &Ids) -> TurnResult {
        let now = ids.time();
        let result = &mut self.result;
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

    /// The first turn of the next execution. What the last one asked for is kept, except its
    /// timers: nobody would hear them.
    fn continue_as_new(mut self, completion: CompleteOrchestrationAction, ids: &Ids) -> Self {
        let result = &mut self.result;
        let execution: Arc<str> = Ids::bare_guid().into();
        let old = std::mem::replace(&mut result.record.execution_id, Arc::clone(&execution));
        result.messages.retain(|message| {
            !(matches!(
                message.content.event.event_type,
                Some(EventType::TimerFired(_))
            ) && message.execution.as_ref() == Some(&old))
        });
        let created = ids.time();
        let record = &mut result.record;
        if completion.new_version.is_some() {
            record.version.clone_from(&completion.new_version);
        }
        record.input.clone_from(&completion.result);
        record.created = created;
        record.generation = None;
        record.output = None;
        let started = ExecutionStartedEvent {
            name: record.name.clone(),
            version: record.version.clone(),
            input: completion.result,
            orchestration_instance: Some(OrchestrationInstance {
                instance_id: record.id.to_string(),
                execution_id: Some(execution.to_string()),
            }),
            parent_instance: result.parent.clone(),
            tags: completion.tags,
            ..Default::default()
        };
        result.replace = true;
        result.suspended = false;
        let mut events = vec![
            event(
                ids.time(),
                EventType::OrchestratorStarted(OrchestratorStartedEvent {}),
            ),
            event(created, EventType::ExecutionStarted(started)),
        ];
        for carried in completion.carryover_events {
            if let Some(kind @ EventType::EventRaised(_)) = carried.event_type {
                events.push(numbered(carried.event_id, ids.time(), kind));
            }
        }
        // The real host has this event here, before the handler is called.
        events.push(event(
            ids.time(),
            EventType::OrchestratorCompleted(OrchestratorCompletedEvent {}),
        ));
        self.new_events = events;
        self
    }
}

/// A reason that is not given leaves the output as it was; that is what the real host shows.
fn set_when_given(output: &mut Option<String>, given: &Option<String>) {
    if given.is_some() {
        output.clone_from(given);
    }
}

/// The message that a child orchestration has failed.
pub(super) fn child_failed(
    task_scheduled_id: i32,
    failure: Option<TaskFailureDetails>,
    reason: Option<String>,
    now: Ticks,
) -> Encoded {
    let failed = SubOrchestrationInstanceFailedEvent {
        task_scheduled_id,
        failure_details: failure,
    };
    Encoded {
        reason,
        ..event(now, EventType::SubOrchestrationInstanceFailed(failed))
    }
}

/// What the host refuses to apply.
fn check(response: &OrchestratorResponse) -> Result<(), Exception> {
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
            Some(ActionType::CreateSubOrchestration(sub)) if sub.instance_id.is_empty() => {
                return unsupported(
                    "A sub-orchestration without an instance id was asked for: generate one. The real host would go on trying for ever and block its task hub.",
                );
            }
            Some(ActionType::SendEntityMessage(_)) => {
                return unsupported("This local host does not serve entities yet.");
            }
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

/// An execution that begins.
#[derive(Debug)]
pub(crate) struct NewExecution {
    /// Instance id.
    pub(crate) id: Arc<str>,
    /// Execution id.
    pub(crate) execution: Arc<str>,
    /// Name, version, input, parent and tags.
    pub(crate) started: ExecutionStartedEvent,
    /// When to begin, if later.
    pub(crate) scheduled: Option<Ticks>,
    /// How often the instance was restarted.
    pub(crate) generation: Option<i64>,
}

/// The row and the message of a new instance.
pub(crate) fn new_instance(new: NewExecution, reuse: Reuse, ids: &Ids) -> NewInstance {
    let created = ids.time();
    let mut started = new.started;
    started.orchestration_instance = Some(OrchestrationInstance {
        instance_id: new.id.to_string(),
        execution_id: Some(new.execution.to_string()),
    });
    started.scheduled_start_timestamp = new.scheduled.map(Ticks::to_proto);
    let record = InstanceRecord {
        id: Arc::clone(&new.id),
        execution_id: Arc::clone(&new.execution),
        name: started.name.clone(),
        version: started.version.clone(),
        status: OrchestrationStatus::Pending,
        input: started.input.clone(),
        output: None,
        custom_status: None,
        failure: None,
        created,
        updated: created,
        scheduled: new.scheduled,
        generation: new.generation,
    };
    let start = Message {
        seq: ids.seq(),
        instance: new.id,
        execution: Some(new.execution),
        content: event(created, EventType::ExecutionStarted(started)),
        due: new.scheduled,
    };
    NewInstance {
        record,
        start,
        reuse,
    }
}
