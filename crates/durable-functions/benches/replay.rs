//! What a replay costs: `cargo bench -p durable-functions --bench replay`.
//!
//! The last turn of an orchestration with N activities, from base64 text to base64 text, on one
//! thread. The answers are compared with those of the .NET SDK byte for byte before anything is
//! measured. The histories were made with Microsoft's message classes in the shape of recorded
//! ones; the figures of the .NET SDK 1.25 for the same texts were measured on an idle 2-core EPYC.
//! A race loop races all the calls of a fan-out, takes the winner out and goes
//! on with the rest.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints, and ends where it stands"
)]

use std::io::Read as _;
use std::time::{Duration, Instant};

use durable_functions::bench_support::answer_turn;
use durable_functions::prelude::*;
use futures::future::join_all;
use serde_json::{Value, json};

/// Median microseconds of the .NET SDK, where they were measured.
const HISTORIES: [(&str, &str, &[u8], Option<f64>); 8] = [
    (
        "chain 10",
        "chain_10",
        include_bytes!("data/chain_10.gz"),
        Some(19.0),
    ),
    (
        "chain 100",
        "chain_100",
        include_bytes!("data/chain_100.gz"),
        Some(169.0),
    ),
    (
        "chain 1000",
        "chain_1000",
        include_bytes!("data/chain_1000.gz"),
        Some(1_744.0),
    ),
    (
        "chain 5000",
        "chain_5000",
        include_bytes!("data/chain_5000.gz"),
        Some(16_976.0),
    ),
    (
        "fan-out 10",
        "fanout_10",
        include_bytes!("data/fanout_10.gz"),
        None,
    ),
    (
        "fan-out 100",
        "fanout_100",
        include_bytes!("data/fanout_100.gz"),
        None,
    ),
    (
        "fan-out 1000",
        "fanout_1000",
        include_bytes!("data/fanout_1000.gz"),
        Some(1_338.0),
    ),
    (
        "fan-out 5000",
        "fanout_5000",
        include_bytes!("data/fanout_5000.gz"),
        Some(14_979.0),
    ),
];

fn count(input: &Value) -> i64 {
    input.as_i64().unwrap()
}

#[activity]
async fn hello(name: Value) -> String {
    name.to_string()
}

#[activity]
async fn square(n: i64) -> i64 {
    n * n
}

#[orchestrator]
async fn chain_n(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let n = count(&input);
    let mut last = String::new();
    for i in 0..n {
        last = ctx.call(hello, json!(i.to_string())).await?;
    }
    Ok(json!({ "count": n, "last": last }))
}

#[orchestrator]
async fn fan_out(ctx: OrchestrationContext, input: Value) -> Result<i64> {
    let squares = ctx.all((0..count(&input)).map(|i| ctx.call(square, i)));
    Ok(squares.await?.iter().sum())
}

#[orchestrator]
async fn fan_out_join_all(ctx: OrchestrationContext, input: Value) -> Result<i64> {
    let squares = join_all((0..count(&input)).map(|i| ctx.call(square, i)));
    squares.await.into_iter().sum()
}

#[orchestrator]
async fn race_loop(ctx: OrchestrationContext, input: Value) -> Result<i64> {
    let mut race = ctx.race((0..count(&input)).map(|i| ctx.call(square, i)));
    let mut sum = 0;
    while let Some((_, result)) = race.next().await {
        sum += result?;
    }
    Ok(sum)
}

fn main() {
    println!("last turn, base64 to base64, one thread, median (minimum)");
    println!();
    println!(
        "{:<24} {:>7} {:>10} {:>10} {:>10} {:>8} {:>9} {:>8}",
        "", "events", "us", "(min)", "us/event", "allocs", "/event", ".NET us"
    );
    let answers = include_str!("data/responses.txt");
    for (label, name, history, dotnet) in HISTORIES {
        let request = base64(history);
        let answer = answers
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .unwrap();
        if name.starts_with("chain") {
            let answer_turn = |text: &str| answer_turn(chain_n, text).unwrap();
            row(label, &request, answer, dotnet, answer_turn);
            continue;
        }
        row(label, &request, answer, dotnet, |text| {
            answer_turn(fan_out, text).unwrap()
        });
        if name.len() > "fanout_100".len() {
            row(
                &format!("{label}, join_all"),
                &request,
                answer,
                dotnet,
                |text| answer_turn(fan_out_join_all, text).unwrap(),
            );
            row(
                &label.replace("fan-out", "race loop"),
                &request,
                answer,
                None,
                |text| answer_turn(race_loop, text).unwrap(),
            );
        }
    }
}

fn base64(gzip: &[u8]) -> String {
    let mut request = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(gzip);
    decoder.read_to_end(&mut request).unwrap();
    base64_simd::STANDARD.encode_to_string(request)
}

/// Events of a history: every one of them has a timestamp of its own.
fn events(request: &str) -> usize {
    use durable_functions_protocol::proto::OrchestratorRequest;
    let request = base64_simd::STANDARD.decode_to_vec(request).unwrap();
    let request: OrchestratorRequest = prost::Message::decode(request.as_slice()).unwrap();
    request.past_events.len() + request.new_events.len()
}

fn row(
    label: &str,
    request: &str,
    answer: &str,
    dotnet: Option<f64>,
    replay: impl Fn(&str) -> String,
) {
    assert_eq!(
        replay(request),
        answer,
        "{label}: another answer than .NET's"
    );
    let events = events(request);
    let allocations = allocation_counter::measure(|| drop(replay(request))).count_total;
    let mut times = Vec::new();
    let begin = Instant::now();
    while times.len() < 20 || (begin.elapsed() < Duration::from_secs(1) && times.len() < 5_000) {
        let begin = Instant::now();
        std::hint::black_box(replay(std::hint::black_box(request)));
        times.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    let (median, least) = (
        times.get(times.len() / 2).copied().unwrap(),
        times.first().copied().unwrap(),
    );
    let per_event = |n: f64| n / events as f64;
    println!(
        "{label:<24} {events:>7} {median:>10.1} {least:>10.1} {:>10.4} {allocations:>8} {:>9.3} {:>8}",
        per_event(median),
        per_event(allocations as f64),
        dotnet.map_or("-".into(), |us| format!("{us:.0}")),
    );
}
