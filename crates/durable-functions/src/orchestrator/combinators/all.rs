//! Everything.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use super::members::Members;

/// Waits for all of several tasks: what [`OrchestrationContext::all`] gives.
///
/// [`OrchestrationContext::all`]: crate::OrchestrationContext::all
#[derive(Debug)]
#[must_use = "nobody waits for the tasks unless this is awaited"]
pub struct All<F, T> {
    members: Members<F>,
    outputs: Vec<Option<T>>,
    ended: bool,
}

impl<F, T> All<F, T> {
    pub(in crate::orchestrator) fn new(members: Members<F>) -> Self
    where
        F: Future + Unpin,
    {
        let outputs = (0..members.total()).map(|_| None).collect();
        Self {
            members,
            outputs,
            ended: false,
        }
    }
}

// no output is ever pinned
impl<F, T> Unpin for All<F, T> {}

impl<F, T, E> Future for All<F, T>
where
    F: Future<Output = Result<T, E>> + Unpin,
{
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        while this.members.open() > 0 {
            match this.members.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready((number, Ok(output))) => {
                    if let Some(slot) = this.outputs.get_mut(number) {
                        *slot = Some(output);
                    }
                }
                Poll::Ready((_, Err(error))) => {
                    this.ended = true;
                    return Poll::Ready(Err(error));
                }
            }
        }
        this.ended = true;
        Poll::Ready(Ok(this.outputs.drain(..).flatten().collect()))
    }
}

impl<F, T, E> FusedFuture for All<F, T>
where
    F: Future<Output = Result<T, E>> + Unpin,
{
    fn is_terminated(&self) -> bool {
        self.ended
    }
}
