use durable_functions::prelude::*;

#[activity]
async fn hello(name: String) -> String {
    format!("Hello {name}!")
}

#[activity]
async fn square(n: u64) -> u64 {
    n * n
}

#[activity(nam = "x")]
async fn unknown() {}

#[activity(name = "host")]
async fn bad_name() {}

#[activity(binding = "my_input")]
async fn bad_binding() {}

#[http_trigger(binding = "res")]
async fn taken_binding() {}

#[http_trigger(methods = ["fetch"])]
async fn bad_method() {}

#[http_trigger(route = "/orders")]
async fn bad_route() {}

#[http_trigger(auth_level = "none")]
async fn bad_level() {}

fn main() {}
