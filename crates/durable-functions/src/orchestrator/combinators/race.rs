//! The first to end, and the next, and the next.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::{FusedFuture, Stream};

use super::members::Members;
use crate::replay::Fault;

/// Several tasks of which the first to end wins: what [`OrchestrationContext::race`] gives.
///
/// Await it for the first, with its place among the tasks; the rest is let go then. To go on with
/// the rest, take one after another with [`next`](Self::next), or use it as a
/// [`Stream`]. A race of a thousand tasks costs a thousand times what one costs, however they end.
///
/// [`OrchestrationContext::race`]: crate::OrchestrationContext::race
#[derive(Debug)]
#[must_use = "nobody waits for the tasks unless this is awaited"]
pub struct Race<F> {
    members: Members<F>,
}

impl<F: Future + Unpin> Race<F> {
    pub(in crate::orchestrator) fn new(members: Members<F>) -> Self {
        Self { members }
    }

    /// The next task that ends, with its place; `None` when all have ended.
    pub async fn next(&mut self) -> Option<(usize, F::Output)> {
        poll_fn(|cx| self.poll_one(cx)).await
    }

    /// Lets one more task take part. Gives its place, which is one after that of the last.
    pub fn push(&mut self, task: F) -> usize {
        self.members.push(task)
    }

    /// How many tasks have not ended.
    pub fn len(&self) -> usize {
        self.members.open()
    }

    /// Whether all have ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn poll_one(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        if self.is_empty() {
            return Poll::Ready(None);
        }
        self.members.poll_next(cx).map(Some)
    }
}

impl<F> Unpin for Race<F> {}

impl<F: Future + Unpin> Stream for Race<F> {
    type Item = (usize, F::Output);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_one(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<F: Future + Unpin> IntoFuture for Race<F> {
    type Output = (usize, F::Output);
    type IntoFuture = Winner<F>;

    fn into_future(self) -> Winner<F> {
        Winner {
            members: self.members,
            ended: false,
        }
    }
}

/// The first task of a [`Race`] that ends.
#[derive(Debug)]
#[must_use = "nobody waits for the tasks unless this is awaited"]
pub struct Winner<F> {
    members: Members<F>,
    ended: bool,
}

impl<F> Unpin for Winner<F> {}

impl<F: Future + Unpin> Future for Winner<F> {
    type Output = (usize, F::Output);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.members.total() == 0 {
            self.members.core().fail(Fault::empty_race("race"));
            return Poll::Pending;
        }
        let polled = self.members.poll_next(cx);
        self.ended = polled.is_ready();
        polled
    }
}

impl<F: Future + Unpin> FusedFuture for Winner<F> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}
