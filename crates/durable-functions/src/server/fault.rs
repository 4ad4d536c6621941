//! What the host is answered when an invocation goes wrong: one table for all kinds of functions.
//!
//! | | can't be read | no such function | argument wrong | error or panic | process ending |
//! |---|---|---|---|---|---|
//! | orchestrator | Failed, `InvalidRequest` | Failed, `OrchestratorNotRegistered` | Failed, `InvalidInput` | Failed, the error or `Panic` | delivered again (`requiresHistory`) |
//! | entity | every operation fails, `InvalidRequest` | every operation fails, `EntityNotRegistered` | that operation fails, `InvalidInput` | that operation fails, the error or `Panic` | no results for the rest: delivered again |
//! | activity | task fails, `InvalidRequest` | task fails, `ActivityNotRegistered` | task fails, `InvalidInput` | task fails, the error or `Panic` | runs to its end |
//! | HTTP function | 500 | 404 | 400 | 500; or the status of an `HttpError` or `ClientError` | runs to its end |
//!
//! Every answer is HTTP 200 with a JSON object: the host fails an orchestration for good when it
//! gets anything else, and hangs on an empty one. The answer to a batch always has the entity's state,
//! since the host takes it from there, also when it has a failure. A failed activity is answered as
//! `application/problem+json`, which the host can't read and so records as a failed task, quoting
//! the header with the failure. The kind of an unknown function is told by what the host sent.

use std::fmt;

use durable_functions_protocol::envelope::InvocationRequest;
use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{
    EntityBatchRequest, EntityBatchResult, OrchestratorRequest,
};
use durable_functions_protocol::reply::{HttpResponseData, Reply};
use prost::Message as _;

use crate::client::ClientError;
use crate::http::HttpError;
use crate::registry::Handler;
use crate::replay;

/// A kind of function, as far as answers differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Orchestrator { instance_id: String },
    Entity,
    Activity,
    Http,
}

impl Kind {
    pub(crate) fn of(handler: &Handler) -> Self {
        match handler {
            Handler::Orchestrator(_) => Self::Orchestrator {
                instance_id: String::new(),
            },
            Handler::Activity(_) => Self::Activity,
            Handler::Entity(_) => Self::Entity,
            Handler::Http(_) => Self::Http,
        }
    }

    /// What kind of function a request is meant for. Activities are what is left: a failed answer
    /// to one fails whatever else it may be as well.
    pub(crate) fn guess(body: &[u8]) -> Self {
        let Ok(request) = InvocationRequest::parse(body) else {
            return Self::Activity;
        };
        for (_, value) in request.bindings() {
            if value
                .http_request()
                .is_ok_and(|request| !request.method.is_empty())
            {
                return Self::Http;
            }
            if let Ok(message) = value.protobuf() {
                if let Ok(batch) = EntityBatchRequest::decode(message.as_slice())
                    && batch.instance_id.starts_with('@')
                {
                    return Self::Entity;
                }
                if let Ok(turn) = OrchestratorRequest::decode(message.as_slice())
                    && !turn.instance_id.is_empty()
                {
                    return Self::Orchestrator {
                        instance_id: turn.instance_id,
                    };
                }
            }
        }
        Self::Activity
    }

    fn not_registered(&self) -> &'static str {
        match self {
            Self::Orchestrator { .. } => "OrchestratorNotRegistered",
            Self::Entity => "EntityNotRegistered",
            Self::Activity => "ActivityNotRegistered",
            Self::Http => "FunctionNotRegistered",
        }
    }
}

/// What went wrong with an invocation.
#[derive(Debug)]
pub(crate) enum Fault {
    /// What the host sent can't be read.
    Unreadable(String),
    /// The app has no such function.
    NotRegistered {
        function: String,
        known: Vec<&'static str>,
    },
    /// An argument of the function can't be had from what the host sent.
    Argument(Failure),
    /// The function returned an error.
    Error(crate::Error),
    /// The function failed: a panic, or an activity's error.
    Failed(Failure),
    /// The process is ending.
    Draining,
}

