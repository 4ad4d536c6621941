//! The first success.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use super::members::Members;
use crate::replay::Fault;

/// Waits for the first of several tasks that succeeds: what [`OrchestrationContext::any`] gives.
///
/// [`OrchestrationContext::any`]: crate::OrchestrationContext::any
#[derive(Debug)]
#[must_use = "nobody waits for the tasks unless this is awaited"]
pub struct Any<F> {
    members: Members<F>,
    ended: bool,
}

impl<F> Any<F> {
    pub(in crate::orchestrator) fn new(members: Members<F>) -> Self {
        Self {
            members,
            ended: false,
        }
    }
}

impl<F> Unpin for Any<F> {}

impl<F, T, E> Future for Any<F>
where
    F: Future<Output = Result<T, E>> + Unpin,
{
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.members.total() == 0 {
            self.members.core().fail(Fault::empty_race("any"));
            return Poll::Pending;
        }
        loop {
            match self.members.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready((_, Err(_))) if self.members.open() > 0 => {}
                Poll::Ready((_, result)) => {
                    self.ended = true;
                    return Poll::Ready(result);
                }
            }
        }
    }
}

impl<F, T, E> FusedFuture for Any<F>
where
    F: Future<Output = Result<T, E>> + Unpin,
{
    fn is_terminated(&self) -> bool {
        self.ended
    }
}
