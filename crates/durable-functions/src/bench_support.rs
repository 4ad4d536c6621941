//! What the benchmarks need of the engine, and nobody else.

use prost::Message as _;

use crate::error::Error;
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