impl Fault {
    pub(crate) fn unreadable(problem: impl fmt::Display) -> Self {
        Self::Unreadable(problem.to_string())
    }

    /// The answer to the host, and the failure to log. The body is what the host sent: an entity
    /// keeps its state only if the answer has it.
    pub(crate) fn answer(self, kind: &Kind, body: &[u8]) -> (Reply, Option<Failure>) {
        if let (Self::Draining, Kind::Orchestrator { instance_id }) = (&self, kind) {
            return (orchestration(&replay::again(instance_id.clone())), None);
        }
        if let (Self::Draining, Kind::Entity) = (&self, kind)
            && let Some(state) = entity_state(body)
        {
            let result = EntityBatchResult {
                entity_state: state,
                ..EntityBatchResult::default()
            };
            return (entity(&result, &[]), None);
        }
        let status = self.http_status();
        let failure = self.into_failure(kind);
        let reply = match kind {
            Kind::Orchestrator { instance_id } => {
                orchestration(&replay::failed(instance_id.clone(), 0, failure.clone()))
            }
            Kind::Entity => match entity_state(body) {
                Some(state) => {
                    let result = EntityBatchResult {
                        entity_state: state,
                        failure_details: Some(failure.to_proto()),
                        ..EntityBatchResult::default()
                    };
                    entity(&result, &[])
                }
                // any result would replace the state; what the host can't read leaves it alone
                None => Reply::activity_failure(&failure),
            },
            Kind::Activity => Reply::activity_failure(&failure),
            Kind::Http => problem(status, &failure),
        };
        (reply, Some(failure))
    }

    fn http_status(&self) -> u16 {
        match self {
            Self::Unreadable(_) | Self::Failed(_) => 500,
            Self::NotRegistered { .. } => 404,
            Self::Argument(failure) if failure.error_type == "InvalidInput" => 400,
            Self::Argument(_) => 500,
            Self::Error(error) => {
                let http = error.downcast_ref().map(HttpError::status);
                http.or_else(|| error.downcast_ref().map(ClientError::http_status))
                    .unwrap_or(500)
            }
            Self::Draining => 503,
        }
    }

    fn into_failure(self, kind: &Kind) -> Failure {
        match self {
            Self::Unreadable(problem) => Failure::new("InvalidRequest", problem),
            Self::NotRegistered { function, known } => {
                let mut failure = Failure::new(
                    kind.not_registered(),
                    format!(
                        "this app has no function '{function}', but the Functions host found a function.json for it; \
                         register it with `FunctionApp::register`, or delete its folder. Registered: {}",
                        known.join(", ")
                    ),
                );
                failure.non_retriable = true;
                failure
            }
            Self::Argument(failure) | Self::Failed(failure) => failure,
            Self::Error(error) => error.into_failure(),
            Self::Draining => Failure::new("Draining", "the process is ending"),
        }
    }
}

/// The answer to a turn.
pub(crate) fn orchestration(
    response: &durable_functions_protocol::proto::OrchestratorResponse,
) -> Reply {
    with_logs(&response.encode_to_vec(), &[])
}

/// The answer to a turn, encoded, with its log lines. There is always something in it: an instance
/// id or an action.
pub(crate) fn with_logs(response: &[u8], logs: &[String]) -> Reply {
    Reply::orchestration(response, logs).unwrap_or_else(|error| {
        Reply::activity_failure(&Failure::new("InvalidRequest", error.to_string()))
    })
}

/// The answer to a batch, with its log lines. There is always something in it: what the host can't
/// tell from no answer gets a token, which it ignores.
pub(crate) fn entity(result: &EntityBatchResult, logs: &[String]) -> Reply {
    let encoded = result.encode_to_vec();
    if !encoded.is_empty() {
        return with_logs(&encoded, logs);
    }
    let marked = EntityBatchResult {
        completion_token: "nothing".into(),
        ..EntityBatchResult::default()
    };
    with_logs(&marked.encode_to_vec(), logs)
}

