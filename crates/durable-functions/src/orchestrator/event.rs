//! External events.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use durable_functions_protocol::time;
use futures_core::FusedFuture;
use serde::de::DeserializeOwned;

use super::{Sleep, result};
use crate::error::{Error, TaskError};
use crate::replay::Core;

/// A wait for an external event. Await it for the event's payload.
#[must_use = "an event is waited for when this is awaited"]
pub struct EventWait<Payload> {
    core: Rc<Core>,
    waiter: usize,
    name: String,
    timeout: Option<Sleep>,
    ended: bool,
    payload: PhantomData<fn() -> Payload>,
}

impl<Payload> EventWait<Payload> {
    pub(super) fn new(core: Rc<Core>, name: String) -> Self {
        let waiter = core.wait_for_event(&name);
        Self {
            core,
            waiter,
            name,
            timeout: None,
            ended: false,
            payload: PhantomData,
        }
    }

    /// Gives up after this time, with [`TaskError::Timeout`]. The time is kept by a durable timer.
    pub fn timeout(mut self, after: Duration) -> Self {
        let until = time::saturating_add(&self.core.now(), after);
        self.timeout = Some(Sleep::until(Rc::clone(&self.core), until));
        self
    }
}

impl<Payload: DeserializeOwned> Future for EventWait<Payload> {
    type Output = Result<Payload, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(payload) = self.core.poll_event(self.waiter, cx) {
            self.ended = true;
            let source = || format!("the payload of event '{}'", self.name);
            return Poll::Ready(result::decode(&self.core, payload, source).map_err(Error::from));
        }
        let timeout = self.timeout.as_mut();
        if timeout.is_none_or(|timeout| Pin::new(timeout).poll(cx).is_pending()) {
            return Poll::Pending;
        }
        self.ended = true;
        self.core.give_up_event(self.waiter);
        let name = std::mem::take(&mut self.name);
        Poll::Ready(Err(TaskError::Timeout { name }.into()))
    }
}

impl<Payload: DeserializeOwned> FusedFuture for EventWait<Payload> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<Payload> Drop for EventWait<Payload> {
    fn drop(&mut self) {
        self.core.give_up_event(self.waiter);
    }
}

impl<Payload> fmt::Debug for EventWait<Payload> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventWait")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
