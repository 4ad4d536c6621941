//! Host, handler or both are killed at random points, round after round, while orchestrations of
//! every kind run. In the end each has its right result, and the state holds nothing else.
//!
//! `KILL_SEED=7 KILL_ROUNDS=500 cargo test -p conformance --test kills` repeats the decisions of a
//! seed: what is started, who is killed and when. How far the work has come by then is up to the
//! system.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test ends where it can't go on"
)]

mod histories;
mod work;

use std::env;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use handler_harness::App;

use crate::work::Work;

const SEED: u64 = 20_261_124;
const ROUNDS: usize = 100;
/// Instances that a round starts.
const STARTS: usize = 6;
/// A round lasts no longer, in microseconds: some work is under way when it ends.
const LONGEST: u64 = 120_000;

#[derive(Clone, Copy, Debug)]
enum Victim {
    Handler,
    Host,
    Both,
}

#[test]
fn nothing_is_lost_whoever_is_killed_and_when() {
    let seed = number("KILL_SEED").unwrap_or(SEED);
    let rounds = number("KILL_ROUNDS").map_or(ROUNDS, |rounds| usize::try_from(rounds).unwrap());
    eprintln!("KILL_SEED={seed} KILL_ROUNDS={rounds}");
    let mut rng = Rng::with_seed(seed);
    let state = tempfile::tempdir().unwrap();
    let mut app = start(state.path());
    let mut work = Work::default();
    for round in 0..rounds {
        for _ in 0..STARTS {
            work.start(&app, &mut rng);
        }
        work.raise_events(&app);
        let victim = rng
            .choice([Victim::Handler, Victim::Host, Victim::Both])
            .unwrap();
        let after = Duration::from_micros(rng.u64(0..LONGEST));
        // The point at which the work is interrupted is what this test is about.
        thread::sleep(after);
        eprintln!("round {round}: {victim:?} after {after:?}");
        match victim {
            Victim::Handler => kill(&app.handlers()),
            Victim::Host => {
                // Dropping it kills the host; the handler is left alone.
                drop(app);
                app = start(state.path());
            }
            Victim::Both => {
                kill(&app.handlers());
                drop(app);
                app = start(state.path());
            }
        }
    }
    work.raise_events(&app);
    work.check_results(&app);
    drop(app);
    let checked = histories::check(state.path(), &work);
    eprintln!(
        "{rounds} kills, {} instances, {checked} histories checked",
        work.count()
    );
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

fn start(state: &Path) -> App {
    App::start(
        env!("CARGO_BIN_EXE_conformance"),
        env!("CARGO_MANIFEST_DIR"),
        &["--state", state.to_str().unwrap()],
    )
}

fn kill(processes: &[u32]) {
    for process in processes {
        // One that has gone by itself is no fault.
        Command::new("kill")
            .args(["-9", &process.to_string()])
            .output()
            .unwrap();
    }
}
