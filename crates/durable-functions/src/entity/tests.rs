//! Batches, as the host sends them.

use std::cell::Cell;
use std::collections::HashMap;

use durable_functions_protocol::proto::{
    EntityBatchRequest, EntityBatchResult, OperationRequest, OperationResultResultType,
};
use prost_types::value::Kind;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::error::Error;

fn tally() -> Dynamic {
    Dynamic::new(async |operation: EntityOperation| {
        let count = operation.state::<i64>()?.unwrap_or_default();
        match operation.name() {
            "get" => return Ok(count),
            "delete" => operation.delete_state(),
            "leave" => operation.context().delete(),
            "add" => operation.set_state(count + operation.input::<i64>()?)?,
            "add_then_fail" => {
                operation.set_state(count + 100)?;
                operation.context().signal_entity(
                    durable_functions_protocol::entity::EntityId::new("other", "k"),
                    "op",
                    (),
                );
                return Err(Error::msg("no"));
            }
            other => panic!("no operation '{other}'"),
        }
        Ok(operation.state::<i64>()?.unwrap_or_default())
    })
}

fn request(state: Option<&str>, operations: &[(&str, Option<&str>)]) -> EntityBatchRequest {
    let operation = |(name, input): &(&str, Option<&str>)| OperationRequest {
        operation: (*name).to_owned(),
        request_id: "5d4bf0c1-0000-4000-8000-000000000000".into(),
        input: input.map(str::to_owned),
        trace_context: None,
    };
    EntityBatchRequest {
        instance_id: "@tally@k".into(),
        entity_state: state.map(str::to_owned),
        operations: operations.iter().map(operation).collect(),
        properties: HashMap::new(),
    }
}

fn with_property(mut request: EntityBatchRequest, name: &str, value: bool) -> EntityBatchRequest {
    let kind = Some(Kind::BoolValue(value));
    let value = prost_types::Value { kind };
    request.properties.insert(name.into(), value);
    request
}

fn run(request: EntityBatchRequest, is_draining: &dyn Fn() -> bool) -> EntityBatchResult {
    let invocation = Invocation {
        function: "tally",
        id: String::new(),
        instance_id: None,
        payload: None,
        request: None,
        client: None,
        entity: None,
        states: std::sync::Arc::default(),
        cancellation: CancellationToken::new(),
        deadline: None,
    };
    let environment = Environment {
        invocation,
        is_draining,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(run_batch(request, &tally(), environment))
}

fn ended(result: &EntityBatchResult) -> Vec<Result<Option<&str>, &str>> {
    let ended = result
        .results
        .iter()
        .map(|result| match result.result_type.as_ref().unwrap() {
            OperationResultResultType::Success(success) => Ok(success.result.as_deref()),
            OperationResultResultType::Failure(failure) => {
                Err(&*failure.failure_details.as_ref().unwrap().error_message)
            }
        });
    ended.collect()
}

#[test]
fn there_is_one_result_for_each_operation() {
    let result = run(
        request(
            Some("5"),
            &[
                ("get", None),
                ("add", Some("3")),
                ("add_then_fail", None),
                ("get", None),
            ],
        ),
        &|| false,
    );
    assert_eq!(
        ended(&result),
        [Ok(Some("5")), Ok(Some("8")), Err("no"), Ok(Some("8"))]
    );
    assert_eq!(result.entity_state.as_deref(), Some("8"));
    assert!(result.actions.is_empty() && result.failure_details.is_none());
    let empty = run(request(Some("5"), &[]), &|| false);
    assert_eq!(empty.entity_state.as_deref(), Some("5"));
}

#[test]
fn a_panic_is_a_failure_of_its_operation() {
    let operations = [("add", Some("1")), ("divide", None), ("add", Some("1"))];
    let result = run(request(None, &operations), &|| false);
    let results = ended(&result);
    assert_eq!((results[0], results[2]), (Ok(Some("1")), Ok(Some("2"))));
    assert!(results[1].unwrap_err().starts_with("no operation 'divide'"));
    assert_eq!(result.entity_state.as_deref(), Some("2"));
}

#[test]
fn states_are_deleted() {
    for name in ["delete", "leave"] {
        let result = run(request(Some("5"), &[(name, None)]), &|| false);
        assert_eq!(result.entity_state, None, "{name}");
    }
}

#[test]
fn a_process_that_ends_leaves_the_rest_for_later() {
    let asked = Cell::new(0);
    let is_draining = || {
        asked.set(asked.get() + 1);
        asked.get() > 2
    };
    let operations = [("add", Some("1")), ("add", Some("1")), ("add", Some("1"))];
    let result = run(request(Some("5"), &operations), &is_draining);
    assert_eq!(ended(&result), [Ok(Some("6")), Ok(Some("7"))]);
    assert_eq!(result.entity_state.as_deref(), Some("7"));
    assert_eq!(result.failure_details, None);
    // nothing was done, and the state is what it was
    let result = run(request(Some("5"), &operations), &|| true);
    assert!(result.results.is_empty());
    assert_eq!(result.entity_state.as_deref(), Some("5"));
}

#[test]
fn the_host_may_want_no_rollback() {
    let request = request(Some("5"), &[("add_then_fail", None)]);
    let request = with_property(request, "RollbackEntityOperationsOnExceptions", false);
    let result = run(request, &|| false);
    assert_eq!(ended(&result), [Err("no")]);
    assert_eq!(result.entity_state.as_deref(), Some("105"));
    assert_eq!(result.actions.len(), 1);
}

#[test]
fn a_batch_without_its_state_is_asked_for_again() {
    let request = with_property(request(None, &[("get", None)]), "IncludeState", false);
    let result = run(request, &|| false);
    assert!(result.requires_state && result.results.is_empty());
}

#[test]
fn a_batch_for_no_entity_fails_and_keeps_the_state() {
    let mut request = request(Some("5"), &[("get", None)]);
    request.instance_id = "tally".into();
    let result = run(request, &|| false);
    assert_eq!(result.failure_details.unwrap().error_type, "InvalidRequest");
    assert_eq!(result.entity_state.as_deref(), Some("5"));
}
