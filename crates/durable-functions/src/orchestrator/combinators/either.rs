//! The first of two.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

/// Which of two tasks ended first, with what it ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first of the two did.
    First(A),
    /// The second did.
    Second(B),
}

/// Waits for the first of two tasks of different types: what [`OrchestrationContext::either`]
/// gives.
///
/// [`OrchestrationContext::either`]: crate::OrchestrationContext::either
#[must_use = "nobody waits for the tasks unless this is awaited"]
pub struct EitherOf<A, B>(Option<(A, B)>);

impl<A, B> EitherOf<A, B> {
    pub(in crate::orchestrator) fn new(first: A, second: B) -> Self {
        Self(Some((first, second)))
    }
}

impl<A: Future + Unpin, B: Future + Unpin> Future for EitherOf<A, B> {
    type Output = Either<A::Output, B::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((first, second)) = &mut self.0 else {
            return Poll::Pending;
        };
        let polled = match Pin::new(first).poll(cx) {
            Poll::Ready(output) => Poll::Ready(Either::First(output)),
            Poll::Pending => Pin::new(second).poll(cx).map(Either::Second),
        };
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl<A: Future + Unpin, B: Future + Unpin> FusedFuture for EitherOf<A, B> {
    fn is_terminated(&self) -> bool {
        self.0.is_none()
    }
}

impl<A, B> fmt::Debug for EitherOf<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EitherOf").finish_non_exhaustive()
    }
}
