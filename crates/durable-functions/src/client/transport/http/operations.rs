//! The operations on instances, as requests of the API.

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::{Method, StatusCode};

use super::documents::{self, Purged, Started, StatusDocument};
use super::{Call, Http};
use crate::client::query::Page;
use crate::client::state::{InstanceState, RuntimeStatus};
use crate::client::transport::{Payloads, Refused, Start, Steer, over_http};
use crate::client::{ClientError, InstanceQuery, PurgeFilter};

impl Http<'_> {
    pub(in crate::client) async fn start(&self, start: Start) -> Result<(), ClientError> {
        for (asked, what) in [
            (start.start_at.is_some(), "a start at a later time"),
            (!start.tags.is_empty(), "a start with tags"),
            (start.replaceable.is_some(), "a policy for ids in use"),
        ] {
            if asked {
                return Err(over_http(what, "its route has no parameter for that"));
            }
        }
        let url = self.url(&["orchestrators", &start.name, &start.instance_id])?;
        let mut call = Call::new(Method::POST, url).json(start.input);
        if let Some(version) = &start.version {
            call = call.query("version", version);
        }
        let answer = self.act(call.clone()).await?;
        match answer.status {
            StatusCode::ACCEPTED | StatusCode::OK => Ok(()),
            StatusCode::NOT_FOUND => Err(self.failed(&call, &answer)),
            _ => Err(self.refused(&call, &start.instance_id, &answer).error),
        }
    }

    pub(in crate::client) async fn get(
        &self,
        instance_id: &str,
        payloads: Payloads,
    ) -> Result<Option<InstanceState>, ClientError> {
        let with = payloads == Payloads::All;
        let mut state = self.status(instance_id, with, false).await?;
        if let Some(failed) = &state
            && with
            && failed.status == RuntimeStatus::Failed
        {
            // the document has the failure's text only, its history the chain
            state = self.status(instance_id, with, true).await?;
        }
        Ok(state)
    }

    async fn status(
        &self,
        instance_id: &str,
        payloads: bool,
        history: bool,
    ) -> Result<Option<InstanceState>, ClientError> {
        let mut call = Call::new(Method::GET, self.url(&["instances", instance_id])?);
        if !payloads {
            call = call.query("showInput", "false");
        }
        if history {
            call = call
                .query("showHistory", "true")
                .query("showHistoryOutput", "true");
        }
        let answer = self.read(call.clone()).await?;
        match answer.status {
            StatusCode::OK | StatusCode::ACCEPTED => {
                let document: StatusDocument<'_> =
                    documents::read("status of an instance", &answer.body)?;
                document.into_state(payloads).map(Some)
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.refused(&call, instance_id, &answer).error),
        }
    }

    pub(in crate::client) async fn raise_event(
        &self,
        instance_id: &str,
        name: &str,
        payload: String,
    ) -> Result<(), Refused> {
        let url = self.url(&["instances", instance_id, "raiseEvent", name])?;
        let call = Call::new(Method::POST, url).json(Some(payload));
        self.accepted(call, instance_id).await
    }

    pub(in crate::client) async fn steer(
        &self,
        instance_id: &str,
        steer: Steer,
        reason: &str,
    ) -> Result<(), Refused> {
        let action = match steer {
            Steer::Terminate { recursive: true } => {
                let why = "its route ends one instance";
                return Err(over_http("a recursive termination", why).into());
            }
            Steer::Terminate { recursive: false } => "terminate",
            Steer::Suspend => "suspend",
            Steer::Resume => "resume",
            Steer::Rewind => "rewind",
        };
        let mut call = Call::new(Method::POST, self.url(&["instances", instance_id, action])?);
        if !reason.is_empty() {
            call = call.query("reason", reason);
        }
        self.accepted(call, instance_id).await
    }

    async fn accepted(&self, call: Call, instance_id: &str) -> Result<(), Refused> {
        let answer = self.act(call.clone()).await?;
        match answer.status {
            StatusCode::ACCEPTED | StatusCode::OK => Ok(()),
            _ => Err(self.refused(&call, instance_id, &answer)),
        }
    }

    pub(in crate::client) async fn restart(
        &self,
        instance_id: &str,
        new_id: bool,
    ) -> Result<String, Refused> {
        let url = self.url(&["instances", instance_id, "restart"])?;
        let new_id = if new_id { "true" } else { "false" };
        let call = Call::new(Method::POST, url).query("restartWithNewInstanceId", new_id);
        let answer = self.act(call.clone()).await?;
        match answer.status {
            StatusCode::ACCEPTED | StatusCode::OK => {
                let started: Started = documents::read("restarted instance", &answer.body)?;
                Ok(started.id)
            }
            // also its answer to an id that it does not know
            StatusCode::BAD_REQUEST => Err(Refused {
                error: self.failed(&call, &answer),
                unexplained: true,
            }),
            _ => Err(self.refused(&call, instance_id, &answer)),
        }
    }

    pub(in crate::client) async fn purge(&self, instance_id: &str) -> Result<u64, Refused> {
        let call = Call::new(Method::DELETE, self.url(&["instances", instance_id])?);
        let answer = self.act(call.clone()).await?;
        match answer.status {
            StatusCode::OK => Ok(purged(&answer.body)?),
            StatusCode::NOT_FOUND => Ok(0),
            _ => Err(self.refused(&call, instance_id, &answer)),
        }
    }

    pub(in crate::client) async fn purge_where(
        &self,
        filter: &PurgeFilter,
    ) -> Result<(u64, bool), ClientError> {
        let from = date(filter.beginning());
        let mut call =
            Call::new(Method::DELETE, self.url(&["instances"])?).query("createdTimeFrom", &from);
        if let Some(to) = filter.created_to {
            call = call.query("createdTimeTo", &date(to));
        }
        if !filter.statuses.is_empty() {
            call = call.query("runtimeStatus", &names(&filter.statuses));
        }
        let answer = self.read(call.clone()).await?;
        match answer.status {
            StatusCode::OK => Ok((purged(&answer.body)?, true)),
            StatusCode::NOT_FOUND => Ok((0, true)),
            _ => Err(self.failed(&call, &answer)),
        }
    }

    pub(in crate::client) async fn query(
        &self,
        query: &InstanceQuery,
        token: Option<String>,
    ) -> Result<Page<InstanceState>, ClientError> {
        let mut call = Call::new(Method::GET, self.url(&["instances"])?)
            .query("top", &query.page_size.to_string())
            .query("showInput", if query.payloads { "true" } else { "false" });
        if let Some(prefix) = &query.prefix {
            call = call.query("instanceIdPrefix", prefix);
        }
        if let Some(from) = query.created_from {
            call = call.query("createdTimeFrom", &date(from));
        }
        if let Some(to) = query.created_to {
            call = call.query("createdTimeTo", &date(to));
        }
        if !query.statuses.is_empty() {
            call = call.query("runtimeStatus", &names(&query.statuses));
        }
        call.continuation = token;
        let answer = self.read(call.clone()).await?;
        if answer.status != StatusCode::OK {
            return Err(self.failed(&call, &answer));
        }
        let documents: Vec<StatusDocument<'_>> =
            documents::read("list of instances", &answer.body)?;
        // what begins with `@` is an entity
        let instances = documents
            .into_iter()
            .filter(|document| !document.instance_id.starts_with('@'));
        Ok(Page {
            items: instances
                .map(|document| document.into_state(query.payloads))
                .collect::<Result<_, _>>()?,
            continuation_token: answer.continuation,
        })
    }
}

fn purged(body: &str) -> Result<u64, ClientError> {
    let purged: Purged = documents::read("count of purged instances", body)?;
    Ok(purged.instances_deleted)
}

pub(super) fn date(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn names(statuses: &[RuntimeStatus]) -> String {
    let names: Vec<_> = statuses.iter().map(|status| status.as_str()).collect();
    names.join(",")
}
