//! The state of one turn: open tasks, decided actions, and what the orchestrator has said.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::task::{Context, Waker};

use durable_functions_protocol::id::GuidGenerator;
use durable_functions_protocol::proto::{ActionType, OrchestratorAction, Timestamp};
use prost::Message as _;
use uuid::Uuid;

use super::entities::Entities;
use super::fault::Fault;
use super::inbox::{Inbox, Raised};
use super::index::{Event, EventKind, RequestIndex};
use super::retries::{Retries, Rule};
use super::silence;
use super::waking::{Member, Outer, Wakee, Waking};

/// The id that a task gets which was asked for when the turn was over already.
pub(super) const CLOSED: u32 = u32::MAX;

/// How a task ended. Ranges lie in the request's buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With a result, JSON text; empty for none.
    Completed(Range<u32>),
    /// With a failure's details; empty if the host gave none.
    Failed(Range<u32>),
}

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TaskState {
    Open,
    /// An attempt of a call that may be made again; the number is that of the call.
    Attempt(u32),
    /// The timer before the next attempt of a call.
    Pause(u32),
    /// The first attempt of a call that is made again: open for who waits for it, while the
    /// history can't end it any more.
    MadeAgain,
    Ended(Ended),
    /// What it ended with was taken out, or it is an action of history that the code passes over.
    Over,
}

pub(super) struct Task {
    pub(super) wakee: Wakee,
    pub(super) state: TaskState,
}

/// What an orchestrator wants to go on with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Continuation {
    /// JSON text.
    pub(crate) input: String,
    pub(crate) version: Option<String>,
    pub(crate) discard_events: bool,
}

#[derive(Default)]
pub(super) struct State {
    /// Open and ended tasks by action id.
    pub(super) tasks: Vec<Task>,
    actions: Vec<OrchestratorAction>,
    inbox: Inbox,
    fault: Option<Fault>,
    guids: GuidGenerator,
    generators: u32,
    custom_status: Option<String>,
    continuation: Option<Continuation>,
    /// The last call, while its options may still be given.
    unsealed: Option<Unsealed>,
    /// Ids of actions in a rewound history that the code does not ask for any more, ascending.
    passed_over: Vec<u32>,
    pub(super) retries: Retries,
    pub(super) entities: Entities,
}

#[derive(Clone, Copy)]
struct Unsealed {
    id: u32,
    /// A sub-orchestration that draws its id from the counter of GUIDs when it is sealed.
    draws: bool,
}

/// What an orchestrator's context and futures share for one turn.
pub(crate) struct Core {
    instance_id: String,
    request: Vec<u8>,
    index: RequestIndex,
    pub(super) state: RefCell<State>,
    pub(super) waking: Waking,
    now: Cell<Timestamp>,
    replaying: Cell<bool>,
    /// No more decisions are recorded: the orchestrator has ended, or its future is being dropped
    /// in the middle.
    closed: Cell<bool>,
    faulty: Cell<bool>,
}

impl Core {
    pub(crate) fn new(instance_id: String, request: Vec<u8>, index: RequestIndex) -> Self {
        let state = State {
            tasks: Vec::with_capacity(index.scheduled_len() + 4),
            ..State::default()
        };
        Self {
            instance_id,
            request,
            index,
            state: RefCell::new(state),
            waking: Waking::new(),
            now: Cell::new(Timestamp {
                seconds: 0,
                nanos: 0,
            }),
            replaying: Cell::new(true),
            closed: Cell::new(false),
            faulty: Cell::new(false),
        }
    }

    pub(crate) fn instance_id(&self) -> &str {
        &self.instance_id
    }

    pub(crate) fn index(&self) -> &RequestIndex {
        &self.index
    }

    pub(crate) fn request(&self) -> &[u8] {
        &self.request
    }

