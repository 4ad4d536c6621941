//! What looks like it breaks replay and does not, and the way out.

use std::collections::{BTreeMap, HashMap};

use durable_functions::prelude::*;

mod clock {
    pub struct Instant(pub u64);

    impl Instant {
        pub fn now() -> Self {
            Self(7)
        }
    }
}

#[orchestrator]
async fn own_names(ctx: OrchestrationContext, prices: HashMap<String, u32>) -> u64 {
    use crate::clock::Instant;

    let fs = prices.get("fs").copied().unwrap_or_default();
    let sorted: BTreeMap<String, u32> = BTreeMap::from([(String::from("x"), fs)]);
    for price in sorted.values() {
        tracing_like(*price);
    }
    ctx.now().timestamp().unsigned_abs() + Instant::now().0
}

fn tracing_like(_price: u32) {}

#[orchestrator(allow(hash_iteration, clock))]
async fn allowed(_ctx: OrchestrationContext, prices: HashMap<String, u32>) -> u32 {
    let _at = std::time::Instant::now();
    prices.values().sum()
}

fn main() {
    let _ = FunctionApp::new().register(own_names).register(allowed);
}
