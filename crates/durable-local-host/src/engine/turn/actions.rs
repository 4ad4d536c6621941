//! What the actions of an answer come to.

use std::sync::Arc;

use durable_functions_protocol::proto::{
    ActionType, CompleteOrchestrationAction, CreateSubOrchestrationAction, CreateTimerAction,
    EventRaisedEvent, EventSentEvent, EventType, ExecutionCompletedEvent, ExecutionStartedEvent,
    OrchestrationInstance, OrchestrationStatus, OrchestratorAction, ParentInstanceInfo,
    ScheduleTaskAction, SendEventAction, SubOrchestrationInstanceCompletedEvent,
    SubOrchestrationInstanceCreatedEvent, SubOrchestrationInstanceFailedEvent, TaskFailureDetails,
    TaskScheduledEvent, TimerCreatedEvent, TimerFiredEvent,
};

use super::start::{NewExecution, new_instance};
use super::{TurnResult, event, numbered, set_when_given};
use crate::engine::entities::{due, is_entity, to_event};
use crate::engine::ids::Ids;
use crate::store::{HistoryEntry, Message, Reuse, Task};
use crate::time::Ticks;

/// The tag of an instance whose parent does not wait for it.
const FIRE_AND_FORGET: &str = "FireAndForget";

/// Applies the actions of an answer to what a turn comes to.
#[derive(Debug)]
pub(super) struct Actions<'a> {
    result: &'a mut TurnResult,
    ids: &'a Ids,
    store_inputs: bool,
    /// What the history gains by them.
    pub(super) events: Vec<HistoryEntry>,
    /// The one that ends the execution, which is applied after the others.
    pub(super) completion: Option<(i32, CompleteOrchestrationAction)>,
}

impl<'a> Actions<'a> {
    /// None has been applied yet.
    pub(super) fn new(result: &'a mut TurnResult, ids: &'a Ids, store_inputs: bool) -> Self {
        Self {
            result,
            ids,
            store_inputs,
            events: Vec::new(),
            completion: None,
        }
    }

    /// Applies one; `check` has let it through.
    pub(super) fn apply(&mut self, action: OrchestratorAction) {
        let id = action.id;
        match action.orchestrator_action_type {
            Some(ActionType::ScheduleTask(task)) => self.schedule_task(id, task),
            Some(ActionType::CreateTimer(timer)) => self.create_timer(id, &timer),
            Some(ActionType::SendEvent(sent)) => self.send_event(id, sent),
            Some(ActionType::SendEntityMessage(message)) => {
                // `check` has tried it.
                if let Ok(sent) = to_event(message) {
                    self.send_event(id, sent);
                }
            }
            Some(ActionType::CreateSubOrchestration(child)) => self.create_child(id, child),
            Some(ActionType::CompleteOrchestration(completion)) => {
                self.completion = Some((id, completion));
            }
            // `check` has refused the others.
            Some(ActionType::TerminateOrchestration(_) | ActionType::RewindOrchestration(_))
            | None => {}
        }
    }

    fn add_event(&mut self, id: i32, kind: EventType) {
        self.events.push(numbered(id, self.ids.time(), kind));
    }

    fn kept(&self, input: &Option<String>) -> Option<String> {
        if self.store_inputs {
            input.clone()
        } else {
            None
        }
    }

    fn schedule_task(&mut self, id: i32, task: ScheduleTaskAction) {
        let scheduled = TaskScheduledEvent {
            name: task.name.clone(),
            version: task.version,
            input: self.kept(&task.input),
            parent_trace_context: None,
            tags: task.tags,
        };
        self.add_event(id, EventType::TaskScheduled(scheduled));
        self.result.tasks.push(Task {
            seq: self.ids.seq(),
            instance: Arc::clone(&self.result.record.id),
            execution: Arc::clone(&self.result.record.execution_id),
            id,
            name: task.name,
            input: task.input,
        });
    }

