//! What a batch of operations costs: `cargo bench -p durable-functions --bench entities`.
//!
//! 1,000 operations of one entity in one batch, from base64 text to base64 text, on one thread, with
//! states of several sizes. The answer is checked before anything is measured.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints, and ends where it stands"
)]

use std::time::Instant;

use durable_functions::bench_support::answer_batch;
use durable_functions::prelude::*;
use durable_functions_protocol::proto::{
    EntityBatchRequest, EntityBatchResult, OperationRequest, OperationResultResultType,
};
use prost::Message as _;
use serde::{Deserialize, Serialize};

const OPERATIONS: usize = 1_000;

/// A number, and something beside it.
#[derive(Default, Serialize, Deserialize)]
struct Counter {
    value: i64,
    ballast: String,
}

#[entity]
impl Counter {
    fn get(&self) -> i64 {
        self.value
    }

    fn add(&mut self, n: i64) -> i64 {
        self.value += n;
        self.value
    }
}

fn request(operation: &str, ballast: usize) -> (String, usize) {
    let state = serde_json::to_string(&Counter {
        value: 0,
        ballast: "x".repeat(ballast),
    });
    let state = state.expect("a state");
    let size = state.len();
    let operation = |number: usize| OperationRequest {
        operation: operation.to_owned(),
        request_id: format!("6999fa62-0eae-5d25-97b7-{number:012}"),
        input: (operation == "add").then(|| "1".to_owned()),
        trace_context: None,
    };
    let batch = EntityBatchRequest {
        instance_id: "@counter@bench".into(),
        entity_state: Some(state),
        operations: (0..OPERATIONS).map(operation).collect(),
        ..EntityBatchRequest::default()
    };
    (
        base64_simd::STANDARD.encode_to_string(batch.encode_to_vec()),
        size,
    )
}

fn check(answer: &str, expected: &str) {
    let bytes = base64_simd::STANDARD.decode_to_vec(answer).expect("base64");
    let result = EntityBatchResult::decode(bytes.as_slice()).expect("a result");
    assert_eq!(result.results.len(), OPERATIONS);
    let last = result.results.last().expect("a result");
    let result = match last.result_type.as_ref().expect("an outcome") {
        OperationResultResultType::Success(success) => success.result.as_deref(),
        OperationResultResultType::Failure(_) => None,
    };
    assert_eq!(result, Some(expected));
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    println!("operation   state/bytes   us/operation (median of batches of {OPERATIONS})");
    for (operation, ballast, expected) in [
        ("get", 0, "0"),
        ("add", 0, "1000"),
        ("add", 1_000, "1000"),
        ("add", 10_000, "1000"),
        ("add", 100_000, "1000"),
    ] {
        let (request, size) = request(operation, ballast);
        let answer = || {
            let answer = runtime.block_on(answer_batch::<Counter>(&request));
            answer.expect("an answer")
        };
        check(&answer(), expected);
        let mut times: Vec<_> = (0..51)
            .map(|_| {
                let begin = Instant::now();
                std::hint::black_box(answer());
                begin.elapsed()
            })
            .collect();
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        let each = median.as_secs_f64() * 1e6 / OPERATIONS as f64;
        println!("{operation:9}   {size:11}   {each:12.3}");
    }
}
