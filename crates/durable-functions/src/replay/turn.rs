//! One turn: a request in, a response out.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{
    EventRaisedEvent, EventType, HistoryEvent, OrchestratorResponse,
};
use prost::Message as _;

use super::core::{Core, Ended};
use super::events;
use super::fault::Fault;
use super::index::{Event, EventKind, RequestIndex};
use super::response::{End, complete, failed, response};
use crate::orchestrator::{ContinueAsNew, OrchestrationContext};
use crate::panic;

/// An orchestration on its way; ends with its output as JSON text.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<String, Failure>>>>;

/// Starts an orchestrator with its input as JSON text.
pub(crate) type Start =
    dyn Fn(OrchestrationContext, Option<&str>) -> Result<Running, Failure> + Send + Sync;

/// [`Start`] for one turn, on the thread that runs it.
type StartHere<'a> = dyn Fn(OrchestrationContext, Option<&str>) -> Result<Running, Failure> + 'a;

/// Runs one turn: replays the history and hands the new events to the orchestrator. Every outcome,
/// panics and unreadable requests included, is a response.
pub(crate) fn run(request: Vec<u8>, start: &StartHere<'_>) -> OrchestratorResponse {
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
    let core = Rc::new(Core::new(instance_id, request, index));
    let mut turn = Turn {
        core,
        start,
        running: None,
        end: None,
        position: 0,
        suspended: false,
        held_back: VecDeque::new(),
        raised_late: Vec::new(),
    };
    turn.apply_events();
    turn.finish()
}

struct Turn<'a> {
    core: Rc<Core>,
    start: &'a StartHere<'a>,
    running: Option<Running>,
    end: Option<End>,
    /// Place of the next event.
    position: usize,
    suspended: bool,
    /// Events that came while the instance was suspended, by their places in the history.
    held_back: VecDeque<usize>,
    /// Places of the events that were raised after the orchestrator had ended.
    raised_late: Vec<usize>,
}

