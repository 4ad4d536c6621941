//! What the actions of an answer come to.

use std::sync::Arc;

use durable_functions_protocol::proto::{
    ActionType, CompleteOrchestrationAction, EventRaisedEvent, EventSentEvent, EventType,
    ExecutionCompletedEvent, ExecutionStartedEvent, OrchestrationInstance, OrchestrationStatus,
    OrchestratorAction, OrchestratorCompletedEvent, OrchestratorResponse, OrchestratorStartedEvent,
    ParentInstanceInfo, SendEventAction, SubOrchestrationInstanceCompletedEvent,
    SubOrchestrationInstanceCreatedEvent, SubOrchestrationInstanceFailedEvent, TaskFailureDetails,
    TaskScheduledEvent, TimerCreatedEvent, TimerFiredEvent,
};

use super::start::{NewExecution, new_instance};
use super::{Turn, event, numbered, set_when_given};
use crate::engine::entities::{due, is_entity, to_event};
use crate::engine::ids::Ids;
use crate::invocation::Exception;
use crate::store::{Encoded, Message, Reuse, Task};
use crate::strict::{Conduct, Punished};
use crate::time::Ticks;

/// The custom status may have this many bytes as UTF-16.
const CUSTOM_STATUS_LIMIT: usize = 16 * 1024;
/// The tag of an instance whose parent does not wait for it.
const FIRE_AND_FORGET: &str = "FireAndForget";

impl Turn {
    pub(super) fn act(
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
            Some(ActionType::SendEvent(sent)) => self.send_event(id, sent, ids, produced),
            Some(ActionType::SendEntityMessage(message)) => {
                // `check` has tried it.
                if let Ok(sent) = to_event(message) {
                    self.send_event(id, sent, ids, produced);
                }
            }
            Some(ActionType::CreateSubOrchestration(mut sub)) => {
                // A child has its parent's tags, but for those of its own.
                for (name, value) in &self.result.tags {
                    if name != FIRE_AND_FORGET && !sub.tags.contains_key(name) {
                        sub.tags.insert(name.clone(), value.clone());
                    }
                }
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
                // `check` lets it through to have this come of it.
                if sub.instance_id.is_empty() {
                    self.result.blocks = true;
                    return;
                }
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
            Some(ActionType::TerminateOrchestration(_) | ActionType::RewindOrchestration(_))
            | None => {}
        }
    }

    fn send_event(
        &mut self,
        id: i32,
        sent: SendEventAction,
        ids: &Ids,
        produced: &mut Vec<Encoded>,
    ) {
        let target = sent.instance.unwrap_or_default();
        let event_sent = EventSentEvent {
            instance_id: target.instance_id.clone(),
            name: sent.name.clone(),
            input: sent.data.clone(),
        };
        produced.push(numbered(id, ids.time(), EventType::EventSent(event_sent)));
        let due = due(&target.instance_id, &sent.name);
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
            due,
        });
    }

    pub(super) fn complete(
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
        // Entities do not wait for what they start.
        if is_entity(&instance.instance_id) || self.result.tags.contains_key(FIRE_AND_FORGET) {
            return;
        }
        let task_scheduled_id = parent.task_scheduled_id;
        let content = match status {
            OrchestrationStatus::Completed => {
                let completed = SubOrchestrationInstanceCompletedEvent {
                    task_scheduled_id,
                    result,
                };
                event(
                    ids.time(),
                    EventType::SubOrchestrationInstanceCompleted(completed),
                )
            }
            OrchestrationStatus::Failed | OrchestrationStatus::Terminated => {
                child_failed(task_scheduled_id, failure, result, ids.time())
            }
            // The real host says nothing of a child that was cancelled.
            _ => return,
        };
        self.result.messages.push(Message {
            seq: ids.seq(),
            instance: instance.instance_id.into(),
            execution: instance.execution_id.map(Arc::from),
            content,
            due: None,
        });
    }

    /// The first turn of the next execution. What the last one asked for is kept, except its
    /// timers: nobody would hear them.
    pub(super) fn continue_as_new(
        mut self,
        completion: CompleteOrchestrationAction,
        ids: &Ids,
    ) -> Self {
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
        self.carried = record.custom_status.take();
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
            tags: result.tags.clone(),
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

/// The message that a child orchestration has failed.
pub(crate) fn child_failed(
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
