//! A backend for one test: it answers what an orchestrator asks for, and moves the clock on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use durable_functions_protocol::entity::{Request, is_request};
use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{
    ActionType, CompleteOrchestrationAction, CreateSubOrchestrationAction, EventRaisedEvent,
    EventSentEvent, EventType, ExecutionStartedEvent, HistoryEvent, OrchestrationInstance,
    OrchestrationStatus, OrchestratorAction, OrchestratorCompletedEvent, OrchestratorRequest,
    OrchestratorResponse, OrchestratorStartedEvent, ParentInstanceInfo,
    SubOrchestrationInstanceCompletedEvent, SubOrchestrationInstanceCreatedEvent,
    SubOrchestrationInstanceFailedEvent, TaskCompletedEvent, TaskFailedEvent, TaskScheduledEvent,
    TimerCreatedEvent, TimerFiredEvent, Timestamp,
};
use durable_functions_protocol::{time, value};
use prost::Message as _;

use super::answers::{Answering, Outcome, RealActivity};
use super::entities::Entities;
use super::events::{TestEvent, TestEventKind};
use super::run::TestStatus;
use crate::argument::States;
use crate::orchestrator::OrchestrationContext;
use crate::replay::{self, Running};

/// How often an orchestration may continue as new before a test gives up.
const MOST_RUNS: usize = 1_000;

/// How many turns a run may take, unless a test says otherwise.
const MOST_TURNS: usize = 1_000;

/// How deep sub-orchestrations may call each other.
const DEEPEST: usize = 50;

type StartFn = fn(OrchestrationContext, Option<&str>) -> Result<Running, Failure>;

/// What stands for a sub-orchestrator.
pub(super) enum Sub {
    Real(StartFn),
    Answered(Answering),
}

/// What stands for an activity.
pub(super) enum Task {
    Real(RealActivity),
    Answered(Answering),
}

/// The answers of a test, by name in lower case.
#[derive(Default)]
pub(super) struct World {
    activities: RefCell<HashMap<String, Task>>,
    subs: RefCell<HashMap<String, Sub>>,
    pub(super) entities: RefCell<Entities>,
    pub(super) states: Arc<States>,
}

/// An instance to be run.
pub(super) struct Instance {
    pub(super) id: String,
    name: String,
    start: StartFn,
    pub(super) input: Option<String>,
    pub(super) version: Option<String>,
    pub(super) begin: Timestamp,
    /// What comes from outside, and when.
    pub(super) messages: Vec<(Duration, EventType)>,
    pub(super) seed: Option<u64>,
    pub(super) most_turns: usize,
    parent: Option<ParentInstanceInfo>,
    /// How many parents it has above it.
    depth: usize,
}

impl Instance {
    pub(super) fn new(id: &str, name: &str, start: StartFn) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            start,
            input: None,
            version: None,
            // 2026-01-01T00:00:00Z
            begin: Timestamp {
                seconds: 1_767_225_600,
                nanos: 0,
            },
            messages: Vec::new(),
            seed: None,
            most_turns: MOST_TURNS,
            parent: None,
            depth: 0,
        }
    }
}

/// How an instance ended.
pub(super) struct Finished {
    pub(super) status: TestStatus,
    pub(super) custom_status: Option<String>,
    pub(super) elapsed: Duration,
    pub(super) runs: usize,
    pub(super) events: Vec<TestEvent>,
}

impl Finished {
    pub(super) fn stuck(reason: String) -> Self {
        Self {
            status: TestStatus::Stuck(reason),
            custom_status: None,
            elapsed: Duration::ZERO,
            runs: 0,
            events: Vec::new(),
        }
    }
}

impl World {
    pub(super) fn activity(&self, name: &str, task: Task) {
        let name = name.to_lowercase();
        self.activities.borrow_mut().insert(name, task);
    }

    pub(super) fn sub(&self, name: &str, sub: Sub) {
        self.subs.borrow_mut().insert(name.to_lowercase(), sub);
    }

    pub(super) fn run(&self, instance: Instance) -> Finished {
        Backend::new(self, instance).run()
    }

