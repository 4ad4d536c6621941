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
async fn add(a: u32, b: u32) -> u32 {
    a + b
}

fn main() {}
