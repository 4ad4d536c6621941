//! The page at `/dashboard`, and the reads that it makes.
//!
//! It changes nothing itself: its buttons use the management API. All answers are for `GET` alone.

mod api;
mod assets;
mod documents;
mod entities;
mod events;
mod failure;
mod operations;
mod search;

use std::sync::Arc;

use bytes::Bytes;

use crate::engine::Engine;
use crate::invocation::HttpReply;

/// Path of the page.
const BASE_PATH: &str = "/dashboard";

/// Nothing is loaded from elsewhere, and no script or style stands in the page itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The dashboard of an app.
#[derive(Debug)]
pub(crate) struct Dashboard {
    engine: Arc<Engine>,
    task_hub: String,
}

/// An answer before its headers.
#[derive(Clone, Debug)]
struct Page {
    status: u16,
    content_type: &'static str,
    body: Bytes,
}

impl Page {
    fn text(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: text.into().into(),
        }
    }

    fn json(value: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self {
                status: 200,
                content_type: "application/json; charset=utf-8",
                body: body.into(),
            },
            Err(error) => Self::text(500, format!("The answer cannot be written: {error}")),
        }
    }

    fn not_found() -> Self {
        Self::text(404, "There is no such page.")
    }
}

impl Dashboard {
    /// The dashboard of what an engine runs.
    pub(crate) fn new(engine: Arc<Engine>, task_hub: String) -> Self {
        Self { engine, task_hub }
    }

    /// What follows the dashboard's path, or `None` when the path is another one.
    pub(crate) fn below(path: &str) -> Option<&str> {
        let rest = path.strip_prefix(BASE_PATH)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    }

    /// Answers a request; `path` is what [`Self::below`] gave, `query` is still encoded.
    pub(crate) async fn handle(&self, method: &str, path: &str, query: &str) -> HttpReply {
        let page = if !matches!(method, "GET" | "HEAD") {
            Page::text(405, "The dashboard can only be read.")
        } else if let Some(name) = path.strip_prefix("/api/") {
            self.read(name, query).await
        } else {
            assets::find(path).unwrap_or_else(Page::not_found)
        };
        let mut headers = vec![
            ("Content-Security-Policy", POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            // The page belongs to the executable that serves it.
            ("Cache-Control", "no-store"),
        ];
        if page.status == 405 {
            headers.push(("Allow", "GET, HEAD"));
        }
        HttpReply {
            status: page.status,
            headers: headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            content_type: Some(page.content_type.to_owned()),
            body: page.body.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_paths_are_the_dashboards() {
        assert_eq!(Dashboard::below("/dashboard"), Some(""));
        assert_eq!(Dashboard::below("/dashboard/assets/x"), Some("/assets/x"));
        for other in [
            "/",
            "/dashboards",
            "/api/dashboard",
            "/Dashboard",
            "dashboard",
        ] {
            assert_eq!(Dashboard::below(other), None, "{other}");
        }
    }
}
