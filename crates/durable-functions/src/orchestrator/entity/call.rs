//! The future of a call of an entity.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use durable_functions_protocol::entity::{EntityId, Response};
use durable_functions_protocol::failure::Failure;
use futures_core::FusedFuture;
use serde::de::DeserializeOwned;

use crate::error::{Error, TaskError};
use crate::orchestrator::result;
use crate::replay::{Core, Ended};

/// A call of an entity's operation that is under way. Await it for its result.
#[must_use = "the entity is called already; await the call for its result, or signal the entity"]
pub struct EntityCall<Output> {
    core: Rc<Core>,
    id: u32,
    entity: EntityId,
    operation: Cow<'static, str>,
    ended: bool,
    output: PhantomData<fn() -> Output>,
}

impl<Output> EntityCall<Output> {
    pub(super) fn new(
        core: Rc<Core>,
        id: u32,
        entity: EntityId,
        operation: Cow<'static, str>,
    ) -> Self {
        Self {
            core,
            id,
            entity,
            operation,
            ended: false,
            output: PhantomData,
        }
    }
}

/// What an answer of an entity holds: the result as JSON text, empty for none.
pub(super) fn answered(
    core: &Core,
    action: u32,
    range: Range<u32>,
    source: impl Fn() -> String,
) -> Result<Result<String, Failure>, TaskError> {
    let text = result::text(core, range)
        .map_err(|error| result::undecodable::<String>(source(), &error, ""))?;
    if core.is_bare(action) {
        return Ok(Ok(text.to_owned()));
    }
    let response = Response::from_json(text)
        .map_err(|error| result::undecodable::<Response>(source(), &error, text))?;
    Ok(match response {
        Response::Success(result) => Ok(result.unwrap_or_default()),
        Response::Failure(failure) => Err(failure),
    })
}

impl<Output: DeserializeOwned> EntityCall<Output> {
    fn outcome(&self, ended: Ended) -> Result<Output, TaskError> {
        let source = || {
            format!(
                "the answer of entity '{}' to '{}'",
                self.entity, self.operation
            )
        };
        let failed = |failure| TaskError::entity(&self.entity, &self.operation, failure);
        match ended {
            Ended::Failed(details) => Err(failed(result::failure(&self.core, details))),
            Ended::Completed(range) => {
                let text = answered(&self.core, self.id, range, source)?.map_err(failed)?;
                let text = if text.is_empty() { "null" } else { &text };
                serde_json::from_str(text)
                    .map_err(|error| result::undecodable::<Output>(source(), &error, text))
            }
        }
    }
}

impl<Output: DeserializeOwned> Future for EntityCall<Output> {
    type Output = Result<Output, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(ended) = self.core.poll_task(self.id, cx) else {
            return Poll::Pending;
        };
        self.ended = true;
        Poll::Ready(self.outcome(ended).map_err(Error::from))
    }
}

impl<Output: DeserializeOwned> FusedFuture for EntityCall<Output> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<Output> Drop for EntityCall<Output> {
    fn drop(&mut self) {
        self.core.abandon(self.id);
    }
}

impl<Output> fmt::Debug for EntityCall<Output> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntityCall")
            .field("id", &self.id)
            .field("entity", &self.entity)
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}
