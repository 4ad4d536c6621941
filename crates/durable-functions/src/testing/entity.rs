//! One entity in a unit test.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use durable_functions_protocol::entity::EntityId;
use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{EntityBatchRequest, OperationRequest, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::entities;
use crate::argument::States;
use crate::entity::{Entity, Typed};
use crate::error::Error;
use crate::input::{AnyInput, Encode as _, IntoInput};

/// An entity in a unit test: runs operations as the host does, and shows state and what was sent.
///
/// ```
/// use durable_functions::prelude::*;
/// use durable_functions::testing::TestEntity;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
/// struct Counter(i64);
///
/// #[entity]
/// impl Counter {
///     fn add(&mut self, ctx: EntityContext, n: i64) -> i64 {
///         self.0 += n;
///         ctx.signal_entity(durable_functions::EntityId::new("log", "all"), "added", n);
///         self.0
///     }
/// }
///
/// let mut counter = TestEntity::<Counter>::new("clicks").with_state(Counter(2));
/// assert_eq!(counter.call::<i64>("add", 5).unwrap(), 7);
/// assert_eq!(counter.entity_state().unwrap(), Some(Counter(7)));
/// assert_eq!(counter.signals()[0].entity, "@log@all".parse().unwrap());
/// assert_eq!(counter.signals()[0].input, 5);
/// ```
pub struct TestEntity<E> {
    id: EntityId,
    state: Option<String>,
    states: States,
    signals: Vec<TestSignal>,
    started: Vec<TestStart>,
    requests: u64,
    problem: Option<String>,
    entity: PhantomData<fn() -> E>,
}

/// A signal that an operation sent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TestSignal {
    /// To whom.
    pub entity: EntityId,
    /// Name of the operation.
    pub operation: String,
    /// The input; `null` for none.
    pub input: Value,
    /// When it is to arrive, if not now.
    pub at: Option<DateTime<Utc>>,
}

/// An orchestration that an operation started.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TestStart {
    /// Name of the orchestrator.
    pub name: String,
    /// Id of the instance.
    pub instance_id: String,
    /// The input; `null` for none.
    pub input: Value,
    /// The version, if one was given.
    pub version: Option<String>,
    /// When it is to start, if not now.
    pub at: Option<DateTime<Utc>>,
}

fn utc(time: Option<Timestamp>) -> Option<DateTime<Utc>> {
    let time = time?;
    DateTime::from_timestamp(time.seconds, time.nanos.unsigned_abs())
}

fn json(text: Option<&str>) -> Value {
    let text = text.unwrap_or("null");
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

impl<E: Entity> TestEntity<E> {
    /// An entity without a state.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            id: EntityId::new(E::NAME, key),
            state: None,
            states: States::default(),
            signals: Vec::new(),
            started: Vec::new(),
            requests: 0,
            problem: None,
            entity: PhantomData,
        }
    }

    /// Sets the entity's state.
    #[must_use]
    pub fn with_state(mut self, state: E) -> Self {
        match serde_json::to_string(&state) {
            Ok(text) => self.state = Some(text),
            Err(error) => {
                self.problem = Some(format!("the state can't be written as JSON: {error}"));
            }
        }
        self
    }

    /// Sets the entity's state to a JSON text, such as one that yesterday's code wrote.
    #[must_use]
    pub fn with_state_text(mut self, state: impl Into<String>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// Adds what operations ask for as [`State<T>`](crate::State). The first of a type counts.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        self.states.insert(state);
        self
    }

    /// Runs an operation; `()` is no input.
    ///
    /// # Errors
    ///
    /// The failure of the operation, as its caller would see it, or of type `Test` if the test
    /// itself is wrong: an input that can't be written or a result that is not an `Output`.
    pub fn call<Output: DeserializeOwned>(
        &mut self,
        operation: &str,
        input: impl IntoInput<AnyInput>,
    ) -> Result<Output, Failure> {
        let test = |problem: String| Failure::new("Test", problem);
        let outcome = self.batch([(operation, input.into_input())]).pop();
        let result = outcome.unwrap_or_else(|| Err(test("there is no result".into())))?;
        serde_json::from_str(&result)
            .map_err(|error| test(format!("the result of '{operation}' is {result}: {error}")))
    }

    /// Runs several operations in one batch, as the host does with what waits. Gives their results
    /// as JSON texts.
    pub fn batch<'o, I, Input>(&mut self, operations: I) -> Vec<Result<String, Failure>>
    where
        I: IntoIterator<Item = (&'o str, Input)>,
        Input: IntoInput<AnyInput>,
    {
        let mut requests = Vec::new();
        for (operation, input) in operations {
            self.requests += 1;
            match input.into_input().encode() {
                Ok(input) => requests.push(OperationRequest {
                    operation: operation.to_owned(),
                    request_id: format!("test-request-{}", self.requests),
                    input: (input != "null").then_some(input),
                    trace_context: None,
                }),
                Err(error) => {
                    self.problem = Some(format!("an input can't be written as JSON: {error}"));
                }
            }
        }
        let expected = requests.len();
        let outcomes = match self.problem.take() {
            Some(problem) => Err(problem),
            None => self.run(requests),
        };
        outcomes.unwrap_or_else(|problem| vec![Err(Failure::new("Test", problem)); expected.max(1)])
    }

    fn run(
        &mut self,
        operations: Vec<OperationRequest>,
    ) -> Result<Vec<Result<String, Failure>>, String> {
        let batch = EntityBatchRequest {
            instance_id: self.id.to_string(),
            entity_state: self.state.clone(),
            operations,
            ..EntityBatchRequest::default()
        };
        let states = Arc::new(self.states.clone());
        let result = entities::run(E::NAME, &Typed::<E>::new(), batch, &states)?;
        for signal in entities::signals(&result) {
            self.signals.push(TestSignal {
                entity: signal.instance_id.parse().map_err(|it| format!("{it}"))?,
                operation: signal.name,
                input: json(signal.input.as_deref()),
                at: utc(signal.scheduled_time),
            });
        }
        for start in entities::starts(&result) {
            self.started.push(TestStart {
                name: start.name,
                instance_id: start.instance_id,
                input: json(start.input.as_deref()),
                version: start.version,
                at: utc(start.scheduled_time),
            });
        }
        self.state = result.entity_state;
        if let Some(details) = result.failure_details {
            return Err(Failure::from_proto(&details).to_string());
        }
        Ok(result.results.into_iter().map(entities::outcome).collect())
    }

    /// The entity's state; none if it has none.
    ///
    /// # Errors
    ///
    /// When it is not an `E`.
    pub fn entity_state(&self) -> Result<Option<E>, Error> {
        match &self.state {
            None => Ok(None),
            Some(text) => Ok(Some(serde_json::from_str(text)?)),
        }
    }

    /// The entity's state as JSON text.
    pub fn state_text(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The signals that operations sent so far, in order.
    pub fn signals(&self) -> &[TestSignal] {
        &self.signals
    }

    /// The orchestrations that operations started so far, in order.
    pub fn started(&self) -> &[TestStart] {
        &self.started
    }
}

impl<E> fmt::Debug for TestEntity<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestEntity")
            .field("id", &self.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
