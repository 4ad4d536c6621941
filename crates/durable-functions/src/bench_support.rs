//! What the benchmarks need of the engine, and nobody else.

use std::sync::Arc;

use durable_functions_protocol::proto::EntityBatchRequest;
use prost::Message as _;
use tokio_util::sync::CancellationToken;

use crate::entity::{Entity, Environment, Typed, run_batch};
use crate::error::Error;
use crate::invocation::Invocation;
use crate::orchestrator::{self, OrchestratorFn};
use crate::replay;

/// Answers one turn: base64 of an `OrchestratorRequest` in, base64 of an `OrchestratorResponse` out.
///
/// # Errors
///
/// When the text is no base64.
pub fn answer_turn<Marker, F: OrchestratorFn<Marker>>(
    orchestrator: F,
    request: &str,
) -> Result<String, Error> {
    let _ = orchestrator;
    let request = base64_simd::STANDARD.decode_to_vec(request)?;
    let response = replay::run(request, &orchestrator::start::<F::Orchestrator>);
    Ok(base64_simd::STANDARD.encode_to_string(response.encode_to_vec()))
}

/// Answers one batch: base64 of an `EntityBatchRequest` in, base64 of an `EntityBatchResult` out.
///
/// # Errors
///
/// When the text is no base64, or no batch.
pub async fn answer_batch<E: Entity>(request: &str) -> Result<String, Error> {
    let request = base64_simd::STANDARD.decode_to_vec(request)?;
    let request = EntityBatchRequest::decode(request.as_slice())?;
    let environment = Environment {
        invocation: Invocation {
            function: E::NAME,
            id: String::new(),
            instance_id: None,
            payload: None,
            request: None,
            client: None,
            entity: None,
            states: Arc::default(),
            cancellation: CancellationToken::new(),
            deadline: None,
        },
        is_draining: &|| false,
    };
    let result = run_batch(request, &Typed::<E>::new(), environment).await;
    Ok(base64_simd::STANDARD.encode_to_string(result.encode_to_vec()))
}