    fn call(&self, instance_id: &str, name: &str, input: &str) -> Result<Outcome, String> {
        match self.activities.borrow_mut().get_mut(&name.to_lowercase()) {
            Some(Task::Answered(answer)) => Ok(answer(input)),
            Some(Task::Real(run)) => Ok(run(instance_id, input, &self.states)),
            None if name == "BuiltIn::HttpActivity" => Err(
                "it sends an HTTP request, which this test does not answer: add `.http(..)`".into(),
            ),
            None => Err(format!(
                "it calls activity '{name}', which this test does not answer: add `.activity({name}, ..)` or `.real_activity({name})`"
            )),
        }
    }
}

/// Something that is yet to happen.
struct Pending {
    due: Timestamp,
    order: u64,
    event: EventType,
}

struct Backend<'a> {
    world: &'a World,
    instance: Instance,
    now: Timestamp,
    past: Vec<HistoryEvent>,
    new: Vec<HistoryEvent>,
    pending: Vec<Pending>,
    happened: Vec<TestEvent>,
    custom_status: Option<String>,
    /// Names of the events that the orchestrator waits for.
    awaited: Vec<String>,
    runs: usize,
    /// Turns of this run.
    turns: usize,
    order: u64,
    suspended: bool,
}

impl<'a> Backend<'a> {
    fn new(world: &'a World, mut instance: Instance) -> Self {
        let now = instance.begin;
        let messages = std::mem::take(&mut instance.messages);
        let mut backend = Self {
            world,
            now,
            past: Vec::new(),
            new: Vec::new(),
            pending: Vec::new(),
            happened: Vec::new(),
            custom_status: None,
            awaited: Vec::new(),
            runs: 0,
            turns: 0,
            order: 0,
            suspended: false,
            instance,
        };
        for (after, message) in messages {
            let due = time::saturating_add(&now, after);
            backend.await_event(due, message);
        }
        backend
    }

    fn run(mut self) -> Finished {
        self.begin(self.instance.input.clone(), Vec::new());
        let status = loop {
            let response = match self.turn() {
                Ok(response) => response,
                Err(problem) => break TestStatus::Stuck(problem),
            };
            match self.commit(response) {
                Err(problem) => break TestStatus::Stuck(problem),
                Ok(Some(status)) => break status,
                Ok(None) => {}
            }
            if self.new.is_empty() && !self.go_on() {
                break TestStatus::Stuck(self.waits_for());
            }
        };
        let ended = match &status {
            TestStatus::Completed(output) => format!("completed {output}"),
            TestStatus::Failed(failure) => format!("failed {failure}"),
            TestStatus::Terminated(reason) => format!("terminated {reason}"),
            TestStatus::Stuck(reason) => format!("stuck: {reason}"),
        };
        self.note(TestEventKind::Ended, ended);
        Finished {
            status,
            custom_status: self.custom_status,
            elapsed: time::saturating_since(&self.now, &self.instance.begin),
            runs: self.runs,
            events: self.happened,
        }
    }

    /// A run begins, with an empty history.
    fn begin(&mut self, input: Option<String>, carried_over: Vec<HistoryEvent>) {
        self.runs += 1;
        self.turns = 0;
        self.suspended = false;
        self.past.clear();
        self.new.clear();
        let started = ExecutionStartedEvent {
            name: self.instance.name.clone(),
            version: self.instance.version.clone(),
            input,
            orchestration_instance: Some(OrchestrationInstance {
                instance_id: self.instance.id.clone(),
                execution_id: Some(self.execution_id()),
            }),
            parent_instance: self.instance.parent.clone(),
            ..ExecutionStartedEvent::default()
        };
        self.record(
            -1,
            EventType::OrchestratorStarted(OrchestratorStartedEvent {}),
        );
        self.record(-1, EventType::ExecutionStarted(started));
        for event in carried_over {
            self.new.push(event);
        }
        self.deliver_due();
    }

    fn execution_id(&self) -> String {
        format!("{}-run-{}", self.instance.id, self.runs)
    }

