//! Instances that begin.

use std::sync::Arc;

use durable_functions_protocol::proto::{
    EventType, ExecutionStartedEvent, OrchestrationInstance, OrchestrationStatus,
};

use super::event;
use crate::engine::ids::Ids;
use crate::store::{InstanceRecord, Message, NewInstance, Reuse};
use crate::time::Ticks;

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
