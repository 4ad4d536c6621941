//! The attributes of `durable-functions`: what turns a function into a function of the app.
//!
//! Use them through that crate, which documents what the functions can do.
//!
//! Of `#[activity] pub async fn hello(name: String) -> String { .. }` they make
//!
//! ```text
//! pub fn hello(name: String) -> ActivityCall<hello> { .. }     // what callers see
//! pub enum hello {}                                            // what stands for it as a type
//! const _: () = { impl Activity for hello { .. } };            // its facts
//! impl hello { async fn hello(name: String) -> String { .. } } // its body
//! ```
//!
//! The type has no values, so a local variable may have its name as well. The body is a function of
//! the type: there it keeps its name for logs and traces, and when it names itself, that means what
//! callers see.

mod activity;
mod arguments;
mod determinism;
mod entity;
mod errors;
mod expansion;
mod http;
mod names;
mod options;
mod orchestrator;
mod signature;
mod types;

/// Makes an asynchronous function an orchestrator.
///
/// The first argument is the `OrchestrationContext`; a second one, if there is one, is the input:
/// any type that `serde` can read and write. It returns its output, or a `Result` of it.
///
/// | argument | meaning | without it |
/// |---|---|---|
/// | `name = ".."` | the name by which the host and others know it | the function's name |
/// | `binding = ".."` | name of the trigger binding in function.json | `context` |
/// | `allow(..)` | what is not refused although it breaks replay, see below | nothing |
///
/// The name stands for a function and for a type, so no module beside it can have it. The types
/// of input and output are as visible as the function: those of a `pub` one are `pub`.
///
/// An orchestrator is run again from its start at every turn, so it must do the same every time:
/// everything that depends on the world outside belongs in an activity.
///
/// ```
/// use durable_functions::prelude::*;
///
/// #[activity]
/// async fn price(item: String) -> u32 {
///     item.len() as u32
/// }
///
/// #[orchestrator]
/// async fn total(ctx: OrchestrationContext, items: Vec<String>) -> Result<u32> {
///     let prices: Vec<_> = items.into_iter().map(|item| ctx.call(price, item)).collect();
///     let mut total = 0;
///     for price in prices {
///         total += price.await?;
///     }
///     Ok(total)
/// }
/// ```
///
/// # What is refused
///
/// What can be seen in the body to break replay is an error that says what to use instead:
///
/// | `allow` | what | instead |
/// |---|---|---|
/// | `clock` | `Instant::now`, `SystemTime::now`, `Utc::now`, .. | `ctx.now()` |
/// | `random` | `Uuid::new_v4`, `rand`, .. | `ctx.new_uuid()`, `ctx.rng()` |
/// | `io` | `std::fs`, `std::env`, `std::net`, `reqwest`, .. | an activity, `ctx.call_http(..)` |
/// | `sleep` | `tokio::time`, `thread::sleep` | `ctx.sleep(..)` |
/// | `spawn` | `tokio::spawn`, `thread::spawn`, .. | `ctx.call(..)` |
/// | `select` | `select!` that is not biased | `ctx.either(..)`, `ctx.race(..)`, `select_biased!` |
/// | `hash_iteration` | going through a `HashMap` or `HashSet`, where the order can show | `BTreeMap`, `BTreeSet`, sorting |
/// | `lock` | `Mutex`, `RwLock`, `.lock().unwrap()`, `block_on` | `RefCell`, an activity |
/// | `print` | `println!`, `dbg!`, .. | `tracing`, which is silent on replay |
///
/// ```compile_fail
/// use durable_functions::prelude::*;
///
/// #[orchestrator]
/// async fn today(_ctx: OrchestrationContext) -> String {
///     format!("{:?}", std::time::SystemTime::now())
/// }
/// ```
///
/// Closures, `async` blocks and functions in the body belong to it, and what stands in macros is
/// looked at as far as it can be read. `use` items and definitions of the body are followed, so its
/// own `Instant` is not taken for that of the standard library. The code of functions that the body
/// calls is not seen, nor are types that are not spelt out.
///
/// If something is refused that does no harm, allow it, for this orchestrator alone:
///
/// ```
/// use durable_functions::prelude::*;
/// use std::collections::HashMap;
///
/// // a sum is the same in any order
/// #[orchestrator(allow(hash_iteration))]
/// async fn total(_ctx: OrchestrationContext, prices: HashMap<String, u32>) -> u32 {
///     let mut total = 0;
///     for price in prices.values() {
///         total += price;
///     }
///     total
/// }
/// ```
#[proc_macro_attribute]
pub fn orchestrator(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    orchestrator::expand(arguments.into(), item.into()).into()
}

