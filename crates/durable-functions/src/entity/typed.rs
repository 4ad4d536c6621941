//! Entities whose operations are the methods of a type.

use std::marker::PhantomData;

use durable_functions_protocol::failure::Failure;

use super::batch::{Change, EntityFunction, Loaded, Operation, Performed, Performing};
use super::{Entity, OperationCall};
use crate::invocation::excerpt;

/// The operation that deletes the state of an entity which does not have it as its own.
pub(super) const DELETE: &str = "delete";

/// The function of an entity type.
pub(crate) struct Typed<E>(PhantomData<fn() -> E>);

impl<E> Typed<E> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E: Entity> EntityFunction for Typed<E> {
    fn load(&self) -> Box<dyn Loaded + '_> {
        Box::new(State::<E>(None))
    }
}

/// The state, once it was read.
struct State<E>(Option<E>);

impl<E: Entity> Loaded for State<E> {
    fn perform<'a>(&'a mut self, operation: Operation<'a>) -> Performing<'a> {
        Box::pin(async move {
            let name = operation.name;
            let is_known = |known: &&str| known.eq_ignore_ascii_case(name);
            if !E::OPERATIONS.iter().any(is_known) {
                return self.perform_unknown(name);
            }
            let (changes, outcome) = match self.operate(&operation) {
                Ok(OperationCall { changes, future }) => (changes, future.await),
                Err(failure) => return Performed::failed(failure),
            };
            let mut outcome = outcome.map_err(|failure| named(name, failure));
            let change = if operation.context.is_deleted() {
                self.0 = None;
                Change::Deleted
            } else if changes && (outcome.is_ok() || operation.keeps_failed) {
                match self.0.as_ref().map(serde_json::to_string) {
                    None => Change::Unchanged,
                    Some(Ok(text)) => Change::Set(text),
                    Some(Err(error)) => {
                        outcome = Err(unwritable::<E>(&error));
                        Change::Unchanged
                    }
                }
            } else {
                Change::Unchanged
            };
            Performed { outcome, change }
        })
    }

    fn forget(&mut self) {
        self.0 = None;
    }
}

impl<E: Entity> State<E> {
    fn operate<'a>(&'a mut self, operation: &Operation<'a>) -> Result<OperationCall<'a>, Failure> {
        let state = match &mut self.0 {
            Some(state) => state,
            none => none.insert(read(operation.state)?),
        };
        E::operate(state, operation.name, operation.invocation)
            .ok_or_else(|| unknown(E::NAME, operation.name, E::OPERATIONS))
    }

    fn perform_unknown(&mut self, name: &str) -> Performed {
        if !name.eq_ignore_ascii_case(DELETE) {
            return Performed::failed(unknown(E::NAME, name, E::OPERATIONS));
        }
        self.0 = None;
        Performed {
            outcome: Ok("null".into()),
            change: Change::Deleted,
        }
    }
}

fn read<E: Entity>(state: Option<&str>) -> Result<E, Failure> {
    let Some(text) = state.filter(|text| *text != "null") else {
        return Ok(E::default());
    };
    serde_json::from_str(text).map_err(|error| {
        Failure::new(
            "InvalidState",
            format!(
                "the state of entity '{}' is not a `{}`: {error}; it is {}. Deploy code that can \
                 read it (`#[serde(default)]` helps with new members), or delete it with the \
                 operation `delete`",
                E::NAME,
                std::any::type_name::<E>(),
                excerpt(text)
            ),
        )
    })
}

fn unwritable<E: Entity>(error: &serde_json::Error) -> Failure {
    Failure::new(
        "InvalidState",
        format!(
            "the state of entity '{}' can't be written as JSON: {error}",
            E::NAME
        ),
    )
}

fn unknown(entity: &str, name: &str, known: &[&str]) -> Failure {
    let mut failure = Failure::new(
        "UnknownOperation",
        format!(
            "entity '{entity}' has no operation '{name}'; it has: {}",
            known.join(", ")
        ),
    );
    failure.non_retriable = true;
    failure
}

/// An input that can't be read is told with the operation's name.
fn named(operation: &str, mut failure: Failure) -> Failure {
    if failure.error_type == "InvalidInput" && failure.cause.is_none() {
        failure.message = format!("operation '{operation}': {}", failure.message);
    }
    failure
}
