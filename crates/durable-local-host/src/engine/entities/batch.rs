//! What a batch of operations comes to. No I/O happens here.

use std::sync::Arc;

use durable_functions_protocol::proto::{
    EntityBatchRequest, EntityBatchResult, EventRaisedEvent, EventType, ExecutionStartedEvent,
    OperationActionOperationActionType as ActionKind, OperationRequest, OperationResultResultType,
    OrchestrationInstance, ParentInstanceInfo, SendSignalAction, StartNewOrchestrationAction,
    TaskFailureDetails,
};

use super::is_entity;
use super::message::{REQUEST, Request, due, lock_granted, response, scheduled, trace_json};
use super::scheduler::{Scheduler, Work};
use crate::engine::ids::Ids;
use crate::engine::turn::{NewExecution, event, new_instance};
use crate::invocation::Exception;
use crate::store::{Message, NewInstance, Reuse};
use crate::strict::Conduct;
use crate::time::Ticks;

/// A batch under way.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    id: Arc<str>,
    /// The entity, as it will be stored.
    pub(super) scheduler: Scheduler,
    /// Messages to send.
    pub(super) messages: Vec<Message>,
    /// Orchestrations to start.
    pub(super) instances: Vec<NewInstance>,
    /// What the developer has to know.
    pub(super) problems: Vec<String>,
    ids: &'a Ids,
    window: i64,
    conduct: Conduct,
}

impl<'a> Batch<'a> {
    /// Begins with the entity as it is stored; `window` is that of the sorter, in ticks.
    pub(super) fn new(
        id: Arc<str>,
        scheduler: Scheduler,
        window: i64,
        conduct: Conduct,
        ids: &'a Ids,
    ) -> Self {
        Self {
            id,
            scheduler,
            messages: Vec::new(),
            instances: Vec::new(),
            problems: Vec::new(),
            ids,
            window,
            conduct,
        }
    }

    /// Takes a message in.
    pub(super) fn receive(&mut self, message: &EventRaisedEvent) {
        let receipt = self
            .scheduler
            .receive(message, self.ids.now(), self.window, self.conduct);
        self.problems.extend(receipt.problem);
        if let Some((name, content, due)) = receipt.later {
            let id = Arc::clone(&self.id);
            self.send(id, None, name, content, Some(due));
        }
    }

    /// What the handler is told.
    pub(super) fn request(&self, operations: &[Request]) -> EntityBatchRequest {
        EntityBatchRequest {
            instance_id: self.id.to_string(),
            entity_state: self.scheduler.state.clone(),
            operations: operations.iter().map(operation_request).collect(),
            ..Default::default()
        }
    }

    /// Applies the handler's answer; whether there is more to do.
    pub(super) fn apply(
        &mut self,
        result: EntityBatchResult,
        work: &mut Work,
    ) -> Result<(), Exception> {
        check(&result, work.operations.len())?;
        let done = result.results.len();
        let operations = std::mem::take(&mut work.operations);
        let mut rest = operations;
        let executed: Vec<Request> = rest.drain(..done).collect();
        for (request, result) in executed.iter().zip(&result.results) {
            match &result.result_type {
                Some(OperationResultResultType::Success(success)) => {
                    self.answer(request, success.result.as_deref(), None);
                }
                Some(OperationResultResultType::Failure(failure)) => {
                    let failure = failure.failure_details.clone().unwrap_or_default();
                    self.answer(request, None, Some(&failure));
                }
                // `check` has refused these.
                None => {}
            }
        }
        match &result.failure_details {
            Some(failure) => rest
                .iter()
                .for_each(|request| self.answer(request, None, Some(failure))),
            None if !rest.is_empty() => self.scheduler.put_back(Work {
                operations: rest,
                lock: work.lock.take(),
            }),
            None => {}
        }
        self.scheduler.state = result.entity_state;
        for action in result.actions {
            match action.operation_action_type {
                Some(ActionKind::SendSignal(signal)) => self.signal(signal),
                Some(ActionKind::StartNewOrchestration(start)) => self.start(start),
                None => {}
            }
        }
        Ok(())
    }

    /// Fails all operations; the state stays as it was.
    pub(super) fn fail(&mut self, failure: &TaskFailureDetails, work: &mut Work) {
        for request in std::mem::take(&mut work.operations) {
            self.answer(&request, None, Some(failure));
        }
    }

    /// Grants a lock: the next entity of the lock set gets the request, or the owner the answer.
    pub(super) fn grant(&mut self, mut request: Request) {
        self.scheduler.lock(&mut request);
        let next = request
            .lockset
            .as_ref()
            .and_then(|lockset| lockset.get(request.position))
            .map(ToString::to_string);
        match next {
            Some(next) => {
                let now = self.ids.time();
                self.scheduler
                    .sorter
                    .label(&mut request, &next, now, self.window);
                self.send(next.into(), None, REQUEST.to_owned(), request.write(), None);
            }
            None => self.reply(&request, lock_granted()),
        }
    }

