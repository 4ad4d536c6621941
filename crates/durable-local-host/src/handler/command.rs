//! Which program the handler is.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::{AppConfig, HandlerDescription};
use crate::error::Error;

/// The program that serves the functions.
#[derive(Debug, Clone)]
pub struct HandlerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

impl HandlerCommand {
    /// A program without arguments.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
        }
    }
}

impl From<&str> for HandlerCommand {
    fn from(program: &str) -> Self {
        Self::new(program)
    }
}

impl From<PathBuf> for HandlerCommand {
    fn from(program: PathBuf) -> Self {
        Self::new(program)
    }
}

/// What to run, and where.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<OsString>,
    /// Working directory.
    pub(crate) directory: PathBuf,
}

impl fmt::Display for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.program.display())?;
        for argument in &self.args {
            write!(f, " {}", argument.display())?;
        }
        Ok(())
    }
}

/// The command given by the caller, or the one that host.json names.
pub(crate) fn resolve_command(
    app: &AppConfig,
    given: Option<HandlerCommand>,
    variables: &[(&str, String)],
) -> Result<Launch, Error> {
    match (given, &app.host.handler) {
        (Some(command), description) => Ok(Launch {
            program: command.program,
            args: command.args,
            directory: description.as_ref().map_or_else(
                || app.root.clone(),
                |description| app.root.join(&description.working_directory),
            ),
        }),
        (None, Some(description)) => from_description(app, description, variables),
        (None, None) => Err(Error::Setting {
            path: app.root.join("host.json"),
            setting: "customHandler.description.defaultExecutablePath".to_owned(),
            message: "it is missing: it names the program that serves the functions".to_owned(),
        }),
    }
}

fn from_description(
    app: &AppConfig,
    description: &HandlerDescription,
    variables: &[(&str, String)],
) -> Result<Launch, Error> {
    let expand = |text: &str| app.settings.expand(text, variables);
    let name = expand(&description.executable);
    let directory = app.root.join(expand(&description.working_directory));
    let base = app.root.join(expand(&description.worker_directory));
    let missing = |looked_for: String| Error::HandlerMissing {
        program: name.clone(),
        looked_for,
    };
    let candidate = base.join(&name);
    let program = if let Some(file) = existing(&candidate) {
        file
    } else if Path::new(&name).components().count() > 1 {
        return Err(missing(candidate.display().to_string()));
    } else {
        // A bare name is a command, as for the real host.
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .find_map(|folder| existing(&folder.join(&name)))
            .ok_or_else(|| {
                missing(format!(
                    "{} and a command of that name on PATH",
                    candidate.display()
                ))
            })?
    };
    let args = description.command_line(expand);
    Ok(Launch {
        program,
        args: args.into_iter().map(OsString::from).collect(),
        directory,
    })
}

/// The file, or the file with the ending of executables on Windows.
fn existing(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path.to_owned());
    }
    let suffix = std::env::consts::EXE_SUFFIX;
    let mut with_suffix = path.as_os_str().to_owned();
    with_suffix.push(suffix);
    let with_suffix = PathBuf::from(with_suffix);
    (!suffix.is_empty() && with_suffix.is_file()).then_some(with_suffix)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn app(host: &str) -> (tempfile::TempDir, AppConfig) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("host.json"), host).unwrap();
        let app = AppConfig::load(dir.path()).unwrap();
        (dir, app)
    }

    #[test]
    fn a_file_of_the_app_goes_before_a_command() {
        let (dir, app) = app(
            r#"{"customHandler":{"description":{"defaultExecutablePath":"sh","arguments":["%port% \"a b\"","","c"]}}}"#,
        );
        let variables = [("port", "5".to_owned())];
        let launch = resolve_command(&app, None, &variables).unwrap();
        assert!(launch.program.is_absolute() && launch.program.ends_with("sh"));
        assert_eq!(launch.args, ["5", "a b", "c"]);
        fs::write(dir.path().join("sh"), "").unwrap();
        assert_eq!(
            resolve_command(&app, None, &variables).unwrap().program,
            app.root.join("sh")
        );
    }

    #[test]
    fn what_is_missing_is_told() {
        let (_dir, none) = app("{}");
        let error = resolve_command(&none, None, &[]).unwrap_err().to_string();
        assert!(
            error.contains("customHandler.description.defaultExecutablePath"),
            "{error}"
        );
        let (_dir, gone) =
            app(r#"{"customHandler":{"description":{"defaultExecutablePath":"bin/gone"}}}"#);
        let error = resolve_command(&gone, None, &[]).unwrap_err().to_string();
        assert!(
            error.contains("`bin/gone`") && error.contains("cargo build"),
            "{error}"
        );
        let (_dir, nowhere) =
            app(r#"{"customHandler":{"description":{"defaultExecutablePath":"no-such-program"}}}"#);
        assert!(
            resolve_command(&nowhere, None, &[])
                .unwrap_err()
                .to_string()
                .contains("on PATH")
        );
    }
}
