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
fn not_async(_ctx: OrchestrationContext) -> u32 {
    1
}

#[orchestrator]
async fn no_context() -> u32 {
    1
}

#[orchestrator]
async fn input_first(input: u32) -> u32 {
    input
}

#[orchestrator]
async fn too_many(_ctx: OrchestrationContext, _a: u32, _b: u32) -> u32 {
    1
}

#[activity]
async fn generic<T>(value: T) {}

#[activity]
async fn borrows(text: &str) {}

#[activity]
struct NotAFunction;

#[activity]
async fn borrows_within(texts: Vec<Option<&str>>) {}

#[activity]
async fn gives_a_borrow() -> Result<&'static str> {
    Ok("text")
}

#[orchestrator]
async fn context_last(input: u32, ctx: OrchestrationContext) {}

#[orchestrator]
async fn with_state(ctx: OrchestrationContext, state: State<u32>) {}

#[orchestrator]
async fn never(ctx: OrchestrationContext) -> ! {
    loop {}
}

#[http_trigger]
async fn nameless() -> Result<impl ToString> {
    Ok(1)
}

#[activity]
async fn seven(a: State<u8>, b: State<u8>, c: State<u8>, d: State<u8>, e: State<u8>, f: State<u8>, g: u8) {}

#[activity]
const unsafe extern "C" fn foreign() {}

struct Shop;

impl Shop {
    #[activity]
    async fn method(&self) {}
}

fn main() {}
