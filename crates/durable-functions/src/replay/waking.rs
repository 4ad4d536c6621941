//! Who waits for what, and how the orchestrator learns that it is to be polled.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// Who is to be woken when a task ends.
#[derive(Debug, Default)]
pub(super) enum Wakee {
    #[default]
    Nobody,
    /// The orchestrator itself: a mark is enough, no atomics.
    Root,
    /// A combinator's own waker.
    Other(Waker),
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

/// The orchestrator's waker, and how many tasks somebody waits for.
pub(super) struct Waking {
    root: Waker,
    flag: Arc<RootWaker>,
    woken: Cell<bool>,
    awaited: Cell<usize>,
}

impl Waking {
    pub(super) fn new() -> Self {
        let flag = Arc::new(RootWaker(AtomicBool::new(false)));
        Self {
            root: Waker::from(Arc::clone(&flag)),
            flag,
            woken: Cell::new(false),
            awaited: Cell::new(0),
        }
    }

    pub(super) fn root(&self) -> &Waker {
        &self.root
    }

    /// Remembers who polls. What is given back is to be dropped where nothing is borrowed: a
    /// combinator's code may run in it.
    #[must_use]
    pub(super) fn register(&self, wakee: &mut Wakee, cx: &Context<'_>) -> Wakee {
        if matches!(wakee, Wakee::Nobody) {
            self.awaited.set(self.awaited.get() + 1);
        }
        let new = if cx.waker().will_wake(&self.root) {
            Wakee::Root
        } else if matches!(wakee, Wakee::Other(waker) if waker.will_wake(cx.waker())) {
            return Wakee::Nobody;
        } else {
            Wakee::Other(cx.waker().clone())
        };
        std::mem::replace(wakee, new)
    }

    /// Forgets who polled. A waker that is given back is to be woken where nothing is borrowed: a
    /// combinator's code runs in it.
    #[must_use]
    pub(super) fn take(&self, wakee: &mut Wakee) -> Option<Waker> {
        let wakee = std::mem::take(wakee);
        if !matches!(wakee, Wakee::Nobody) {
            self.awaited.set(self.awaited.get() - 1);
        }
        match wakee {
            Wakee::Nobody => None,
            Wakee::Root => {
                self.woken.set(true);
                None
            }
            Wakee::Other(waker) => Some(waker),
        }
    }

    /// Nobody polls any more. What is given back is to be dropped where nothing is borrowed.
    #[must_use]
    pub(super) fn forget(&self, wakee: &mut Wakee) -> Wakee {
        if !matches!(wakee, Wakee::Nobody) {
            self.awaited.set(self.awaited.get() - 1);
        }
        std::mem::take(wakee)
    }

    /// Whether the orchestrator is to be polled; asking clears the mark.
    pub(super) fn take_woken(&self) -> bool {
        let marked = self.woken.replace(false);
        if self.flag.0.load(Ordering::Acquire) {
            self.flag.0.store(false, Ordering::Relaxed);
            return true;
        }
        marked
    }

    /// Whether something that somebody waits for can still happen.
    pub(super) fn is_awaiting(&self) -> bool {
        self.awaited.get() > 0
    }
}
