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
use serde::de::DeserializeOwned;

use super::result;
use crate::error::{Error, TaskError};
use crate::replay::{Core, TaskState};

/// A call of an activity that is under way. Await it for its result.
///
/// Options are given right after the call, before the context is used again.
#[must_use = "the activity runs already; await the call for its result, or say `.detach()`"]
pub struct Call<Output> {
    core: Rc<Core>,
    id: u32,
    name: Cow<'static, str>,
    output: PhantomData<fn() -> Output>,
}

impl<Output> Call<Output> {
    pub(super) fn new(core: Rc<Core>, id: u32, name: Cow<'static, str>) -> Self {
        Self {
            core,
            id,
            name,
            output: PhantomData,
        }
    }

    /// Adds a tag, which the history keeps.
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.core.amend(self.id, false, |action| {
            if let Some(tags) = tags(action) {
                tags.insert(key.into(), value.into());
            }
        });
        self
    }

    /// Asks for a version of the activity.
    pub fn version(self, version: impl Into<String>) -> Self {
        self.core.amend(self.id, false, |action| {
            if let ActionType::ScheduleTask(task) = action {
                task.version = Some(version.into());
            }
        });
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

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.core.poll_task(self.id, cx) {
            Some(TaskState::Completed(range)) => Poll::Ready(
                result::decode_activity(&self.core, range, &self.name).map_err(Error::from),
            ),
            Some(TaskState::Failed(details)) => Poll::Ready(Err(TaskError::Activity {
                name: self.name.clone().into_owned(),
                failure: Box::new(result::failure(&self.core, details)),
            }
            .into())),
            Some(TaskState::Open | TaskState::Taken) | None => Poll::Pending,
        }
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
