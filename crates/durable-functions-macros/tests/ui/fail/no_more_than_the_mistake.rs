//! A function with a mistake is there nevertheless, so that its callers are not told otherwise.
use durable_functions::prelude::*;

#[activity(names = "half", binding = "my_input")]
unsafe fn half(n: u64) -> u64 {
    n / 2
}

#[orchestrator]
fn quarter(ctx: OrchestrationContext, n: u64) -> Result<u64> {
    let half_of_n = ctx.call(half, n).await?;
    ctx.call(half, half_of_n).await
}

#[http_trigger(methods = ["get", "GET"], authLevel = "anonymous")]
async fn start(client: DurableClient) -> Result<String> {
    Ok(client.start_new(quarter, 8).await?)
}

fn main() {
    let _ = FunctionApp::new().register(half).register(quarter).register(start);
}
