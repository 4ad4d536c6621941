use durable_functions::prelude::*;

#[activity]
async fn hello(name: String) -> String {
    format!("Hello {name}!")
}

#[activity]
async fn square(n: u64) -> u64 {
    n * n
}

struct NoError;

#[activity]
async fn a() -> Result<u32, NoError> {
    Err(NoError)
}

fn main() {}
