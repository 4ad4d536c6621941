//! From one execution of an instance to the next.

use std::sync::Arc;

use durable_functions_protocol::proto::{
    CompleteOrchestrationAction, EventType, ExecutionStartedEvent, OrchestrationInstance,
    OrchestratorCompletedEvent, OrchestratorStartedEvent,
};

use super::{Turn, event, numbered};
use crate::engine::ids::Ids;

impl Turn {
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
