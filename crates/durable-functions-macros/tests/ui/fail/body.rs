//! What is wrong in a body is told where it stands, and nothing else is.
use durable_functions::prelude::*;

#[activity]
async fn length(text: String) -> u64 {
    text.len()
}

#[activity]
async fn half(n: u64) -> u64 {
    let half = n / 2
    half
}

#[orchestrator]
async fn o(ctx: OrchestrationContext) -> Result<u64> {
    ctx.call(length, "x").await;
}

fn main() {
    let _ = FunctionApp::new().register(length).register(half).register(o);
}
