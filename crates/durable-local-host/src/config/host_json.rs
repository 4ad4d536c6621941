//! host.json.

use std::path::{Path, PathBuf};
use std::time::Duration;

use durable_functions_protocol::time_span;
use serde_json::{Map, Value};

use super::json_file::{at, read_object};
use super::versioning::{VersionFailure, VersionMatch};
use super::{Settings, arguments, overrides};
use crate::error::Error;

/// What this host uses of host.json.
#[derive(Clone, Debug)]
pub(crate) struct HostJson {
    /// How to start the handler; absent when the file does not say.
    pub(crate) handler: Option<HandlerDescription>,
    /// How long the handler may take until it answers.
    pub(crate) initialization_timeout: Duration,
    /// How requests of pure HTTP functions reach the handler.
    pub(crate) forwarding: Forwarding,
    /// How long one invocation may take; `None` is without limit.
    pub(crate) function_timeout: Option<Duration>,
    /// First segment of the HTTP functions' routes; may be empty.
    pub(crate) route_prefix: String,
    /// Names of the settings that this host has no use for, but the real one has.
    pub(crate) ignored: Vec<String>,
    /// The Durable Task extension's section.
    pub(crate) durable: DurableOptions,
    /// Why the real host would not start with a file of this version.
    pub(crate) version_fault: Option<String>,
}

/// How requests of pure HTTP functions reach the handler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Forwarding {
    /// In an envelope, as all others do.
    #[default]
    Never,
    /// As they are, but at the function's name: that is what the section `httpWorker` stands for.
    ToName,
    /// As they are (`enableForwardingHttpRequest`).
    Whole,
    /// As they are, bodies without a length included (`enableProxyingHttpRequest`).
    Proxied,
}

/// `customHandler.description`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandlerDescription {
    /// `defaultExecutablePath`, as written.
    pub(crate) executable: String,
    /// `arguments`.
    pub(crate) arguments: Vec<String>,
    /// `defaultWorkerPath`, as written.
    pub(crate) worker_path: Option<String>,
    /// `workerArguments`.
    pub(crate) worker_arguments: Vec<String>,
    /// `workingDirectory`, as written.
    pub(crate) working_directory: String,
    /// `workerDirectory`, as written.
    pub(crate) worker_directory: String,
}

impl HandlerDescription {
    /// The arguments that the handler gets: all of them are one line before, in which nothing but
    /// `defaultWorkerPath` is quoted.
    pub(crate) fn command_line(&self, expand: impl Fn(&str) -> String) -> Vec<String> {
        let mut line = String::new();
        let path = self.worker_path.as_ref();
        let pieces = self
            .arguments
            .iter()
            .map(|argument| expand(argument))
            .chain(path.map(|path| format!("\"{}\"", expand(path))))
            .chain(
                self.worker_arguments
                    .iter()
                    .map(|argument| expand(argument)),
            );
        for piece in pieces {
            line.push(' ');
            line.push_str(&piece);
        }
        arguments::split(&line)
    }

    /// The arguments that come through as several.
    pub(super) fn torn<'a>(
        &'a self,
        expand: impl Fn(&str) -> String + 'a,
    ) -> impl Iterator<Item = (&'a str, usize)> {
        let all = self.arguments.iter().chain(&self.worker_arguments);
        all.map(move |argument| (argument.as_str(), arguments::split(&expand(argument)).len()))
            .filter(|(_, count)| *count > 1)
    }
}

/// `extensions.durableTask`.
#[derive(Clone, Debug)]
pub(crate) struct DurableOptions {
    /// Name of the task hub.
    pub(crate) hub_name: String,
    /// Whether the real host would keep it on Azure Storage.
    pub(crate) azure_storage: bool,
    /// Control queues of the task hub.
    pub(crate) partition_count: u32,
    /// How many activities run at once.
    pub(crate) max_activities: usize,
    /// How many turns run at once.
    pub(crate) max_orchestrators: usize,
    /// How many entities run at once.
    pub(crate) max_entities: usize,
    /// How many operations a batch has at most.
    pub(crate) max_entity_batch: usize,
    /// Whether a start replaces an instance of the same id that has not ended.
    pub(crate) overrides_any_state: bool,
    /// Whether inputs of tasks stay in the history.
    pub(crate) store_inputs: bool,
    /// Version of orchestrations that are started without one.
    pub(crate) default_version: Option<String>,
    /// Which versions run.
    pub(crate) version_match: VersionMatch,
    /// What becomes of the others.
    pub(crate) version_failure: VersionFailure,
    /// Passed on to the handler.
    pub(crate) async_sleep_milliseconds: u32,
    /// How long messages to entities wait for those that were sent before; 0 for not at all.
    pub(crate) entity_reorder_window: Duration,
    /// Advice for the handler's gRPC client.
    pub(crate) max_grpc_message_size: u32,
}

