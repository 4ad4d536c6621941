//! Holds the modules to the floors of docs/ARCHITECTURE.md.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected shall fail at that place"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The floor of every module, from the table in the documentation.
fn floors() -> BTreeMap<String, usize> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ARCHITECTURE.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once("\n### Floors of the host\n").unwrap();
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'));
    let mut floors = BTreeMap::new();
    for row in rows {
        let mut cells = row.split('|').skip(1).map(str::trim);
        let Ok(floor) = cells.next().unwrap().parse() else {
            continue;
        };
        for module in cells.next().unwrap().split(',') {
            let module = module.trim().trim_matches('`').to_owned();
            let other = floors.insert(module.clone(), floor);
            assert_eq!(other, None, "`{module}` is on two floors");
        }
    }
    floors
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files of a module: one of its name, and those of its folder.
fn files(module: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let file = source().join(format!("{module}.rs"));
    if file.is_file() {
        files.push(file);
    }
    let mut folders = vec![source().join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

/// The modules that a file names, and in which lines.
fn named(text: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for rest in line.split("crate::").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let module = rest.split_at(end.unwrap_or(rest.len())).0;
            named.push((number + 1, module.to_owned()));
        }
    }
    named
}

#[test]
fn modules_use_only_what_is_on_lower_floors() {
    let floors = floors();
    let mut faults = Vec::new();
    let mut uses = 0;
    for (module, floor) in &floors {
        for file in files(module) {
            let text = fs::read_to_string(&file).unwrap();
            for (line, used) in named(&text).iter().filter(|(_, used)| used != module) {
                uses += 1;
                if floors.get(used).is_none_or(|other| other >= floor) {
                    faults.push(format!("{}:{line}: {module} uses `{used}`", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(uses > 100, "only {uses} uses were found");
}

#[test]
fn every_module_is_on_a_floor() {
    let text = fs::read_to_string(source().join("lib.rs")).unwrap();
    let declared: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    assert_eq!(declared, floors().into_keys().collect::<Vec<_>>());
}
