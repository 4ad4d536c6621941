use durable_functions::prelude::*;

struct NoError;

#[http_trigger(route = "number")]
async fn number() -> Result<u32> {
    Ok(1)
}

#[http_trigger(route = "text")]
async fn text() -> Result<String, NoError> {
    Err(NoError)
}

fn main() {}
