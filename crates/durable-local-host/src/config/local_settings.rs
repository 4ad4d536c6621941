//! local.settings.json: what Azure has as app settings.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::Cors;
use super::json_file::{member, read_object};
use crate::error::Error;

/// The app settings: those of the file, overridden by the environment of the host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    values: BTreeMap<String, String>,
    /// `Host.LocalHttpPort`.
    pub(crate) port: Option<u16>,
    /// `Host.CORS` and `Host.CORSCredentials`.
    pub(crate) cors: Cors,
}

impl Settings {
    /// Reads the file when there is one.
    pub(crate) fn load(app: &Path) -> Result<Self, Error> {
        let path = app.join("local.settings.json");
        if !path.is_file() {
            return Ok(Self::default());
        }
        let object = read_object(&path)?;
        let setting = |name: &str, message: &str| Error::Setting {
            path: path.clone(),
            setting: name.to_owned(),
            message: message.to_owned(),
        };
        if member(&object, "IsEncrypted").and_then(Value::as_bool) == Some(true) {
            return Err(setting(
                "IsEncrypted",
                "this host cannot read encrypted settings: run `func settings decrypt`",
            ));
        }
        let mut values = BTreeMap::new();
        if let Some(section) = member(&object, "Values") {
            let section = section
                .as_object()
                .ok_or_else(|| setting("Values", "an object with the settings is expected"))?;
            for (name, value) in section {
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Null => String::new(),
                    Value::Bool(_) | Value::Number(_) => value.to_string(),
                    Value::Array(_) | Value::Object(_) => {
                        return Err(setting(&format!("Values.{name}"), "a text is expected"));
                    }
                };
                values.insert(name.clone(), text);
            }
        }
        let mut settings = Self {
            values,
            ..Self::default()
        };
        if let Some(section) = member(&object, "Host") {
            let section = section
                .as_object()
                .ok_or_else(|| setting("Host", "an object is expected"))?;
            settings.read_host(section, setting)?;
        }
        Ok(settings)
    }

    /// What is for this host and not for the app. Numbers and flags may be texts.
    fn read_host(
        &mut self,
        section: &Map<String, Value>,
        fault: impl Fn(&str, &str) -> Error,
    ) -> Result<(), Error> {
        let text = |name: &str| match member(section, name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(value @ (Value::Bool(_) | Value::Number(_))) => Ok(Some(value.to_string())),
            Some(_) => Err(fault(&format!("Host.{name}"), "a text is expected")),
        };
        if let Some(port) = text("LocalHttpPort")?.filter(|port| !port.is_empty()) {
            let port = port.parse();
            self.port = Some(port.map_err(|_| fault("Host.LocalHttpPort", "a port is expected"))?);
        }
        self.cors.origins = text("CORS")?
            .unwrap_or_default()
            .split(',')
            .map(|origin| origin.trim().to_owned())
            .filter(|origin| !origin.is_empty())
            .collect();
        self.cors.credentials =
            text("CORSCredentials")?.is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
        if self.cors.credentials && self.cors.origins.iter().any(|origin| origin == "*") {
            return Err(fault(
                "Host.CORSCredentials",
                "browsers do not let every origin (Host.CORS is `*`) send credentials: name the origins",
            ));
        }
        Ok(())
    }

    /// The settings that the environment does not have already.
    pub(crate) fn missing_from_environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .filter(|(name, _)| std::env::var_os(name).is_none())
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// All settings, those of the environment last.
    pub(crate) fn all(&self) -> impl Iterator<Item = (String, String)> {
        let of_file = self
            .missing_from_environment()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let readable = |text: std::ffi::OsString| text.into_string().ok();
        let of_environment = std::env::vars_os()
            .filter_map(move |(name, value)| Some((readable(name)?, readable(value)?)));
        of_file.chain(of_environment)
    }

    /// One setting; the environment wins over the file.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().or_else(|| {
            let found = self
                .values
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        })
    }

    /// Replaces `%NAME%` by the setting of that name, and by nothing when there is none.
    pub(crate) fn expand(&self, text: &str, more: &[(&str, String)]) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            let Some((name, tail)) = after.split_once('%') else {
                break;
            };
            out.push_str(before);
            if let Some((_, value)) = more.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)) {
                out.push_str(value);
            } else if let Some(value) = self.get(name) {
                out.push_str(&value);
            }
            rest = tail;
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn load(text: &str) -> Result<Settings, Error> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("local.settings.json"), text).unwrap();
        Settings::load(dir.path())
    }

    #[test]
    fn values_are_read_and_the_environment_wins() {
        let settings =
            load(r#"{"Values": {"PATH": "file", "LOCAL_HOST_TEST_ONLY": "x", "N": 5, "B": true}}"#)
                .unwrap();
        let left: Vec<_> = settings.missing_from_environment().collect();
        assert_eq!(
            left,
            [("B", "true"), ("LOCAL_HOST_TEST_ONLY", "x"), ("N", "5")]
        );
        assert_ne!(settings.get("PATH").unwrap(), "file");
        assert_eq!(
            settings.expand(
                "a %LOCAL_HOST_TEST_ONLY% %nope%b %port% 5%",
                &[("port", "7".to_owned())]
            ),
            "a x b 7 5%"
        );
    }

    #[test]
    fn the_section_of_the_host_is_read() {
        let settings = load(
            r#"{"Host": {"LocalHttpPort": "7072", "CORS": "https://a.example, http://b:1,", "CORSCredentials": true}}"#,
        )
        .unwrap();
        assert_eq!(settings.port, Some(7072));
        assert_eq!(settings.cors.origins, ["https://a.example", "http://b:1"]);
        assert!(settings.cors.credentials);
        let settings = load(r#"{"Host": {"LocalHttpPort": 1, "CORS": "*"}}"#).unwrap();
        assert_eq!((settings.port, settings.cors.credentials), (Some(1), false));
        for (text, what) in [
            (r#"{"Host": 5}"#, "Host"),
            (r#"{"Host": {"LocalHttpPort": 70000}}"#, "LocalHttpPort"),
            (r#"{"Host": {"CORS": ["x"]}}"#, "Host.CORS"),
            (
                r#"{"Host": {"CORS": "*", "CORSCredentials": "true"}}"#,
                "CORSCredentials",
            ),
        ] {
            let error = load(text).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn no_file_is_fine_and_wrong_ones_are_told() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Settings::load(dir.path()).unwrap().values.is_empty());
        assert!(
            load(r#"{"Values": []}"#)
                .unwrap_err()
                .to_string()
                .contains("Values")
        );
        assert!(
            load(r#"{"Values": {"a": {}}}"#)
                .unwrap_err()
                .to_string()
                .contains("Values.a")
        );
        assert!(
            load(r#"{"IsEncrypted": true}"#)
                .unwrap_err()
                .to_string()
                .contains("decrypt")
        );
    }
}
