use durable_functions::prelude::*;

#[activity]
async fn hello(name: String) -> String {
    format!("Hello {name}!")
}

#[activity]
async fn square(n: u64) -> u64 {
    n * n
}

struct Opaque;

#[activity]
async fn takes(_: Opaque) {}

#[activity]
async fn gives() -> Opaque {
    Opaque
}

fn main() {}
