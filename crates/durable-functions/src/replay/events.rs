//! Reading the parts of a history event that a replay needs.

use durable_functions_protocol::entity::RELEASE;
use durable_functions_protocol::failure::{Failure, NO_DETAILS};
use durable_functions_protocol::proto::{ExecutionStartedEvent, TaskFailureDetails, Timestamp};
use prost::Message as _;

use super::fault::Fault;
use super::index::{Event, EventKind};
use super::wire::{Field, Malformed, Reader, int32};

/// The name in a scheduling event; empty for a timer, which has none.
pub(crate) fn scheduled_name(request: &[u8], event: Event) -> &[u8] {
    let number = match event.kind {
        EventKind::TaskScheduled => 1,
        EventKind::SubOrchestrationCreated | EventKind::EventSent => 2,
        _ => return &[],
    };
    let name = Reader::new(request, event.body())
        .find(number)
        .ok()
        .flatten();
    name.and_then(|range| request.get(range))
        .unwrap_or_default()
}

/// Reads the failure of a task: the host's details of it, none of them, or a result that carries
/// one.
pub(crate) fn failure(details: &[u8]) -> Failure {
    if let Some(failure) = std::str::from_utf8(details)
        .ok()
        .and_then(Failure::from_result)
    {
        return failure;
    }
    if details.is_empty() {
        return Failure::from_activity(None);
    }
    match TaskFailureDetails::decode(details) {
        Ok(details) => Failure::from_activity(Some(&details)),
        Err(error) => Failure::new(
            NO_DETAILS,
            format!("the host's failure details can't be read: {error}"),
        ),
    }
}

/// The instance to which an event was sent.
pub(crate) fn target(request: &[u8], event: Event) -> &[u8] {
    let target = Reader::new(request, event.body()).find(1).ok().flatten();
    target
        .and_then(|range| request.get(range))
        .unwrap_or_default()
}

/// Where the payload of an event sent lies, or the id of a message to an entity.
pub(crate) fn message(request: &[u8], event: Event) -> Option<std::ops::Range<usize>> {
    let reader = Reader::new(request, event.body());
    let message = match event.kind {
        EventKind::EventSent => reader.find_wrapped(3),
        EventKind::EntityMessage => reader.find(1),
        _ => return None,
    };
    message.ok().flatten()
}

/// Whether an event sent gave back the lock of an entity.
pub(crate) fn is_release(request: &[u8], event: Event) -> bool {
    event.kind == EventKind::EventSent
        && scheduled_name(request, event) == RELEASE.as_bytes()
        && target(request, event).starts_with(b"@")
}

/// The time of an `OrchestratorStarted` event. Years 1 to 9999, the range of the host's own clock.
pub(crate) fn timestamp(bytes: &[u8]) -> Result<Timestamp, Fault> {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;
    let mut timestamp = Timestamp {
        seconds: 0,
        nanos: 0,
    };
    let mut reader = Reader::new(bytes, 0..bytes.len());
    while let Some((number, field)) = reader.next().map_err(Fault::malformed)? {
        match (number, field) {
            (1, Field::Varint(seconds)) => timestamp.seconds = seconds.cast_signed(),
            (2, Field::Varint(nanos)) => timestamp.nanos = int32(nanos).unwrap_or(-1),
            _ => {}
        }
    }
    if (FIRST..=LAST).contains(&timestamp.seconds) && (0..1_000_000_000).contains(&timestamp.nanos)
    {
        Ok(timestamp)
    } else {
        Err(Fault::bad_request(format!(
            "a timestamp of {} s and {} ns is outside the years 1 to 9999",
            timestamp.seconds, timestamp.nanos
        )))
    }
}

/// The event that started the instance.
pub(crate) fn execution_started(bytes: &[u8]) -> Result<ExecutionStartedEvent, Fault> {
    ExecutionStartedEvent::decode(bytes).map_err(Fault::bad_request)
}

/// Name and payload of an event that was raised. The payload is empty if there is none.
pub(crate) fn raised(
    request: &[u8],
    event: Event,
) -> Result<(&[u8], std::ops::Range<usize>), Malformed> {
    let name = Reader::new(request, event.body()).find(1)?.unwrap_or(0..0);
    let payload = Reader::new(request, event.body()).find_wrapped(2)?;
    Ok((
        request.get(name).unwrap_or_default(),
        payload.unwrap_or(0..0),
    ))
}

/// The id of the request that an entity has answered, and its result or failure.
pub(crate) fn answer(
    request: &[u8],
    event: Event,
) -> Result<(&[u8], std::ops::Range<usize>), Malformed> {
    let id = Reader::new(request, event.body()).find(1)?.unwrap_or(0..0);
    let outcome = match event.kind {
        EventKind::EntityFailed => Reader::new(request, event.body()).find(2)?,
        _ => Reader::new(request, event.body()).find_wrapped(2)?,
    };
    Ok((request.get(id).unwrap_or_default(), outcome.unwrap_or(0..0)))
}

/// The reason of a termination, if there is one.
pub(crate) fn reason(request: &[u8], event: Event) -> Result<Option<String>, Malformed> {
    let reason = Reader::new(request, event.body()).find_wrapped(1)?;
    Ok(reason.map(|range| {
        let reason = request.get(range).unwrap_or_default();
        String::from_utf8_lossy(reason).into_owned()
    }))
}
