//! The future of a call.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::value;
use serde::de::DeserializeOwned;

use crate::error::{Error, TaskError};
use crate::invocation::excerpt;
use crate::replay::{Core, TaskState, decode_failure};

/// A call of an activity that is under way. Await it for its result.
#[must_use = "the activity runs already; await the call for its result, or say `.detach()`"]
pub struct Call<Output> {
    core: Rc<Core>,
    id: u32,
    name: Cow<'static, str>,
    output: PhantomData<fn() -> Output>,
}

impl<Output> Call<Output> {
    pub(crate) fn new(core: Rc<Core>, id: u32, name: Cow<'static, str>) -> Self {
        Self {
            core,
            id,
            name,
            output: PhantomData,
        }
    }

    /// Lets the activity run without waiting for it. If the orchestration ends before the activity
    /// does, its result and its failure are lost.
    pub fn detach(self) {}
}

impl<Output: DeserializeOwned> Call<Output> {
    fn output(&self, result: Range<u32>) -> Result<Output, TaskError> {
        let bytes = self.core.bytes(widen(result));
        // the host leaves the result unset for `null`
        let bytes = if bytes.is_empty() { b"null" } else { bytes };
        let text = std::str::from_utf8(bytes).map_err(|error| self.undecodable(&error, ""))?;
        if let Some(failure) = Failure::from_result(text) {
            return Err(self.failed(failure));
        }
        let text = value::unwrap(text).map_err(|error| self.undecodable(&error, text))?;
        serde_json::from_str(&text).map_err(|error| self.undecodable(&error, &text))
    }

    fn failure(&self, details: Range<u32>) -> TaskError {
        match decode_failure(self.core.bytes(widen(details))) {
            Ok(details) => self.failed(Failure::from_activity(details.as_ref())),
            Err(error) => self.failed(Failure::new(
                "TaskFailed",
                format!("the host's failure details can't be read: {error}"),
            )),
        }
    }

    fn failed(&self, failure: Failure) -> TaskError {
        TaskError::Activity {
            name: self.name.clone().into_owned(),
            failure: Box::new(failure),
        }
    }

    fn undecodable(&self, problem: &dyn fmt::Display, text: &str) -> TaskError {
        TaskError::Decode {
            name: self.name.clone().into_owned(),
            expected: type_name::<Output>(),
            problem: problem.to_string(),
            excerpt: excerpt(text),
        }
    }
}

impl<Output: DeserializeOwned> Future for Call<Output> {
    type Output = Result<Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.core.poll_task(self.id, cx) {
            Some(TaskState::Completed(result)) => {
                Poll::Ready(self.output(result).map_err(Error::from))
            }
            Some(TaskState::Failed(details)) => Poll::Ready(Err(self.failure(details).into())),
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

fn widen(range: Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}
