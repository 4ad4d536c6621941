//! The future of a sub-orchestration.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use durable_functions_protocol::id;
use durable_functions_protocol::proto::ActionType;
use futures_core::FusedFuture;
use serde::de::DeserializeOwned;

use super::{FailedAttempt, RetryDecision, RetryPolicy, call, result, retry_options};
use crate::error::{Error, TaskError};
use crate::replay::{Core, Ended, Fault};

/// A sub-orchestration that is under way. Await it for its output.
///
/// Options are given right after the call, before the context is used again.
#[must_use = "the sub-orchestration runs already; await it for its output, or say `.detach()`"]
pub struct SubOrchestration<Output> {
    core: Rc<Core>,
    id: u32,
    name: Cow<'static, str>,
    ended: bool,
    output: PhantomData<fn() -> Output>,
}

impl<Output> SubOrchestration<Output> {
    pub(super) fn new(core: Rc<Core>, id: u32, name: Cow<'static, str>) -> Self {
        Self {
            core,
            id,
            name,
            ended: false,
            output: PhantomData,
        }
    }

    /// Sets the id of the new instance, instead of a GUID. No other instance may have it. Every
    /// attempt of a [retried](Self::retry) sub-orchestration has this id; without one, each has a
    /// GUID of its own.
    pub fn instance_id(self, instance_id: impl Into<String>) -> Self {
        let instance_id = instance_id.into();
        if let Err(problem) = id::validate_instance_id(&instance_id) {
            self.core.fail(Fault::instance_id(&instance_id, &problem));
        }
        self.core.keep_instance_id(self.id);
        self.core.amend(self.id, |action| {
            if let ActionType::CreateSubOrchestration(sub) = action {
                sub.instance_id = instance_id;
            }
        });
        self
    }

    /// Sets the version of the new instance.
    pub fn version(self, version: impl Into<String>) -> Self {
        self.core.amend(self.id, |action| {
            if let ActionType::CreateSubOrchestration(sub) = action {
                sub.version = Some(version.into());
            }
        });
        self
    }

    /// Adds a tag to the new instance.
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.core.amend(self.id, |action| {
            if let Some(tags) = call::tags(action) {
                tags.insert(key.into(), value.into());
            }
        });
        self
    }

    /// Calls the sub-orchestration again when it fails.
    pub fn retry(self, policy: RetryPolicy) -> Self {
        retry_options::policy(&self.core, self.id, policy);
        self
    }

    /// Asks this code after each failed attempt whether the sub-orchestration is called again; see
    /// [`Call::retry_with`](super::Call::retry_with).
    pub fn retry_with<Decision>(self, handler: impl Fn(FailedAttempt) -> Decision + 'static) -> Self
    where
        Decision: Future<Output = RetryDecision> + 'static,
    {
        retry_options::handler(&self.core, self.id, handler);
        self
    }

    /// Lets the sub-orchestration run without waiting for it.
    pub fn detach(self) {}
}

impl<Output: DeserializeOwned> Future for SubOrchestration<Output> {
    type Output = Result<Output, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(ended) = self.core.poll_task(self.id, cx) else {
            return Poll::Pending;
        };
        self.ended = true;
        Poll::Ready(match ended {
            Ended::Completed(range) => {
                let source = || format!("the output of sub-orchestration '{}'", self.name);
                result::decode(&self.core, range, source).map_err(Error::from)
            }
            Ended::Failed(details) => {
                let failure = result::failure(&self.core, details);
                Err(TaskError::sub_orchestration(&self.name, failure).into())
            }
        })
    }
}

impl<Output: DeserializeOwned> FusedFuture for SubOrchestration<Output> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<Output> Drop for SubOrchestration<Output> {
    fn drop(&mut self) {
        self.core.abandon(self.id);
    }
}

impl<Output> fmt::Debug for SubOrchestration<Output> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubOrchestration")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
