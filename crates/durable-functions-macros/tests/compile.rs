//! What compiles, and what a user reads when it does not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use std::process::Command;

/// The compiler whose messages are in tests/ui/fail. Others word theirs differently;
/// `TRYBUILD=overwrite` writes them anew.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn correct_apps_compile() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}

#[test]
fn mistakes_are_told_with_what_to_write() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    if version.starts_with(COMPILER) {
        trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
    } else {
        eprintln!("not compared: the messages are those of {COMPILER}x, this is {version}");
    }
}
