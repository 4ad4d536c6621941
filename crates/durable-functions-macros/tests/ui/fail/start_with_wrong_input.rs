use durable_functions::prelude::*;

#[activity]
async fn hello(name: String) -> String {
    format!("Hello {name}!")
}

#[activity]
async fn square(n: u64) -> u64 {
    n * n
}

#[orchestrator]
async fn order(_ctx: OrchestrationContext, _number: u32) -> u32 {
    1
}

#[http_trigger]
async fn start(client: DurableClient) -> Result<String> {
    Ok(client.start_new(order, "one").await?)
}

fn main() {}
