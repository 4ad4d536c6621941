//! What an orchestration and entities send each other: labels, requests that wait for an answer,
//! and the critical section.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use durable_functions_protocol::entity::{
    EntityId, Label, OP, RELEASE, Release, Request, RequestTime, scheduled,
};
use durable_functions_protocol::proto::{
    ActionType, OrchestrationInstance, OrchestratorAction, OrchestratorEntityParameters,
    SendEventAction, Timestamp,
};
use durable_functions_protocol::time;
use prost::Message as _;
use uuid::Uuid;

use super::LONGEST_TIMER;
use super::core::{CLOSED, Core, Ended, TaskState};
use super::fault::Fault;
use super::index::EventKind;

/// What an orchestrator asks of an entity.
pub(crate) struct Operation<'a, Input> {
    pub(crate) entity: &'a EntityId,
    pub(crate) name: &'a str,
    /// Writes the input as JSON text; it is asked for where history lacks the message.
    pub(crate) input: Input,
    /// Execution id of the orchestration.
    pub(crate) sender: Option<&'a str>,
}

/// How long messages are put in order for by their receiver; `None` for not at all.
type ReorderWindow = Option<Duration>;

/// The entities that an orchestration has locked, or asked for.
struct Section {
    id: Uuid,
    entities: Vec<EntityId>,
    state: SectionState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SectionState {
    /// Nobody has answered yet.
    Requested,
    /// As [`Requested`](Self::Requested), while nobody waits for it any more: it is given back as
    /// soon as it is granted.
    GivenUp,
    /// Granted, and not looked at yet.
    Granted,
    /// The orchestrator is in it.
    Entered,
}

/// What an orchestration knows of the entities that it has to do with.
#[derive(Default)]
pub(super) struct Entities {
    /// Read from the request at the first message.
    window: Option<ReorderWindow>,
    /// The label of the last message to each entity.
    sent: HashMap<String, Label>,
    /// Action ids by the ids of requests that wait for an answer.
    waiting: HashMap<Uuid, Waiting>,
    sections: Vec<Section>,
    /// Which locked entities a call is under way to.
    called: HashMap<String, Uuid>,
    /// Actions that were answered by an event of their own, which has the bare result.
    bare: HashSet<u32>,
}

struct Waiting {
    action: u32,
    /// The locked entity that was called.
    locked: Option<String>,
}

impl Entities {
    fn section(&self, id: Uuid) -> Option<usize> {
        self.sections.iter().position(|section| section.id == id)
    }

    fn entered(&self) -> Option<&Section> {
        let entered = |section: &&Section| section.state == SectionState::Entered;
        self.sections.iter().find(entered)
    }