impl HostJson {
    /// Reads host.json of the app, and the settings that stand for values of it.
    pub(crate) fn load(app: &Path, settings: &Settings) -> Result<Self, Error> {
        let path = app.join("host.json");
        if !path.is_file() {
            return Err(Error::NoHostJson(app.to_owned()));
        }
        let mut object = read_object(&path)?;
        // Settings have no say in this.
        let version_fault = version_fault(&object);
        for (name, value) in settings.all() {
            if let Some(names) = overrides::path(&name) {
                overrides::put(&mut object, &names, value);
            }
        }
        let reader = Reader {
            path: &path,
            object: &object,
        };
        Ok(HostJson {
            version_fault,
            ..reader.host_json()?
        })
    }
}

/// What is wrong with the version, by the real host's rules: an empty file needs none.
fn version_fault(object: &Map<String, Value>) -> Option<String> {
    const ADVICE: &str = "the real host does not start without \"version\": \"2.0\"";
    match object.get("version") {
        None if object.is_empty() => None,
        Some(Value::String(version)) if version == "2.0" => None,
        None | Some(Value::Null) => Some(format!("it is missing, and {ADVICE}")),
        Some(version) => Some(format!("it is {version}, and {ADVICE}")),
    }
}

/// Settings that change what callers and handlers see of the real host, and nothing here.
const IGNORED: &[&[&str]] = &[
    &["configurationProfile"],
    &["customHandler", "port"],
    &["customHandler", "http"],
    &[
        "extensions",
        "durableTask",
        "throwStatusExceptionsOnRaiseEvent",
    ],
    &[
        "extensions",
        "durableTask",
        "httpSettings",
        "useForwardedHost",
    ],
    &["extensions", "durableTask", "notifications", "eventGrid"],
];

struct Reader<'a> {
    path: &'a PathBuf,
    object: &'a Map<String, Value>,
}

