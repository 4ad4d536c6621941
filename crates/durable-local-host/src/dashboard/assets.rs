//! The files of the page. They are part of the executable: a path is a name in this table or nothing.

use bytes::Bytes;

use super::Page;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

macro_rules! assets {
    ($($name:literal: $kind:ident),* $(,)?) => {
        &[$((concat!("/assets/", $name), $kind, include_str!(concat!("assets/", $name)))),*]
    };
}

const INDEX: &str = include_str!("assets/index.html");

/// Path below the dashboard's, content type, content.
const ASSETS: &[(&str, &str, &str)] = assets! {
    "app.css": CSS,
    "timeline.css": CSS,
    "icon.svg": IMAGE,
    "app.js": SCRIPT,
    "actions.js": SCRIPT,
    "api.js": SCRIPT,
    "dialogs.js": SCRIPT,
    "dom.js": SCRIPT,
    "entities.js": SCRIPT,
    "entity.js": SCRIPT,
    "failure.js": SCRIPT,
    "format.js": SCRIPT,
    "history.js": SCRIPT,
    "instance.js": SCRIPT,
    "key.js": SCRIPT,
    "list.js": SCRIPT,
    "live.js": SCRIPT,
    "numbers.js": SCRIPT,
    "spans.js": SCRIPT,
    "timeline.js": SCRIPT,
    "values.js": SCRIPT,
};

/// The file of a path.
pub(super) fn find(path: &str) -> Option<Page> {
    let (content_type, content) = match path {
        "" | "/" => (HTML, INDEX),
        path => {
            let (_, content_type, content) = ASSETS.iter().find(|(name, _, _)| *name == path)?;
            (*content_type, *content)
        }
    };
    Some(Page {
        status: 200,
        content_type,
        body: Bytes::from_static(content.as_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_table_is_served() {
        assert!(find("").is_some());
        assert!(find("/assets/app.js").is_some());
        for path in [
            "/assets",
            "/assets/",
            "/assets/..",
            "/assets/../assets/app.js",
            "/assets/../../Cargo.toml",
            "/assets/%2e%2e/local.settings.json",
            "/assets//app.js",
            "/assets/app.js/",
            "/assets/app.js\0",
            "/assets\\app.js",
            "/assets/..%2f..%2flocal.settings.json",
            "/local.settings.json",
            "//etc/passwd",
        ] {
            assert!(find(path).is_none(), "{path}");
        }
    }

    /// The policy forbids them, so the page would break.
    #[test]
    fn no_file_asks_for_anything_from_elsewhere() {
        for (name, _, content) in ASSETS.iter().chain([&("index", HTML, INDEX)]) {
            let strange = content.match_indices("http").find(|(at, _)| {
                let rest = content.get(*at..).unwrap_or_default();
                rest.starts_with("http://") || rest.starts_with("https://")
            });
            let namespace = "http://www.w3.org/2000/svg";
            assert!(
                strange.is_none_or(|(at, _)| content[at..].starts_with(namespace)),
                "{name}"
            );
            for word in ["innerHTML", "eval(", "<style", "style=\"", "onclick="] {
                assert!(!content.contains(word), "{name}: {word}");
            }
        }
        assert_eq!(INDEX.matches("<script").count(), 1);
    }

    /// A file that nobody lists, or a list without its file, would be found out in the browser only.
    #[test]
    fn every_import_is_in_the_table() {
        for (name, _, content) in ASSETS.iter().filter(|(_, kind, _)| *kind == SCRIPT) {
            for line in content.lines().filter(|line| line.starts_with("import ")) {
                let (_, file) = line
                    .split_once("from \"./")
                    .unwrap_or_else(|| panic!("{name}: {line}"));
                let path = format!("/assets/{}", file.trim_end_matches("\";"));
                assert!(find(&path).is_some(), "{name}: {path}");
            }
        }
    }
}
