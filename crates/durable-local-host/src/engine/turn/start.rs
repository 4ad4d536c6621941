//! Instances that begin.

use std::sync::Arc;

use durable_functions_protocol::proto::{
    EventType, ExecutionStartedEvent, OrchestrationInstance, OrchestrationStatus,
};

use super::{child_failed, event};
use crate::engine::entities::is_entity;
use crate::engine::ids::Ids;
use crate::invocation::Exception;
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
        refusal: refusal(&start, ids),
        record,
        start,
        reuse,
    }
}

/// What a parent gets when the id of its child is taken. The real host says nothing, and the
/// parent waits for ever. Entities do not hear of what they start.
fn refusal(start: &Message, ids: &Ids) -> Option<Message> {
    let EventType::ExecutionStarted(started) = start.content.event.event_type.as_ref()? else {
        return None;
    };
    let parent = started.parent_instance.as_ref()?;
    let instance = parent.orchestration_instance.as_ref()?;
    if is_entity(&instance.instance_id) {
        return None;
    }
    let text = format!(
        "An Orchestration instance with the ID {} already exists.",
        start.instance
    );
    let failure = Exception::new(
        "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException",
        text.clone(),
    );
    let scheduled = parent.task_scheduled_id;
    Some(Message {
        seq: ids.seq(),
        instance: instance.instance_id.as_str().into(),
        execution: instance.execution_id.as_deref().map(Arc::from),
        content: child_failed(
            scheduled,
            Some(failure.to_failure()),
            Some(text),
            ids.time(),
        ),
        due: None,
    })
}
