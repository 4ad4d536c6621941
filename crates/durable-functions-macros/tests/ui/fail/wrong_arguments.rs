use durable_functions::prelude::*;

#[activity]
async fn hello(name: String) -> String {
    format!("Hello {name}!")
}

#[activity]
async fn square(n: u64) -> u64 {
    n * n
}

#[activity]
async fn with_request(req: HttpRequest) -> String {
    req.url().to_owned()
}

#[activity]
async fn with_context(ctx: OrchestrationContext) -> String {
    ctx.instance_id().to_owned()
}

fn main() {}