    fn create_timer(&mut self, id: i32, timer: &CreateTimerAction) {
        let created = TimerCreatedEvent {
            fire_at: timer.fire_at,
        };
        self.add_event(id, EventType::TimerCreated(created));
        let due = timer.fire_at.as_ref().map(Ticks::from_proto);
        let fired = TimerFiredEvent {
            fire_at: timer.fire_at,
            timer_id: id,
        };
        self.result.messages.push(Message {
            seq: self.ids.seq(),
            instance: Arc::clone(&self.result.record.id),
            execution: Some(Arc::clone(&self.result.record.execution_id)),
            content: event(self.ids.time(), EventType::TimerFired(fired)),
            due,
        });
    }

    fn create_child(&mut self, id: i32, mut sub: CreateSubOrchestrationAction) {
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
            input: self.kept(&sub.input),
            parent_trace_context: None,
            tags: sub.tags.clone(),
        };
        self.add_event(id, EventType::SubOrchestrationInstanceCreated(created));
        // `check` lets it through to have this come of it.
        if sub.instance_id.is_empty() {
            self.result.blocks = true;
            return;
        }
        let parent = ParentInstanceInfo {
            task_scheduled_id: id,
            name: Some(self.result.record.name.clone()),
            version: self.result.record.version.clone(),
            orchestration_instance: Some(OrchestrationInstance {
                instance_id: self.result.record.id.to_string(),
                execution_id: Some(self.result.record.execution_id.to_string()),
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
            self.ids,
        ));
    }

    fn send_event(&mut self, id: i32, sent: SendEventAction) {
        let target = sent.instance.unwrap_or_default();
        let event_sent = EventSentEvent {
            instance_id: target.instance_id.clone(),
            name: sent.name.clone(),
            input: sent.data.clone(),
        };
        self.add_event(id, EventType::EventSent(event_sent));
        let due = due(&target.instance_id, &sent.name);
        let raised = EventRaisedEvent {
            name: sent.name,
            input: sent.data,
        };
        self.result.messages.push(Message {
            seq: self.ids.seq(),
            instance: target.instance_id.into(),
            execution: target
                .execution_id
                .filter(|execution| !execution.is_empty())
                .map(Arc::from),
            content: event(self.ids.time(), EventType::EventRaised(raised)),
            due,
        });
    }

    /// Ends the execution.
    pub(super) fn complete(&mut self, id: i32, completion: CompleteOrchestrationAction) {
        let status = completion.orchestration_status();
        let completed = ExecutionCompletedEvent {
            orchestration_status: status as i32,
            result: completion.result.clone(),
            failure_details: completion.failure_details.clone(),
        };
        self.add_event(id, EventType::ExecutionCompleted(completed));
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
            );
        }
    }

    fn tell_parent(
        &mut self,
        parent: &ParentInstanceInfo,
        status: OrchestrationStatus,
        result: Option<String>,
        failure: Option<TaskFailureDetails>,
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
                    self.ids.time(),
                    EventType::SubOrchestrationInstanceCompleted(completed),
                )
            }
            OrchestrationStatus::Failed | OrchestrationStatus::Terminated => {
                child_failed(task_scheduled_id, failure, result, self.ids.time())
            }
            // The real host says nothing of a child that was cancelled.
            _ => return,
        };
        self.result.messages.push(Message {
            seq: self.ids.seq(),
            instance: instance.instance_id.into(),
            execution: instance.execution_id.map(Arc::from),
            content,
            due: None,
        });
    }
}

/// The message that a child orchestration has failed.
pub(crate) fn child_failed(
    task_scheduled_id: i32,
    failure: Option<TaskFailureDetails>,
    reason: Option<String>,
    now: Ticks,
) -> HistoryEntry {
    let failed = SubOrchestrationInstanceFailedEvent {
        task_scheduled_id,
        failure_details: failure,
    };
    HistoryEntry {
        reason,
        ..event(now, EventType::SubOrchestrationInstanceFailed(failed))
    }
}