    fn answer(
        &mut self,
        request: &Request,
        result: Option<&str>,
        failure: Option<&TaskFailureDetails>,
    ) {
        if let Some(failure) = failure {
            self.problems.push(format!(
                "{} failed: {}: {}",
                request.describe(),
                failure.error_type,
                failure.error_message
            ));
        }
        if !request.signal {
            self.reply(request, response(result, failure));
        }
    }

    fn reply(&mut self, request: &Request, content: String) {
        if let Some(parent) = &request.parent {
            let execution = request.parent_execution.as_deref().map(Arc::from);
            self.send(
                parent.as_str().into(),
                execution,
                request.id.clone(),
                content,
                None,
            );
        }
    }

    fn signal(&mut self, signal: SendSignalAction) {
        let at = signal.scheduled_time.as_ref().map(Ticks::from_proto);
        let requested = signal.request_time.as_ref().map(Ticks::from_proto);
        let mut request = Request {
            operation: Some(signal.name),
            signal: true,
            input: signal.input,
            id: uuid::Uuid::new_v4().to_string(),
            parent: Some(self.id.to_string()),
            due: at,
            parent_trace_context: trace_json(signal.parent_trace_context.as_ref()),
            request_time: requested.map(Ticks::iso_offset),
            ..Request::default()
        };
        let name = match at {
            Some(at) => scheduled(at),
            None => {
                let now = self.ids.time();
                let sorter = &mut self.scheduler.sorter;
                sorter.label(&mut request, &signal.instance_id, now, self.window);
                REQUEST.to_owned()
            }
        };
        let due = due(&signal.instance_id, &name);
        self.send(signal.instance_id.into(), None, name, request.write(), due);
    }

    fn start(&mut self, start: StartNewOrchestrationAction) {
        let parent = ParentInstanceInfo {
            name: Some(self.id.to_string()),
            orchestration_instance: Some(OrchestrationInstance {
                instance_id: self.id.to_string(),
                execution_id: None,
            }),
            ..Default::default()
        };
        let execution = NewExecution {
            id: start.instance_id.into(),
            execution: Ids::bare_guid().into(),
            started: ExecutionStartedEvent {
                name: start.name,
                version: start.version,
                input: start.input,
                parent_instance: Some(parent),
                parent_trace_context: start.parent_trace_context,
                ..Default::default()
            },
            scheduled: start.scheduled_time.as_ref().map(Ticks::from_proto),
            generation: None,
        };
        self.instances
            .push(new_instance(execution, Reuse::IfEnded, self.ids));
    }

    fn send(
        &mut self,
        instance: Arc<str>,
        execution: Option<Arc<str>>,
        name: String,
        content: String,
        due: Option<Ticks>,
    ) {
        let raised = EventRaisedEvent {
            name,
            input: Some(content),
        };
        self.messages.push(Message {
            seq: self.ids.seq(),
            instance,
            execution,
            content: event(self.ids.time(), EventType::EventRaised(raised)),
            due,
        });
    }
}

fn operation_request(request: &Request) -> OperationRequest {
    OperationRequest {
        operation: request.operation.clone().unwrap_or_default(),
        request_id: request.id.clone(),
        input: request.input.clone(),
        trace_context: request.trace(),
    }
}

/// What the host refuses to apply.
fn check(result: &EntityBatchResult, operations: usize) -> Result<(), Exception> {
    if result.results.len() > operations {
        return Err(Exception::new(
            "System.ArgumentOutOfRangeException",
            format!(
                "The batch has {operations} operations, and {} results came back.",
                result.results.len()
            ),
        ));
    }
    let unsupported = |text: &str| Err(Exception::new("System.NotSupportedException", text));
    if result
        .results
        .iter()
        .any(|result| result.result_type.is_none())
    {
        return unsupported("An operation result is neither a success nor a failure.");
    }
    for action in &result.actions {
        match &action.operation_action_type {
            Some(ActionKind::SendSignal(signal)) if !is_entity(&signal.instance_id) => {
                return Err(Exception::new(
                    "System.ArgumentException",
                    format!(
                        "A signal is for `{}`, which is no entity id such as @name@key.",
                        signal.instance_id
                    ),
                ));
            }
            Some(ActionKind::StartNewOrchestration(start)) if start.instance_id.is_empty() => {
                return unsupported(
                    "An orchestration without an instance id was to be started: generate one.",
                );
            }
            None => return unsupported("An action without a kind was sent."),
            Some(_) => {}
        }
    }
    Ok(())
}
