//! Keys that callers show, as those of a function app on Azure.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::error::Error;
use crate::store::make_folder;

/// File of the state folder that keeps them.
const FILE: &str = "keys.json";

/// Whether callers have to show keys.
#[derive(Clone, Default)]
pub(crate) enum AskForKeys {
    #[default]
    No,
    /// The master key, if it is given.
    Yes(Option<String>),
}

/// Keys are secrets.
impl fmt::Debug for AskForKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::No => "No",
            Self::Yes(_) => "Yes(..)",
        })
    }
}

/// What a request needs to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needed<'a> {
    /// No key.
    Nothing,
    /// The key of this function, or that of all functions.
    Function(&'a str),
    /// The key of the Durable Task extension.
    Extension,
    /// The master key, which opens everything else as well.
    Master,
}

/// The keys of an app.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Keys {
    master: String,
    /// Whether the developer has chosen the master key, which may be in use elsewhere.
    #[serde(skip)]
    given: bool,
    /// Opens all functions; `default` on Azure.
    host: String,
    /// Opens the management API; `durabletask_extension` on Azure.
    extension: String,
    /// By name of the function.
    functions: BTreeMap<String, String>,
}

/// Keys are secrets.
impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keys(..)")
    }
}

impl Keys {
    /// New keys for these functions.
    pub(crate) fn make<'a>(functions: impl IntoIterator<Item = &'a str>) -> Self {
        let mut keys = Self {
            master: make_key(),
            given: false,
            host: make_key(),
            extension: make_key(),
            functions: BTreeMap::new(),
        };
        keys.add(functions);
        keys
    }

    /// The keys that a state folder keeps; what is missing is made and kept.
    pub(crate) fn kept<'a>(
        folder: &Path,
        functions: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let read = |cause| Error::Read {
            path: path.clone(),
            cause,
        };
        let keys = match fs::read(&path) {
            Ok(text) => {
                let mut keys: Self =
                    serde_json::from_slice(&text).map_err(|error| Error::Json {
                        path: path.clone(),
                        line: error.line(),
                        column: error.column(),
                        message: error.to_string(),
                    })?;
                if keys.all().any(str::is_empty) {
                    return Err(Error::Setting {
                        path,
                        setting: "keys".to_owned(),
                        message: "a key is empty: delete the file for new ones".to_owned(),
                    });
                }
                if !keys.add(functions) {
                    return Ok(keys);
                }
                keys
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::make(functions),
            Err(error) => return Err(read(error)),
        };
        keys.write(&path).map_err(read)?;
        Ok(keys)
    }

    /// Makes keys for the functions that have none.
    fn add<'a>(&mut self, functions: impl IntoIterator<Item = &'a str>) -> bool {
        let before = self.functions.len();
        for function in functions {
            self.functions
                .entry(function.to_owned())
                .or_insert_with(make_key);
        }
        self.functions.len() > before
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        [&self.master, &self.host, &self.extension]
            .into_iter()
            .chain(self.functions.values())
            .map(String::as_str)
    }

    /// Readable by its owner only, and never half written.
    fn write(&self, path: &Path) -> std::io::Result<()> {
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        make_folder(&folder)?;
        // the file of this crate is made with mode 600
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }

    /// The same with another master key.
    pub(crate) fn with_master(mut self, master: Option<String>) -> Self {
        if let Some(master) = master {
            self.master = master;
            self.given = true;
        }
        self
    }

    /// The key that management URLs carry.
    pub(crate) fn extension(&self) -> &str {
        &self.extension
    }

    /// Whether a key opens something. Takes the same time for every wrong key of a length.
    pub(crate) fn open(&self, needed: Needed<'_>, shown: Option<&str>) -> bool {
        let Some(shown) = shown else {
            return needed == Needed::Nothing;
        };
        let is = |key: &String| bool::from(key.as_bytes().ct_eq(shown.as_bytes()));
        match needed {
            Needed::Nothing => true,
            Needed::Master => is(&self.master),
            Needed::Extension => is(&self.master) | is(&self.extension),
            Needed::Function(name) => {
                let own = self.functions.get(name).is_some_and(is);
                own | is(&self.host) | is(&self.master)
            }
        }
    }

    /// Lines for the developer.
    pub(crate) fn list(&self) -> String {
        let master = if self.given { "as given" } else { &self.master };
        let mut lines = format!(
            "Keys are asked for, as `?code=KEY` or in the header x-functions-key:\n\n\tmaster: {}\n\tall functions: {}\n\tmanagement API: {}\n",
            master, self.host, self.extension
        );
        for (function, key) in &self.functions {
            lines += &format!("\tfunction {function}: {key}\n");
        }
        lines
    }
}

/// 256 random bits; letters that need no encoding in a URL.
fn make_key() -> String {
    let mut bytes = Vec::with_capacity(32);
    bytes.extend_from_slice(uuid::Uuid::new_v4().as_bytes());
    bytes.extend_from_slice(uuid::Uuid::new_v4().as_bytes());
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_opens_its_own() {
        let keys = Keys::make(["a", "b"]);
        let (a, b) = (&keys.functions["a"], &keys.functions["b"]);
        let needs = [
            Needed::Nothing,
            Needed::Function("a"),
            Needed::Extension,
            Needed::Master,
        ];
        let opens = |key: Option<&str>| needs.map(|needed| keys.open(needed, key));
        assert_eq!(opens(None), [true, false, false, false]);
        assert_eq!(opens(Some("")), [true, false, false, false]);
        assert_eq!(opens(Some("wrong")), [true, false, false, false]);
        assert_eq!(opens(Some(a)), [true, true, false, false]);
        assert_eq!(opens(Some(b)), [true, false, false, false]);
        assert_eq!(opens(Some(&keys.host)), [true, true, false, false]);
        assert_eq!(opens(Some(&keys.extension)), [true, false, true, false]);
        assert_eq!(opens(Some(&keys.master)), [true, true, true, true]);
        assert!(!keys.open(Needed::Function("other"), Some(a)));
    }

    #[test]
    fn they_stay_the_same_in_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("state");
        let first = Keys::kept(&place, ["a"]).unwrap();
        let second = Keys::kept(&place, ["a", "b"]).unwrap();
        let third = Keys::kept(&place, []).unwrap();
        assert_eq!(first.master, third.master);
        assert_eq!(second.functions, third.functions);
        assert_eq!(first.functions["a"], third.functions["a"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(place.join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(place.join(FILE), "{").unwrap();
        assert!(matches!(Keys::kept(&place, []), Err(Error::Json { .. })));
    }

    #[test]
    fn a_master_key_that_was_given_is_not_shown() {
        let keys = Keys::make([]);
        assert!(keys.list().contains(&format!("master: {}\n", keys.master)));
        let given = keys.with_master(Some("hunter2".to_owned())).list();
        assert!(given.contains("master: as given\n") && !given.contains("hunter2"));
    }

    #[test]
    fn they_are_not_in_the_log() {
        let keys = Keys::make([]);
        assert!(!format!("{keys:?}").contains(&keys.master));
    }
}
