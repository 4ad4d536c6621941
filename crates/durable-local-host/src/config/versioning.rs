//! Which versions of orchestrations an app runs.

use std::cmp::Ordering;

/// `versionMatchStrategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum VersionMatch {
    /// All.
    None,
    /// The default version only.
    Strict,
    /// The default version and older ones.
    #[default]
    CurrentOrOlder,
}

/// `versionFailureStrategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum VersionFailure {
    /// The turn is delivered again, in the hope of an app that runs the version.
    #[default]
    Reject,
    /// The orchestration fails.
    Fail,
}

impl VersionMatch {
    /// Why an app of that default version does not run an orchestration of this version.
    pub(crate) fn refuses(self, app: Option<&str>, version: Option<&str>) -> Option<String> {
        let (app, version) = (app.unwrap_or_default(), version.unwrap_or_default());
        let rule = match self {
            Self::Strict if version != app => "is not",
            Self::CurrentOrOlder if compare(version, app) == Ordering::Greater => "is newer than",
            Self::None | Self::Strict | Self::CurrentOrOlder => return None,
        };
        let app = match app {
            "" => "the app's, which has none (defaultVersion in host.json)".to_owned(),
            app => format!("the app's version {app} (defaultVersion in host.json)"),
        };
        let version = if version.is_empty() {
            "(none)"
        } else {
            version
        };
        Some(format!(
            "The orchestration's version {version} {rule} {app}."
        ))
    }
}

/// No version is older than any; numbers compare as numbers, everything else as text.
fn compare(one: &str, other: &str) -> Ordering {
    match (one.is_empty(), other.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Less,
        (false, true) => return Ordering::Greater,
        (false, false) => {}
    }
    match (numbers(one), numbers(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.to_lowercase().cmp(&other.to_lowercase()),
    }
}

/// Two to four numbers with dots between them, as .NET reads versions.
fn numbers(text: &str) -> Option<Vec<u32>> {
    let parts: Option<Vec<u32>> = text
        .split('.')
        .map(|part| part.parse().ok().filter(|n| i32::try_from(*n).is_ok()))
        .collect();
    parts.filter(|parts| (2..=4).contains(&parts.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_versions_run_and_newer_ones_do_not() {
        let refuses = |app, version| VersionMatch::CurrentOrOlder.refuses(app, version).is_some();
        for (app, version) in [
            (None, None),
            (Some("1.0"), None),
            (Some("1.10"), Some("1.9")),
            (Some("1.0.1"), Some("1.0")),
            (Some("b"), Some("A")),
            (Some("v1"), Some("V1")),
        ] {
            assert!(!refuses(app, version), "{app:?} {version:?}");
        }
        for (app, version) in [
            (None, Some("1")),
            (Some("1.9"), Some("1.10")),
            (Some("1.0"), Some("1.0.0")),
            (Some("a"), Some("B")),
        ] {
            assert!(refuses(app, version), "{app:?} {version:?}");
        }
    }

    #[test]
    fn the_other_strategies() {
        let strict = VersionMatch::Strict;
        assert_eq!(strict.refuses(Some("1.0"), Some("1.0")), None);
        let reason = strict.refuses(Some("2.0"), Some("1.0")).unwrap();
        assert!(
            reason.contains("1.0 is not the app's version 2.0"),
            "{reason}"
        );
        assert!(strict.refuses(Some("2.0"), None).is_some());
        assert_eq!(VersionMatch::None.refuses(None, Some("9")), None);
    }
}
