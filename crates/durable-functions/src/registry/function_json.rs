//! The function.json files: written from the code, and compared with it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use super::Registry;
use super::binding::Binding;
use super::function::Function;

/// Something about an app folder's function.json files that does not match the code.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Difference {
    /// The host would not know this function.
    Missing { path: PathBuf },
    /// The host would see other bindings than the code has.
    Differs { path: PathBuf, details: Vec<String> },
    /// The host would call a function that the code has not.
    Unregistered { path: PathBuf, function: String },
    /// The file can't be read.
    Unreadable { path: PathBuf, problem: String },
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { path } => {
                write!(
                    f,
                    "{} is missing: the host would not know the function, and whatever calls it would fail",
                    path.display()
                )
            }
            Self::Differs { path, details } => {
                write!(f, "{} differs from the code:", path.display())?;
                details
                    .iter()
                    .try_for_each(|detail| write!(f, "\n    {detail}"))
            }
            Self::Unregistered { path, function } => {
                write!(
                    f,
                    "{} describes '{function}', which is not registered: register it, or delete the folder",
                    path.display()
                )
            }
            Self::Unreadable { path, problem } => {
                write!(f, "{} can't be read: {problem}", path.display())
            }
        }
    }
}

/// A function.json, in the order in which people write one.
#[derive(Serialize)]
struct Document<'a> {
    bindings: &'a [Binding],
}

fn document(function: &Function) -> Document<'_> {
    Document {
        bindings: &function.bindings,
    }
}

/// The text of a function's function.json.
fn text(function: &Function) -> String {
    // a document of strings always serializes
    let mut text = serde_json::to_string_pretty(&document(function)).unwrap_or_default();
    text.push('\n');
    text
}

/// What [`write`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) written: Vec<PathBuf>,
    pub(crate) unchanged: usize,
    pub(crate) left_over: Vec<String>,
}

/// Writes the function.json files of an app. Files that say the same already are left alone, and
/// folders of functions that are not registered are reported, not deleted.
pub(crate) fn write(registry: &Registry, app: &Path) -> io::Result<Written> {
    let mut result = Written::default();
    let differences = compare(registry, app)?;
    for function in registry.functions() {
        let path = path(app, function.name);
        let stale = differences.iter().any(|difference| match difference {
            Difference::Missing { path: other }
            | Difference::Differs { path: other, .. }
            | Difference::Unreadable { path: other, .. } => *other == path,
            Difference::Unregistered { .. } => false,
        });
        if stale {
            fs::create_dir_all(app.join(function.name))?;
            fs::write(&path, text(function))?;
            result.written.push(path);
        } else {
            result.unchanged += 1;
        }
    }
    let left_over = differences
        .iter()
        .filter(|difference| matches!(difference, Difference::Unregistered { .. }));
    result.left_over = left_over.map(ToString::to_string).collect();
    Ok(result)
}

/// Compares the function.json files of an app folder with the code.
fn compare(registry: &Registry, app: &Path) -> io::Result<Vec<Difference>> {
    let mut differences = Vec::new();
    for function in registry.functions() {
        let path = path(app, function.name);
        match read(&path) {
            Ok(None) => differences.push(Difference::Missing { path }),
            Err(problem) => differences.push(Difference::Unreadable { path, problem }),
            Ok(Some(found)) => {
                let details = differences_between(&json!(document(function)), &found);
                if !details.is_empty() {
                    differences.push(Difference::Differs { path, details });
                }
            }
        }
    }
    let known: BTreeSet<_> = registry
        .functions()
        .iter()
        .map(|function| function.name)
        .collect();
    for entry in fs::read_dir(app)? {
        let folder = entry?.path();
        let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let path = folder.join("function.json");
        if path.is_file() && !known.contains(name) {
            differences.push(Difference::Unregistered {
                function: name.to_owned(),
                path,
            });
        }
    }
    Ok(differences)
}

/// What is stale in an app folder, in words; nothing if all is well.
pub(crate) fn stale(registry: &Registry, app: &Path) -> Vec<String> {
    match compare(registry, app) {
        Ok(differences) => differences.iter().map(ToString::to_string).collect(),
        Err(error) => vec![format!(
            "the app folder {} can't be read: {error}",
            app.display()
        )],
    }
}

fn path(app: &Path, function: &str) -> PathBuf {
    app.join(function).join("function.json")
}

fn read(path: &Path) -> Result<Option<Value>, String> {
    match fs::read(path) {
        Ok(bytes) => {
            // editors on Windows begin a file with a byte order mark, and the host takes it
            let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
            serde_json::from_slice(text)
                .map(Some)
                .map_err(|error| error.to_string())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Where two documents differ. Members that the code does not make, such as `disabled` or a
/// logical name, are the user's own and no difference; bindings are compared as a whole, in any
/// order.
fn differences_between(code: &Value, file: &Value) -> Vec<String> {
    let mut details = Vec::new();
    let (of_code, of_file) = (bindings(code), bindings(file));
    for (name, binding) in &of_code {
        match of_file.iter().find(|(other, _)| other == name) {
            None => details.push(format!(
                "it has no binding '{name}'; the code has {binding}"
            )),
            Some((_, found)) if same(binding, found) => {}
            Some((_, found)) => details.push(format!(
                "binding '{name}' is {found}; the code has {binding}"
            )),
        }
    }
    for (name, binding) in &of_file {
        if !of_code.iter().any(|(other, _)| other == name) {
            details.push(format!("it has a binding that the code has not: {binding}"));
        }
    }
    details
}

fn bindings(document: &Value) -> Vec<(String, &Value)> {
    let bindings = document
        .get("bindings")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let name = |binding: &Value| {
        binding
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    bindings
        .iter()
        .map(|binding| (name(binding), binding))
        .collect()
}

fn same(code: &Value, file: &Value) -> bool {
    const USERS_OWN: [&str; 6] = [
        "orchestration",
        "activity",
        "entityName",
        "taskHub",
        "connectionName",
        "externalClient",
    ];
    let without_own = |value: &Value| {
        let mut value = value.clone();
        if let Some(members) = value.as_object_mut() {
            USERS_OWN.iter().for_each(|own| {
                members.remove(*own);
            });
        }
        value
    };
    without_own(code) == without_own(file)
}
