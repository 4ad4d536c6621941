//! Operations of entities in a history: an event that was sent asks for one, an event that is called
//! like the request answers it.

use durable_functions_protocol::Failure;
use durable_functions_protocol::entity::{Request, Response, is_request};
use durable_functions_protocol::proto::{EventRaisedEvent, EventSentEvent};

use crate::engine::EntityId;

/// What an orchestration asks of an entity.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Operation {
    /// Name of the event that answers it.
    pub(super) id: String,
    /// What it is, for people.
    pub(super) name: String,
    pub(super) input: Option<String>,
    /// Whether nobody waits for an answer.
    pub(super) signal: bool,
}

/// The operation that an event asks for; `None` when it is for no entity.
pub(super) fn asked(sent: &EventSentEvent) -> Option<Operation> {
    if !is_request(&sent.name) {
        return None;
    }
    let EntityId { name, key } = EntityId::parse(&sent.instance_id)?;
    let request: Request = serde_json::from_str(sent.input.as_deref()?).ok()?;
    let name = if request.lockset.is_some() {
        format!("lock {name}@{key}")
    } else {
        let operation = request.op.as_deref().unwrap_or("operation");
        format!("{name}@{key} {operation}")
    };
    Some(Operation {
        id: request.id.to_string(),
        name,
        input: request.input,
        signal: request.signal,
    })
}

/// The failure that an event brings, if it is an entity's answer.
pub(super) fn failed(raised: &EventRaisedEvent) -> Option<Failure> {
    uuid::Uuid::parse_str(&raised.name).ok()?;
    match Response::from_json(raised.input.as_deref()?) {
        Ok(Response::Failure(failure)) => Some(failure),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00000000-0000-0000-0000-00000000000a";

    fn sent(name: &str, to: &str, input: &str) -> EventSentEvent {
        EventSentEvent {
            instance_id: to.into(),
            name: name.into(),
            input: Some(input.into()),
        }
    }

    #[test]
    fn requests_are_read_however_long_their_inputs_are() {
        let input = format!("\"{}\"", "x".repeat(3_000));
        let request = serde_json::json!({"input": input, "op": "add", "id": ID, "parent": "o"});
        let operation = asked(&sent("op", "@counter@a@b", &request.to_string())).unwrap();
        assert_eq!(
            (operation.id.as_str(), operation.name.as_str()),
            (ID, "counter@a@b add")
        );
        assert_eq!((operation.input, operation.signal), (Some(input), false));
        let signal = format!(r#"{{"op":"add","signal":true,"id":"{ID}"}}"#);
        let later = sent("op@2026-11-23T09:02:40.5550300Z", "@counter@k", &signal);
        assert!(asked(&later).unwrap().signal);
        let lock = format!(
            r#"{{"op":null,"id":"{ID}","lockset":[{{"name":"counter","key":"k"}}],"IsLockRequest":true}}"#
        );
        assert_eq!(
            asked(&sent("op", "@counter@k", &lock)).unwrap().name,
            "lock counter@k"
        );
    }

    #[test]
    fn other_events_ask_for_nothing() {
        let request = format!(r#"{{"op":"add","id":"{ID}"}}"#);
        assert_eq!(asked(&sent("op", "order", &request)), None);
        assert_eq!(asked(&sent("options", "@counter@k", &request)), None);
        assert_eq!(asked(&sent("release", "@counter@k", &request)), None);
        assert_eq!(asked(&sent("op", "@counter@k", r#"{"op":"add"}"#)), None);
    }

    #[test]
    fn only_answers_bring_failures() {
        let raised = |name: &str, input: &str| EventRaisedEvent {
            name: name.into(),
            input: Some(input.into()),
        };
        let failure = r#"{"result":null,"failureDetails":{"ErrorType":"E","ErrorMessage":"no"}}"#;
        assert_eq!(failed(&raised(ID, failure)).unwrap().message, "no");
        assert!(failed(&raised("Approval", failure)).is_none());
        assert!(failed(&raised(ID, r#"{"result":"5"}"#)).is_none());
        assert!(failed(&raised(ID, "5")).is_none());
    }
}