    /// Why nothing happens any more.
    fn waits_for(&self) -> String {
        if self.suspended {
            return "it is suspended, and nobody resumes it: add `.resume_after(..)`".into();
        }
        let names: Vec<_> = self
            .awaited
            .iter()
            .map(|name| format!("'{name}'"))
            .collect();
        format!(
            "it waits for an event that nobody raises ({}): add `.event(..)`, or a time limit to the wait",
            names.join(", ")
        )
    }

    /// Asks the engine, twice.
    fn turn(&mut self) -> Result<OrchestratorResponse, String> {
        let states = &self.world.states;
        let mut entities = self.world.entities.borrow_mut();
        entities.deliver(&self.now, states)?;
        drop(entities);
        self.turns += 1;
        if self.turns > self.instance.most_turns {
            return Err(format!(
                "it has taken {} turns and has not ended: raise what it waits for, end it with \
                `.terminate_after(..)`, or allow more with `.max_turns(..)`",
                self.instance.most_turns
            ));
        }
        let request = OrchestratorRequest {
            instance_id: self.instance.id.clone(),
            past_events: self.past.clone(),
            new_events: self.new.clone(),
            entity_parameters: Some(super::entity_parameters()),
            ..OrchestratorRequest::default()
        };
        let request = request.encode_to_vec();
        let start = self.instance.start;
        let context = RefCell::new(None);
        let remembered = |ctx: OrchestrationContext, input: Option<&str>| {
            context.replace(Some(ctx.clone()));
            start(ctx, input)
        };
        let response = replay::run(request.clone(), &remembered);
        let context = context.take();
        self.awaited = context.map_or_else(Vec::new, |context| context.awaited_events());
        if replay::run(request, &start) == response {
            Ok(response)
        } else {
            Err(
                "it is not deterministic: asked twice with the same history, it decided two things. \
                Look for clocks, random numbers, hash maps and statics in it"
                    .into(),
            )
        }
    }

    /// Takes the decisions of a turn into the history, and carries them out.
    fn commit(&mut self, response: OrchestratorResponse) -> Result<Option<TestStatus>, String> {
        self.past.append(&mut self.new);
        if self.custom_status != response.custom_status {
            self.custom_status = response.custom_status;
            let status = self.custom_status.clone().unwrap_or_default();
            self.note(TestEventKind::CustomStatus, status);
        }
        let mut complete = None;
        for OrchestratorAction {
            id,
            orchestrator_action_type,
        } in response.actions
        {
            match orchestrator_action_type {
                Some(ActionType::CompleteOrchestration(action)) => complete = Some(action),
                Some(action) => self.carry_out(id, action)?,
                None => {}
            }
        }
        // what was asked for belongs to the past
        self.past.append(&mut self.new);
        let completed = OrchestratorCompletedEvent {};
        self.record(-1, EventType::OrchestratorCompleted(completed));
        self.past.append(&mut self.new);
        match complete {
            Some(action) => self.end(action),
            None => Ok(None),
        }
    }

    fn end(&mut self, action: CompleteOrchestrationAction) -> Result<Option<TestStatus>, String> {
        let result = action.result.clone().unwrap_or_default();
        Ok(Some(match action.orchestration_status() {
            OrchestrationStatus::Completed => TestStatus::Completed(result),
            OrchestrationStatus::Terminated => TestStatus::Terminated(result),
            OrchestrationStatus::ContinuedAsNew => {
                if self.runs >= MOST_RUNS {
                    return Err(format!(
                        "it continued as new {MOST_RUNS} times: end it with `.terminate_after(..)`"
                    ));
                }
                if action.new_version.is_some() {
                    self.instance.version = action.new_version;
                }
                let is_raised = |pending: &Pending| {
                    matches!(
                        pending.event,
                        EventType::EventRaised(_)
                            | EventType::ExecutionTerminated(_)
                            | EventType::ExecutionSuspended(_)
                            | EventType::ExecutionResumed(_)
                    )
                };
                self.pending.retain(is_raised);
                self.custom_status = None;
                self.begin(action.result, action.carryover_events);
                return Ok(None);
            }
            _ => TestStatus::Failed(Failure::from_activity(action.failure_details.as_ref())),
        }))
    }