impl Turn<'_> {
    fn apply_events(&mut self) {
        let core = Rc::clone(&self.core);
        core.set_replaying(core.index().past > 0);
        // user code runs in here; a panic of it ends the orchestrator, not the turn
        while let Err(failure) = panic::catch(|| self.go_on()) {
            self.end(End::Failed(failure));
        }
        if self.running.is_none() && self.end.is_none() && !self.suspended && !self.core.has_fault()
        {
            core.fail(Fault::bad_request(
                "its history has no ExecutionStarted event",
            ));
        }
    }

    /// Applies the events that are left.
    fn go_on(&mut self) {
        while !self.core.has_fault() {
            // what came while the instance was suspended happens when it is resumed
            if !self.suspended
                && let Some(position) = self.held_back.pop_front()
            {
                self.step(position);
                continue;
            }
            let position = self.position;
            self.position += 1;
            if position == self.core.index().past {
                self.core.set_replaying(false);
            }
            let Some(event) = self.core.index().events.get(position) else {
                return;
            };
            match event.kind {
                EventKind::Suspended => self.suspended = true,
                EventKind::Resumed => self.suspended = false,
                EventKind::ExecutionTerminated => self.step(position),
                _ if self.suspended => self.held_back.push_back(position),
                _ => self.step(position),
            }
        }
    }

    /// Applies one event and lets the orchestrator go on if that woke it.
    fn step(&mut self, position: usize) {
        let Some(event) = self.core.index().events.get(position).copied() else {
            return;
        };
        if let Err(fault) = self.apply(event, position) {
            self.core.fail(fault);
        }
        if self.core.take_woken() {
            self.poll();
        }
    }

    fn apply(&mut self, event: Event, position: usize) -> Result<(), Fault> {
        let core = Rc::clone(&self.core);
        let request = core.request();
        match event.kind {
            EventKind::OrchestratorStarted => {
                core.set_now(events::timestamp(core.bytes(event.body()))?)
            }
            EventKind::ExecutionStarted => self.start(event)?,
            EventKind::ExecutionTerminated => {
                let reason = events::reason(request, event).map_err(Fault::malformed)?;
                self.end(End::Terminated(reason));
            }
            EventKind::TaskCompleted
            | EventKind::SubOrchestrationCompleted
            | EventKind::TimerFired => self.complete(event, Ended::Completed(event.span())),
            EventKind::TaskFailed | EventKind::SubOrchestrationFailed => {
                self.complete(event, Ended::Failed(event.span()));
            }
            EventKind::EventRaised => {
                let (name, payload) = events::raised(request, event).map_err(Fault::malformed)?;
                let payload = payload.start as u32..payload.end as u32;
                if core.answer(name, Ended::Completed(payload.clone()), true) {
                    return Ok(());
                }
                if self.end.is_some() {
                    self.raised_late.push(position);
                    return Ok(());
                }
                core.raise_event(&String::from_utf8_lossy(name), payload, position);
            }
            EventKind::EntityAnswered | EventKind::EntityFailed => {
                let (id, range) = events::answer(request, event).map_err(Fault::malformed)?;
                let range = range.start as u32..range.end as u32;
                let ended = match event.kind {
                    EventKind::EntityFailed => Ended::Failed(range),
                    _ => Ended::Completed(range),
                };
                core.answer(id, ended, false);
            }
            kind if kind.is_scheduling() => {
                if self.running.is_none() && self.end.is_none() {
                    return Err(Fault::bad_request(
                        "its history has no ExecutionStarted event",
                    ));
                }
                self.recorded(event, position)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// History has an action: the code must have asked for it by now.
    fn recorded(&self, event: Event, position: usize) -> Result<(), Fault> {
        let asked_for = self.core.next_id();
        // ids below zero are marks of the host's own
        let Ok(id) = u32::try_from(event.id) else {
            return Ok(());
        };
        if self.end.is_some() || id < asked_for {
            return Ok(());
        }
        if position < self.core.index().rewound {
            if self.core.is_in_section() && events::is_release(self.core.request(), event) {
                return Err(Fault::locks_given_back());
            }
            // the action followed one that the rewind took back
            self.core.pass_over(id);
            return Ok(());
        }
        let name = events::scheduled_name(self.core.request(), event);
        let name = String::from_utf8_lossy(name);
        Err(Fault::missing_action(
            event.id, event.kind, &name, asked_for,
        ))
    }

    fn complete(&self, event: Event, ended: Ended) {
        if !self.core.complete(event.id, ended) && self.end.is_none() {
            tracing::warn!(
                instance_id = self.core.instance_id(),
                "ignored {:?} for action {}: no such action is open",
                event.kind,
                event.id
            );
        }
    }

    fn start(&mut self, event: Event) -> Result<(), Fault> {
        if self.running.is_some() || self.end.is_some() {
            return Ok(());
        }
        let started = events::execution_started(self.core.bytes(event.body()))?;
        let input = started.input.clone();
        let context = OrchestrationContext::new(Rc::clone(&self.core), started);
        match (self.start)(context, input.as_deref()) {
            Ok(running) => {
                self.running = Some(running);
                self.poll();
            }
            Err(failure) => self.end(End::Failed(failure)),
        }
        Ok(())
    }

    fn poll(&mut self) {
        let core = Rc::clone(&self.core);
        let mut cx = Context::from_waker(core.root_waker());
        while let Some(running) = self.running.as_mut() {
            if core.is_deciding() {
                core.poll_decisions(&mut cx);
            }
            match running.as_mut().poll(&mut cx) {
                Poll::Ready(Ok(output)) => return self.end(End::Completed(output)),
                Poll::Ready(Err(failure)) => return self.end(End::Failed(failure)),
                Poll::Pending => core.seal(),
            }
            // a combinator may ask to be polled once more
            if core.has_fault() || !core.take_woken() {
                break;
            }
        }
        if self.running.is_some() && !core.has_fault() && !core.is_awaiting() {
            core.fail(Fault::foreign_await());
        }
    }

    /// The orchestrator has ended, unless it asked to go on with another input.
    fn end(&mut self, end: End) {
        if self.end.is_none() {
            self.core.leave_all_sections();
        }
        self.core.close();
        let end = match (self.core.take_continuation(), end) {
            (Some(next), End::Completed(_)) => End::ContinuedAsNew(next),
            (Some(next), End::Failed(failure)) if continues_as_new(&failure) => {
                End::ContinuedAsNew(next)
            }
            (_, end) => end,
        };
        self.end.get_or_insert(end);
        drop_running(&mut self.running);
    }

    fn finish(mut self) -> OrchestratorResponse {
        self.core.close();
        drop_running(&mut self.running);
        self.core.forget_retries();
        self.core.set_replaying(false);
        let instance_id = self.core.instance_id().to_owned();
        let id = self.core.next_id().cast_signed();
        if let Some(fault) = self.core.take_fault() {
            let mut response = failed(instance_id, id, fault.into_failure());
            response.actions.splice(0..0, self.core.take_releases());
            return response;
        }
        let carry_over = self.carry_over();
        let custom_status = self.core.take_custom_status();
        let mut actions = self.core.take_actions();
        match self.end {
            // an instance that has ended could not give back what it is still to be granted
            Some(ref end) if !matches!(end, End::Terminated(_)) && self.core.awaits_locks() => {}
            Some(end) => actions.push(complete(id, end, carry_over)),
            // what the orchestrator asks for while it is suspended is asked for when it goes on
            None if self.suspended => actions.clear(),
            None => {}
        }
        OrchestratorResponse {
            custom_status,
            ..response(instance_id, actions)
        }
    }

    /// The events that the instance takes along when it continues as new, in their order.
    fn carry_over(&self) -> Vec<HistoryEvent> {
        let Some(End::ContinuedAsNew(continuation)) = &self.end else {
            return Vec::new();
        };
        if continuation.discard_events {
            return Vec::new();
        }
        let mut positions = self.core.left_over_events();
        positions.extend(&self.raised_late);
        let raised = |position: usize| {
            let event = *self.core.index().events.get(position)?;
            let event_type = EventRaisedEvent::decode(self.core.bytes(event.body())).ok()?;
            Some(HistoryEvent {
                event_id: event.id,
                timestamp: Some(self.core.now()),
                event_type: Some(EventType::EventRaised(event_type)),
            })
        };
        positions.into_iter().filter_map(raised).collect()
    }
}

/// Whether an orchestrator failed because it continues as new. The error may be wrapped in others.
fn continues_as_new(failure: &Failure) -> bool {
    let mark = ContinueAsNew::new().to_string();
    failure.chain().any(|link| link.message == mark)
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
