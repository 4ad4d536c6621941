use durable_functions::prelude::*;

#[activity]
async fn hello(name: String) -> String {
    format!("Hello {name}!")
}

#[orchestrator]
async fn part(ctx: OrchestrationContext) -> Result<String> {
    ctx.call_sub_orchestrator(hello, "Seoul").await
}

#[orchestrator]
async fn whole(ctx: OrchestrationContext) -> Result<String> {
    ctx.call(part, ()).await
}

fn main() {}
