//! Every shape of function that the attributes take.
#![deny(missing_docs, warnings)]

use durable_functions::prelude::*;
use durable_functions::{HttpError, Json};
use serde::{Deserialize, Serialize};

struct Db;

#[derive(Debug)]
struct TooLong(usize);

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is too long", self.0)
    }
}

impl std::error::Error for TooLong {}

/// Something to pass around.
#[derive(Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub number: u32,
}

type OrderResult<T> = std::result::Result<T, TooLong>;

/// Activities live in a module of their own.
pub mod activities {
    use super::*;

    /// Documented.
    #[activity]
    pub async fn hello(name: String) -> String {
        format!("Hello {name}!")
    }

    #[activity]
    pub(crate) fn square(n: u64) -> u64 {
        n * n
    }
}

use activities::{hello, square};

#[activity]
async fn tick() {}

#[activity(name = "Greet", binding = "name")]
async fn greet(
    db: State<Db>,
    name: String,
    ctx: ActivityContext,
    client: DurableClient,
) -> Result<String, TooLong> {
    let _ = (&*db, ctx.instance_id(), client);
    if name.len() > 8 {
        Err(TooLong(name.len()))
    } else {
        Ok(name)
    }
}

#[activity]
async fn anyhow_error(mut numbers: Vec<u32>) -> anyhow::Result<u32> {
    numbers.sort_unstable();
    numbers.pop().ok_or_else(|| anyhow::anyhow!("no numbers"))
}

#[activity]
async fn aliased(_: Order) -> OrderResult<u32> {
    Ok(1)
}

#[activity]
async fn text_error((a, b): (u32, u32)) -> Result<u32, String> {
    a.checked_sub(b).ok_or_else(|| "negative".to_owned())
}

#[activity]
async fn maybe(limit: Option<u64>) -> Option<u64> {
    limit
}

#[cfg(any())]
#[activity]
async fn left_out(_: TypeThatIsNot) {}

#[activity]
async fn r#type(_input: String) {}

#[orchestrator]
async fn everything(ctx: OrchestrationContext, order: Order) -> Result<String> {
    let hello = ctx.call(hello, "Seoul").await?; // a local may have the activity's name
    let name = hello.clone();
    ctx.call(activities::hello, &name).await?;
    ctx.call(activities::hello, name).await?;
    let nine: u64 = ctx.call(square, 3).await?;
    ctx.call(tick, ()).await?;
    ctx.call(greet, "x").await?;
    ctx.call(anyhow_error, vec![1, 2]).await?;
    ctx.call(aliased, order).await?;
    ctx.call(text_error, (3, 2)).await?;
    ctx.call(maybe, nine).await?;
    ctx.call(maybe, 5).await?;
    ctx.call(maybe, None).await?;
    ctx.call(r#type, "x").await?;
    ctx.call_by_name::<u32>("of another language", (1, "two"))
        .await?;
    Ok(hello)
}

#[orchestrator]
async fn as_in_the_book(ctx: OrchestrationContext) -> Result<String> {
    ctx.call(hello, "Seoul").await
}

#[orchestrator]
async fn anyhow_orchestrator(ctx: OrchestrationContext, (a, b): (u64, u64)) -> anyhow::Result<u64> {
    let (a, b) = (ctx.call(square, a), ctx.call(square, b));
    Ok(a.await? + b.await?)
}

#[orchestrator(name = "plain", binding = "ctx")]
async fn infallible(_ctx: OrchestrationContext) -> u32 {
    let not_send = std::rc::Rc::new(1);
    std::future::ready(()).await;
    *not_send
}

#[http_trigger]
async fn ping() -> &'static str {
    "pong"
}

#[http_trigger(route = "orders/{id:int?}", methods = ["GET", "post"], auth_level = "anonymous", name = "Orders", binding = "request")]
async fn orders(req: HttpRequest, client: DurableClient, db: State<Db>) -> Result<Json<u32>> {
    let _ = &*db;
    let id: u32 = req
        .route_param("id")?
        .parse()
        .map_err(|_| HttpError::bad_request("a number"))?;
    client
        .start_new(everything, Order { number: id })
        .instance_id("x")
        .await?;
    client.start_new(infallible, ()).await?;
    client.start_new("by name", vec![1, 2]).await?;
    client.start_new(String::from("by name"), ()).await?;
    Ok(Json(id))
}

#[http_trigger(route = "orders", methods = ["post"])]
fn place(order: Order) -> Result<HttpResponse, TooLong> {
    Ok(HttpResponse::text(order.number.to_string()))
}

#[allow(clippy::unwrap_used, reason = "a test ends where it can't go on")]
fn main() {
    let _ = FunctionApp::new()
        .state(Db)
        .register(hello)
        .register(square)
        .register(tick)
        .register(greet)
        .register(anyhow_error)
        .register(aliased)
        .register(text_error)
        .register(maybe)
        .register(r#type)
        .register(everything)
        .register(as_in_the_book)
        .register(anyhow_orchestrator)
        .register(infallible)
        .register(ping)
        .register(orders)
        .register(place);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        assert_eq!(hello("Seoul".into()).await, "Hello Seoul!");
        assert_eq!(square(4).await, 16);
        assert!(text_error((1, 2)).await.is_err());
    });
}
