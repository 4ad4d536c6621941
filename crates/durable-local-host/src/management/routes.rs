//! Which request does what.

use std::sync::Arc;

use super::request::{ManagementRequest, Reply};
use crate::engine::Engine;
use crate::urls::{MANAGEMENT_PATH, decode_segment};

/// The API of an app.
#[derive(Debug)]
pub(crate) struct Management {
    pub(super) engine: Arc<Engine>,
    pub(super) task_hub: String,
    pub(super) key: String,
}

impl Management {
    /// The API for an engine; `key` appears in URLs.
    pub(crate) fn new(engine: Arc<Engine>, task_hub: String, key: String) -> Self {
        Self {
            engine,
            task_hub,
            key,
        }
    }

    /// The segments below the API's path, or `None` when the path is another one.
    pub(crate) fn segments(path: &str) -> Option<Vec<String>> {
        let (base, rest) = path.split_at_checked(MANAGEMENT_PATH.len())?;
        if !base.eq_ignore_ascii_case(MANAGEMENT_PATH)
            || !(rest.is_empty() || rest.starts_with('/'))
        {
            return None;
        }
        Some(
            rest.split('/')
                .filter(|segment| !segment.is_empty())
                .map(decode_segment)
                .collect(),
        )
    }

    /// Query of the URLs that this API gives out.
    pub(super) fn query(&self) -> String {
        format!(
            "taskHub={}&connection=Storage&code={}",
            self.task_hub, self.key
        )
    }

    /// A request may name another task hub; there is only one here.
    fn refuse_other_hub(&self, request: &ManagementRequest) -> Option<Reply> {
        let hub = request.text("taskHub")?;
        (!hub.eq_ignore_ascii_case(&self.task_hub)).then(|| {
            let message = format!(
                "This local host runs the task hub `{}` and cannot look into `{hub}`: leave out taskHub, or ask the host whose host.json has that hubName.",
                self.task_hub
            );
            Reply::message(400, &message)
        })
    }

    /// Answers a request.
    pub(crate) async fn handle(&self, request: ManagementRequest) -> Reply {
        if let Some(refusal) = self.refuse_other_hub(&request) {
            return refusal;
        }
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        // A slash inside of a segment fits no route.
        if path
            .iter()
            .any(|segment| segment.to_ascii_lowercase().contains("%2f"))
        {
            return Reply::empty(404);
        }
        let Some((first, rest)) = path.split_first() else {
            return Reply::empty(404);
        };
        let outcome = match (
            first.to_ascii_lowercase().as_str(),
            request.method.as_str(),
            rest,
        ) {
            ("orchestrators", "POST", [name]) => self.start(&request, name, None).await,
            ("orchestrators", "POST", [name, id]) => self.start(&request, name, Some(id)).await,
            ("instances", "GET", []) => self.list(&request).await,
            ("instances", "DELETE", []) => self.purge_many(&request).await,
            ("instances", "GET", [id]) => self.status(&request, id).await,
            ("instances", "DELETE", [id]) => self.purge(id).await,
            ("instances", "POST", [id, action]) => match action.to_ascii_lowercase().as_str() {
                "terminate" => self.terminate(&request, id).await,
                "suspend" => self.suspend(&request, id).await,
                "resume" => self.resume(&request, id).await,
                "rewind" => self.rewind(&request, id).await,
                "restart" => self.restart(&request, id).await,
                _ => Ok(Reply::empty(404)),
            },
            ("instances", "POST", [id, action, name])
                if action.eq_ignore_ascii_case("raiseEvent") =>
            {
                self.raise_event(&request, id, name).await
            }
            ("entities", "GET", []) => self.entities(&request, None).await,
            ("entities", "GET", [name]) => self.entities(&request, Some(name)).await,
            ("entities", "GET", [name, key]) => self.entity(name, key).await,
            ("entities", "POST", [name]) => self.signal(&request, name, "").await,
            ("entities", "DELETE", [name]) => self.delete_entity(name, "").await,
            ("entities", "POST", [name, key]) => self.signal(&request, name, key).await,
            ("entities", "DELETE", [name, key]) => self.delete_entity(name, key).await,
            ("makeprimary", _, []) => Ok(Reply::empty(200)),
            _ => Ok(Reply::empty(404)),
        };
        outcome.unwrap_or_else(Reply::from)
    }
}
