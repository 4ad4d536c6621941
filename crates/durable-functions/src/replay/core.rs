//! The state of one turn: open tasks, decided actions, and who waits for what.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use durable_functions_protocol::id::GuidGenerator;
use durable_functions_protocol::proto::{ActionType, OrchestratorAction, Timestamp};
use uuid::Uuid;

use super::fault::Fault;
use super::index::{Event, EventKind, RequestIndex};
use super::silence;

/// The id that a task gets which was asked for when the turn was over already.
const CLOSED: u32 = u32::MAX;

/// Who is to be woken when a task ends.
enum Wakee {
    Nobody,
    /// The orchestrator itself: a mark is enough, no atomics.
    Root,
    /// A combinator's own waker.
    Other(Waker),
}

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

#[derive(Default)]
struct State {
    /// Open and ended tasks by action id.
    tasks: Vec<Task>,
    actions: Vec<OrchestratorAction>,
    /// How many tasks somebody waits for.
    awaited: usize,
    fault: Option<Fault>,
    guids: GuidGenerator,
}

/// Set by wakers that left the engine's hands.
struct RootWaker(AtomicBool);

impl Wake for RootWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// What an orchestrator's context and futures share for one turn.
pub(crate) struct Core {
    request: Vec<u8>,
    index: RequestIndex,
    state: RefCell<State>,
    now: Cell<Timestamp>,
    replaying: Cell<bool>,
    /// No more decisions are recorded: the orchestrator has ended, or its future is being dropped
    /// in the middle.
    closed: Cell<bool>,
    root: Waker,
    root_flag: Arc<RootWaker>,
    root_woken: Cell<bool>,
}

impl Core {
    pub(crate) fn new(request: Vec<u8>, index: RequestIndex) -> Self {
        let root_flag = Arc::new(RootWaker(AtomicBool::new(false)));
        let state = State {
            tasks: Vec::with_capacity(index.scheduled_len() + 4),
            ..State::default()
        };
        Self {
            request,
            index,
            state: RefCell::new(state),
            now: Cell::new(Timestamp {
                seconds: 0,
                nanos: 0,
            }),
            replaying: Cell::new(true),
            closed: Cell::new(false),
            root: Waker::from(Arc::clone(&root_flag)),
            root_flag,
            root_woken: Cell::new(false),
        }
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
        self.closed.set(true);
    }

    pub(crate) fn next_id(&self) -> u32 {
        u32::try_from(self.state.borrow().tasks.len()).unwrap_or(CLOSED)
    }

    pub(crate) fn new_guid(&self, instance_id: &str) -> Uuid {
        self.state
            .borrow_mut()
            .guids
            .next(instance_id, &self.now.get())
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

    /// What the task ended with, taken out; `None` while it is open, in which case the waker is
    /// kept.
    pub(crate) fn poll_task(&self, id: u32, cx: &Context<'_>) -> Option<TaskState> {
        let state = &mut *self.state.borrow_mut();
        let task = state.tasks.get_mut(id as usize)?;
        match task.state {
            TaskState::Completed(_) | TaskState::Failed(_) => {
                Some(std::mem::replace(&mut task.state, TaskState::Taken))
            }
            TaskState::Taken => None,
            TaskState::Open => {
                if matches!(task.wakee, Wakee::Nobody) {
                    state.awaited += 1;
                }
                if cx.waker().will_wake(&self.root) {
                    task.wakee = Wakee::Root;
                } else if !matches!(&task.wakee, Wakee::Other(waker) if waker.will_wake(cx.waker()))
                {
                    task.wakee = Wakee::Other(cx.waker().clone());
                }
                None
            }
        }
    }

    /// Nobody waits for this task any more.
    pub(crate) fn abandon(&self, id: u32) {
        if self.closed.get() {
            return;
        }
        let state = &mut *self.state.borrow_mut();
        if let Some(task) = state.tasks.get_mut(id as usize)
            && !matches!(
                std::mem::replace(&mut task.wakee, Wakee::Nobody),
                Wakee::Nobody
            )
        {
            state.awaited -= 1;
        }
    }

    /// Ends a task. Says whether there was an open one of this id.
    pub(crate) fn complete(&self, id: i32, to: TaskState) -> bool {
        let mut state = self.state.borrow_mut();
        let task = usize::try_from(id)
            .ok()
            .and_then(|id| state.tasks.get_mut(id));
        let Some(task) = task.filter(|task| task.state == TaskState::Open) else {
            return false;
        };
        task.state = to;
        match std::mem::replace(&mut task.wakee, Wakee::Nobody) {
            Wakee::Nobody => {}
            Wakee::Root => {
                state.awaited -= 1;
                self.root_woken.set(true);
            }
            Wakee::Other(waker) => {
                state.awaited -= 1;
                // a combinator's code runs in here
                drop(state);
                waker.wake();
            }
        }
        true
    }

    pub(crate) fn root_waker(&self) -> &Waker {
        &self.root
    }

    /// Whether the orchestrator is to be polled; asking clears the mark.
    pub(crate) fn take_woken(&self) -> bool {
        let marked = self.root_woken.replace(false);
        if self.root_flag.0.load(Ordering::Acquire) {
            self.root_flag.0.store(false, Ordering::Relaxed);
            return true;
        }
        marked
    }

    /// Whether a task of this turn will wake the orchestrator. If none will, it waits for something
    /// that the history knows nothing of.
    pub(crate) fn awaits_a_task(&self) -> bool {
        self.state.borrow().awaited > 0
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("next_id", &self.next_id())
            .finish_non_exhaustive()
    }
}