/// The state in a request for a batch, whatever else is wrong with it; `None` if that can't be
/// found out.
fn entity_state(body: &[u8]) -> Option<Option<String>> {
    /// What an `EntityBatchRequest` has to be at least.
    #[derive(Clone, PartialEq, prost::Message)]
    struct State {
        #[prost(message, optional, tag = "2")]
        entity_state: Option<String>,
    }
    let request = InvocationRequest::parse(body).ok()?;
    let message = request.only_data().ok()?.protobuf().ok()?;
    let state = State::decode(message.as_slice()).ok()?;
    Some(state.entity_state)
}

/// An RFC 9457 document. What only the app's makers should see goes to the log, not to the caller.
fn problem(status: u16, failure: &Failure) -> Reply {
    let detail = match status {
        500 => "The function failed; its log says why.",
        _ => &failure.message,
    };
    let title = match status {
        400 => "Bad Request",
        404 => "Not Found",
        409 => "Conflict",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Error",
    };
    let body = serde_json::json!({ "type": "about:blank", "title": title, "status": status, "detail": detail });
    let headers = vec![(
        "Content-Type".to_owned(),
        "application/problem+json; charset=utf-8".to_owned(),
    )];
    Reply::http(
        &HttpResponseData {
            status,
            headers,
            body: Some(body.to_string()),
        },
        &[],
    )
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::OperationRequest;

    use super::*;

    fn body(message: &[u8]) -> Vec<u8> {
        let message = base64_simd::STANDARD.encode_to_string(message);
        let body =
            serde_json::json!({ "Data": { "context": format!("\"{message}\"") }, "Metadata": {} });
        body.to_string().into_bytes()
    }

    fn batch() -> Vec<u8> {
        let batch = EntityBatchRequest {
            instance_id: "@counter@k".into(),
            entity_state: Some("5".into()),
            operations: vec![OperationRequest::default()],
            ..EntityBatchRequest::default()
        };
        batch.encode_to_vec()
    }

    fn result(reply: &Reply) -> EntityBatchResult {
        assert_eq!(reply.content_type, "application/json");
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        let message = body["ReturnValue"].as_str().unwrap();
        assert!(!message.is_empty());
        let message = base64_simd::STANDARD.decode_to_vec(message).unwrap();
        EntityBatchResult::decode(message.as_slice()).unwrap()
    }

    #[test]
    fn an_entity_keeps_its_state_whatever_is_wrong() {
        // the operation is cut off, the state before it is there
        let mut broken = EntityBatchRequest {
            entity_state: Some("5".into()),
            ..EntityBatchRequest::default()
        }
        .encode_to_vec();
        broken.extend_from_slice(&[0x1a, 0x02, 0x0a, 0x7f]);
        assert!(EntityBatchRequest::decode(broken.as_slice()).is_err());
        for (fault, message) in [
            (Fault::unreadable("cut off"), broken),
            (Fault::Failed(Failure::new("Panic", "no")), batch()),
        ] {
            let (reply, failure) = fault.answer(&Kind::Entity, &body(&message));
            let result = result(&reply);
            assert_eq!(result.entity_state.as_deref(), Some("5"));
            let details = result.failure_details.unwrap();
            assert_eq!(details.error_message, failure.unwrap().message);
        }
        let (reply, failure) = Fault::Draining.answer(&Kind::Entity, &body(&batch()));
        let result = result(&reply);
        assert_eq!(result.entity_state.as_deref(), Some("5"));
        assert!(failure.is_none() && result.results.is_empty() && result.failure_details.is_none());
    }

    #[test]
    fn a_batch_whose_state_can_not_be_found_is_answered_with_what_the_host_can_not_read() {
        for body in [&b"{"[..], &body(&[0xff, 0xff])] {
            for fault in [Fault::unreadable("no batch"), Fault::Draining] {
                let (reply, failure) = fault.answer(&Kind::Entity, body);
                assert_eq!(reply.content_type, "application/problem+json");
                assert!(failure.is_some());
            }
        }
    }

    #[test]
    fn an_answer_to_a_batch_is_never_empty() {
        let reply = entity(&EntityBatchResult::default(), &[]);
        let result = result(&reply);
        assert!(result.results.is_empty() && result.entity_state.is_none());
    }
}