    /// Labels a message, so that the receiver sees it after what was sent there before. What was
    /// sent longer ago than the window is forgotten, as the receiver does.
    fn label(&mut self, request: &mut Request, target: &str, now: &Timestamp, window: Duration) {
        let mut label = Label::new(now);
        if let Some(last) = self.sent.get(target).copied() {
            let age = time::saturating_since(&label.time(), &last.time());
            if age <= window {
                request.predecessor = last;
            }
            if !label.is_after(&last) {
                label = last.next();
            }
        }
        request.timestamp = label;
        self.sent.insert(target.to_owned(), label);
    }
}

impl Core {
    /// Calls an operation of an entity. Gives the action's id.
    pub(crate) fn call_entity<Input>(&self, operation: Operation<'_, Input>) -> u32
    where
        Input: FnOnce() -> Result<String, serde_json::Error>,
    {
        self.seal();
        let target = operation.entity.to_string();
        let locked = self.check_call(operation.entity, &target);
        let request = self.new_request(operation.name, operation.sender);
        let id = request.id;
        let action = self.send_request(&target, request, operation.input, None);
        let id = self.recorded_id(action).unwrap_or(id);
        if action != CLOSED {
            let entities = &mut self.state.borrow_mut().entities;
            if locked {
                entities.called.insert(target.clone(), id);
            }
            let locked = locked.then_some(target);
            entities.waiting.insert(id, Waiting { action, locked });
        }
        action
    }

    /// Signals an operation to an entity, now or at a later time.
    pub(crate) fn signal_entity<Input>(
        &self,
        operation: Operation<'_, Input>,
        due: Option<Timestamp>,
    ) where
        Input: FnOnce() -> Result<String, serde_json::Error>,
    {
        self.seal();
        if let Err(problem) = operation.entity.validate() {
            self.fail(Fault::entity_id(&problem));
        }
        if self.is_locked(operation.entity) {
            self.fail(Fault::signal_to_locked(operation.entity));
        }
        let target = operation.entity.to_string();
        let mut request = self.new_request(operation.name, operation.sender);
        request.signal = true;
        self.send_request(&target, request, operation.input, due);
    }

    fn new_request(&self, name: &str, sender: Option<&str>) -> Request {
        let mut request = Request::operation(self.draw_guid(), name, None);
        request.parent = Some(self.instance_id().to_owned());
        request.parent_execution = sender.map(str::to_owned);
        request.request_time = Some(RequestTime(self.now()));
        request
    }

    /// Checks a call against the critical section; says whether the entity is locked.
    fn check_call(&self, entity: &EntityId, target: &str) -> bool {
        if let Err(problem) = entity.validate() {
            self.fail(Fault::entity_id(&problem));
        }
        let fault = {
            let entities = &self.state.borrow().entities;
            let Some(section) = entities.entered() else {
                return false;
            };
            if !section.entities.contains(entity) {
                Some(Fault::call_outside_of_section(entity, &section.entities))
            } else if entities.called.contains_key(target) {
                Some(Fault::second_call_in_section(entity))
            } else {
                None
            }
        };
        if let Some(fault) = fault {
            self.fail(fault);
        }
        true
    }

    fn is_locked(&self, entity: &EntityId) -> bool {
        let entities = &self.state.borrow().entities;
        let section = entities.entered();
        section.is_some_and(|section| section.entities.contains(entity))
    }

    /// Asks for the locks of entities. Gives the action's id and that of the critical section.
    pub(crate) fn lock_entities(
        &self,
        entities: Vec<EntityId>,
        sender: Option<&str>,
    ) -> (u32, Uuid) {
        self.seal();
        for entity in &entities {
            if let Err(problem) = entity.validate() {
                self.fail(Fault::entity_id(&problem));
            }
        }
        let nested = {
            let sections = &self.state.borrow().entities.sections;
            let given_up = |section: &Section| section.state == SectionState::GivenUp;
            !sections.iter().all(given_up)
        };
        if nested {
            self.fail(Fault::nested_lock());
        }
        let id = self.draw_guid();
        let mut request = Request::lock(id, entities);
        request.parent = Some(self.instance_id().to_owned());
        request.parent_execution = sender.map(str::to_owned);
        let entities: Vec<_> = request
            .lockset
            .iter()
            .flatten()
            .map(|it| it.0.clone())
            .collect();
        let Some(first) = entities.first() else {
            self.fail(Fault::empty_lock());
            return (CLOSED, id);
        };
        let action = self.send_request(&first.to_string(), request, || Ok(String::new()), None);
        let id = self.recorded_id(action).unwrap_or(id);
        if action != CLOSED {
            let known = &mut self.state.borrow_mut().entities;
            known.waiting.insert(
                id,
                Waiting {
                    action,
                    locked: None,
                },
            );
            known.sections.push(Section {
                id,
                entities,
                state: SectionState::Requested,
            });
        }
        (action, id)
    }

    /// The locks were looked at: the critical section begins.
    pub(crate) fn enter_section(&self, id: Uuid) {
        self.set_section(id, SectionState::Entered);
    }

    /// The locks were refused.
    pub(crate) fn refuse_section(&self, id: Uuid) {
        let entities = &mut self.state.borrow_mut().entities;
        entities.sections.retain(|section| section.id != id);
    }

    fn set_section(&self, id: Uuid, state: SectionState) {
        let entities = &mut self.state.borrow_mut().entities;
        let section = entities
            .sections
            .iter_mut()
            .find(|section| section.id == id);
        if let Some(section) = section {
            section.state = state;
        }
    }

    /// Whether the orchestrator is in a critical section.
    pub(crate) fn is_in_section(&self) -> bool {
        self.state.borrow().entities.entered().is_some()
    }

    /// Nobody needs the locks any more: they are given back, now or as soon as they are granted.
    pub(crate) fn leave_section(&self, id: Uuid) {
        // what a faulty orchestrator has locked is given back with its failure
        if self.is_closed() || self.has_fault() {
            return;
        }
        self.seal();
        let state = {
            let entities = &self.state.borrow().entities;
            let section = entities
                .section(id)
                .and_then(|at| entities.sections.get(at));
            section.map(|section| section.state)
        };
        match state {
            None | Some(SectionState::GivenUp) => {}
            Some(SectionState::Requested) => self.set_section(id, SectionState::GivenUp),
            Some(SectionState::Granted | SectionState::Entered) => self.release(id),
        }
    }

    /// An orchestrator has ended: gives back what it has locked. Locks that are not granted yet
    /// are waited for.
    pub(super) fn leave_all_sections(&self) {
        if self.has_fault() {
            return;
        }
        self.seal();
        let sections: Vec<_> = {
            let sections = &self.state.borrow().entities.sections;
            sections
                .iter()
                .map(|section| (section.id, section.state))
                .collect()
        };
        for (id, state) in sections {
            match state {
                SectionState::Requested => self.set_section(id, SectionState::GivenUp),
                SectionState::GivenUp => {}
                SectionState::Granted | SectionState::Entered => self.release(id),
            }
        }
    }

    /// Whether locks are asked for that nobody needs any more, and that have to be given back when
    /// they come.
    pub(super) fn awaits_locks(&self) -> bool {
        !self.state.borrow().entities.sections.is_empty()
    }

    fn release(&self, id: Uuid) {
        let section = {
            let entities = &mut self.state.borrow_mut().entities;
            let at = entities.section(id);
            at.map(|at| entities.sections.remove(at))
        };
        let Some(section) = section else { return };
        let release = Release {
            parent: self.instance_id().to_owned(),
            id,
        };
        let data = release.to_json();
        for entity in section.entities {
            self.send(RELEASE, &entity.to_string(), || Ok(data.clone()));
        }
    }

    /// What gives back the locks of an orchestration that is failed because its code can't go on.
    /// The ids are those that no action of history has.
    pub(super) fn take_releases(&self) -> Vec<OrchestratorAction> {
        let mut decided = self.take_actions();
        decided.retain(is_release);
        let state = &*self.state.borrow();
        let held = |section: &&Section| {
            matches!(section.state, SectionState::Granted | SectionState::Entered)
        };
        let locked = state
            .entities
            .sections
            .iter()
            .filter(held)
            .flat_map(|section| {
                let id = section.id;
                section.entities.iter().map(move |entity| (id, entity))
            });
        let first = state.tasks.len().max(self.index().scheduled_len());
        let held = locked.enumerate().map(|(place, (id, entity))| {
            let parent = self.instance_id().to_owned();
            let data = Release { parent, id }.to_json();
            OrchestratorAction {
                id: i32::try_from(first + place).unwrap_or(i32::MAX),
                orchestrator_action_type: Some(event(RELEASE, &entity.to_string(), data)),
            }
        });
        decided.into_iter().chain(held).collect()
    }

    fn send_request(
        &self,
        target: &str,
        mut request: Request,
        input: impl FnOnce() -> Result<String, serde_json::Error>,
        due: Option<Timestamp>,
    ) -> u32 {
        let window = match self.reorder_window() {
            Ok(window) => window,
            Err(fault) => {
                self.fail(fault);
                return CLOSED;
            }
        };
        let now = self.now();
        let name = match due {
            // what is scheduled is delivered by its time, and not put in order
            Some(due) => {
                request.due = Some(Label::new(&due));
                let cap = time::saturating_add(&now, LONGEST_TIMER);
                let later = time::compare(&due, &cap).is_gt();
                scheduled(if later { &cap } else { &due })
            }
            None => {
                if let Some(window) = window {
                    let entities = &mut self.state.borrow_mut().entities;
                    entities.label(&mut request, target, &now, window);
                }
                OP.to_owned()
            }
        };
        self.send(&name, target, || {
            // nothing and `null` are the same to an entity
            let input = input()?;
            request.input = (!input.is_empty() && input != "null").then_some(input);
            Ok(request.to_json())
        })
    }

    /// Sends an event, also when the orchestrator has ended.
    fn send(
        &self,
        name: &str,
        target: &str,
        data: impl FnOnce() -> Result<String, serde_json::Error>,
    ) -> u32 {
        const KIND: EventKind = EventKind::EventSent;
        let Some((id, recorded)) = self.begin_action(KIND, name) else {
            return CLOSED;
        };
        // user code runs in here, so nothing may be borrowed
        let data = (!recorded).then(data).transpose().unwrap_or_else(|error| {
            self.fail(Fault::input_not_json(KIND, name, &error));
            None
        });
        {
            let state = &mut *self.state.borrow_mut();
            if let Some(data) = data {
                state.decide(id, event(name, target, data));
            }
            state.begin(TaskState::Open);
        }
        self.compare_target(id, target);
        id
    }

    fn reorder_window(&self) -> Result<ReorderWindow, Fault> {
        if let Some(window) = self.state.borrow().entities.window {
            return Ok(window);
        }
        let range = self.index().entity_parameters.clone();
        let bytes = self.bytes(range.ok_or_else(Fault::no_entities)?);
        let parameters = OrchestratorEntityParameters::decode(bytes).map_err(Fault::bad_request)?;
        let window = match parameters.entity_message_reorder_window {
            None => None,
            Some(window) => Some(Duration::try_from(window).map_err(Fault::bad_request)?),
        };
        let window = window.filter(|window| !window.is_zero());
        self.state.borrow_mut().entities.window = Some(window);
        Ok(window)
    }

    /// The id that a request has in the history, by which it is answered: another SDK, or a history
    /// without the times of its turns, may have another one than would be made here.
    fn recorded_id(&self, action: u32) -> Option<Uuid> {
        #[derive(serde::Deserialize)]
        struct Identified {
            id: Uuid,
        }
        let event = self.index().scheduled(action)?;
        let message = self.bytes(super::events::message(self.request(), event)?);
        match event.kind {
            EventKind::EntityMessage => Uuid::try_parse_ascii(message).ok(),
            EventKind::EventSent => {
                let identified: Identified = serde_json::from_slice(message).ok()?;
                Some(identified.id)
            }
            _ => None,
        }
    }

    /// An event that may answer a request, by a response message or by what such a message would
    /// hold. Says whether it does.
    pub(super) fn answer(&self, name: &[u8], ended: Ended, message: bool) -> bool {
        let (id, action) = {
            let entities = &mut self.state.borrow_mut().entities;
            if entities.waiting.is_empty() {
                return false;
            }
            let Ok(id) = Uuid::try_parse_ascii(name) else {
                return false;
            };
            let Some(waiting) = entities.waiting.remove(&id) else {
                return false;
            };
            if let Some(locked) = waiting.locked
                && entities.called.get(&locked) == Some(&id)
            {
                entities.called.remove(&locked);
            }
            if !message {
                entities.bare.insert(waiting.action);
            }
            (id, waiting.action)
        };
        self.grant(id, &ended);
        self.complete(action.cast_signed(), ended);
        true
    }

    /// Whether an answer was the bare result, and not a message that holds it.
    pub(crate) fn is_bare(&self, action: u32) -> bool {
        self.state.borrow().entities.bare.contains(&action)
    }

    /// An answer to a request for locks.
    fn grant(&self, id: Uuid, ended: &Ended) {
        let state = {
            let entities = &mut self.state.borrow_mut().entities;
            let Some(at) = entities.section(id) else {
                return;
            };
            if matches!(ended, Ended::Failed(_)) {
                entities.sections.remove(at);
                return;
            }
            entities.sections.get(at).map(|section| section.state)
        };
        match state {
            Some(SectionState::GivenUp) => self.release(id),
            _ => self.set_section(id, SectionState::Granted),
        }
    }
}

fn is_release(action: &OrchestratorAction) -> bool {
    match &action.orchestrator_action_type {
        Some(ActionType::SendEvent(sent)) => {
            let target = sent.instance.as_ref().map(|it| it.instance_id.as_str());
            sent.name == RELEASE && target.is_some_and(|target| target.starts_with('@'))
        }
        _ => false,
    }
}

fn event(name: &str, target: &str, data: String) -> ActionType {
    ActionType::SendEvent(SendEventAction {
        instance: Some(OrchestrationInstance {
            instance_id: target.to_owned(),
            execution_id: None,
        }),
        name: name.to_owned(),
        data: Some(data),
    })
}
