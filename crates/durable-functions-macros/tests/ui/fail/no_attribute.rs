use durable_functions::prelude::*;

#[activity]
async fn hello(name: String) -> String {
    format!("Hello {name}!")
}

#[activity]
async fn square(n: u64) -> u64 {
    n * n
}

async fn plain(name: String) -> String {
    name
}

#[orchestrator]
async fn o(ctx: OrchestrationContext) -> Result<String> {
    ctx.call(plain, "Seoul").await
}

fn main() {
    let _ = FunctionApp::new().register(plain);
}
