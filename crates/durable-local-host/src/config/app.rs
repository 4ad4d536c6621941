//! The app as a whole.

use std::fs;
use std::path::{Path, PathBuf};

use super::function::Function;
use super::function_json::{self, Loaded};
use super::{HostJson, Settings};
use crate::error::Error;

/// Everything that the files of an app say.
#[derive(Debug)]
pub(crate) struct AppConfig {
    /// Folder with host.json.
    pub(crate) root: PathBuf,
    /// host.json.
    pub(crate) host: HostJson,
    /// local.settings.json.
    pub(crate) settings: Settings,
    /// The functions that can be served, by name.
    pub(crate) functions: Vec<Function>,
    /// Names of those that can't; a problem says why.
    pub(crate) skipped: Vec<String>,
    /// What is wrong without keeping the host from running: one line each.
    pub(crate) problems: Vec<String>,
}

impl AppConfig {
    /// Reads the files of the app in that folder.
    pub(crate) fn load(root: &Path) -> Result<Self, Error> {
        let read = |cause| Error::Read {
            path: root.to_owned(),
            cause,
        };
        let root = root.canonicalize().map_err(read)?;
        let settings = Settings::load(&root)?;
        let host = HostJson::load(&root, &settings)?;
        let mut app = Self {
            root,
            host,
            settings,
            functions: Vec::new(),
            skipped: Vec::new(),
            problems: Vec::new(),
        };
        app.check_runtime();
        app.check_arguments();
        app.problems.extend(app.host.ignored.iter().map(|name| {
            format!("host.json: {name} has no effect on this local host, on Azure it has")
        }));
        app.name_hub()?;
        app.load_functions()?;
        Ok(app)
    }

    fn check_runtime(&mut self) {
        let runtime = self.settings.get("FUNCTIONS_WORKER_RUNTIME");
        if !runtime
            .as_deref()
            .is_some_and(|runtime| runtime.eq_ignore_ascii_case("custom"))
        {
            self.problems.push(
                "FUNCTIONS_WORKER_RUNTIME is not `custom` (local.settings.json, Values): this host goes on, the real one would not run Durable Functions".to_owned(),
            );
        }
    }

    /// The real host does not keep arguments apart that have blanks in them.
    fn check_arguments(&mut self) {
        let Some(description) = &self.host.handler else {
            return;
        };
        let expand = |text: &str| self.settings.expand(text, &[]);
        let told = description.torn(expand).map(|(argument, count)| {
            format!(
                "host.json: customHandler.description: the argument `{argument}` reaches the handler as {count} arguments, here as on Azure: blanks separate, so put what belongs together in double quotes within the text"
            )
        });
        let told: Vec<String> = told.collect();
        self.problems.extend(told);
    }

    /// Fills in the settings in the name of the task hub.
    fn name_hub(&mut self) -> Result<(), Error> {
        let durable = &mut self.host.durable;
        let name = self.settings.expand(&durable.hub_name, &[]);
        if name.trim().is_empty() {
            return Err(Error::Setting {
                path: self.root.join("host.json"),
                setting: "extensions.durableTask.hubName".to_owned(),
                message: format!(
                    "`{}` comes to nothing: add the setting that it names to local.settings.json",
                    durable.hub_name
                ),
            });
        }
        if durable.azure_storage && !is_hub_name(&name) {
            self.problems.push(format!(
                "host.json: extensions.durableTask.hubName: `{name}` is no name for a task hub on Azure Storage, where the real host would not start with it: choose 3 to 45 letters and digits, a letter first"
            ));
        }
        durable.hub_name = name;
        Ok(())
    }

    fn load_functions(&mut self) -> Result<(), Error> {
        let read = |cause| Error::Read {
            path: self.root.clone(),
            cause,
        };
        let mut folders = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(read)? {
            let path = entry.map_err(read)?.path();
            if path.join("function.json").is_file() {
                folders.push(path);
            }
        }
        folders.sort();
        for folder in folders {
            let file = folder
                .strip_prefix(&self.root)
                .unwrap_or(&folder)
                .join("function.json");
            match function_json::load(&folder, &self.settings) {
                Loaded::Function(function, left_out) => {
                    let told = left_out
                        .iter()
                        .map(|what| format!("{}: {what}", file.display()));
                    self.problems.extend(told);
                    self.add(function);
                }
                Loaded::Disabled => self
                    .problems
                    .push(format!("{}: the function is disabled", file.display())),
                Loaded::Broken(rule) => {
                    let name = folder.file_name().unwrap_or_default();
                    self.skipped.push(name.to_string_lossy().into_owned());
                    self.problems.push(format!(
                        "{}: the function is skipped: {rule}",
                        file.display()
                    ));
                }
            }
        }
        if self.functions.is_empty() {
            self.problems.push(format!(
                "no functions found in {}: every function needs a folder with a function.json",
                self.root.display()
            ));
        }
        Ok(())
    }

