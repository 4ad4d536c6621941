//! Host, handler or both are killed at random points, round after round, while orchestrations of
//! every kind are started and run; some hosts die before they listen. In the end each instance has
//! its right result, and the state holds nothing else.
//!
//! `KILL_SEED=7 KILL_ROUNDS=500 cargo test -p conformance --test kills` repeats the decisions of a
//! seed: what is started, who is killed and when. How far the work has come by then is up to the
//! system; at its end the test says how many kills met a process and open work.

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
use std::process::{Command, Stdio};
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
/// Every so many hosts is killed within this time after its start, in microseconds.
const EARLY_DEATHS: usize = 4;
const EARLY: u64 = 60_000;

#[derive(Clone, Copy, Debug)]
enum Victim {
    Handler,
    Host,
    Both,
}

/// How many kills there were, and how many of them met what they were meant for.
#[derive(Debug, Default)]
struct Tally {
    of_handlers: usize,
    met_handlers: usize,
    of_hosts: usize,
    met_open_work: usize,
    early: usize,
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
    let mut tally = Tally::default();
    for round in 0..rounds {
        let victim = rng
            .choice([Victim::Handler, Victim::Host, Victim::Both])
            .unwrap();
        let after = Duration::from_micros(rng.u64(0..LONGEST));
        let early = (rng.usize(0..EARLY_DEATHS) == 0).then(|| rng.u64(0..EARLY));
        eprintln!("round {round}: {victim:?} after {after:?}");
        work.plan(STARTS, &mut rng);
        thread::scope(|scope| {
            // What a dying host leaves unanswered is asked again in the next round.
            let client = scope.spawn(|| work.send(&app));
            // The point at which the work is interrupted is what this test is about.
            thread::sleep(after);
            if let Victim::Handler | Victim::Both = victim {
                tally.of_handlers += 1;
                tally.met_handlers += usize::from(kill(&app.handlers()) > 0);
            }
            if let Victim::Host | Victim::Both = victim {
                assert_eq!(kill(&[app.host_id()]), 1, "the host was gone already");
            }
            client.join().unwrap();
        });
        if let Victim::Handler = victim {
            continue;
        }
        drop(app);
        tally.of_hosts += 1;
        tally.met_open_work += usize::from(histories::open_work(state.path()) > 0);
        if let Some(after) = early {
            tally.early += 1;
            start_and_kill(state.path(), Duration::from_micros(after));
        }
        app = start(state.path());
    }
    work.plan(0, &mut rng);
    work.send(&app);
    work.check_results(&app);
    histories::await_rest(state.path());
    drop(app);
    let checked = histories::check(state.path(), &work);
    eprintln!(
        "{tally:?}: {} instances, {checked} histories checked",
        work.count()
    );
    // A test whose kills meet nobody, or nothing under way, shows nothing.
    assert!(tally.met_handlers * 2 >= tally.of_handlers, "{tally:?}");
    assert!(tally.met_open_work * 3 >= tally.of_hosts, "{tally:?}");
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

/// A host that dies before anybody has called it.
fn start_and_kill(state: &Path, after: Duration) {
    let mut host = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(["--port", "0", "--state", state.to_str().unwrap()])
        .env_remove("FUNCTIONS_CUSTOMHANDLER_PORT")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(after);
    host.kill().unwrap();
    host.wait().unwrap();
}

/// How many of the processes were there to be killed.
fn kill(processes: &[u32]) -> usize {
    let killed = |process: &&u32| {
        let kill = Command::new("kill")
            .args(["-9", &process.to_string()])
            .output();
        kill.unwrap().status.success()
    };
    processes.iter().filter(killed).count()
}
