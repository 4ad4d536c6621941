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
use serde::de::DeserializeOwned;

use super::{call, result};
use crate::error::{Error, TaskError};
use crate::replay::{Core, Fault, TaskState};

/// A sub-orchestration that is under way. Await it for its output.
///
/// Options are given right after the call, before the context is used again.
#[must_use = "the sub-orchestration runs already; await it for its output, or say `.detach()`"]
pub struct SubOrchestration<Output> {
    core: Rc<Core>,
    id: u32,
    name: Cow<'static, str>,
    output: PhantomData<fn() -> Output>,
}

impl<Output> SubOrchestration<Output> {
    pub(super) fn new(core: Rc<Core>, id: u32, name: Cow<'static, str>) -> Self {
        Self {
            core,
            id,
            name,
            output: PhantomData,
        }
    }

    /// Sets the id of the new instance, instead of a GUID. It must not be in use: with an id that
    /// is, the real host blocks its whole task hub.
    pub fn instance_id(self, instance_id: impl Into<String>) -> Self {
        let instance_id = instance_id.into();
        if let Err(problem) = id::validate_instance_id(&instance_id) {
            self.core.fail(Fault::instance_id(&instance_id, &problem));
        }
        self.core.amend(self.id, true, |action| {
            if let ActionType::CreateSubOrchestration(sub) = action {
                sub.instance_id = instance_id;
            }
        });
        self
    }

    /// Sets the version of the new instance.
    pub fn version(self, version: impl Into<String>) -> Self {
        self.core.amend(self.id, false, |action| {
            if let ActionType::CreateSubOrchestration(sub) = action {
                sub.version = Some(version.into());
            }
        });
        self
    }

    /// Adds a tag to the new instance.
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.core.amend(self.id, false, |action| {
            if let Some(tags) = call::tags(action) {
                tags.insert(key.into(), value.into());
            }
        });
        self
    }

    /// Lets the sub-orchestration run without waiting for it.
    pub fn detach(self) {}
}

impl<Output: DeserializeOwned> Future for SubOrchestration<Output> {
    type Output = Result<Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.core.poll_task(self.id, cx) {
            Some(TaskState::Completed(range)) => {
                let source = || format!("the output of sub-orchestration '{}'", self.name);
                Poll::Ready(result::decode(&self.core, range, source).map_err(Error::from))
            }
            Some(TaskState::Failed(details)) => Poll::Ready(Err(TaskError::SubOrchestration {
                name: self.name.clone().into_owned(),
                failure: Box::new(result::failure(&self.core, details)),
            }
            .into())),
            Some(TaskState::Open | TaskState::Taken) | None => Poll::Pending,
        }
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
