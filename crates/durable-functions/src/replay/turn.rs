//! One turn: a request in, a response out.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{
    ActionType, CompleteOrchestrationAction, OrchestrationStatus, OrchestrationTraceContext,
    OrchestratorAction, OrchestratorResponse,
};

use super::core::{Core, TaskState};
use super::events;
use super::fault::Fault;
use super::index::{Event, EventKind, RequestIndex};
use crate::orchestrator::OrchestrationContext;
use crate::panic;

/// An orchestration on its way; ends with its output as JSON text.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<String, Failure>>>>;

/// Starts an orchestrator with its input as JSON text.
pub(crate) type Start =
    dyn Fn(OrchestrationContext, Option<&str>) -> Result<Running, Failure> + Send + Sync;

/// How an orchestration ended.
enum End {
    Completed(String),
    Failed(Failure),
    Terminated(String),
}

/// Runs one turn: replays the history and hands the new events to the orchestrator. Every outcome,
/// panics and unreadable requests included, is a response.
pub(crate) fn run(request: Vec<u8>, start: &Start) -> OrchestratorResponse {
    let index = match RequestIndex::scan(&request) {
        Ok(index) => index,
        Err(problem) => return failed(String::new(), 0, Fault::malformed(problem).into_failure()),
    };
    let instance_id =
        String::from_utf8_lossy(request.get(index.instance_id.clone()).unwrap_or_default())
            .into_owned();
    if instance_id.is_empty() {
        return failed(
            String::new(),
            0,
            Fault::bad_request("it names no instance").into_failure(),
        );
    }
    let core = Rc::new(Core::new(request, index));
    let mut turn = Turn {
        core: Rc::clone(&core),
        instance_id,
        start,
        running: None,
        end: None,
    };
    turn.apply_events();
    turn.finish()
}

struct Turn<'a> {
    core: Rc<Core>,
    instance_id: String,
    start: &'a Start,
    running: Option<Running>,
    end: Option<End>,
}