    fn add(&mut self, function: Function) {
        // Folder names differ at least in case on some systems; the handler's route does not.
        if let Some(other) = self
            .functions
            .iter()
            .find(|other| other.name.eq_ignore_ascii_case(&function.name))
        {
            self.problems.push(format!(
                "{}/function.json: the function is skipped: there is `{}` already",
                function.name, other.name
            ));
            return;
        }
        self.functions.push(function);
    }
}

/// Whether Azure Storage takes the name for a task hub.
fn is_hub_name(name: &str) -> bool {
    (3..=45).contains(&name.len())
        && name.starts_with(|char: char| char.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_stand_for_values_of_host_json() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("host.json"),
            r#"{"extensions":{"durableTask":{"hubName":"Theirs"}}}"#,
        )
        .unwrap();
        let settings = r#"{"Values":{"AzureFunctionsJobHost__extensions__durableTask__hubName":"Mine",
            "AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions":"3",
            "AzureFunctionsJobHost__functionTimeout":"00:01:00"}}"#;
        fs::write(dir.path().join("local.settings.json"), settings).unwrap();
        let host = AppConfig::load(dir.path()).unwrap().host;
        assert_eq!(host.durable.hub_name, "Mine");
        assert_eq!(host.durable.max_activities, 3);
        assert_eq!(
            host.function_timeout,
            Some(std::time::Duration::from_secs(60))
        );
    }

    #[test]
    fn the_name_of_the_hub_may_be_in_a_setting() {
        let load = |hub: &str, provider: &str| {
            let dir = tempfile::tempdir().unwrap();
            let host = format!(
                r#"{{"extensions":{{"durableTask":{{"hubName":"{hub}","storageProvider":{{{provider}}}}}}}}}"#
            );
            fs::write(dir.path().join("host.json"), host).unwrap();
            let settings = r#"{"Values":{"FUNCTIONS_WORKER_RUNTIME":"custom","HubOfMine":"Mine"}}"#;
            fs::write(dir.path().join("local.settings.json"), settings).unwrap();
            AppConfig::load(dir.path())
        };
        let told = |hub: &str, provider: &str| {
            let app = load(hub, provider).unwrap();
            let told = app
                .problems
                .iter()
                .any(|line| line.contains("no name for a task hub"));
            (app.host.durable.hub_name, told)
        };
        assert_eq!(told("%HubOfMine%", ""), ("Mine".to_owned(), false));
        assert_eq!(told("A%hubofmine%1", ""), ("AMine1".to_owned(), false));
        let azure = r#""type":"azurestorage""#;
        for wrong in ["my-hub", "1hub", "ab", "Hüb"] {
            assert_eq!(told(wrong, azure), (wrong.to_owned(), true));
        }
        assert_eq!(
            told("my-hub", r#""type":"mssql""#),
            ("my-hub".to_owned(), false)
        );
        let error = load("%NoSuchSettingAtAll%", "").unwrap_err().to_string();
        assert!(
            error.contains("hubName") && error.contains("%NoSuchSettingAtAll%"),
            "{error}"
        );
    }

    #[test]
    fn an_argument_with_a_blank_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let host = r#"{"customHandler":{"description":{"defaultExecutablePath":"h","arguments":["a b","\"c d\"","e"]}}}"#;
        fs::write(dir.path().join("host.json"), host).unwrap();
        let problems = AppConfig::load(dir.path()).unwrap().problems;
        let told = |text: &str| problems.iter().filter(|line| line.contains(text)).count();
        assert_eq!(told("as 2 arguments"), 1, "{problems:?}");
        assert_eq!(told("the argument `a b`"), 1, "{problems:?}");
    }

    #[test]
    fn a_broken_function_does_not_stop_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("host.json", "{}");
        write(
            "local.settings.json",
            r#"{"Values":{"FUNCTIONS_WORKER_RUNTIME":"custom"}}"#,
        );
        write(
            "good/function.json",
            r#"{"bindings":[{"name":"c","type":"activityTrigger"}]}"#,
        );
        write(
            "bad/function.json",
            r#"{"bindings":[{"name":"a-b","type":"activityTrigger"}]}"#,
        );
        write("src/other.txt", "");
        let app = AppConfig::load(dir.path()).unwrap();
        assert_eq!(app.functions.len(), 1);
        assert_eq!(app.functions[0].name, "good");
        assert_eq!(app.problems.len(), 1, "{:?}", app.problems);
        assert!(app.problems[0].contains("bad/function.json") && app.problems[0].contains("`a-b`"));
    }
}
