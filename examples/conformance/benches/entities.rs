//! What signals to entities cost on the development host, through the whole of it: HTTP, storage,
//! handler. Prints figures and asserts results.
//!
//! `cargo bench -p conformance --bench entities`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark ends where it can't go on, and prints what it found"
)]

use std::thread;
use std::time::{Duration, Instant};

use handler_harness::App;

const SIGNALS: usize = 10_000;
const CLIENTS: usize = 8;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let app = App::start(
        env!("CARGO_BIN_EXE_conformance"),
        env!("CARGO_MANIFEST_DIR"),
        &["--state", state],
    );
    for entities in [1, 100] {
        signal(&app, entities);
    }
}

fn signal(app: &App, entities: usize) {
    let path =
        |key: usize| format!("/runtime/webhooks/durabletask/entities/counter/of-{entities}-{key}");
    let begun = Instant::now();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                for number in (client..SIGNALS).step_by(CLIENTS) {
                    let answer = app.post(&format!("{}?op=add", path(number % entities)), "1");
                    assert_eq!(answer.status, 202, "{}", answer.body);
                }
            });
        }
    });
    let sent = begun.elapsed();
    let expected = (SIGNALS / entities).to_string();
    for key in 0..entities {
        while app.get(&path(key)).body != expected {
            assert!(
                begun.elapsed() < Duration::from_secs(300),
                "signals are lost"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
    let done = begun.elapsed();
    let rate = SIGNALS as f64 / done.as_secs_f64();
    println!(
        "{SIGNALS} signals to {entities} entities: taken after {:.2} s, run after {:.2} s, {rate:.0} a second",
        sent.as_secs_f64(),
        done.as_secs_f64(),
    );
}