/// Makes a function an activity.
///
/// Its arguments are told apart by their types, in any order: `State<T>`, `ActivityContext`,
/// `DurableClient`, and one payload, the input: any type that `serde` can read and write. It returns
/// its result, or a `Result` of it. It may be `async` or not: every call has a thread of its own,
/// so it may block.
///
/// | argument | meaning | without it |
/// |---|---|---|
/// | `name = ".."` | the name by which the host and others know it | the function's name |
/// | `binding = ".."` | name of the trigger binding in function.json | `input` |
/// | `task_hub = ".."` | task hub of the `DurableClient` argument, or `%SETTING%` | the host's own |
/// | `connection_name = ".."` | app setting with the storage connection of the `DurableClient` argument | the host's own |
///
/// The name stands for a function and for a type, so no module beside it can have it. The types
/// of input and result are as visible as the function: those of a `pub` one are `pub`.
///
/// An activity runs at least once for every call: now and then the process dies before the host
/// has its result, and then it runs again.
///
/// ```
/// use durable_functions::prelude::*;
///
/// #[activity]
/// async fn hello(name: String) -> String {
///     format!("Hello {name}!")
/// }
///
/// // it is still a function
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// assert_eq!(hello("Seoul".into()).await, "Hello Seoul!");
/// # });
/// ```
#[proc_macro_attribute]
pub fn activity(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    activity::expand(arguments.into(), item.into()).into()
}

/// Makes the methods of a type the operations of an entity: a small durable object, of which there
/// is one for each key that somebody uses.
///
/// The type is the entity's state. It has `Default`, which is the state of a new entity, and
/// `serde`'s `Serialize` and `Deserialize`. Every method of the `impl` with `&self` or `&mut self`
/// is an operation; what `&self` ones do never changes the state. Besides the input, which is any
/// type that `serde` can read and write, an operation takes `EntityContext` and `State<T>`. It
/// returns its result, or a `Result` of it, and may be `async`.
///
/// One operation of an entity runs after another. If one fails, the state is what it was before,
/// and what it sent is not sent. An operation runs at least once: if the process dies before the
/// host has its result, it runs again, on the state of before.
///
/// | argument | meaning | without it |
/// |---|---|---|
/// | `name = ".."` | the name by which the host and others know it | the type's, as `rate_limiter` |
/// | `binding = ".."` | name of the trigger binding in function.json | `context` |
///
/// | on a method | meaning |
/// |---|---|
/// | `#[operation(name = "..")]` | the name of the operation; names have no case |
/// | `#[operation(skip)]` | it is no operation |
///
/// The operation `delete` deletes the state of an entity that has no operation of that name.
///
/// ```
/// use durable_functions::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Counter {
///     value: i64,
/// }
///
/// #[entity]
/// impl Counter {
///     fn get(&self) -> i64 {
///         self.value
///     }
///
///     fn add(&mut self, n: i64) -> Result<i64> {
///         let sum = self.value.checked_add(n);
///         self.value = sum.ok_or_else(|| durable_functions::Error::msg("too large"))?;
///         Ok(self.value)
///     }
/// }
///
/// // they are still methods
/// let mut counter = Counter::default();
/// assert_eq!(counter.add(5).unwrap(), 5);
/// assert_eq!(counter.get(), 5);
/// ```
#[proc_macro_attribute]
pub fn entity(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    entity::expand(arguments.into(), item.into()).into()
}

/// Makes a function an HTTP function.
///
/// Its arguments are told apart by their types, in any order: `HttpRequest`, `DurableClient`,
/// `State<T>`, and one payload, which is read from the body as JSON. It returns an `HttpResponse`,
/// `Json<T>`, text or nothing, or a `Result` of one of these.
///
/// | argument | meaning | without it |
/// |---|---|---|
/// | `route = ".."` | the path below `/api`, with parameters such as `{id}`, `{id?}`, `{id:int}` | the function's name |
/// | `methods = ["get", ..]` | the methods that are served | all |
/// | `auth_level = ".."` | `anonymous`, `function` (a key is asked) or `admin` (the master key is) | `function` |
/// | `name = ".."` | the name by which the host knows it | the function's name |
/// | `binding = ".."` | name of the trigger binding in function.json | `req` |
/// | `task_hub = ".."` | task hub of the `DurableClient` argument, or `%SETTING%` | the host's own |
/// | `connection_name = ".."` | app setting with the storage connection of the `DurableClient` argument | the host's own |
///
/// The name stands for a function and for a type, so no module beside it can have it. The types
/// of arguments and result are as visible as the function: those of a `pub` one are `pub`.
///
/// ```
/// use durable_functions::prelude::*;
///
/// #[http_trigger(route = "greet/{name}", methods = ["get"], auth_level = "anonymous")]
/// async fn greet(req: HttpRequest) -> Result<String> {
///     Ok(format!("Hello {}!", req.route_param("name")?))
/// }
/// ```
#[proc_macro_attribute]
pub fn http_trigger(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    http::expand(arguments.into(), item.into()).into()
}