    fn carry_out(&mut self, id: i32, action: ActionType) -> Result<(), String> {
        match action {
            ActionType::ScheduleTask(task) => {
                let input = task.input.clone().unwrap_or_else(|| "null".into());
                let outcome = self.world.call(&self.instance.id, &task.name, &input)?;
                let scheduled = TaskScheduledEvent {
                    name: task.name,
                    version: task.version,
                    input: task.input,
                    ..TaskScheduledEvent::default()
                };
                self.record(id, EventType::TaskScheduled(scheduled));
                let event = match outcome {
                    Ok(result) => EventType::TaskCompleted(TaskCompletedEvent {
                        task_scheduled_id: id,
                        result: Some(value::to_result(result)),
                    }),
                    Err(details) => EventType::TaskFailed(TaskFailedEvent {
                        task_scheduled_id: id,
                        failure_details: details.map(|details| *details),
                    }),
                };
                self.await_event(self.now, event);
            }
            ActionType::CreateTimer(timer) => {
                let due = timer.fire_at.unwrap_or(self.now);
                let created = TimerCreatedEvent {
                    fire_at: timer.fire_at,
                };
                self.record(id, EventType::TimerCreated(created));
                let fired = TimerFiredEvent {
                    fire_at: timer.fire_at,
                    timer_id: id,
                };
                self.await_event(due, EventType::TimerFired(fired));
            }
            ActionType::CreateSubOrchestration(sub) => {
                let (due, outcome) = self.sub(id, &sub)?;
                let created = SubOrchestrationInstanceCreatedEvent {
                    instance_id: sub.instance_id,
                    name: sub.name,
                    version: sub.version,
                    input: sub.input,
                    ..SubOrchestrationInstanceCreatedEvent::default()
                };
                self.record(id, EventType::SubOrchestrationInstanceCreated(created));
                let event = match outcome {
                    Ok(result) => EventType::SubOrchestrationInstanceCompleted(
                        SubOrchestrationInstanceCompletedEvent {
                            task_scheduled_id: id,
                            result: Some(result),
                        },
                    ),
                    Err(details) => EventType::SubOrchestrationInstanceFailed(
                        SubOrchestrationInstanceFailedEvent {
                            task_scheduled_id: id,
                            failure_details: details.map(|details| *details),
                        },
                    ),
                };
                self.await_event(due, event);
            }
            ActionType::SendEvent(sent) => {
                let target = sent.instance.unwrap_or_default().instance_id;
                if target.starts_with('@') {
                    self.send_to_entity(&target, &sent.name, sent.data.as_deref())?;
                } else if target == self.instance.id {
                    let raised = EventRaisedEvent {
                        name: sent.name.clone(),
                        input: sent.data.clone(),
                    };
                    self.await_event(self.now, EventType::EventRaised(raised));
                }
                let sent = EventSentEvent {
                    instance_id: target,
                    name: sent.name,
                    input: sent.data,
                };
                self.record(id, EventType::EventSent(sent));
            }
            other => return Err(format!("a test can't carry out {other:?}")),
        }
        Ok(())
    }

    /// An entity handles what is sent to it at once.
    fn send_to_entity(
        &mut self,
        target: &str,
        name: &str,
        data: Option<&str>,
    ) -> Result<(), String> {
        if !is_request(name) {
            return Ok(());
        }
        let request = Request::from_json(data.unwrap_or_default());
        let request = request.map_err(|error| error.to_string())?;
        let id = request.id.to_string();
        let states = &self.world.states;
        let mut entities = self.world.entities.borrow_mut();
        let response = entities.request(target, request, &self.now, states)?;
        drop(entities);
        if let Some(response) = response {
            let raised = EventRaisedEvent {
                name: id,
                input: Some(response.to_json()),
            };
            self.await_event(self.now, EventType::EventRaised(raised));
        }
        Ok(())
    }

