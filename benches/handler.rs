//! What the executable of a deployment costs: `cargo bench --bench handler`.
//!
//! Builds it in release mode without the development host, starts it as the Functions host does,
//! and drives hello orchestrations through it over HTTP: two turns and an activity each. The
//! figures of the .NET handler were measured on the real host (2 cores, Azurite).

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and ends where it stands"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use handler_harness::{Handler, Turn, activity_request, completion, orchestration_request};

const STARTS: usize = 15;
const CONNECTIONS: usize = 8;
const ORCHESTRATIONS: usize = 12_000;

fn main() {
    let executable = build();
    let size = fs::metadata(&executable).unwrap().len() as f64 / 1e6;

    let mut starts: Vec<f64> = (0..STARTS)
        .map(|_| milliseconds_to_first_answer(&executable))
        .collect();
    starts.sort_by(f64::total_cmp);

    let handler = start(&executable);
    let idle = memory(&handler, "VmRSS:");
    run(&handler, ORCHESTRATIONS / 10);
    let before = cpu_seconds(&handler);
    let begin = Instant::now();
    run(&handler, ORCHESTRATIONS);
    let wall = begin.elapsed();
    let cpu = (cpu_seconds(&handler) - before) * 1e3 / ORCHESTRATIONS as f64;

    println!(
        "{ORCHESTRATIONS} hello orchestrations (3 invocations each) over {CONNECTIONS} connections"
    );
    println!();
    println!(
        "{:<44} {:>10} {:>10} {:>10}",
        "", "measured", "budget", ".NET"
    );
    row("binary, MB", size, "8", "-");
    row(
        "exec to first answer, ms (median)",
        starts[STARTS / 2],
        "10",
        "110",
    );
    row("  fastest", starts[0], "", "");
    row("resident memory idle, MB", idle, "-", "50");
    row(
        "resident memory under load, MB (peak)",
        memory(&handler, "VmHWM:"),
        "12",
        "97",
    );
    row("CPU per hello orchestration, ms", cpu, "0.2", "2.1-2.3");
    row(
        "orchestrations a second (harness included)",
        ORCHESTRATIONS as f64 / wall.as_secs_f64(),
        "-",
        "-",
    );
}

fn row(what: &str, measured: f64, budget: &str, dotnet: &str) {
    println!("{what:<44} {measured:>10.3} {budget:>10} {dotnet:>10}");
}

fn build() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut build = Command::new(env!("CARGO"));
    build.args([
        "build",
        "--release",
        "--no-default-features",
        "--bin",
        "handler",
        "--message-format=json",
    ]);
    let output = build
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "the build failed");
    let messages = String::from_utf8(output.stdout).unwrap();
    let executable = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    executable.expect("cargo names the executable")
}

fn start(executable: &Path) -> Handler {
    Handler::start(executable, env!("CARGO_MANIFEST_DIR"))
}

fn milliseconds_to_first_answer(executable: &Path) -> f64 {
    let begin = Instant::now();
    drop(start(executable));
    begin.elapsed().as_secs_f64() * 1e3
}

fn run(handler: &Handler, orchestrations: usize) {
    let first = Turn::first("hello_orchestrator", "bench", None);
    let last = first
        .clone()
        .scheduled(0, "hello")
        .next()
        .completed(0, r#""Hello Seoul!""#);
    let first = orchestration_request("hello_orchestrator", first.request());
    let last = orchestration_request("hello_orchestrator", last.request());
    let activity = activity_request("hello", "bench", Some(r#""Seoul""#));
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                for _ in 0..orchestrations / CONNECTIONS {
                    assert_eq!(
                        handler
                            .post("hello_orchestrator", &first)
                            .orchestration()
                            .actions
                            .len(),
                        1
                    );
                    assert_eq!(handler.post("hello", &activity).result(), "Hello Seoul!");
                    let response = handler.post("hello_orchestrator", &last).orchestration();
                    assert_eq!(
                        completion(&response).unwrap().result.as_deref(),
                        Some(r#""Hello Seoul!""#)
                    );
                }
            });
        }
    });
}

fn process_file(handler: &Handler, name: &str) -> String {
    fs::read_to_string(
        Path::new("/proc")
            .join(handler.pid().to_string())
            .join(name),
    )
    .unwrap_or_default()
}

/// A line of /proc/PID/status in MB; 0 where there is no /proc.
fn memory(handler: &Handler, line: &str) -> f64 {
    let status = process_file(handler, "status");
    let line = status
        .lines()
        .find_map(|text| text.strip_prefix(line))
        .unwrap_or_default();
    line.trim()
        .trim_end_matches(" kB")
        .parse::<f64>()
        .unwrap_or_default()
        / 1e3
}

/// User and system time of the process: fields 14 and 15 of /proc/PID/stat, in ticks of 10 ms.
fn cpu_seconds(handler: &Handler) -> f64 {
    const TICK: Duration = Duration::from_millis(10);
    let stat = process_file(handler, "stat");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    ticks * TICK.as_secs_f64()
}
