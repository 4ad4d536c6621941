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
fn not_async(ctx: OrchestrationContext) -> u32 {
    1
}

#[orchestrator]
async fn no_context() -> u32 {
    1
}

#[orchestrator]
async fn input_first(input: u32) -> u32 {
    input
}

#[orchestrator]
async fn too_many(_ctx: OrchestrationContext, _a: u32, _b: u32) -> u32 {
    1
}

#[activity]
async fn generic<T>(value: T) {}

#[activity]
async fn borrows(text: &str) {}

#[activity]
struct NotAFunction;

fn main() {}
