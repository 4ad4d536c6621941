//! The futures of a combinator.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::replay::Core;

/// Futures of which each is polled once at first, and then only when it was woken.
pub(in crate::orchestrator) struct Members<F> {
    core: Rc<Core>,
    group: u32,
    members: Vec<Option<F>>,
    /// How many have not ended.
    open: usize,
    /// Members that are to be polled, in the order in which they were woken.
    ready: VecDeque<u32>,
    /// Members that wait for something of which the group does not learn.
    restless: Vec<u32>,
    woken: Vec<u32>,
}

impl<F: Future + Unpin> Members<F> {
    pub(in crate::orchestrator) fn new(
        core: Rc<Core>,
        members: impl IntoIterator<Item = F>,
    ) -> Self {
        let members: Vec<_> = members.into_iter().map(Some).collect();
        Self {
            group: core.new_group(),
            core,
            open: members.len(),
            ready: (0..).take(members.len()).collect(),
            members,
            restless: Vec::new(),
            woken: Vec::new(),
        }
    }

    /// Adds one. Gives its number.
    pub(in crate::orchestrator) fn push(&mut self, member: F) -> usize {
        let number = self.members.len();
        self.ready.extend(u32::try_from(number));
        self.members.push(Some(member));
        self.open += 1;
        number
    }

    /// How many have not ended.
    pub(in crate::orchestrator) fn open(&self) -> usize {
        self.open
    }

    /// How many there were at first, with those that were added.
    pub(in crate::orchestrator) fn total(&self) -> usize {
        self.members.len()
    }

    pub(in crate::orchestrator) fn core(&self) -> &Core {
        &self.core
    }

    /// The next one that has ended, with its number. Pending while none has.
    pub(in crate::orchestrator) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(usize, F::Output)> {
        self.core.begin_group(self.group, cx, &mut self.woken);
        self.ready.extend(self.woken.drain(..));
        self.ready.extend(self.restless.drain(..));
        while let Some(number) = self.ready.pop_front() {
            let Some(slot) = self.members.get_mut(number as usize) else {
                continue;
            };
            let Some(member) = slot else { continue };
            let outer = self.core.enter_member(self.group, number);
            let polled = Pin::new(member).poll(cx);
            let learns = self.core.leave_member(outer, polled.is_pending());
            match polled {
                Poll::Ready(output) => {
                    *slot = None;
                    self.open -= 1;
                    return Poll::Ready((number as usize, output));
                }
                Poll::Pending if learns => {}
                Poll::Pending => self.restless.push(number),
            }
        }
        self.core.wait_group(self.group, cx);
        Poll::Pending
    }
}

impl<F> Drop for Members<F> {
    fn drop(&mut self) {
        self.core.end_group(self.group);
    }
}

impl<F> fmt::Debug for Members<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members")
            .field("total", &self.members.len())
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}
