//! What is deterministic, although it has the names of what is not; and what is allowed.
#![deny(warnings)]

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use durable_functions::prelude::*;

mod files {
    pub(crate) fn read(_: &str) -> u64 {
        2
    }
}

#[activity]
async fn price(item: String) -> u64 {
    item.len() as u64
}

#[orchestrator]
async fn own_names(ctx: OrchestrationContext) -> u64 {
    use crate::files as fs;

    struct Instant;
    impl Instant {
        fn now() -> u64 {
            1
        }
    }
    struct Pool;
    impl Pool {
        fn spawn(&self, n: u64) -> u64 {
            n
        }
        fn lock(&self) -> u64 {
            3
        }
    }
    macro_rules! select {
        ($($n:expr),*) => { 0 $(+ $n)* };
    }

    let (env, rand) = (Pool, || 4);
    let _ = (ctx.now(), ctx.new_uuid());
    Instant::now() + fs::read("x") + env.spawn(1) + env.lock() + rand() + select!(1, 2)
}

#[orchestrator]
async fn hash_maps(ctx: OrchestrationContext, items: HashMap<String, u64>) -> Result<u64> {
    let mut total = items.get("tea").copied().unwrap_or_default();
    total += items.values().sum::<u64>();
    let mut names: Vec<_> = items.keys().collect();
    names.sort();
    for item in names {
        total += ctx.call(price, item).await?;
    }
    let sorted: BTreeMap<_, _> = items.into_iter().collect();
    for (item, count) in sorted {
        total += ctx.call(price, item).await? * count;
    }
    Ok(total)
}

#[orchestrator]
async fn biased(ctx: OrchestrationContext) -> Result<u64> {
    let (tea, milk) = (ctx.call(price, "tea"), ctx.call(price, "milk"));
    tokio::select! {
        biased;
        price = tea => price,
        price = milk => price,
    }
}

#[orchestrator]
async fn activities_inside(ctx: OrchestrationContext) -> Result<bool> {
    #[activity]
    fn is_set(name: String) -> bool {
        std::env::var_os(name).is_some()
    }
    ctx.call(is_set, "SHOP").await
}

#[allow(clippy::print_stdout, reason = "what the attribute lets pass")]
#[orchestrator(name = "measured", allow(clock, print, hash_iteration))]
async fn allowed(ctx: OrchestrationContext, items: HashMap<String, u64>) {
    let started = Instant::now();
    let count = items.iter().filter(|_| true).take(5).count();
    ctx.sleep(Duration::from_secs(1)).await;
    println!("{count} in {:?}", started.elapsed());
}

fn main() {
    let _ = FunctionApp::new()
        .register(price)
        .register(own_names)
        .register(hash_maps)
        .register(biased)
        .register(activities_inside)
        .register(allowed);
}
