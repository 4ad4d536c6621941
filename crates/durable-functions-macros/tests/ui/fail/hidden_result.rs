use durable_functions::prelude::*;

#[activity]
async fn hello(name: String) -> String {
    format!("Hello {name}!")
}

#[activity]
async fn square(n: u64) -> u64 {
    n * n
}

type Sneaky<T> = std::result::Result<T, String>;

#[activity]
async fn a() -> Sneaky<u32> {
    Ok(1)
}

fn main() {}
