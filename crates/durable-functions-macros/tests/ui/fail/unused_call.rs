#![deny(unused_must_use)]

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
async fn o(ctx: OrchestrationContext) {
    ctx.call(hello, "Seoul");
}

fn main() {}
