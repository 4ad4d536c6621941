//! The operations on entities, as requests of the API.

use durable_functions_protocol::entity::EntityId;
use reqwest::{Method, StatusCode};
use serde_json::value::RawValue;

use super::documents::{self, EntityDocument};
use super::operations::date;
use super::{Call, Http};
use crate::client::ClientError;
use crate::client::entities::{EntityQuery, EntityState, Signal};
use crate::client::query::Page;
use crate::client::transport::over_http;

impl Http<'_> {
    pub(in crate::client) async fn signal_entity(&self, signal: Signal) -> Result<(), ClientError> {
        if signal.at.is_some() {
            let why = "its route has no parameter for that";
            return Err(over_http("a signal at a later time", why));
        }
        let url = self.url(&["entities", signal.id.name(), signal.id.key()])?;
        let call = Call::new(Method::POST, url)
            .query("op", &signal.operation)
            .json(signal.input);
        let answer = self.act(call.clone()).await?;
        match answer.status {
            StatusCode::ACCEPTED | StatusCode::OK => Ok(()),
            _ => Err(self.failed(&call, &answer)),
        }
    }

    pub(in crate::client) async fn get_entity(
        &self,
        id: &EntityId,
        state: bool,
    ) -> Result<Option<EntityState>, ClientError> {
        let call = Call::new(Method::GET, self.url(&["entities", id.name(), id.key()])?);
        let answer = self.read(call.clone()).await?;
        match answer.status {
            StatusCode::OK => {
                let text: &RawValue = documents::read("state of an entity", &answer.body)?;
                Ok(Some(EntityState {
                    id: id.clone(),
                    last_modified_at: None,
                    backlog: 0,
                    locked_by: None,
                    state: state.then(|| text.get().to_owned()),
                }))
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.failed(&call, &answer)),
        }
    }

    pub(in crate::client) async fn query_entities(
        &self,
        query: &EntityQuery,
        token: Option<String>,
    ) -> Result<Page<EntityState>, ClientError> {
        for (asked, what) in [
            (query.key_prefix.is_some(), "finding entities by their keys"),
            (query.transient, "finding entities without a state"),
        ] {
            if asked {
                return Err(over_http(what, "its route has no parameter for that"));
            }
        }
        let path = [Some("entities"), query.name.as_deref()];
        let path: Vec<_> = path.into_iter().flatten().collect();
        // `fetchState=false` is answered with an internal error by extension 3.14
        let mut call = Call::new(Method::GET, self.url(&path)?)
            .query("fetchState", "true")
            .query("top", &query.page_size.to_string());
        if let Some(from) = query.modified_from {
            call = call.query("lastOperationTimeFrom", &date(from));
        }
        if let Some(to) = query.modified_to {
            call = call.query("lastOperationTimeTo", &date(to));
        }
        call.continuation = token;
        let answer = self.read(call.clone()).await?;
        if answer.status != StatusCode::OK {
            return Err(self.failed(&call, &answer));
        }
        let documents: Vec<EntityDocument<'_>> = documents::read("list of entities", &answer.body)?;
        let entities = documents.into_iter();
        Ok(Page {
            items: entities
                .map(|document| document.into_state(query.states))
                .collect(),
            continuation_token: answer.continuation,
        })
    }
}
