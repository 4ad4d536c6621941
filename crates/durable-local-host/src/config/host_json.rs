//! host.json.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use super::durable_options::DurableOptions;
use super::handler_description::HandlerDescription;
use super::json_file::{at, read_object};
use super::reader::Reader;
use super::{Settings, overrides};
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
        let reader = Reader::new(&path, &object);
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

impl Reader<'_> {
    fn host_json(&self) -> Result<HostJson, Error> {
        Ok(HostJson {
            handler: HandlerDescription::read(self)?,
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
            durable: DurableOptions::read(self)?,
            version_fault: None,
        })
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
