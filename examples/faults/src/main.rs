//! A function app whose functions go wrong in every way. Its tests hold what the host is answered
//! against the table in docs/faults.md.

#![allow(
    clippy::panic,
    reason = "some functions panic, so that others learn what happens then"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use durable_functions::HttpError;
use durable_functions::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error)]
#[error("card {0} declined")]
struct CardDeclined(u32);

#[derive(Debug, thiserror::Error)]
#[error("order {order} rejected")]
struct OrderRejected {
    order: u32,
    #[source]
    cause: CardDeclined,
}

fn reject(order: u32) -> OrderRejected {
    OrderRejected {
        order,
        cause: CardDeclined(4711),
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    number: u32,
}

/// Keeps its thread busy until the file is there.
fn block_until(file: &Path) {
    while !file.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[orchestrator]
async fn orchestrator_panics(ctx: OrchestrationContext) -> String {
    panic!("{} has no stock", ctx.instance_id())
}

#[orchestrator]
async fn orchestrator_fails(_ctx: OrchestrationContext) -> Result<String, OrderRejected> {
    Err(reject(42))
}

#[orchestrator]
async fn orchestrator_blocks(_ctx: OrchestrationContext, until: PathBuf) -> String {
    block_until(&until);
    "unblocked".into()
}

#[orchestrator]
async fn orchestrator_takes_order(_ctx: OrchestrationContext, order: Order) -> u32 {
    order.number
}

#[orchestrator]
async fn orchestrator_calls(ctx: OrchestrationContext) -> Result<usize> {
    ctx.call(activity_measures, "Seoul").await
}

#[orchestrator]
async fn orchestrator_waits_for_nothing(_ctx: OrchestrationContext) -> u32 {
    std::future::pending().await
}

#[activity]
async fn activity_panics(number: u32) -> u32 {
    panic!("{number} is too many")
}

#[activity]
async fn activity_fails(order: u32) -> Result<(), OrderRejected> {
    Err(reject(order))
}

#[activity]
async fn activity_fails_at_length(length: usize) -> Result<(), String> {
    Err("no! ".repeat(length / 4))
}

#[activity]
async fn activity_fails_for_good(order: u32) -> Result<()> {
    Err(durable_functions::Error::from(reject(order)).non_retriable())
}

/// Tells the tests how far an activity is, whether or not somebody waits for its answer.
#[allow(clippy::print_stdout, reason = "the tests read it")]
fn say(what: &str) {
    println!("{what}");
}

/// Blocks in asynchronous code, as nobody should.
#[activity]
async fn activity_blocks(until: PathBuf) -> String {
    say("activity_blocks started");
    block_until(&until);
    "unblocked".into()
}

#[activity]
fn activity_outlives_its_caller(until: PathBuf) -> String {
    say("activity_outlives_its_caller started");
    block_until(&until);
    say("activity_outlives_its_caller went on");
    "done".into()
}

/// Waits for the process to end.
#[activity]
async fn activity_waits_to_be_cancelled(ctx: ActivityContext) -> String {
    say("activity_waits_to_be_cancelled started");
    ctx.cancelled().await;
    "cancelled".into()
}

#[activity]
async fn activity_takes_order(order: Order) -> u32 {
    order.number
}

#[activity]
fn activity_measures(text: String) -> usize {
    text.len()
}

/// A sum that takes its time.
#[derive(Default, Serialize, Deserialize)]
struct Ledger(i64);

#[entity]
impl Ledger {
    fn add(&mut self, amount: i64) {
        self.0 += amount;
    }

    fn add_late(&mut self, until: PathBuf) {
        say("add_late started");
        block_until(&until);
        self.0 += 10;
    }
}

#[http_trigger(route = "panics")]
async fn http_panics(req: HttpRequest) -> String {
    panic!("{} is bad", req.url())
}

#[http_trigger(route = "fails")]
async fn http_fails() -> Result<String, OrderRejected> {
    Err(reject(1))
}

#[http_trigger(route = "refuses/{id?}")]
async fn http_refuses(req: HttpRequest) -> Result<String> {
    let id = req.route_param("id")?;
    Err(HttpError::not_found(format!("there is no order {id}")))?
}

#[http_trigger(route = "orders", methods = ["post"])]
async fn http_takes_order(order: Order) -> String {
    order.number.to_string()
}

#[http_trigger(route = "starts", methods = ["post"])]
async fn http_starts(client: DurableClient) -> Result<String> {
    Ok(client.start_new(orchestrator_fails, ()).await?)
}

fn main() -> ExitCode {
    let app = match std::env::var_os("HOLD_NON_DETERMINISTIC") {
        Some(_) => FunctionApp::new().hold_non_deterministic(),
        None => FunctionApp::new(),
    };
    app.register(orchestrator_panics)
        .register(orchestrator_fails)
        .register(orchestrator_blocks)
        .register(orchestrator_takes_order)
        .register(orchestrator_calls)
        .register(orchestrator_waits_for_nothing)
        .register(activity_panics)
        .register(activity_fails)
        .register(activity_fails_at_length)
        .register(activity_fails_for_good)
        .register(activity_blocks)
        .register(activity_outlives_its_caller)
        .register(activity_waits_to_be_cancelled)
        .register(activity_takes_order)
        .register(activity_measures)
        .register_entity::<Ledger>()
        .register(http_panics)
        .register(http_fails)
        .register(http_refuses)
        .register(http_takes_order)
        .register(http_starts)
        .run()
}