    /// Runs a sub-orchestration. Gives when and how it ended.
    fn sub(
        &self,
        id: i32,
        sub: &CreateSubOrchestrationAction,
    ) -> Result<(Timestamp, Outcome), String> {
        let (name, input) = (&sub.name, &sub.input);
        let missing = || {
            format!(
                "it calls sub-orchestration '{name}', which this test does not answer: add `.sub_orchestrator({name})` or `.sub_orchestration({name}, ..)`"
            )
        };
        let start = match self.world.subs.borrow_mut().get_mut(&name.to_lowercase()) {
            None => return Err(missing()),
            Some(Sub::Answered(answer)) => {
                return Ok((self.now, answer(input.as_deref().unwrap_or("null"))));
            }
            Some(Sub::Real(start)) => *start,
        };
        if self.instance.depth >= DEEPEST {
            return Err(format!(
                "it is {DEEPEST} sub-orchestrations deep: check what ends the calls of '{name}'"
            ));
        }
        let mut instance = Instance::new(&sub.instance_id, name, start);
        instance.depth = self.instance.depth + 1;
        instance.input.clone_from(input);
        instance.version.clone_from(&sub.version);
        instance.begin = self.now;
        instance.seed = self.instance.seed;
        instance.most_turns = self.instance.most_turns;
        instance.parent = Some(ParentInstanceInfo {
            task_scheduled_id: id,
            name: Some(self.instance.name.clone()),
            version: self.instance.version.clone(),
            orchestration_instance: Some(OrchestrationInstance {
                instance_id: self.instance.id.clone(),
                execution_id: Some(self.execution_id()),
            }),
        });
        let finished = self.world.run(instance);
        let outcome = match finished.status {
            TestStatus::Completed(output) => Ok(output),
            TestStatus::Failed(failure) => Err(Some(Box::new(failure.to_proto()))),
            TestStatus::Terminated(_) => Err(None),
            TestStatus::Stuck(reason) => {
                // told once, however deep it is
                let told = reason.starts_with("in sub-orchestration");
                return Err(if told {
                    reason
                } else {
                    format!("in sub-orchestration '{name}', {reason}")
                });
            }
        };
        Ok((time::saturating_add(&self.now, finished.elapsed), outcome))
    }

    /// Moves on to the next thing that happens. Says whether there is one.
    fn go_on(&mut self) -> bool {
        let earliest = self.pending.iter().map(|pending| pending.due);
        let Some(due) = earliest.min_by(time::compare) else {
            return false;
        };
        if time::compare(&due, &self.now).is_gt() {
            self.now = due;
        }
        self.record(
            -1,
            EventType::OrchestratorStarted(OrchestratorStartedEvent {}),
        );
        self.deliver_due();
        true
    }

    fn deliver_due(&mut self) {
        let now = self.now;
        let is_due = |pending: &mut Pending| time::compare(&pending.due, &now).is_le();
        let mut due: Vec<_> = self.pending.extract_if(.., is_due).collect();
        due.sort_by_key(|pending| pending.order);
        for pending in due {
            match pending.event {
                EventType::ExecutionSuspended(_) => self.suspended = true,
                EventType::ExecutionResumed(_) => self.suspended = false,
                _ => {}
            }
            self.record(-1, pending.event);
        }
    }

    fn await_event(&mut self, due: Timestamp, event: EventType) {
        self.order += 1;
        // what comes from outside keeps its order
        let is_end = matches!(
            event,
            EventType::TaskCompleted(_)
                | EventType::TaskFailed(_)
                | EventType::SubOrchestrationInstanceCompleted(_)
                | EventType::SubOrchestrationInstanceFailed(_)
                | EventType::TimerFired(_)
        );
        let order = match self.instance.seed {
            Some(seed) if is_end => shuffle(seed, self.order),
            _ => self.order,
        };
        self.pending.push(Pending { due, order, event });
    }

    fn record(&mut self, event_id: i32, event_type: EventType) {
        let event = HistoryEvent {
            event_id,
            timestamp: Some(self.now),
            event_type: Some(event_type),
        };
        let at = time::saturating_since(&self.now, &self.instance.begin);
        self.happened.extend(TestEvent::of(&event, at));
        self.new.push(event);
    }

    fn note(&mut self, kind: TestEventKind, payload: String) {
        self.happened.push(TestEvent {
            at: time::saturating_since(&self.now, &self.instance.begin),
            kind,
            id: None,
            name: String::new(),
            payload,
        });
    }
}

/// Numbers that look random, and are the same for the same seed.
fn shuffle(seed: u64, number: u64) -> u64 {
    let mixed = (seed ^ number.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 32)
}