impl Reader<'_> {
    fn host_json(&self) -> Result<HostJson, Error> {
        Ok(HostJson {
            handler: self.handler()?,
            initialization_timeout: self
                .timespan(&["customHandler", "initializationTimeout"])?
                .unwrap_or(Duration::from_secs(30)),
            forwarding: self.forwarding()?,
            function_timeout: self.function_timeout()?,
            route_prefix: self
                .text(&["extensions", "http", "routePrefix"])?
                .map_or_else(
                    || "api".to_owned(),
                    |prefix| prefix.trim_matches('/').to_owned(),
                ),
            ignored: self.ignored(),
            durable: self.durable()?,
            version_fault: None,
        })
    }

    fn handler(&self) -> Result<Option<HandlerDescription>, Error> {
        // `httpWorker` is the section's name of old; the newer one wins.
        let section = ["customHandler", "httpWorker"]
            .into_iter()
            .find(|name| at(self.object, &[name, "description"]).is_some());
        let Some(section) = section else {
            return Ok(None);
        };
        let text = |name| self.text(&[section, "description", name]);
        let list = |name| self.list(&[section, "description", name]);
        let Some(executable) = text("defaultExecutablePath")?.filter(|text| !text.is_empty())
        else {
            return Ok(None);
        };
        Ok(Some(HandlerDescription {
            executable,
            arguments: list("arguments")?,
            worker_path: text("defaultWorkerPath")?.filter(|text| !text.is_empty()),
            worker_arguments: list("workerArguments")?,
            working_directory: text("workingDirectory")?.unwrap_or_default(),
            worker_directory: text("workerDirectory")?.unwrap_or_default(),
        }))
    }

    fn ignored(&self) -> Vec<String> {
        IGNORED
            .iter()
            .filter(|path| {
                at(self.object, path).is_some_and(|value| !value.is_null() && *value != false)
            })
            .map(|path| path.join("."))
            .collect()
    }

    fn forwarding(&self) -> Result<Forwarding, Error> {
        if at(self.object, &["customHandler"]).is_none() {
            let is_of_old = at(self.object, &["httpWorker"]).is_some();
            return Ok(if is_of_old {
                Forwarding::ToName
            } else {
                Forwarding::Never
            });
        }
        let is_on = |name| self.flag(&["customHandler", name]);
        Ok(if is_on("enableProxyingHttpRequest")? {
            Forwarding::Proxied
        } else if is_on("enableForwardingHttpRequest")? {
            Forwarding::Whole
        } else {
            Forwarding::Never
        })
    }

    fn function_timeout(&self) -> Result<Option<Duration>, Error> {
        match self.text(&["functionTimeout"])? {
            None => Ok(Some(Duration::from_secs(30 * 60))),
            Some(text) if text == "-1" || text == "-00:00:00.0010000" => Ok(None),
            Some(_) => match self.timespan(&["functionTimeout"])? {
                Some(timeout) if timeout >= Duration::from_secs(1) => Ok(Some(timeout)),
                _ => Err(self.fault(
                    &["functionTimeout"],
                    "at least one second is expected, or -1 for no limit",
                )),
            },
        }
    }

    fn durable(&self) -> Result<DurableOptions, Error> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let path = |name| ["extensions", "durableTask", name];
        let http = [
            "extensions",
            "durableTask",
            "httpSettings",
            "defaultAsyncRequestSleepTimeMilliseconds",
        ];
        let window = self.number(&path("entityMessageReorderWindowInMinutes"), 0)?;
        if self.flag(&path("extendedSessionsEnabled"))? {
            return Err(self.fault(
                &path("extendedSessionsEnabled"),
                "extended sessions do not exist for custom handlers: leave the setting out, the real host refuses to start with it",
            ));
        }
        Ok(DurableOptions {
            hub_name: self
                .text(&path("hubName"))?
                .unwrap_or_else(|| "TestHubName".to_owned()),
            azure_storage: self
                .text(&["extensions", "durableTask", "storageProvider", "type"])?
                .is_none_or(|kind| kind.eq_ignore_ascii_case("AzureStorage")),
            partition_count: self.partition_count()?,
            max_activities: self
                .number(&path("maxConcurrentActivityFunctions"), 1)?
                .map_or(10 * cores, |n| n as usize),
            max_orchestrators: self
                .number(&path("maxConcurrentOrchestratorFunctions"), 1)?
                .map_or(10 * cores, |n| n as usize),
            max_entities: self
                .number(&path("maxConcurrentEntityFunctions"), 1)?
                .map_or(10 * cores, |n| n as usize),
            max_entity_batch: self
                .number(&path("maxEntityOperationBatchSize"), 1)?
                .map_or(5000, |n| n as usize),
            overrides_any_state: self.choice(
                &path("overridableExistingInstanceStates"),
                &[("NonRunningStates", false), ("AnyState", true)],
            )?,
            store_inputs: self.flag(&path("storeInputsInOrchestrationHistory"))?,
            default_version: self.text(&path("defaultVersion"))?,
            version_match: self.choice(
                &path("versionMatchStrategy"),
                &[
                    ("None", VersionMatch::None),
                    ("Strict", VersionMatch::Strict),
                    ("CurrentOrOlder", VersionMatch::CurrentOrOlder),
                ],
            )?,
            version_failure: self.choice(
                &path("versionFailureStrategy"),
                &[
                    ("Reject", VersionFailure::Reject),
                    ("Fail", VersionFailure::Fail),
                ],
            )?,
            async_sleep_milliseconds: self.number(&http, 0)?.unwrap_or(30_000),
            entity_reorder_window: Duration::from_secs(60 * u64::from(window.unwrap_or(30))),
            max_grpc_message_size: self
                .number(&path("maxGrpcMessageSizeInBytes"), 1)?
                .unwrap_or(4_194_304),
        })
    }

    fn partition_count(&self) -> Result<u32, Error> {
        let path = [
            "extensions",
            "durableTask",
            "storageProvider",
            "partitionCount",
        ];
        Ok(self.number(&path, 1)?.unwrap_or(4))
    }

    fn fault(&self, path: &[&str], message: &str) -> Error {
        Error::Setting {
            path: self.path.clone(),
            setting: path.join("."),
            message: message.to_owned(),
        }
    }

    fn text(&self, path: &[&str]) -> Result<Option<String>, Error> {
        match at(self.object, path) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(self.fault(path, "a text is expected")),
        }
    }

    /// One of some words, in any case; the default when there is none.
    fn choice<T: Copy + Default>(&self, path: &[&str], choices: &[(&str, T)]) -> Result<T, Error> {
        let Some(text) = self.text(path)? else {
            return Ok(T::default());
        };
        let chosen = choices
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(&text));
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(path, &format!("`{text}` is none of {}", words.join(", ")))
        })
    }

    fn timespan(&self, path: &[&str]) -> Result<Option<Duration>, Error> {
        let Some(text) = self.text(path)? else {
            return Ok(None);
        };
        match time_span::parse(&text) {
            Some(span) => Ok(Some(span)),
            None => Err(self.fault(path, &format!("`{text}` is no time span such as 00:00:30"))),
        }
    }

    /// A switch, off when it is not there; also as text, which is how settings stand for it.
    fn flag(&self, path: &[&str]) -> Result<bool, Error> {
        match at(self.object, path) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(self.fault(path, "`true` or `false` is expected")),
        }
    }

    fn number(&self, path: &[&str], least: u32) -> Result<Option<u32>, Error> {
        let value = match at(self.object, path) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_u64().and_then(|number| u32::try_from(number).ok()),
        };
        match value {
            Some(number) if number >= least => Ok(Some(number)),
            _ => Err(self.fault(path, &format!("a number from {least} on is expected"))),
        }
    }

    /// A list of texts; also as one text that holds a JSON array, which is how environment
    /// variables override it.
    fn list(&self, path: &[&str]) -> Result<Vec<String>, Error> {
        let texts = |items: &[Value]| -> Option<Vec<String>> {
            items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect()
        };
        let list = match at(self.object, path) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::Array(items)) => texts(items),
            Some(Value::String(text)) if text.trim().is_empty() => Some(Vec::new()),
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            Some(_) => None,
        };
        list.ok_or_else(|| self.fault(path, "a list of texts is expected"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn load(text: &str) -> Result<HostJson, Error> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("host.json"), text).unwrap();
        HostJson::load(dir.path(), &Settings::default())
    }

    #[test]
    fn defaults() {
        let host = load("{}").unwrap();
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(host.handler, None);
        assert_eq!(host.initialization_timeout, Duration::from_secs(30));
        assert_eq!(host.function_timeout, Some(Duration::from_secs(1800)));
        assert_eq!(host.route_prefix, "api");
        assert_eq!(host.durable.hub_name, "TestHubName");
        assert_eq!(host.durable.max_activities, 10 * cores);
        assert_eq!(host.durable.max_orchestrators, 10 * cores);
        assert_eq!(host.durable.max_entities, 10 * cores);
        assert_eq!(host.durable.max_entity_batch, 5000);
        assert_eq!(host.durable.partition_count, 4);
        assert_eq!(
            host.durable.entity_reorder_window,
            Duration::from_secs(1800)
        );
    }

    #[test]
    fn everything_given() {
        let host = load(
            r#"{"version":"2.0","functionTimeout":"-1",
                "customHandler":{"initializationTimeout":"00:01:00","description":{
                  "defaultExecutablePath":"bin/handler","arguments":"[\"a\",\"b\"]","defaultWorkerPath":"w 1","workerArguments":["c d"],"workingDirectory":"w"}},
                "extensions":{"http":{"routePrefix":""},
                  "durableTask":{"hubName":"Mine","storageProvider":{"partitionCount":7},"maxConcurrentActivityFunctions":3,"maxConcurrentOrchestratorFunctions":"4","defaultVersion":"2",
                    "maxConcurrentEntityFunctions":5,"maxEntityOperationBatchSize":6,"entityMessageReorderWindowInMinutes":0}}}"#,
        )
        .unwrap();
        let handler = host.handler.unwrap();
        assert_eq!(handler.executable, "bin/handler");
        assert_eq!(
            handler.command_line(str::to_owned),
            ["a", "b", "w 1", "c", "d"]
        );
        let torn: Vec<_> = handler.torn(str::to_owned).collect();
        assert_eq!(torn, [("c d", 2)]);
        assert_eq!(handler.working_directory, "w");
        assert_eq!(host.initialization_timeout, Duration::from_secs(60));
        assert_eq!(host.function_timeout, None);
        assert_eq!(host.route_prefix, "");
        assert_eq!(host.durable.hub_name, "Mine");
        assert_eq!(
            (host.durable.max_activities, host.durable.max_orchestrators),
            (3, 4)
        );
        assert_eq!(host.durable.default_version.as_deref(), Some("2"));
        assert_eq!(host.durable.partition_count, 7);
        assert_eq!(
            (host.durable.max_entities, host.durable.max_entity_batch),
            (5, 6)
        );
        assert_eq!(host.durable.entity_reorder_window, Duration::ZERO);
    }

    #[test]
    fn switches_may_be_texts() {
        let store = |value: &str| {
            let path = r#"{"extensions":{"durableTask":{"storeInputsInOrchestrationHistory":"#;
            load(&format!("{path}{value}}}}}}}")).map(|host| host.durable.store_inputs)
        };
        for (value, is_on) in [
            ("true", true),
            ("\"True\"", true),
            ("\"false\"", false),
            ("null", false),
        ] {
            assert_eq!(store(value).unwrap(), is_on, "{value}");
        }
        for value in ["1", "\"yes\"", "{}"] {
            let error = store(value).unwrap_err().to_string();
            assert!(
                error.contains("storeInputsInOrchestrationHistory: `true` or `false`"),
                "{error}"
            );
        }
    }

    #[test]
    fn settings_without_effect_are_named() {
        let host = r#"{"customHandler":{"port":5000},"extensions":{"durableTask":{"throwStatusExceptionsOnRaiseEvent":true,"httpSettings":{"useForwardedHost":false}}}}"#;
        assert_eq!(
            load(host).unwrap().ignored,
            [
                "customHandler.port",
                "extensions.durableTask.throwStatusExceptionsOnRaiseEvent"
            ]
        );
    }

    #[test]
    fn requests_are_forwarded_as_the_section_says() {
        for (host, forwarding) in [
            ("{}", Forwarding::Never),
            (r#"{"httpWorker":{"description":{}}}"#, Forwarding::ToName),
            (
                r#"{"httpWorker":{},"customHandler":{"enableForwardingHttpRequest":false}}"#,
                Forwarding::Never,
            ),
            (
                r#"{"customHandler":{"enableForwardingHttpRequest":"true"}}"#,
                Forwarding::Whole,
            ),
            (
                r#"{"customHandler":{"enableForwardingHttpRequest":true,"enableProxyingHttpRequest":true}}"#,
                Forwarding::Proxied,
            ),
        ] {
            assert_eq!(load(host).unwrap().forwarding, forwarding, "{host}");
        }
    }

    #[test]
    fn the_version_is_that_of_the_real_host() {
        let fault = |text: &str| load(text).unwrap().version_fault;
        assert_eq!(fault("{}"), None);
        assert_eq!(fault(r#"{"version":"2.0","x":1}"#), None);
        for missing in [r#"{"x":1}"#, r#"{"Version":"2.0"}"#, r#"{"version":null}"#] {
            assert!(fault(missing).unwrap().starts_with("it is missing"));
        }
        assert!(
            fault(r#"{"version":"1.0"}"#)
                .unwrap()
                .starts_with("it is \"1.0\"")
        );
        assert!(fault(r#"{"version":2.0}"#).is_some());
    }

    #[test]
    fn faults_name_the_setting() {
        let fault = |text: &str| load(text).unwrap_err().to_string();
        assert!(
            fault(r#"{"functionTimeout":"soon"}"#)
                .contains("host.json: functionTimeout: `soon` is no time span")
        );
        assert!(fault(r#"{"functionTimeout":"00:00:00.5"}"#).contains("at least one second"));
        assert!(
            fault(r#"{"extensions":{"durableTask":{"maxConcurrentActivityFunctions":0}}}"#)
                .contains("extensions.durableTask.maxConcurrentActivityFunctions")
        );
        assert!(
            fault(r#"{"extensions":{"durableTask":{"extendedSessionsEnabled":true}}}"#)
                .contains("extended sessions")
        );
        let strategy = fault(r#"{"extensions":{"durableTask":{"versionMatchStrategy":"Newest"}}}"#);
        assert!(
            strategy.contains("`Newest` is none of None, Strict, CurrentOrOlder"),
            "{strategy}"
        );
        let dir = tempfile::tempdir().unwrap();
        let missing = HostJson::load(dir.path(), &Settings::default())
            .unwrap_err()
            .to_string();
        assert!(
            missing.contains("no host.json") && missing.contains("--app"),
            "{missing}"
        );
    }
}
