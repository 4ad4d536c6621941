//! What breaks replay is refused where it stands.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use durable_functions::prelude::*;

#[orchestrator]
async fn clocks(_ctx: OrchestrationContext) -> u64 {
    let begin = Instant::now();
    println!("{:?}", SystemTime::now());
    begin.elapsed().as_secs()
}

#[orchestrator]
async fn waits(_ctx: OrchestrationContext) {
    tokio::time::sleep(Duration::from_secs(1)).await;
    std::thread::sleep(Duration::from_secs(1));
    tokio::spawn(async {});
}

#[orchestrator]
async fn reads(_ctx: OrchestrationContext) -> String {
    std::env::var("REGION").unwrap_or_default()
}

#[orchestrator]
async fn orders(_ctx: OrchestrationContext, prices: HashMap<String, u32>) -> Vec<String> {
    let seen = Mutex::new(Vec::new());
    for item in prices.keys() {
        seen.lock().unwrap().push(item.clone());
    }
    seen.into_inner().unwrap()
}

#[orchestrator(allow(time))]
async fn allows(_ctx: OrchestrationContext) {}

fn main() {}
