//! What came of a test run.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use durable_functions_protocol::entity::EntityId;
use durable_functions_protocol::failure::Failure;
use serde::de::DeserializeOwned;

use super::events::{TestEvent, TestEventKind};
use crate::activity::{Activity, ActivityFn};
use crate::entity::Entity;
use crate::error::Error;
use crate::orchestrator::Orchestrator;

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TestStatus {
    /// With an output, which is JSON text.
    Completed(String),
    /// With a failure.
    Failed(Failure),
    /// It was terminated, with this reason.
    Terminated(String),
    /// It would wait for ever, or the test could not answer it; the text says for what.
    Stuck(String),
}

/// What came of a run of [`TestOrchestration`](super::TestOrchestration).
///
/// Its `Debug` and `Display` forms are a timeline of the run.
pub struct TestRun<O> {
    pub(super) status: TestStatus,
    pub(super) custom_status: Option<String>,
    pub(super) elapsed: Duration,
    pub(super) runs: usize,
    pub(super) events: Vec<TestEvent>,
    /// JSON texts by instance id.
    pub(super) entities: BTreeMap<String, String>,
    pub(super) orchestrator: PhantomData<fn() -> O>,
}

/// A run that gave no output. The message has the timeline of the run.
#[derive(Clone, thiserror::Error)]
#[error("{reason}\n{timeline}")]
pub struct NoOutput {
    reason: String,
    timeline: String,
    failure: Option<Box<Failure>>,
}

impl NoOutput {
    /// The failure, if the orchestration failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_deref()
    }
}

/// What a test prints that unwraps: the message with its lines.
impl fmt::Debug for NoOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<O: Orchestrator> TestRun<O> {
    /// The output.
    ///
    /// # Errors
    ///
    /// When the orchestration failed, was terminated or is stuck.
    pub fn output(&self) -> Result<O::Output, NoOutput> {
        let (reason, failure) = match &self.status {
            TestStatus::Completed(output) => match serde_json::from_str(output) {
                Ok(output) => return Ok(output),
                Err(error) => (format!("the output can't be read: {error}: {output}"), None),
            },
            TestStatus::Failed(failure) => (
                format!("the orchestration failed: {failure}"),
                Some(Box::new(failure.clone())),
            ),
            TestStatus::Terminated(reason) => {
                (format!("the orchestration was terminated: {reason}"), None)
            }
            TestStatus::Stuck(reason) => (format!("the orchestration is stuck: {reason}"), None),
        };
        Err(NoOutput {
            reason,
            timeline: self.to_string(),
            failure,
        })
    }
}

impl<O> TestRun<O> {
    /// How the run ended.
    pub fn status(&self) -> &TestStatus {
        &self.status
    }

    /// The failure, if the orchestration failed.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.status {
            TestStatus::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// The custom status at the end, if there is one.
    ///
    /// # Errors
    ///
    /// When it is not a `T`.
    pub fn custom_status<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        match &self.custom_status {
            Some(status) => Ok(Some(serde_json::from_str(status)?)),
            None => Ok(None),
        }
    }

    /// How much time went by for the orchestration.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// How often the orchestration began: once, and once more each time it continued as new.
    pub fn runs(&self) -> usize {
        self.runs
    }

    /// The state of an entity at the end; none if it has none.
    ///
    /// # Errors
    ///
    /// When it is not an `E`.
    pub fn entity_state<E: Entity>(&self, key: impl Into<String>) -> Result<Option<E>, Error> {
        match self.entities.get(&EntityId::new(E::NAME, key).to_string()) {
            None => Ok(None),
            Some(state) => Ok(Some(serde_json::from_str(state)?)),
        }
    }

    /// Everything that happened.
    pub fn events(&self) -> &[TestEvent] {
        &self.events
    }

    /// The inputs with which an activity was called, attempts of retries included, in order.
    ///
    /// # Errors
    ///
    /// When one of them can't be read as the activity's input.
    pub fn inputs_of<Marker, F: ActivityFn<Marker>>(
        &self,
        activity: F,
    ) -> Result<Vec<<F::Activity as Activity>::Input>, Error> {
        let _ = activity;
        self.inputs(<F::Activity as Activity>::NAME)
    }

    /// The inputs with which an activity or sub-orchestration of this name was called, in order.
    ///
    /// # Errors
    ///
    /// When one of them is not a `T`.
    pub fn inputs<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, Error> {
        let called = |event: &&TestEvent| {
            matches!(
                event.kind,
                TestEventKind::ActivityCalled | TestEventKind::SubOrchestrationCalled
            ) && event.name.eq_ignore_ascii_case(name)
        };
        let read = |event: &TestEvent| Ok(serde_json::from_str(&event.payload)?);
        self.events.iter().filter(called).map(read).collect()
    }
}

impl<O> fmt::Display for TestRun<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in &self.events {
            writeln!(f, "{event}")?;
        }
        Ok(())
    }
}

impl<O> fmt::Debug for TestRun<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.status)?;
        fmt::Display::fmt(self, f)
    }
}
