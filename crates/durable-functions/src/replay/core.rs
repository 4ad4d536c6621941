//! The state of one turn: open tasks, decided actions, and what the orchestrator has said.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::task::{Context, Waker};

use durable_functions_protocol::id::GuidGenerator;
use durable_functions_protocol::proto::{ActionType, OrchestratorAction, Timestamp};
use uuid::Uuid;

use super::fault::Fault;
use super::inbox::{Inbox, Raised};
use super::index::{Event, EventKind, RequestIndex};
use super::silence;
use super::waking::{Wakee, Waking};

/// The id that a task gets which was asked for when the turn was over already.
const CLOSED: u32 = u32::MAX;

/// Where a task stands. Ranges lie in the request's buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TaskState {
    Open,
    Completed(Range<u32>),
    Failed(Range<u32>),
    Taken,
}

struct Task {
    wakee: Wakee,
    state: TaskState,
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
struct State {
    /// Open and ended tasks by action id.
    tasks: Vec<Task>,
    actions: Vec<OrchestratorAction>,
    inbox: Inbox,
    fault: Option<Fault>,
    guids: GuidGenerator,
    custom_status: Option<String>,
    continuation: Option<Continuation>,
    /// The last call, while its options may still be given; and whether it is a sub-orchestration
    /// that draws its id from the counter of GUIDs when they no longer may.
    unsealed: Option<(u32, bool)>,
}

/// What an orchestrator's context and futures share for one turn.
pub(crate) struct Core {
    instance_id: String,
    request: Vec<u8>,
    index: RequestIndex,
    state: RefCell<State>,
    waking: Waking,
    now: Cell<Timestamp>,
    replaying: Cell<bool>,
    /// No more decisions are recorded: the orchestrator has ended, or its future is being dropped
    /// in the middle.
    closed: Cell<bool>,
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

    pub(crate) fn next_id(&self) -> u32 {
        u32::try_from(self.state.borrow().tasks.len()).unwrap_or(CLOSED)
    }

    pub(crate) fn new_guid(&self) -> Uuid {
        self.seal();
        self.draw_guid()
    }

    fn draw_guid(&self) -> Uuid {
        let mut state = self.state.borrow_mut();
        state.guids.next(&self.instance_id, &self.now.get())
    }

    pub(crate) fn fail(&self, fault: Fault) {
        self.state.borrow_mut().fault.get_or_insert(fault);
    }

    pub(crate) fn has_fault(&self) -> bool {
        self.state.borrow().fault.is_some()
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
    /// already. `action` is called in the first case only. Returns the action's id.
    pub(crate) fn schedule(
        &self,
        kind: EventKind,
        name: &str,
        action: impl FnOnce() -> Result<ActionType, Fault>,
    ) -> u32 {
        if self.closed.get() {
            return CLOSED;
        }
        self.seal();
        let id = self.next_id();
        if id > i32::MAX as u32 {
            self.fail(Fault::too_many_actions());
            return CLOSED;
        }
        let recorded = self.index.scheduled(id);
        let action = match recorded {
            Some(event) => {
                self.compare(id, event, kind, name);
                None
            }
            // user code runs in here, so nothing may be borrowed
            None => match action() {
                Ok(action) => Some(action),
                Err(fault) => {
                    self.fail(fault);
                    None
                }
            },
        };
        let state = &mut *self.state.borrow_mut();
        state.tasks.push(Task {
            wakee: Wakee::Nobody,
            state: TaskState::Open,
        });
        if let Some(action) = action {
            state.actions.push(OrchestratorAction {
                id: id.cast_signed(),
                orchestrator_action_type: Some(action),
            });
        }
        state.unsealed = Some((id, kind == EventKind::SubOrchestrationCreated));
        id
    }

    fn compare(&self, id: u32, event: Event, kind: EventKind, name: &str) {
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

    /// Changes the action of the last call, as its options do. In a replay there is no action left
    /// to change.
    pub(crate) fn amend(&self, id: u32, own_id: bool, change: impl FnOnce(&mut ActionType)) {
        if self.closed.get() || id == CLOSED {
            return;
        }
        let state = &mut *self.state.borrow_mut();
        match &mut state.unsealed {
            Some((unsealed, draws)) if *unsealed == id => *draws &= !own_id,
            _ => {
                state.fault.get_or_insert(Fault::late_option());
                return;
            }
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

    /// The last call's options are final: a sub-orchestration without an id of its own draws one.
    fn seal(&self) {
        let unsealed = self.state.borrow_mut().unsealed.take();
        let Some((id, true)) = unsealed else { return };
        let guid = self.draw_guid().simple().to_string();
        let state = &mut *self.state.borrow_mut();
        if let Some(OrchestratorAction {
            id: last,
            orchestrator_action_type: Some(ActionType::CreateSubOrchestration(sub)),
        }) = state.actions.last_mut()
            && *last == id.cast_signed()
        {
            sub.instance_id = guid;
        }
    }

    /// What the task ended with, taken out; `None` while it is open, in which case the waker is
    /// kept.
    pub(crate) fn poll_task(&self, id: u32, cx: &Context<'_>) -> Option<TaskState> {
        self.seal();
        let replaced = {
            let mut state = self.state.borrow_mut();
            let task = state.tasks.get_mut(id as usize)?;
            match task.state {
                TaskState::Completed(_) | TaskState::Failed(_) => {
                    return Some(std::mem::replace(&mut task.state, TaskState::Taken));
                }
                TaskState::Taken => return None,
                TaskState::Open => self.waking.register(&mut task.wakee, cx),
            }
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

    /// Ends a task. Says whether there was an open one of this id.
    pub(crate) fn complete(&self, id: i32, to: TaskState) -> bool {
        let waker = {
            let mut state = self.state.borrow_mut();
            let task = usize::try_from(id)
                .ok()
                .and_then(|id| state.tasks.get_mut(id))
                .filter(|task| task.state == TaskState::Open);
            let Some(task) = task else { return false };
            task.state = to;
            self.waking.take(&mut task.wakee)
        };
        wake(waker);
        true
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
