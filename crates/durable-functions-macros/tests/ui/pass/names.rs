//! Names of the user's that could meet those of the expansion.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub)]

use durable_functions::macro_support::{Activity, HttpFunction, Orchestrator, OrchestratorFn};
use durable_functions::prelude::*;
use serde::{Deserialize, Serialize};

// an argument may have the function's name
#[activity]
async fn name(name: String) -> String {
    name
}

// and a function that of anything in the expansion
#[activity]
async fn invocation(states: String) -> String {
    states
}

#[activity]
fn states(db: State<u8>, returned: String) -> String {
    format!("{returned}{}", *db)
}

#[activity]
async fn returned(invocation: u8) -> Result<u8> {
    Ok(invocation)
}

#[orchestrator]
async fn ctx(_input: OrchestrationContext, input: u8) -> u8 {
    input
}

#[orchestrator]
async fn input(_: OrchestrationContext, ctx: u8) -> u8 {
    ctx
}

#[http_trigger]
async fn req(res: HttpRequest, client: DurableClient) -> HttpResponse {
    drop((res, client));
    HttpResponse::new(200)
}

// in its own body a function is what it is everywhere
#[activity]
async fn factorial(n: u64) -> u64 {
    if n == 0 {
        1
    } else {
        n * factorial(n - 1).await
    }
}

#[activity]
fn countdown(n: u32) -> u32 {
    // not `async`, so it can't be awaited here; but it can be named
    let _: fn(u32) -> _ = countdown;
    n
}

#[orchestrator]
async fn eternal(ctx: OrchestrationContext) -> Result<String> {
    fn name_of<Marker, F: OrchestratorFn<Marker>>(_: F) -> &'static str {
        <F::Orchestrator as Orchestrator>::NAME
    }
    drop(ctx);
    Ok(name_of(eternal).to_owned())
}

#[orchestrator]
async fn fibonacci(ctx: OrchestrationContext, n: u64) -> Result<u64> {
    if n < 2 {
        return Ok(n);
    }
    let a = ctx.call_sub_orchestrator(fibonacci, n - 1);
    let b = ctx.call_sub_orchestrator(fibonacci, n - 2);
    Ok(a.await? + b.await?)
}

#[http_trigger]
async fn restart(client: DurableClient) -> Result<String> {
    let _ = restart;
    Ok(client.start_new(nothing, ()).await?)
}

#[orchestrator]
async fn nothing(_: OrchestrationContext) {}

// a type of the user's may have the name of one of the SDK's
mod own {
    use durable_functions::{OrchestrationContext, orchestrator};
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub(crate) struct State {
        pub(crate) step: u32,
    }

    #[orchestrator]
    pub(crate) async fn machine(_: OrchestrationContext, state: State) -> State {
        State {
            step: state.step + 1,
        }
    }
}

// the name in logs and traces is the user's
#[activity]
fn place() -> String {
    fn here() {}
    std::any::type_name_of_val(&here).to_owned()
}

// items, labels and `Self` in the body
#[activity]
async fn body() -> u32 {
    const ONE: u32 = 1;
    'outer: loop {
        for n in 0.. {
            if n > ONE {
                break 'outer n;
            }
        }
    }
}

#[activity(name = "old-name")]
#[deprecated]
async fn old_name() {}

/// In a function.
pub fn local() -> &'static str {
    #[activity]
    async fn inside() {}
    inside::NAME
}

macro_rules! activities {
    ($($function:ident, $name:literal, $binding:expr, $input:ty, $output:ty, $value:expr;)*) => {$(
        #[activity(name = $name, binding = $binding)]
        async fn $function(input: $input) -> $output {
            let _ = input;
            $value
        }
    )*};
}
activities! {
    one, "One", "first", u32, Result<u32>, Ok(1);
    two, "Two", "second", Option<String>, String, "two".to_owned();
}

macro_rules! orchestrators {
    ($($function:ident: $ctx:ty => $output:ty;)*) => {$(
        #[orchestrator]
        async fn $function(ctx: $ctx) -> $output {
            drop(ctx);
            Ok(1)
        }
    )*};
}
orchestrators! { from_macro: OrchestrationContext => Result<u32>; }

#[derive(Serialize, Deserialize)]
struct SearchOutcome;

#[activity]
async fn search() -> SearchOutcome {
    SearchOutcome
}

#[allow(clippy::unwrap_used, reason = "a test ends where it can't go on")]
fn main() {
    let _ = FunctionApp::new()
        .register(name)
        .register(invocation)
        .register(states)
        .register(returned)
        .register(ctx)
        .register(input)
        .register(req)
        .register(factorial)
        .register(countdown)
        .register(eternal)
        .register(fibonacci)
        .register(restart)
        .register(nothing)
        .register(own::machine)
        .register(search)
        .register(one)
        .register(two)
        .register(from_macro);
    assert_eq!(req::NAME, "req");
    assert_eq!((one::NAME, one::BINDING), ("One", "first"));
    assert_eq!(local(), "inside");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        assert_eq!(name("x".into()).await, "x");
        assert_eq!(factorial(5).await, 120);
        assert_eq!(body().await, 2);
        assert!(place().await.ends_with("place::here"), "{}", place().await);
    });
}
