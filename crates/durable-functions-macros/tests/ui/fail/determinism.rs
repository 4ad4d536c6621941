//! What breaks replay is told with what to use instead.
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use durable_functions::prelude::*;

static TOTAL: Mutex<u64> = Mutex::new(0);

#[activity]
async fn price(item: String) -> u64 {
    item.len() as u64
}

#[orchestrator]
async fn clocks(ctx: OrchestrationContext) -> bool {
    let started = Instant::now();
    ctx.sleep(Duration::from_secs(1)).await;
    started < Instant::now() && std::time::SystemTime::now() > SystemTime::UNIX_EPOCH
}

#[orchestrator]
async fn timers(ctx: OrchestrationContext) -> Result<u64> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    std::thread::sleep(Duration::from_secs(1));
    match tokio::time::timeout(Duration::from_secs(1), ctx.call(price, "tea")).await {
        Ok(price) => price,
        Err(_) => Ok(0),
    }
}

#[orchestrator]
async fn world(ctx: OrchestrationContext) -> Result<String> {
    use std::fs;
    let host = std::env::var("SHOP").unwrap_or_default();
    println!("{} asks {host}", ctx.instance_id());
    Ok(fs::read_to_string(host).unwrap_or_default())
}

#[orchestrator]
async fn threads(ctx: OrchestrationContext) -> Result<u64> {
    tokio::spawn(async {});
    let price = ctx.call(price, "tea").await?;
    *TOTAL.lock().unwrap() += price;
    Ok(price)
}

#[orchestrator]
async fn races(ctx: OrchestrationContext) -> Result<u64> {
    let (tea, milk) = (ctx.call(price, "tea"), ctx.call(price, "milk"));
    tokio::select! {
        price = tea => price,
        price = milk => price,
    }
}

#[orchestrator]
async fn orders(ctx: OrchestrationContext, items: HashMap<String, u64>) -> Result<u64> {
    let mut total = 0;
    for (item, count) in &items {
        total += ctx.call(price, item).await? * count;
    }
    let seen: HashSet<String> = items.keys().cloned().collect();
    let prices: Vec<_> = seen.into_iter().map(|item| ctx.call(price, item)).collect();
    drop(prices);
    Ok(total)
}

#[orchestrator]
async fn own_lock(_ctx: OrchestrationContext, prices: HashMap<String, u32>) -> Vec<String> {
    let seen = Mutex::new(Vec::new());
    for item in prices.keys() {
        seen.lock().unwrap().push(item.clone());
    }
    seen.into_inner().unwrap()
}

#[orchestrator]
async fn in_macros(ctx: OrchestrationContext) -> String {
    drop(ctx);
    format!("{:?}", vec![Instant::now()])
}

// the body is checked nevertheless
#[orchestrator]
async fn also_wrong(_ctx: OrchestrationContext) -> u32 {
    std::process::id().to_string()
}

#[orchestrator(allow(clock))]
async fn something_else_is_allowed(_ctx: OrchestrationContext) -> u32 {
    let _ = Instant::now();
    std::process::id()
}

#[orchestrator(allow(time))]
async fn unknown(_ctx: OrchestrationContext) {}

#[orchestrator(allow(clock, "io"))]
async fn more_unknown(_ctx: OrchestrationContext) {}

#[orchestrator(allow)]
async fn nothing(_ctx: OrchestrationContext) {}

#[activity(allow(clock))]
async fn not_needed() {}

fn main() {}
