//! What the development host does in a second, through the whole of it: HTTP, storage on disk,
//! handler. Prints figures and asserts results.
//!
//! `cargo bench -p conformance --bench host`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark ends where it can't go on, and prints what it found"
)]

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use handler_harness::App;
use serde_json::Value;

const API: &str = "/runtime/webhooks/durabletask";
/// The host answers when the orchestration has ended.
const WAIT: &str = "timeout=100&pollingInterval=1";
const IN_FLIGHT: usize = 64;
const WARM_UP: usize = 2_000;
const HELLOS: usize = 20_000;
const STORED: usize = 100_000;
/// Of those, the ones that are started last; there are a few more that fail.
const RECENT: usize = 500;
const FAILED: usize = 20;
const LOOKS: usize = 200;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = App::start(
        env!("CARGO_BIN_EXE_conformance"),
        env!("CARGO_MANIFEST_DIR"),
        &["--state", folder.path().to_str().unwrap()],
    );
    hellos(&app, "warm", WARM_UP);
    let early = resident(&mut app);
    let seconds = hellos(&app, "hello", HELLOS);
    println!(
        "hello orchestrations, {IN_FLIGHT} in flight: {:.0} a second ({HELLOS} in {seconds:.2} s)",
        HELLOS as f64 / seconds
    );
    for (name, input) in [("chain_n", r#"{"n":1000}"#), ("fan_out", r#"{"n":1000}"#)] {
        let begun = Instant::now();
        let output = run(&app, name, name, input);
        let took = begun.elapsed().as_secs_f64();
        match name {
            "chain_n" => assert_eq!(output["count"], 1000),
            _ => assert_eq!(output, 332_833_500),
        }
        println!(
            "{name} of 1,000 activities: {took:.2} s, {:.0} activities a second",
            1_000.0 / took
        );
    }
    for number in 0..FAILED {
        let path = format!("{API}/orchestrators/fail_orch/failed-{number}?{WAIT}");
        let answer = app.post(&path, r#"{"message":"on purpose"}"#);
        assert_eq!(answer.json()["runtimeStatus"], "Failed", "{}", answer.body);
    }
    let rest = STORED - WARM_UP - HELLOS - RECENT;
    hellos(&app, "stored", rest / 2);
    let middle = resident(&mut app);
    hellos(&app, "more", rest - rest / 2);
    let recent = created(&app, &format!("more-{}", rest - rest / 2 - 1));
    hellos(&app, "recent", RECENT);
    println!(
        "host's memory: {early:.0} MB after {WARM_UP} orchestrations, {middle:.0} MB after {}, {:.0} MB after {STORED}",
        STORED - RECENT - rest / 2,
        resident(&mut app)
    );
    looks(&app, &recent);
}

/// Runs so many, each to its end; seconds.
fn hellos(app: &App, prefix: &str, count: usize) -> f64 {
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..IN_FLIGHT {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let output = run(
                        app,
                        "hello_orchestrator",
                        &format!("{prefix}-{number}"),
                        "\"Seoul\"",
                    );
                    assert_eq!(output, "Hello Seoul!");
                }
            });
        }
    });
    begun.elapsed().as_secs_f64()
}

fn run(app: &App, name: &str, id: &str, input: &str) -> Value {
    let answer = app.post(&format!("{API}/orchestrators/{name}/{id}?{WAIT}"), input);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// What it costs to look at and add to a store of [`STORED`] finished instances.
fn looks(app: &App, recent: &str) {
    println!("with {STORED} finished instances, ms (median, slowest of {LOOKS}):");
    // The first look at statuses or ages makes the indexes.
    let begun = Instant::now();
    assert_eq!(
        app.get(&format!("{API}/instances?top=1&runtimeStatus=Failed"))
            .status,
        200
    );
    println!(
        "  {:<26} {:>7.2}",
        "first look: makes indexes",
        begun.elapsed().as_secs_f64() * 1e3
    );
    measure("start one", |number| {
        let path = format!("{API}/orchestrators/hello_orchestrator/start-{number}");
        let answer = app.post(&path, "\"Seoul\"");
        assert_eq!(answer.status, 202, "{}", answer.body);
    });
    measure("start and run one", |number| {
        run(
            app,
            "hello_orchestrator",
            &format!("look-{number}"),
            "\"Seoul\"",
        );
    });
    let get = |path: &str| {
        let answer = app.get(path);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
    };
    measure("status", |number| {
        get(&format!("{API}/instances/stored-{number}"));
    });
    let newest = format!("top=100&createdTimeFrom={recent}");
    let pages = [
        ("page of all", "top=100"),
        ("page of a status", "top=100&runtimeStatus=Completed"),
        ("page of a rare status", "top=100&runtimeStatus=Failed"),
        ("page of a prefix", "top=100&instanceIdPrefix=stored-5"),
        ("page of the newest seconds", &newest),
        (
            "page of all by age",
            "top=100&createdTimeFrom=2020-01-01T00:00:00Z",
        ),
        (
            "page of nothing",
            "top=100&createdTimeFrom=2100-01-01T00:00:00Z",
        ),
    ];
    for (what, query) in pages {
        measure(what, |_| {
            get(&format!("{API}/instances?{query}"));
        });
    }
    let dashboard = [
        ("dashboard: overview", "overview"),
        ("dashboard: newest", "instances"),
        ("dashboard: name", "instances?name=hello"),
        ("dashboard: rare name", "instances?name=chain"),
        ("dashboard: no such name", "instances?name=nowhere"),
        ("dashboard: prefix", "instances?prefix=stored-5"),
        ("dashboard: rare status", "instances?status=Failed"),
        ("dashboard: no such status", "instances?status=Terminated"),
    ];
    for (what, path) in dashboard {
        measure(what, |_| {
            get(&format!("/dashboard/api/{path}"));
        });
    }
}

/// When an instance was created.
fn created(app: &App, id: &str) -> String {
    let status = app.get(&format!("{API}/instances/{id}")).json();
    status["createdTime"].as_str().unwrap().to_owned()
}

fn measure(what: &str, look: impl Fn(usize)) {
    let mut times: Vec<Duration> = (0..LOOKS)
        .map(|number| {
            let begun = Instant::now();
            look(number);
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "  {what:<26} {:>7.2} {:>7.2}",
        milliseconds(times[LOOKS / 2]),
        milliseconds(times[LOOKS - 1])
    );
}

/// Resident memory of the host in MB; 0 where the system does not tell.
fn resident(app: &mut App) -> f64 {
    let status =
        fs::read_to_string(format!("/proc/{}/status", app.host().id())).unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?
            .trim()
            .strip_suffix(" kB")?
            .parse::<f64>()
            .ok()
    });
    kilobytes.unwrap_or_default() / 1e3
}
