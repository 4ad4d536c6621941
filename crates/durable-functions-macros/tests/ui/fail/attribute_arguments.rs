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

#[activity("SayHello")]
async fn bare_text() {}

#[activity(name = SayHello)]
async fn no_text() {}

#[activity(name = "x", name = "y")]
async fn twice() {}

#[http_trigger(method = "get", authLevel = "admin")]
async fn of_another_language() {}

#[http_trigger(methods = "get")]
async fn no_list() {}

#[http_trigger(route = "orders/{id")]
async fn open_brace() {}

#[http_trigger(route = "orders/{id}/items/{id}")]
async fn parameter_twice() {}

#[http_trigger(route = "orders?all=true")]
async fn query() {}

#[http_trigger(route = "administrators/{id}")]
async fn reserved_route() {}

#[http_trigger]
async fn admin_page() {}

#[activity]
async fn _private() {}

fn main() {}