    /// The bytes of a range that the index or a task gave; empty for any other.
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.request.get(range).unwrap_or_default()
    }

    /// One of the request's `properties`.
    pub(crate) fn property(&self, name: &str) -> Option<prost_types::value::Kind> {
        let value = self.index.property(&self.request, name)?;
        prost_types::Value::decode(value).ok()?.kind
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now.get()
    }

    pub(crate) fn set_now(&self, now: Timestamp) {
        self.now.set(now);
    }

    pub(crate) fn is_replaying(&self) -> bool {
        self.replaying.get()
    }

    pub(crate) fn set_replaying(&self, replaying: bool) {
        self.replaying.set(replaying);
        silence::set_replaying(replaying);
    }

    pub(crate) fn close(&self) {
        self.seal();
        self.closed.set(true);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub(crate) fn next_id(&self) -> u32 {
        u32::try_from(self.state.borrow().tasks.len()).unwrap_or(CLOSED)
    }

    pub(crate) fn new_guid(&self) -> Uuid {
        self.seal();
        self.draw_guid()
    }

    pub(super) fn draw_guid(&self) -> Uuid {
        let mut state = self.state.borrow_mut();
        state.guids.next(&self.instance_id, &self.now.get())
    }

    /// How many random generators were made before this one.
    pub(crate) fn count_generator(&self) -> u32 {
        let state = &mut *self.state.borrow_mut();
        let count = state.generators;
        state.generators = count.wrapping_add(1);
        count
    }

    pub(crate) fn fail(&self, fault: Fault) {
        self.state.borrow_mut().fault.get_or_insert(fault);
        self.faulty.set(true);
    }

    #[inline]
    pub(crate) fn has_fault(&self) -> bool {
        self.faulty.get()
    }

    pub(crate) fn take_fault(&self) -> Option<Fault> {
        self.state.borrow_mut().fault.take()
    }

    pub(crate) fn take_actions(&self) -> Vec<OrchestratorAction> {
        std::mem::take(&mut self.state.borrow_mut().actions)
    }

    pub(crate) fn set_custom_status(&self, status: String) {
        if !self.closed.get() {
            self.state.borrow_mut().custom_status = Some(status);
        }
    }

    pub(crate) fn take_custom_status(&self) -> Option<String> {
        self.state.borrow_mut().custom_status.take()
    }

    pub(crate) fn continue_as_new(&self, continuation: Continuation) {
        if !self.closed.get() {
            self.state.borrow_mut().continuation = Some(continuation);
        }
    }

    pub(crate) fn take_continuation(&self) -> Option<Continuation> {
        self.state.borrow_mut().continuation.take()
    }

    /// Records that the orchestrator asks for something, or recognises that history has it
    /// already. Returns the action's id. `action` is called where it is needed: in the first case,
    /// and for a call that history has as failed, which may be made again.
    pub(crate) fn schedule(
        &self,
        kind: EventKind,
        name: &str,
        action: impl FnOnce() -> Result<ActionType, Fault>,
    ) -> u32 {
        self.seal();
        let Some((id, recorded)) = self.begin(kind, name) else {
            return CLOSED;
        };
        let may_be_made_again = recorded && self.index.has_failed(id);
        // user code runs in here, so nothing may be borrowed
        let action = (!recorded || may_be_made_again)
            .then(action)
            .transpose()
            .unwrap_or_else(|fault| {
                self.fail(fault);
                None
            });
        let state = &mut *self.state.borrow_mut();
        let task = match action {
            None => TaskState::Open,
            Some(action) if may_be_made_again => {
                TaskState::Attempt(state.retries.add(id, kind, action, self.now.get()))
            }
            Some(action) => {
                state.decide(id, action);
                TaskState::Open
            }
        };
        state.begin(task);
        state.unsealed = Some(Unsealed {
            id,
            draws: kind == EventKind::SubOrchestrationCreated,
        });
        id
    }

    /// [`schedule`](Self::schedule) for what the engine itself asks for.
    pub(super) fn schedule_own(
        &self,
        kind: EventKind,
        name: &str,
        task: TaskState,
        action: impl FnOnce() -> ActionType,
    ) -> u32 {
        let Some((id, recorded)) = self.begin(kind, name) else {
            return CLOSED;
        };
        let state = &mut *self.state.borrow_mut();
        if !recorded {
            state.decide(id, action());
        }
        state.begin(task);
        id
    }

    /// The id of the next action, and whether history has it.
    fn begin(&self, kind: EventKind, name: &str) -> Option<(u32, bool)> {
        if self.closed.get() {
            return None;
        }
        self.begin_action(kind, name)
    }

    /// [`begin`](Self::begin), also when the orchestrator has ended.
    pub(super) fn begin_action(&self, kind: EventKind, name: &str) -> Option<(u32, bool)> {
        let id = self.state.borrow_mut().free_id();
        if id > i32::MAX as u32 {
            self.fail(Fault::too_many_actions());
            return None;
        }
        let recorded = self.index.scheduled(id);
        if let Some(event) = recorded {
            self.compare(id, event, kind, name);
        }
        Some((id, recorded.is_some()))
    }

    #[inline]
    fn compare(&self, id: u32, event: Event, kind: EventKind, name: &str) {
        if event.kind == EventKind::EntityMessage && kind == EventKind::EventSent {
            // another SDK's event for a message that ours sends
            return;
        }
        let recorded = super::events::scheduled_name(&self.request, event);
        if event.kind != kind || !recorded.eq_ignore_ascii_case(name.as_bytes()) {
            self.fail(Fault::other_action(
                id,
                event.kind,
                &String::from_utf8_lossy(recorded),
                kind,
                name,
            ));
        }
    }

    /// What an event sent has as its target has to be what history has.
    pub(crate) fn compare_target(&self, id: u32, target: &str) {
        let Some(event) = self.index.scheduled(id) else {
            return;
        };
        let recorded = super::events::target(&self.request, event);
        if event.kind == EventKind::EventSent && recorded != target.as_bytes() {
            self.fail(Fault::other_target(
                id,
                &String::from_utf8_lossy(recorded),
                target,
            ));
        }
    }

    /// In a rewound history, an action is met that the code has not asked for.
    pub(super) fn pass_over(&self, id: u32) {
        let state = &mut *self.state.borrow_mut();
        if let Err(place) = state.passed_over.binary_search(&id) {
            state.passed_over.insert(place, id);
        }
    }

    /// Changes the action of the last call, as its options do. In a replay there is no action left
    /// to change, unless the call may be made again.
    pub(crate) fn amend(&self, id: u32, change: impl FnOnce(&mut ActionType)) {
        let state = &mut *self.state.borrow_mut();
        if !self.is_unsealed(state, id) {
            return;
        }
        if let Some(action) = state.retries.action_of(id) {
            return change(action);
        }
        if let Some(OrchestratorAction {
            id: last,
            orchestrator_action_type: Some(action),
        }) = state.actions.last_mut()
            && *last == id.cast_signed()
        {
            change(action);
        }
    }

    /// The last call, a sub-orchestration, has an instance id of its own.
    pub(crate) fn keep_instance_id(&self, id: u32) {
        let state = &mut *self.state.borrow_mut();
        if self.is_unsealed(state, id)
            && let Some(unsealed) = &mut state.unsealed
        {
            unsealed.draws = false;
            state.retries.keep_instance_id(id);
        }
    }

    /// When the last call is to be made again.
    pub(crate) fn set_rule(&self, id: u32, change: impl FnOnce(&mut Rule)) {
        let state = &mut *self.state.borrow_mut();
        if self.is_unsealed(state, id)
            && let Some(rule) = state.retries.rule_of(id)
        {
            change(rule);
        }
    }

    fn is_unsealed(&self, state: &mut State, id: u32) -> bool {
        if self.closed.get() || id == CLOSED {
            return false;
        }
        let unsealed = state.unsealed.is_some_and(|unsealed| unsealed.id == id);
        if !unsealed {
            state.fault.get_or_insert(Fault::late_option());
            self.faulty.set(true);
        }
        unsealed
    }

    /// The last call's options are final: a sub-orchestration without an id of its own draws one,
    /// and one without a version gets the default of the app.
    pub(crate) fn seal(&self) {
        let unsealed = self.state.borrow_mut().unsealed.take();
        let Some(Unsealed { id, draws }) = unsealed else {
            return;
        };
        let guid = draws.then(|| self.draw_guid());
        let state = &mut *self.state.borrow_mut();
        let action = match state.retries.action_of(id) {
            Some(action) => Some(action),
            None => state
                .actions
                .last_mut()
                .filter(|last| last.id == id.cast_signed())
                .and_then(|last| last.orchestrator_action_type.as_mut()),
        };
        if let Some(ActionType::CreateSubOrchestration(sub)) = action {
            if let Some(guid) = guid {
                sub.instance_id = guid.simple().to_string();
            }
            if sub.version.is_none() {
                sub.version = self.default_version();
            }
        }
    }

    /// `defaultVersion` of host.json, which the host leaves to its callers to apply.
    fn default_version(&self) -> Option<String> {
        match self.property("defaultVersion")? {
            prost_types::value::Kind::StringValue(version) if !version.is_empty() => Some(version),
            _ => None,
        }
    }

    /// What the task ended with, taken out; `None` while it is open, in which case the waker is
    /// kept.
    pub(crate) fn poll_task(&self, id: u32, cx: &Context<'_>) -> Option<Ended> {
        self.seal();
        let replaced = {
            let mut state = self.state.borrow_mut();
            let task = state.tasks.get_mut(id as usize)?;
            if let TaskState::Ended(_) = task.state {
                match std::mem::replace(&mut task.state, TaskState::Over) {
                    TaskState::Ended(ended) => return Some(ended),
                    _ => return None,
                }
            }
            if task.state == TaskState::Over {
                return None;
            }
            self.waking.register(&mut task.wakee, cx)
        };
        drop(replaced);
        None
    }

    /// Nobody waits for this task any more.
    pub(crate) fn abandon(&self, id: u32) {
        if self.closed.get() {
            return;
        }
        let forgotten = {
            let mut state = self.state.borrow_mut();
            let task = state.tasks.get_mut(id as usize);
            task.map(|task| self.waking.forget(&mut task.wakee))
        };
        drop(forgotten);
    }

    /// An event of history ends a task. Says whether there was an open one of this id.
    pub(crate) fn complete(&self, id: i32, ended: Ended) -> bool {
        let state = {
            let state = self.state.borrow();
            let task = usize::try_from(id).ok().and_then(|id| state.tasks.get(id));
            task.map_or(TaskState::Over, |task| task.state.clone())
        };
        let id = id.unsigned_abs();
        match state {
            TaskState::Open => self.end_task(id, ended),
            TaskState::Attempt(call) => self.end_attempt(id, call, ended),
            TaskState::Pause(call) => self.end_pause(id, call),
            TaskState::MadeAgain | TaskState::Ended(_) | TaskState::Over => return false,
        }
        true
    }

    /// A task has ended: whoever waits for it is woken.
    pub(super) fn end_task(&self, id: u32, ended: Ended) {
        let waker = {
            let mut state = self.state.borrow_mut();
            let Some(task) = state.tasks.get_mut(id as usize) else {
                return;
            };
            task.state = TaskState::Ended(ended);
            self.waking.take(&mut task.wakee)
        };
        wake(waker);
    }

    /// Begins to wait for an event. Gives the waiter's number.
    pub(crate) fn wait_for_event(&self, name: &str) -> usize {
        self.seal();
        self.state.borrow_mut().inbox.wait(name)
    }

    /// Where the payload of the waiter's event lies, taken out; `None` while there is none.
    pub(crate) fn poll_event(&self, waiter: usize, cx: &Context<'_>) -> Option<Range<u32>> {
        self.seal();
        let polled = self.state.borrow_mut().inbox.poll(waiter, cx, &self.waking);
        polled.ok()
    }

    /// Nobody waits for this event any more.
    pub(crate) fn give_up_event(&self, waiter: usize) {
        if self.closed.get() {
            return;
        }
        let (forgotten, waker) = self.state.borrow_mut().inbox.give_up(waiter, &self.waking);
        drop(forgotten);
        wake(waker);
    }

    /// An event was raised.
    pub(crate) fn raise_event(&self, name: &str, payload: Range<u32>, position: usize) {
        let raised = Raised { payload, position };
        let waker = self
            .state
            .borrow_mut()
            .inbox
            .raise(name, raised, &self.waking);
        wake(waker);
    }

    /// Names of the events that somebody waits for, in lower case.
    pub(crate) fn awaited_events(&self) -> Vec<String> {
        self.state.borrow().inbox.awaited()
    }

    /// Places in the history of the events that nobody took.
    pub(crate) fn left_over_events(&self) -> Vec<usize> {
        self.state.borrow().inbox.left_over()
    }

    pub(crate) fn root_waker(&self) -> &Waker {
        self.waking.root()
    }

    /// Whether the orchestrator is to be polled; asking clears the mark.
    pub(crate) fn take_woken(&self) -> bool {
        self.waking.take_woken()
    }

    /// Whether a task or event of this turn will wake the orchestrator. If none will, it waits for
    /// something that the history knows nothing of.
    pub(crate) fn is_awaiting(&self) -> bool {
        self.waking.is_awaiting()
    }

    /// A new combinator of the engine's own.
    pub(crate) fn new_group(&self) -> u32 {
        self.waking.new_group()
    }

    /// A combinator is polled: adds the members that were woken to `ready`.
    pub(crate) fn begin_group(&self, group: u32, cx: &Context<'_>, ready: &mut Vec<u32>) {
        self.waking.begin_group(group, cx, ready);
    }

    /// A combinator goes on waiting.
    pub(crate) fn wait_group(&self, group: u32, cx: &Context<'_>) {
        self.waking.wait_group(group, cx);
    }

    /// A combinator is gone.
    pub(crate) fn end_group(&self, group: u32) {
        if !self.closed.get() {
            self.waking.end_group(group);
        }
    }

    /// A combinator begins to poll one of its members.
    pub(crate) fn enter_member(&self, group: u32, number: u32) -> Outer {
        self.waking.enter(Member { group, number })
    }

    /// A combinator has polled one of its members. Says whether it will learn of everything that
    /// may wake the member.
    pub(crate) fn leave_member(&self, outer: Outer, pending: bool) -> bool {
        self.waking.leave(outer, pending)
    }
}

impl State {
    /// The next id that no action has; those that the code passes over are used up.
    fn free_id(&mut self) -> u32 {
        while let Ok(id) = u32::try_from(self.tasks.len())
            && !self.passed_over.is_empty()
            && self.passed_over.binary_search(&id).is_ok()
        {
            self.begin(TaskState::Over);
        }
        u32::try_from(self.tasks.len()).unwrap_or(CLOSED)
    }

    pub(super) fn begin(&mut self, state: TaskState) {
        self.tasks.push(Task {
            wakee: Wakee::Nobody,
            state,
        });
    }

    pub(super) fn decide(&mut self, id: u32, action: ActionType) {
        self.actions.push(OrchestratorAction {
            id: id.cast_signed(),
            orchestrator_action_type: Some(action),
        });
    }
}

/// A combinator's code runs in its waker, so nothing may be borrowed here.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("next_id", &self.next_id())
            .finish_non_exhaustive()
    }
}
