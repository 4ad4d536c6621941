//! Entity messages that orchestrators send as actions of their own kind: the extension makes raised
//! events of them, and leaves the ordering labels out.

use durable_functions_protocol::proto::{
    EntityMessageType, OrchestrationInstance, SendEntityMessageAction, SendEventAction, Timestamp,
};

use super::id::EntityId;
use super::message::{RELEASE, REQUEST, Request, scheduled};
use crate::invocation::Exception;
use crate::time::Ticks;

/// The event that an action comes to.
pub(crate) fn to_event(action: SendEntityMessageAction) -> Result<SendEventAction, Exception> {
    let (name, target, request) = match action.entity_message_type {
        Some(EntityMessageType::EntityOperationSignaled(sent)) => (
            event_name(sent.scheduled_time.as_ref()),
            sent.target_instance_id,
            Request {
                operation: Some(sent.operation),
                signal: true,
                input: sent.input,
                id: guid(&sent.request_id)?,
                due: sent.scheduled_time.as_ref().map(Ticks::from_proto),
                ..Request::default()
            },
        ),
        Some(EntityMessageType::EntityOperationCalled(sent)) => (
            event_name(sent.scheduled_time.as_ref()),
            sent.target_instance_id,
            Request {
                operation: Some(sent.operation),
                input: sent.input,
                id: guid(&sent.request_id)?,
                parent: sent.parent_instance_id,
                parent_execution: sent.parent_execution_id,
                due: sent.scheduled_time.as_ref().map(Ticks::from_proto),
                ..Request::default()
            },
        ),
        Some(EntityMessageType::EntityLockRequested(sent)) => {
            let position = usize::try_from(sent.position).unwrap_or(usize::MAX);
            let lockset: Option<Vec<EntityId>> =
                sent.lock_set.iter().map(|id| EntityId::parse(id)).collect();
            let request =
                Request {
                    id: guid(&sent.critical_section_id)?,
                    parent: sent.parent_instance_id,
                    lockset: Some(lockset.ok_or_else(|| {
                        argument("A lock set holds something that is no entity id.")
                    })?),
                    position,
                    is_lock_request: true,
                    ..Request::default()
                };
            let target = sent.lock_set.into_iter().nth(position);
            (REQUEST.to_owned(), target, request)
        }
        Some(EntityMessageType::EntityUnlockSent(sent)) => (
            RELEASE.to_owned(),
            sent.target_instance_id,
            Request {
                id: guid(&sent.critical_section_id)?,
                parent: sent.parent_instance_id,
                ..Request::default()
            },
        ),
        None => {
            return Err(Exception::new(
                "System.NotSupportedException",
                "Deserialization of SendEntityMessage action type 'None' is not supported.",
            ));
        }
    };
    let target = target.filter(|target| !target.is_empty());
    Ok(SendEventAction {
        instance: Some(OrchestrationInstance {
            instance_id: target
                .ok_or_else(|| argument("An entity message says no entity that it is for."))?,
            execution_id: None,
        }),
        name,
        data: Some(request.write()),
    })
}

fn event_name(due: Option<&Timestamp>) -> String {
    due.map_or_else(
        || REQUEST.to_owned(),
        |due| scheduled(Ticks::from_proto(due)),
    )
}

fn guid(text: &str) -> Result<String, Exception> {
    uuid::Uuid::parse_str(text)
        .map(|guid| guid.to_string())
        .map_err(|_| {
            Exception::new(
                "System.FormatException",
                format!("Unrecognized Guid format: `{text}` in an entity message."),
            )
        })
}

fn argument(text: &str) -> Exception {
    Exception::new("System.ArgumentException", text)
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::{
        EntityLockRequestedEvent, EntityOperationCalledEvent, EntityOperationSignaledEvent,
        EntityUnlockSentEvent,
    };

    use super::*;

    const GUID: &str = "6999fa62-0eae-5d25-97b7-e4f8a3abad0b";

    fn convert(message: EntityMessageType) -> Result<SendEventAction, Exception> {
        to_event(SendEntityMessageAction {
            entity_message_type: Some(message),
        })
    }

    #[test]
    fn calls_have_the_recorded_members_and_no_labels() {
        let called = EntityOperationCalledEvent {
            request_id: GUID.to_uppercase(),
            operation: "add".into(),
            input: Some("5".into()),
            parent_instance_id: Some("o".into()),
            parent_execution_id: Some("e".into()),
            target_instance_id: Some("@counter@a".into()),
            ..Default::default()
        };
        let sent = convert(EntityMessageType::EntityOperationCalled(called)).unwrap();
        assert_eq!(sent.name, "op");
        assert_eq!(sent.instance.unwrap().instance_id, "@counter@a");
        assert_eq!(
            sent.data.unwrap(),
            format!(
                r#"{{"op":"add","input":"5","id":"{GUID}","parent":"o","parentExecution":"e","Timestamp":"0001-01-01T00:00:00","Predecessor":"0001-01-01T00:00:00","IsLockRequest":false,"createTrace":false}}"#
            )
        );
    }

    #[test]
    fn signals_locks_and_releases() {
        let due = Ticks::parse("2026-11-23T09:02:41.5Z").unwrap();
        let signaled = EntityOperationSignaledEvent {
            request_id: GUID.into(),
            operation: "add".into(),
            scheduled_time: Some(due.to_proto()),
            target_instance_id: Some("@counter@a".into()),
            ..Default::default()
        };
        let sent = convert(EntityMessageType::EntityOperationSignaled(signaled)).unwrap();
        assert_eq!(sent.name, "op@2026-11-23T09:02:41.5000000Z");
        let locked = EntityLockRequestedEvent {
            critical_section_id: GUID.into(),
            lock_set: vec!["@counter@a".into(), "@counter@b".into()],
            position: 1,
            parent_instance_id: Some("o".into()),
        };
        let sent = convert(EntityMessageType::EntityLockRequested(locked.clone())).unwrap();
        assert_eq!(sent.instance.unwrap().instance_id, "@counter@b");
        let request = Request::read(sent.data.as_deref()).unwrap();
        assert_eq!((request.position, request.is_lock_request), (1, true));
        let released = EntityUnlockSentEvent {
            critical_section_id: GUID.into(),
            parent_instance_id: Some("o".into()),
            target_instance_id: Some("@counter@b".into()),
        };
        let sent = convert(EntityMessageType::EntityUnlockSent(released.clone())).unwrap();
        assert_eq!(sent.name, "release");

        let refused = |message| convert(message).unwrap_err().kind;
        let beyond = EntityLockRequestedEvent {
            position: 2,
            ..locked
        };
        assert_eq!(
            refused(EntityMessageType::EntityLockRequested(beyond)),
            "System.ArgumentException"
        );
        let bad = EntityUnlockSentEvent {
            critical_section_id: "7".into(),
            ..released
        };
        assert_eq!(
            refused(EntityMessageType::EntityUnlockSent(bad)),
            "System.FormatException"
        );
    }
}
