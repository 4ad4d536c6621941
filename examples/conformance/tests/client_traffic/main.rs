//! What clients of the real host sent, sent to the development host: same statuses, headers and bodies.
//!
//! `data/client.json.gz` has the exchanges of each recorded scenario in their order. What may differ
//! stands in [`exclusions`], and nowhere else; an exclusion that excludes nothing is an error.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test ends where it can't go on, and tells what it compared"
)]

mod allowance;
mod compare;
mod exchange;
mod exclusions;
mod node;
mod play;
mod refusals;
mod walk;
mod words;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use compare::Compared;
use exchange::Scenario;
use exclusions::{EXCLUSIONS, Exclusion};

#[test]
fn every_exchange_of_the_real_host() {
    let scenarios = Scenario::all();
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let played = play::scenario(scenario);
                    results.lock().unwrap().extend(played);
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    let differences: Vec<&str> = results
        .iter()
        .flat_map(|result| &result.differences)
        .map(String::as_str)
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));

    let uses = |number: usize, exclusion: &Exclusion| {
        let uses = results.iter().filter(|result| match exclusion.chance {
            true => result.applicable.contains(&number),
            false => result.needed.contains(&number),
        });
        uses.count()
    };
    let exclusions = EXCLUSIONS.iter().enumerate();
    let used: Vec<_> = exclusions
        .map(|(number, exclusion)| (uses(number, exclusion), exclusion))
        .collect();
    let unused = used.iter().filter(|(uses, _)| *uses == 0);
    let unused: Vec<_> = unused.map(|(_, exclusion)| exclusion.shown()).collect();
    assert!(unused.is_empty(), "these exclude nothing: {unused:#?}");
    for (uses, exclusion) in used {
        println!("{uses:4} {}", exclusion.shown());
    }

    let total: usize = scenarios
        .iter()
        .map(|scenario| scenario.exchanges.len())
        .sum();
    // what is the same by chance counts as excluded
    let whole = |result: &Compared| {
        let chance = |number: &usize| EXCLUSIONS[*number].chance;
        result.needed.is_empty() && !result.applicable.iter().any(chance)
    };
    let sent = results.iter().filter(|result| result.sent);
    let (whole, partly): (Vec<_>, Vec<_>) = sent.partition(|result| whole(result));
    let (whole, partly) = (whole.len(), partly.len());
    println!(
        "{} scenarios, {total} exchanges: {whole} compared as a whole, {partly} with a part excluded, {} left out",
        scenarios.len(),
        total - whole - partly
    );
    assert_eq!((scenarios.len(), total), (57, 606));
    assert_eq!((whole, partly, total - whole - partly), (354, 233, 19));
}
