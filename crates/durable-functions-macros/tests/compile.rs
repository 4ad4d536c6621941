//! What a user reads when an app does not compile. Apps that do are tests of their own.
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

#[test]
fn each_app_that_compiles_is_a_test() {
    let manifest = include_str!("../Cargo.toml");
    for app in std::fs::read_dir("tests/ui/pass").unwrap() {
        let name = app.unwrap().file_name();
        let line = format!("path = \"tests/ui/pass/{}\"", name.display());
        assert!(
            manifest.contains(&line),
            "Cargo.toml has no [[test]] with {line}"
        );
    }
}
