//! The files that the Functions host reads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn app() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn json(path: &Path) -> Value {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn run(arguments: &[&str], folder: &Path) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_handler"))
        .args(arguments)
        .env_remove("FUNCTIONS_CUSTOMHANDLER_PORT")
        .current_dir(folder)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn function_json_files_match_the_code() {
    let (success, output) = run(&["functions", "--check"], app());
    assert!(success, "{output}");
}

#[test]
fn differences_are_told_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    let (success, output) = run(&["functions", "--check"], folder.path());
    assert!(
        !success && output.contains("hello/function.json is missing"),
        "{output}"
    );

    let (success, output) = run(&["functions", "--write"], folder.path());
    assert!(
        success && output.contains("3 written, 0 unchanged"),
        "{output}"
    );
    assert_eq!(
        json(&folder.path().join("http_start/function.json")),
        json(&app().join("http_start/function.json"))
    );

    let path = folder.path().join("http_start/function.json");
    let changed = fs::read_to_string(&path)
        .unwrap()
        .replace("orchestrators/", "workflows/");
    fs::write(&path, changed).unwrap();
    fs::create_dir(folder.path().join("old")).unwrap();
    fs::write(folder.path().join("old/function.json"), "{}").unwrap();
    fs::write(folder.path().join("hello/function.json"), "{").unwrap();
    let (success, output) = run(&["functions", "--check"], folder.path());
    assert!(!success, "{output}");
    for words in [
        "binding 'req' is",
        "workflows/",
        "describes 'old', which is not registered",
        "can't be read: EOF",
    ] {
        assert!(output.contains(words), "{words} in {output}");
    }
    let (success, output) = run(&["functions", "--write"], folder.path());
    assert!(
        success && output.contains("2 written, 1 unchanged"),
        "{output}"
    );
    assert!(
        folder.path().join("old/function.json").exists(),
        "nothing is deleted"
    );
}

#[test]
fn what_a_user_adds_to_a_function_json_stays() {
    let folder = tempfile::tempdir().unwrap();
    run(&["functions", "--write"], folder.path());
    let path = folder.path().join("hello/function.json");
    let mut document = json(&path);
    document["disabled"] = false.into();
    document["bindings"][0]["activity"] = "SayHello".into();
    fs::write(&path, document.to_string()).unwrap();
    let (success, output) = run(&["functions", "--write"], folder.path());
    assert!(
        success && output.contains("0 written, 3 unchanged"),
        "{output}"
    );
    assert_eq!(json(&path), document);
}

#[test]
fn host_json_is_that_of_a_custom_handler_app() {
    let host = json(&app().join("host.json"));
    assert_eq!(host["version"], "2.0");
    assert_eq!(host["extensionBundle"]["version"], "[4.*, 5.0.0)");
    let executable = host["customHandler"]["description"]["defaultExecutablePath"]
        .as_str()
        .unwrap();
    // a deployment marks the file as executable only if the name is spelt like this
    assert!(!executable.contains(['/', '\\', '.']), "{executable}");
    assert!(
        host.get("extensions").is_none(),
        "the sample needs no option, least of all extended sessions"
    );
    let settings = json(&app().join("local.settings.json"));
    assert_eq!(settings["Values"]["FUNCTIONS_WORKER_RUNTIME"], "custom");
}

#[test]
fn templates_are_valid_and_no_functions() {
    let folder = app().join("function.json-templates");
    let mut triggers = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_ne!(
            path.file_name().unwrap(),
            "function.json",
            "the host would take the folder for a function"
        );
        let template = json(&path);
        let bindings = template["bindings"].as_array().unwrap();
        for binding in bindings {
            let name = binding["name"].as_str().unwrap();
            assert!(
                name.chars().all(|c| c.is_ascii_alphanumeric()),
                "{name} in {}",
                path.display()
            );
            assert!(binding.get("dataType").is_none(), "{}", path.display());
        }
        let types = bindings
            .iter()
            .map(|binding| binding["type"].as_str().unwrap().to_owned());
        let own: Vec<_> = types.filter(|kind| kind.ends_with("Trigger")).collect();
        assert_eq!(own.len(), 1, "{}", path.display());
        triggers.extend(own);
    }
    triggers.sort();
    triggers.dedup();
    assert_eq!(
        triggers,
        [
            "activityTrigger",
            "blobTrigger",
            "entityTrigger",
            "httpTrigger",
            "orchestrationTrigger",
            "queueTrigger",
            "timerTrigger"
        ]
    );
}

#[test]
fn a_wrong_port_is_told() {
    for port in ["", "x", "0", "65536"] {
        let output = Command::new(env!("CARGO_BIN_EXE_handler"))
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", port)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("FUNCTIONS_CUSTOMHANDLER_PORT is"), "{error}");
    }
}