impl Turn<'_> {
    fn apply_events(&mut self) {
        let core = Rc::clone(&self.core);
        core.set_replaying(core.index().past > 0);
        for (position, event) in core.index().events.iter().enumerate() {
            if position == core.index().past {
                core.set_replaying(false);
            }
            if let Err(fault) = self.apply(*event) {
                core.fail(fault);
            }
            if core.take_woken() {
                self.poll();
            }
            if core.has_fault() {
                return;
            }
        }
        if self.running.is_none() && self.end.is_none() {
            core.fail(Fault::bad_request(
                "its history has no ExecutionStarted event",
            ));
        }
    }

    fn apply(&mut self, event: Event) -> Result<(), Fault> {
        let core = Rc::clone(&self.core);
        let request = core.request();
        match event.kind {
            EventKind::OrchestratorStarted => {
                core.set_now(events::timestamp(core.bytes(event.body()))?)
            }
            EventKind::ExecutionStarted => self.start(event)?,
            EventKind::ExecutionTerminated => {
                let reason = super::wire::Reader::new(request, event.body())
                    .find_wrapped(1)
                    .map_err(Fault::malformed)?;
                let reason =
                    reason.map(|range| String::from_utf8_lossy(core.bytes(range)).into_owned());
                self.end(End::Terminated(reason.unwrap_or_default()));
            }
            EventKind::TaskCompleted => {
                let result = events::result(request, event).map_err(Fault::malformed)?;
                self.complete(event, TaskState::Completed(narrow(&result)))?;
            }
            EventKind::TaskFailed => {
                let details = events::failure_details(request, event).map_err(Fault::malformed)?;
                self.complete(event, TaskState::Failed(narrow(&details)))?;
            }
            kind if kind.is_scheduling() => {
                if self.running.is_none() && self.end.is_none() {
                    return Err(Fault::bad_request(
                        "its history has no ExecutionStarted event",
                    ));
                }
                let asked_for = core.next_id();
                // ids below zero are marks of the host's own
                if self.end.is_none() && u32::try_from(event.id).is_ok_and(|id| id >= asked_for) {
                    let name = String::from_utf8_lossy(events::scheduled_name(request, event));
                    return Err(Fault::missing_action(event.id, kind, &name, asked_for));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn complete(&self, event: Event, to: TaskState) -> Result<(), Fault> {
        let id = events::answered_id(self.core.request(), event).map_err(Fault::malformed)?;
        if !self.core.complete(id, to) && self.end.is_none() {
            tracing::warn!(
                instance_id = self.instance_id,
                "ignored {:?} for action {id}: no such action is open",
                event.kind
            );
        }
        Ok(())
    }

    fn start(&mut self, event: Event) -> Result<(), Fault> {
        if self.running.is_some() || self.end.is_some() {
            return Ok(());
        }
        let started = events::execution_started(self.core.bytes(event.body()))?;
        let input = started.input.clone();
        let context =
            OrchestrationContext::new(Rc::clone(&self.core), self.instance_id.clone(), started);
        match panic::catch(|| (self.start)(context, input.as_deref())) {
            Ok(Ok(running)) => {
                self.running = Some(running);
                self.poll();
            }
            Ok(Err(failure)) | Err(failure) => self.end(End::Failed(failure)),
        }
        Ok(())
    }

    fn poll(&mut self) {
        let core = Rc::clone(&self.core);
        loop {
            let Some(running) = self.running.as_mut() else {
                return;
            };
            let mut cx = Context::from_waker(core.root_waker());
            match panic::catch(|| running.as_mut().poll(&mut cx)) {
                Ok(Poll::Ready(Ok(output))) => return self.end(End::Completed(output)),
                Ok(Poll::Ready(Err(failure))) | Err(failure) => {
                    return self.end(End::Failed(failure));
                }
                Ok(Poll::Pending) if core.has_fault() => return,
                // a combinator asked to be polled once more
                Ok(Poll::Pending) if core.take_woken() => {}
                Ok(Poll::Pending) => {
                    if !core.awaits_a_task() {
                        core.fail(Fault::foreign_await());
                    }
                    return;
                }
            }
        }
    }

    fn end(&mut self, end: End) {
        self.core.close();
        self.end = Some(end);
        drop_running(&mut self.running);
    }

    fn finish(mut self) -> OrchestratorResponse {
        self.core.close();
        drop_running(&mut self.running);
        self.core.set_replaying(false);
        let id = self.core.next_id().cast_signed();
        if let Some(fault) = self.core.take_fault() {
            return failed(self.instance_id, id, fault.into_failure());
        }
        let mut actions = self.core.take_actions();
        if let Some(end) = self.end {
            actions.push(complete(id, end));
        }
        response(self.instance_id, actions)
    }
}

/// Drops what is left of an orchestrator, whose destructors are user code.
fn drop_running(running: &mut Option<Running>) {
    if let Some(running) = running.take()
        && let Err(failure) = panic::catch(|| drop(running))
    {
        tracing::warn!(
            "a destructor of the orchestrator panicked: {}",
            failure.message
        );
    }
}

/// The request is below 4 GiB, so its ranges fit.
fn narrow(range: &std::ops::Range<usize>) -> std::ops::Range<u32> {
    range.start as u32..range.end as u32
}

fn complete(id: i32, end: End) -> OrchestratorAction {
    let mut action = CompleteOrchestrationAction::default();
    let status = match end {
        End::Completed(output) => {
            action.result = Some(output);
            OrchestrationStatus::Completed
        }
        End::Terminated(reason) => {
            action.result = Some(reason);
            OrchestrationStatus::Terminated
        }
        End::Failed(failure) => {
            action.failure_details = Some(failure.to_proto());
            OrchestrationStatus::Failed
        }
    };
    action.set_orchestration_status(status);
    OrchestratorAction {
        id,
        orchestrator_action_type: Some(ActionType::CompleteOrchestration(action)),
    }
}

/// A response that fails the instance.
pub(crate) fn failed(instance_id: String, id: i32, failure: Failure) -> OrchestratorResponse {
    response(instance_id, vec![complete(id, End::Failed(failure))])
}

/// A response that asks the host to deliver the same turn again, some seconds later.
pub(crate) fn again(instance_id: String) -> OrchestratorResponse {
    OrchestratorResponse {
        requires_history: true,
        ..response(instance_id, Vec::new())
    }
}

/// [`again`] for a request that nobody has read yet.
pub(crate) fn again_for(request: &[u8]) -> OrchestratorResponse {
    let index = RequestIndex::scan(request).unwrap_or_default();
    again(String::from_utf8_lossy(request.get(index.instance_id).unwrap_or_default()).into_owned())
}

/// The failure in a response, if it fails the instance.
pub(crate) fn failure(response: &OrchestratorResponse) -> Option<Failure> {
    response
        .actions
        .iter()
        .find_map(|action| match &action.orchestrator_action_type {
            Some(ActionType::CompleteOrchestration(complete)) => {
                complete.failure_details.as_ref().map(Failure::from_proto)
            }
            _ => None,
        })
}

fn response(instance_id: String, actions: Vec<OrchestratorAction>) -> OrchestratorResponse {
    OrchestratorResponse {
        instance_id,
        actions,
        // Microsoft's SDKs send this empty message, so we do
        orchestration_trace_context: Some(OrchestrationTraceContext::default()),
        ..OrchestratorResponse::default()
    }
}
