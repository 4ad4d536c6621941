use durable_functions::prelude::*;

#[activity]
async fn hello(name: String) -> String {
    format!("Hello {name}!")
}

#[activity]
async fn square(n: u64) -> u64 {
    n * n
}

#[http_trigger]
async fn start(client: DurableClient) -> Result<String> {
    Ok(client.start_new(hello, "one").await?)
}

fn main() {}
