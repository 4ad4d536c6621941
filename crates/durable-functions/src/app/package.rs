//! `package`: builds the executable that a deployment needs and puts it where host.json says.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// Why packaging failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackageError {
    #[error(
        "{path} can't be read: {problem}; run this in the folder of the function app, or name it with --app"
    )]
    HostJson { path: PathBuf, problem: String },
    #[error("cargo can't be started: {0}")]
    Cargo(#[source] io::Error),
    #[error("the build failed; see cargo's messages above")]
    Build,
    #[error("the build made no executable{}", .0.as_ref().map(|name| format!(" named '{name}'")).unwrap_or_default())]
    NoExecutable(Option<String>),
    #[error("the build made several executables ({0}); choose one with --bin")]
    Ambiguous(String),
    #[error("{to} can't be written: {source}")]
    Copy { to: PathBuf, source: io::Error },
}

/// What to build.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct PackageArgs {
    /// Build for another platform, such as x86_64-unknown-linux-musl for Azure.
    #[arg(long)]
    target: Option<String>,
    /// The executable, if the package has several.
    #[arg(long)]
    bin: Option<String>,
}

#[derive(Deserialize)]
struct CargoMessage {
    reason: String,
    #[serde(default)]
    executable: Option<PathBuf>,
    #[serde(default)]
    target: Option<CargoTarget>,
}

#[derive(Deserialize)]
struct CargoTarget {
    name: String,
    #[serde(default)]
    kind: Vec<String>,
}

/// Builds in release mode without the development host and copies the executable into the app.
/// Returns where it is.
pub(crate) fn package(app: &Path, args: &PackageArgs) -> Result<PathBuf, PackageError> {
    let destination = app.join(executable_path(app)?);
    let executable = build(app, args)?;
    let copy = |to: &Path| -> io::Result<()> {
        // a running handler's file can't be overwritten, but it can be replaced
        let new = to.with_extension("new");
        fs::copy(&executable, &new)?;
        fs::rename(&new, to)
    };
    copy(&destination).map_err(|source| PackageError::Copy {
        to: destination.clone(),
        source,
    })?;
    Ok(destination)
}

fn executable_path(app: &Path) -> Result<PathBuf, PackageError> {
    let path = app.join("host.json");
    let fail = |problem: String| PackageError::HostJson {
        path: path.clone(),
        problem,
    };
    let text = fs::read_to_string(&path).map_err(|error| fail(error.to_string()))?;
    let host: serde_json::Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| fail(error.to_string()))?;
    let executable = host
        .pointer("/customHandler/description/defaultExecutablePath")
        .and_then(|value| value.as_str());
    let executable = executable.filter(|path| !path.is_empty());
    executable
        .map(PathBuf::from)
        .ok_or_else(|| fail("it has no customHandler.description.defaultExecutablePath".into()))
}

fn build(app: &Path, args: &PackageArgs) -> Result<PathBuf, PackageError> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(app).args([
        "build",
        "--release",
        "--no-default-features",
        "--message-format=json-render-diagnostics",
    ]);
    if let Some(target) = &args.target {
        cargo.args(["--target", target]);
    }
    if let Some(bin) = &args.bin {
        cargo.args(["--bin", bin]);
    }
    let mut child = cargo
        .stdout(Stdio::piped())
        .spawn()
        .map_err(PackageError::Cargo)?;
    let mut executables = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let Ok(message) = serde_json::from_str::<CargoMessage>(&line) else {
                continue;
            };
            if let (Some(executable), Some(target)) = (message.executable, message.target)
                && message.reason == "compiler-artifact"
                && target.kind.iter().any(|kind| kind == "bin")
            {
                executables.push((target.name, executable));
            }
        }
    }
    if !child.wait().map_err(PackageError::Cargo)?.success() {
        return Err(PackageError::Build);
    }
    let own_name = std::env::current_exe().ok().and_then(|exe| {
        exe.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    });
    choose(executables, args.bin.clone().or(own_name))
}

fn choose(
    mut executables: Vec<(String, PathBuf)>,
    wanted: Option<String>,
) -> Result<PathBuf, PackageError> {
    if let Some(index) = executables
        .iter()
        .position(|(name, _)| Some(name) == wanted.as_ref())
    {
        return Ok(executables.swap_remove(index).1);
    }
    match executables.len() {
        0 => Err(PackageError::NoExecutable(wanted)),
        1 => Ok(executables.swap_remove(0).1),
        _ => {
            let names: Vec<_> = executables.iter().map(|(name, _)| name.as_str()).collect();
            Err(PackageError::Ambiguous(names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_path_that_host_json_names() {
        let app = tempfile::tempdir().unwrap();
        assert!(
            executable_path(app.path())
                .unwrap_err()
                .to_string()
                .contains("host.json can't be read")
        );
        let host_json = app.path().join("host.json");
        fs::write(&host_json, "{}").unwrap();
        assert!(
            executable_path(app.path())
                .unwrap_err()
                .to_string()
                .contains("no customHandler.description")
        );
        fs::write(
            &host_json,
            r#"{"customHandler":{"description":{"defaultExecutablePath":"handler"}}}"#,
        )
        .unwrap();
        assert_eq!(
            executable_path(app.path()).unwrap(),
            PathBuf::from("handler")
        );
    }

    #[test]
    fn chooses_the_executable_of_the_running_name() {
        let built = || {
            vec![
                ("a".to_owned(), PathBuf::from("/t/a")),
                ("b".to_owned(), PathBuf::from("/t/b")),
            ]
        };
        assert_eq!(
            choose(built(), Some("b".into())).unwrap(),
            PathBuf::from("/t/b")
        );
        assert!(
            matches!(choose(built(), None), Err(PackageError::Ambiguous(names)) if names == "a, b")
        );
        assert!(matches!(
            choose(vec![], None),
            Err(PackageError::NoExecutable(None))
        ));
    }
}
