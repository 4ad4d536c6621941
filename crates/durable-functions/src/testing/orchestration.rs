//! Setting up a test run.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use durable_functions_protocol::entity::EntityId;
use durable_functions_protocol::proto::{
    EventRaisedEvent, EventType, ExecutionResumedEvent, ExecutionSuspendedEvent,
    ExecutionTerminatedEvent,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answers::{TestAnswer, answering, real};
use super::backend::{Instance, Sub, Task, World};
use super::entities::Stand;
use super::run::TestRun;
use crate::activity::{Activity, ActivityFn};
use crate::entity::{Entity, Typed};
use crate::error::{Error, IntoError};
use crate::input::{Encode, IntoInput};
use crate::orchestrator::timer::timestamp;
use crate::orchestrator::{self, DurableHttpResponse, Orchestrator, OrchestratorFn};

/// A test run of an orchestrator, to be set up; see [the module](super).
///
/// What the orchestrator calls and the test does not answer ends the run as
/// [stuck](super::TestStatus::Stuck), with a text that says what is missing.
#[must_use = "nothing runs before `run()`"]
pub struct TestOrchestration<O> {
    world: World,
    instance: Instance,
    problem: Option<String>,
    orchestrator: PhantomData<fn() -> O>,
}

impl<O: Orchestrator> TestOrchestration<O> {
    /// A run of this orchestrator, without an input yet.
    pub fn new<Marker, F: OrchestratorFn<Marker, Orchestrator = O>>(orchestrator: F) -> Self {
        let _ = orchestrator;
        Self {
            world: World::default(),
            instance: Instance::new("test-instance", O::NAME, orchestrator::start::<O>),
            problem: None,
            orchestrator: PhantomData,
        }
    }

    /// Sets the input.
    pub fn input(mut self, input: impl IntoInput<O::Input>) -> Self {
        self.instance.input = self.text("the input", input.into_input());
        self
    }

    /// Sets the id of the instance, instead of `test-instance`.
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.instance.id = id.into();
        self
    }

    /// Sets the version of the instance.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.instance.version = Some(version.into());
        self
    }

    /// Sets the time at which the orchestration begins, instead of the first moment of 2026.
    pub fn at(mut self, begin: DateTime<Utc>) -> Self {
        self.instance.begin = timestamp(begin);
        self
    }

    /// Answers the calls of an activity. The closure may keep state, and may return the activity's
    /// output or a `Result` of it.
    pub fn activity<Marker, F, A, AnswerMarker>(
        self,
        activity: F,
        answer: impl FnMut(<F::Activity as Activity>::Input) -> A + 'static,
    ) -> Self
    where
        F: ActivityFn<Marker>,
        A: TestAnswer<<F::Activity as Activity>::Output, AnswerMarker>,
    {
        let _ = activity;
        let answering = answering::<_, <F::Activity as Activity>::Output, _, _>(answer);
        let name = <F::Activity as Activity>::NAME;
        self.world.activity(name, Task::Answered(answering));
        self
    }

    /// Runs an activity itself, with the states of [`state`](Self::state). A panic in it is a
    /// failure of the activity, as in production.
    pub fn real_activity<Marker, F: ActivityFn<Marker>>(self, activity: F) -> Self {
        let _ = activity;
        let name = <F::Activity as Activity>::NAME;
        self.world.activity(name, Task::Real(real::<F::Activity>));
        self
    }

    /// Adds what activities that run themselves ask for as [`State<T>`](crate::State). The first of
    /// a type counts.
    pub fn state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        // nobody has a clone before the run
        if let Some(states) = Arc::get_mut(&mut self.world.states) {
            states.insert(state);
        }
        self
    }

    /// Answers the calls of an activity that is known by name alone.
    pub fn activity_by_name<I, T, E>(
        self,
        name: &str,
        answer: impl FnMut(I) -> Result<T, E> + 'static,
    ) -> Self
    where
        I: DeserializeOwned + 'static,
        T: Serialize + 'static,
        E: IntoError + 'static,
    {
        let answering = answering::<I, T, _, _>(answer);
        self.world.activity(name, Task::Answered(answering));
        self
    }

    /// Answers the HTTP calls of the orchestrator. The closure gets the request as the host would:
    /// an object with `method`, `uri`, `headers`, `content`.
    pub fn http(self, mut answer: impl FnMut(Value) -> DurableHttpResponse + 'static) -> Self {
        let answer = move |mut requests: Vec<Value>| answer(requests.pop().unwrap_or_default());
        let answering = answering::<Vec<Value>, DurableHttpResponse, _, _>(answer);
        self.world
            .activity("BuiltIn::HttpActivity", Task::Answered(answering));
        self
    }

    /// Runs a sub-orchestration with its own code, and with the answers of this test.
    pub fn sub_orchestrator<Marker, F: OrchestratorFn<Marker>>(self, orchestrator: F) -> Self {
        let _ = orchestrator;
        let name = <F::Orchestrator as Orchestrator>::NAME;
        let start = orchestrator::start::<F::Orchestrator>;
        self.world.sub(name, Sub::Real(start));
        self
    }

    /// Answers the calls of a sub-orchestration.
    pub fn sub_orchestration<Marker, F, A, AnswerMarker>(
        self,
        orchestrator: F,
        answer: impl FnMut(<F::Orchestrator as Orchestrator>::Input) -> A + 'static,
    ) -> Self
    where
        F: OrchestratorFn<Marker>,
        A: TestAnswer<<F::Orchestrator as Orchestrator>::Output, AnswerMarker>,
    {
        let _ = orchestrator;
        let answering = answering::<_, <F::Orchestrator as Orchestrator>::Output, _, _>(answer);
        let name = <F::Orchestrator as Orchestrator>::NAME;
        self.world.sub(name, Sub::Answered(answering));
        self
    }

    /// Runs the operations of an entity with its own code. Locks are granted at once.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    /// use durable_functions::testing::TestOrchestration;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    /// struct Counter(i64);
    ///
    /// #[entity]
    /// impl Counter {
    ///     fn add(&mut self, n: i64) -> i64 {
    ///         self.0 += n;
    ///         self.0
    ///     }
    /// }
    ///
    /// #[orchestrator]
    /// async fn count(ctx: OrchestrationContext) -> Result<i64> {
    ///     let counter = ctx.entity::<Counter>("clicks");
    ///     counter.signal().add(1);
    ///     counter.add(2).await
    /// }
    ///
    /// let run = TestOrchestration::new(count)
    ///     .entity::<Counter>()
    ///     .entity_state("clicks", Counter(10))
    ///     .run();
    /// assert_eq!(run.output().unwrap(), 13);
    /// assert_eq!(run.entity_state::<Counter>("clicks").unwrap(), Some(Counter(13)));
    /// ```
    pub fn entity<E: Entity>(mut self) -> Self {
        let function = Arc::new(Typed::<E>::new());
        let entities = self.world.entities.get_mut();
        entities.add(E::NAME, Stand::Real(function));
        self
    }

    /// Gives an entity a state before the orchestration begins.
    pub fn entity_state<E: Entity>(mut self, key: impl Into<String>, state: E) -> Self {
        if let Some(text) = self.text("the state of an entity", state) {
            let id = EntityId::new(E::NAME, key);
            self.world.entities.get_mut().set(&id, text);
        }
        self
    }

    /// Answers the calls and signals of an entity: the closure gets id, operation and input (`null`
    /// for none).
    pub fn entity_answer<T, E>(
        mut self,
        name: &str,
        mut answer: impl FnMut(&EntityId, &str, Value) -> Result<T, E> + 'static,
    ) -> Self
    where
        T: Serialize,
        E: IntoError,
    {
        let answering = move |id: &EntityId, operation: &str, input: Option<&str>| {
            let input = serde_json::from_str(input.unwrap_or("null"));
            let outcome = input
                .map_err(Error::from)
                .and_then(|input| answer(id, operation, input).map_err(E::into_error))
                .and_then(|value| Ok(serde_json::to_string(&value)?));
            outcome.map_err(Error::into_failure)
        };
        let entities = self.world.entities.get_mut();
        entities.add(name, Stand::Answered(Box::new(answering)));
        self
    }

    /// Raises an event before the orchestration begins.
    pub fn event(self, name: impl Into<String>, payload: impl Serialize) -> Self {
        self.event_after(Duration::ZERO, name, payload)
    }

    /// Raises an event some time after the orchestration began.
    pub fn event_after(
        mut self,
        after: Duration,
        name: impl Into<String>,
        payload: impl Serialize,
    ) -> Self {
        let name = name.into();
        if let Some(payload) = self.text(&format!("the payload of event '{name}'"), payload) {
            let raised = EventRaisedEvent {
                name,
                input: Some(payload),
            };
            self = self.message(after, EventType::EventRaised(raised));
        }
        self
    }

    /// Terminates the orchestration some time after it began.
    pub fn terminate_after(self, after: Duration, reason: impl Into<String>) -> Self {
        let terminated = ExecutionTerminatedEvent {
            input: Some(reason.into()),
            ..ExecutionTerminatedEvent::default()
        };
        self.message(after, EventType::ExecutionTerminated(terminated))
    }

    /// Suspends the orchestration some time after it began: it goes on with nothing before it is
    /// resumed.
    pub fn suspend_after(self, after: Duration) -> Self {
        let suspended = ExecutionSuspendedEvent::default();
        self.message(after, EventType::ExecutionSuspended(suspended))
    }

    /// Resumes the orchestration some time after it began.
    pub fn resume_after(self, after: Duration) -> Self {
        let resumed = ExecutionResumedEvent::default();
        self.message(after, EventType::ExecutionResumed(resumed))
    }

    fn message(mut self, after: Duration, message: EventType) -> Self {
        self.instance.messages.push((after, message));
        self
    }

    /// Sets how many turns the orchestration may take before the run ends as
    /// [stuck](super::TestStatus::Stuck): 1,000 unless this is said. When it continues as new, the
    /// count begins anew.
    pub fn max_turns(mut self, turns: usize) -> Self {
        self.instance.most_turns = turns;
        self
    }

    /// Lets tasks that run at the same time end in another order than that in which they were
    /// called. A seed always gives the same order.
    pub fn shuffled(mut self, seed: u64) -> Self {
        self.instance.seed = Some(seed);
        self
    }

    /// Runs the orchestration to its end, or to where it can't go on.
    pub fn run(self) -> TestRun<O> {
        let finished = match self.problem {
            Some(problem) => super::backend::Finished::stuck(problem),
            None => self.world.run(self.instance),
        };
        let entities = self.world.entities.into_inner();
        TestRun {
            status: finished.status,
            custom_status: finished.custom_status,
            elapsed: finished.elapsed,
            runs: finished.runs,
            events: finished.events,
            entities: entities.into_states(),
            orchestrator: PhantomData,
        }
    }

    fn text(&mut self, what: &str, value: impl Encode) -> Option<String> {
        match value.encode() {
            Ok(text) => Some(text),
            Err(error) => {
                self.problem = Some(format!("{what} can't be written as JSON: {error}"));
                None
            }
        }
    }
}

impl<O> fmt::Debug for TestOrchestration<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestOrchestration")
            .field("instance", &self.instance.id)
            .finish_non_exhaustive()
    }
}
