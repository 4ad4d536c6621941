//! Who waits for what, and how the orchestrator learns that it is to be polled.

use std::cell::{Cell, RefCell};
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
    /// A member of a group.
    Member(Member),
    /// A combinator's own waker.
    Other(Waker),
}

/// One of the futures that a [`Group`] polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) group: u32,
    pub(crate) number: u32,
}

/// What the engine knows of one of its own combinators.
#[derive(Debug, Default)]
struct Group {
    /// Who polls the combinator.
    waker: Option<Waker>,
    /// Who is to be woken when a member is; registered like that of a task.
    wakee: Wakee,
    /// Members that are to be polled.
    ready: Vec<u32>,
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

/// The orchestrator's waker, how many tasks somebody waits for, and the combinators.
pub(super) struct Waking {
    root: Waker,
    flag: Arc<RootWaker>,
    woken: Cell<bool>,
    awaited: Cell<usize>,
    groups: RefCell<Vec<Group>>,
    /// The member that is being polled.
    polled: Cell<Option<Member>>,
    /// How often the member that is being polled registered itself, and whether anything in it
    /// registered a waker of its own.
    registered: Cell<u32>,
    foreign: Cell<bool>,
}

/// What was the case before a member was polled, to be put back.
pub(crate) struct Outer {
    polled: Option<Member>,
    registered: u32,
    foreign: bool,
}

impl Waking {
    pub(super) fn new() -> Self {
        let flag = Arc::new(RootWaker(AtomicBool::new(false)));
        Self {
            root: Waker::from(Arc::clone(&flag)),
            flag,
            woken: Cell::new(false),
            awaited: Cell::new(0),
            groups: RefCell::default(),
            polled: Cell::new(None),
            registered: Cell::new(0),
            foreign: Cell::new(false),
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
        let new = match self.polled.get() {
            Some(member) if self.is_polled_by(member, cx) => {
                self.registered.set(self.registered.get() + 1);
                Wakee::Member(member)
            }
            polled => {
                self.foreign.set(self.foreign.get() || polled.is_some());
                if cx.waker().will_wake(&self.root) {
                    Wakee::Root
                } else if matches!(wakee, Wakee::Other(waker) if waker.will_wake(cx.waker())) {
                    return Wakee::Nobody;
                } else {
                    Wakee::Other(cx.waker().clone())
                }
            }
        };
        std::mem::replace(wakee, new)
    }

    /// Whether a member is polled with its group's waker, so that waking the group will do.
    fn is_polled_by(&self, member: Member, cx: &Context<'_>) -> bool {
        let groups = self.groups.borrow();
        match groups.get(member.group as usize) {
            Some(Group { waker: None, .. }) => cx.waker().will_wake(&self.root),
            Some(Group { waker, .. }) => waker
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker())),
            None => false,
        }
    }

    /// Forgets who polled. A waker that is given back is to be woken where nothing is borrowed: a
    /// combinator's code runs in it.
    #[must_use]
    pub(super) fn take(&self, wakee: &mut Wakee) -> Option<Waker> {
        let mut wakee = std::mem::take(wakee);
        loop {
            if !matches!(wakee, Wakee::Nobody) {
                self.awaited.set(self.awaited.get() - 1);
            }
            match wakee {
                Wakee::Nobody => return None,
                Wakee::Root => {
                    self.woken.set(true);
                    return None;
                }
                Wakee::Other(waker) => return Some(waker),
                Wakee::Member(member) => {
                    let mut groups = self.groups.borrow_mut();
                    let group = groups.get_mut(member.group as usize)?;
                    group.ready.push(member.number);
                    wakee = std::mem::take(&mut group.wakee);
                }
            }
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

    /// The orchestrator is to be polled once more.
    pub(super) fn mark_woken(&self) {
        self.woken.set(true);
    }

    /// Whether something that somebody waits for can still happen.
    pub(super) fn is_awaiting(&self) -> bool {
        self.awaited.get() > 0
    }

    /// A new combinator.
    pub(super) fn new_group(&self) -> u32 {
        let mut groups = self.groups.borrow_mut();
        let number = groups.len();
        groups.push(Group::default());
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// A combinator is polled: moves the members that were woken to `ready`.
    pub(super) fn begin_group(&self, number: u32, cx: &Context<'_>, ready: &mut Vec<u32>) {
        let replaced = {
            let mut groups = self.groups.borrow_mut();
            let Some(group) = groups.get_mut(number as usize) else {
                return;
            };
            ready.append(&mut group.ready);
            let known = match &group.waker {
                None => cx.waker().will_wake(&self.root),
                Some(waker) => waker.will_wake(cx.waker()),
            };
            if known {
                None
            } else {
                let own = (!cx.waker().will_wake(&self.root)).then(|| cx.waker().clone());
                std::mem::replace(&mut group.waker, own)
            }
        };
        drop(replaced);
    }

    /// A combinator goes on waiting.
    pub(super) fn wait_group(&self, number: u32, cx: &Context<'_>) {
        let taken = {
            let mut groups = self.groups.borrow_mut();
            groups
                .get_mut(number as usize)
                .map(|group| std::mem::take(&mut group.wakee))
        };
        let Some(mut wakee) = taken else { return };
        let replaced = self.register(&mut wakee, cx);
        if let Some(group) = self.groups.borrow_mut().get_mut(number as usize) {
            group.wakee = wakee;
        }
        drop(replaced);
    }

    /// A combinator is gone.
    pub(super) fn end_group(&self, number: u32) {
        let ended = {
            let mut groups = self.groups.borrow_mut();
            groups.get_mut(number as usize).map(|group| {
                let wakee = self.forget(&mut group.wakee);
                (wakee, std::mem::take(group))
            })
        };
        drop(ended);
    }

    /// A member is polled.
    pub(super) fn enter(&self, member: Member) -> Outer {
        Outer {
            polled: self.polled.replace(Some(member)),
            registered: self.registered.replace(0),
            foreign: self.foreign.replace(false),
        }
    }

    /// A member was polled. Says whether its group learns of everything that may wake it; if not,
    /// it is to be polled whenever the group is.
    pub(super) fn leave(&self, outer: Outer, pending: bool) -> bool {
        let registered = self.registered.replace(outer.registered) > 0;
        let foreign = self.foreign.get() || self.flag.0.load(Ordering::Acquire);
        let learns = !pending || (registered && !foreign);
        self.foreign.set(outer.foreign || !learns);
        self.polled.set(outer.polled);
        learns
    }
}
