//! A task hub for a client that is not there.

use durable_functions::prelude::*;

#[http_trigger(route = "a", task_hub = "Other")]
async fn a() -> String {
    String::new()
}

#[activity(connection_name = "Storage")]
async fn b(_client: DurableClient) {}

#[activity(connection_name = "")]
async fn c(_client: DurableClient) {}

fn main() {}
