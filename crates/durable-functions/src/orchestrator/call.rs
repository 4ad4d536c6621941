//! The future of a call of an activity.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use durable_functions_protocol::proto::ActionType;
use futures_core::FusedFuture;
use serde::de::DeserializeOwned;

use super::{FailedAttempt, RetryDecision, RetryPolicy, result, retry_options};
use crate::error::{Error, TaskError};
use crate::replay::{Core, Ended};

/// A call of an activity that is under way. Await it for its result.
///
/// Options are given right after the call, before the context is used again.
#[must_use = "the activity runs already; await the call for its result, or say `.detach()`"]
pub struct Call<Output> {
    core: Rc<Core>,
    id: u32,
    name: Cow<'static, str>,
    ended: bool,
    output: PhantomData<fn() -> Output>,
}

impl<Output> Call<Output> {
    pub(super) fn new(core: Rc<Core>, id: u32, name: Cow<'static, str>) -> Self {
        Self {
            core,
            id,
            name,
            ended: false,
            output: PhantomData,
        }
    }

    /// Adds a tag, which the history keeps.
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.core.amend(self.id, |action| {
            if let Some(tags) = tags(action) {
                tags.insert(key.into(), value.into());
            }
        });
        self
    }

    /// Asks for a version of the activity.
    pub fn version(self, version: impl Into<String>) -> Self {
        self.core.amend(self.id, |action| {
            if let ActionType::ScheduleTask(task) = action {
                task.version = Some(version.into());
            }
        });
        self
    }

    /// Calls the activity again when it fails.
    pub fn retry(self, policy: RetryPolicy) -> Self {
        retry_options::policy(&self.core, self.id, policy);
        self
    }

    /// Asks this code after each failed attempt whether the activity is called again. It may use
    /// the context: to ask an activity, to wait for an event, to tell a status.
    ///
    /// ```
    /// use durable_functions::{FailedAttempt, RetryDecision};
    /// use durable_functions::prelude::*;
    /// use std::time::Duration;
    ///
    /// #[activity]
    /// async fn charge(card: u32) -> Result<String> {
    ///     Ok(format!("paid with {card}"))
    /// }
    ///
    /// #[orchestrator]
    /// async fn order(ctx: OrchestrationContext, card: u32) -> Result<String> {
    ///     let asking = ctx.clone();
    ///     ctx.call(charge, card)
    ///         .retry_with(move |failed: FailedAttempt| {
    ///             let ctx = asking.clone();
    ///             async move {
    ///                 ctx.set_custom_status(format!("attempt {} failed", failed.number));
    ///                 match ctx.wait_for_event::<bool>("TryAgain").await {
    ///                     Ok(true) => RetryDecision::After(Duration::from_secs(1)),
    ///                     _ => RetryDecision::GiveUp,
    ///                 }
    ///             }
    ///         })
    ///         .await
    /// }
    /// ```
    pub fn retry_with<Decision>(self, handler: impl Fn(FailedAttempt) -> Decision + 'static) -> Self
    where
        Decision: Future<Output = RetryDecision> + 'static,
    {
        retry_options::handler(&self.core, self.id, handler);
        self
    }

    /// Never calls the activity again because its worker was lost.
    ///
    /// A worker that goes away while an activity runs, because it crashed or was deployed anew,
    /// leaves open whether the activity has done its work. Without this option such an activity is
    /// called once more after two seconds. As the host may deliver a call twice as well, an
    /// activity that must not happen twice still needs a key by which it knows that it did.
    pub fn at_most_once(self) -> Self {
        self.core.set_rule(self.id, |rule| rule.at_most_once = true);
        self
    }

    /// Lets the activity run without waiting for it. If the orchestration ends before the activity
    /// does, its result and its failure are lost.
    pub fn detach(self) {}
}

pub(super) fn tags(action: &mut ActionType) -> Option<&mut HashMap<String, String>> {
    match action {
        ActionType::ScheduleTask(task) => Some(&mut task.tags),
        ActionType::CreateSubOrchestration(sub) => Some(&mut sub.tags),
        _ => None,
    }
}

impl<Output: DeserializeOwned> Future for Call<Output> {
    type Output = Result<Output, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(ended) = self.core.poll_task(self.id, cx) else {
            return Poll::Pending;
        };
        self.ended = true;
        Poll::Ready(match ended {
            Ended::Completed(range) => {
                result::decode_activity(&self.core, range, &self.name).map_err(Error::from)
            }
            Ended::Failed(details) => {
                let failure = result::failure(&self.core, details);
                Err(TaskError::activity(&self.name, failure).into())
            }
        })
    }
}

impl<Output: DeserializeOwned> FusedFuture for Call<Output> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<Output> Drop for Call<Output> {
    fn drop(&mut self) {
        self.core.abandon(self.id);
    }
}

impl<Output> fmt::Debug for Call<Output> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
