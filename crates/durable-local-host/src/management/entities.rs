//! The routes of entities.

use super::actions::{Outcome, PAGE, page_start};
use super::request::{ManagementRequest, Reply, object, text};
use super::routes::Management;
use crate::engine::{EntityId, EntityStatus, Signal, is_stored_entity, state_of};
use crate::newtonsoft::{Dates, Json, json_or_text, parse, render};
use crate::store::{InstanceFilter, InstanceRecord, StoreError};

/// The instance id of an entity. Names are in lower case there; `$` stands for the empty key.
fn instance_id(name: &str, key: &str) -> String {
    let key = if key == "$" { "" } else { key };
    EntityId {
        name: name.to_lowercase(),
        key: key.to_owned(),
    }
    .to_string()
}

impl Management {
    pub(super) async fn entity(&self, name: &str, key: &str) -> Outcome {
        let record = self
            .engine
            .store()
            .instance(&instance_id(name, key))
            .await?;
        let state = record.filter(is_stored_entity).as_ref().map(state_of);
        Ok(match state.transpose()?.flatten() {
            Some(state) => Reply::json(200, &json_or_text(&state)),
            None => Reply::empty(404),
        })
    }

    pub(super) async fn entities(
        &self,
        request: &ManagementRequest,
        name: Option<&str>,
    ) -> Outcome {
        let without_states = request
            .value("fetchState")
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("false"));
        if without_states && self.engine.conduct().fails_lists_without_states() {
            return Ok(Reply::exception(
                500,
                "Something went wrong while processing your request",
                "System.NullReferenceException",
                "Object reference not set to an instance of an object.",
            ));
        }
        let page = request
            .value("top")
            .and_then(|text| text.trim().parse().ok())
            .filter(|top| *top > 0)
            .unwrap_or(PAGE);
        let from_id = match page_start(request) {
            Ok(from_id) => from_id,
            Err(reply) => return Ok(reply),
        };
        let filter = InstanceFilter {
            prefix: Some(name.map_or_else(|| "@".to_owned(), |name| instance_id(name, ""))),
            created_from: request.time("lastOperationTimeFrom"),
            created_to: request.time("lastOperationTimeTo"),
            with_state: true,
            from_id,
            ..InstanceFilter::default()
        };
        let (records, next) = self.engine.store().page(filter, page).await?;
        let with_state = request.flag("fetchState", false);
        let entities = records
            .iter()
            .filter_map(|record| entity_document(record, with_state).transpose());
        let reply = Reply::json(200, &Json::Array(entities.collect::<Result<_, _>>()?));
        Ok(match next {
            Some(token) => reply.with("x-ms-continuation-token", token),
            None => reply,
        })
    }

    pub(super) async fn signal(
        &self,
        request: &ManagementRequest,
        name: &str,
        key: &str,
    ) -> Outcome {
        let operation = request.text("op");
        let is_json = request.is_json();
        let body = String::from_utf8_lossy(&request.body);
        let input = if body.is_empty() {
            None
        } else if is_json {
            match parse(&body, Dates::Keep) {
                Ok(value) => Some(render(&value)),
                Err(fault) => {
                    return Ok(Reply::message(
                        400,
                        &format!("Could not parse JSON content: {fault}"),
                    ));
                }
            }
        } else {
            Some(render(&Json::String(body.into_owned())))
        };
        self.send_signal(name, key, operation, input).await
    }

    pub(super) async fn delete_entity(&self, name: &str, key: &str) -> Outcome {
        self.send_signal(name, key, Some("delete".to_owned()), None)
            .await
    }

    async fn send_signal(
        &self,
        name: &str,
        key: &str,
        operation: Option<String>,
        input: Option<String>,
    ) -> Outcome {
        if !self.engine.functions().has_entity(name) {
            return Ok(Reply::message(
                400,
                &self.engine.functions().unknown_entity(name),
            ));
        }
        let id = instance_id(name, key);
        let signal = Signal {
            operation,
            input,
            ..Signal::default()
        };
        self.engine.signal_entity(&id, signal).await?;
        Ok(Reply::empty(202))
    }
}

fn entity_document(record: &InstanceRecord, with_state: bool) -> Result<Option<Json>, StoreError> {
    let Some(id) = EntityId::parse(&record.id).filter(|_| is_stored_entity(record)) else {
        return Ok(None);
    };
    if !EntityStatus::of(record)?.entity_exists {
        return Ok(None);
    }
    let state = state_of(record)?.filter(|_| with_state);
    Ok(Some(object([
        (
            "entityId",
            object([("name", text(&id.name)), ("key", text(&id.key))]),
        ),
        ("lastOperationTime", text(&record.created.iso())),
        ("state", state.as_deref().map_or(Json::Null, json_or_text)),
    ])))
}
