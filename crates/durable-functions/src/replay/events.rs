//! Reading the parts of a history event that a replay needs.

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

/// The id of the action that this event answers.
pub(crate) fn answered_id(request: &[u8], event: Event) -> Result<i32, Malformed> {
    let wanted = if event.kind == EventKind::TimerFired {
        2
    } else {
        1
    };
    let body = event.body();
    let at = body.start;
    let mut reader = Reader::new(request, body);
    let mut id = 0;
    while let Some((number, field)) = reader.next()? {
        if let (true, Field::Varint(value)) = (number == wanted, field) {
            id = int32(value).ok_or(Malformed {
                at,
                problem: "a task id beyond 32 bits",
            })?;
        }
    }
    Ok(id)
}

/// Where the result of a completion lies; empty if there is none.
pub(crate) fn result(request: &[u8], event: Event) -> Result<std::ops::Range<usize>, Malformed> {
    Ok(Reader::new(request, event.body())
        .find_wrapped(2)?
        .unwrap_or(0..0))
}

/// Where the details of a failed task lie; empty if the host gave none.
pub(crate) fn failure_details(
    request: &[u8],
    event: Event,
) -> Result<std::ops::Range<usize>, Malformed> {
    Ok(Reader::new(request, event.body()).find(2)?.unwrap_or(0..0))
}

/// Reads the details of a failure.
pub(crate) fn decode_failure(
    bytes: &[u8],
) -> Result<Option<TaskFailureDetails>, prost::DecodeError> {
    if bytes.is_empty() {
        Ok(None)
    } else {
        TaskFailureDetails::decode(bytes).map(Some)
    }
}

/// The time of an `OrchestratorStarted` event. Years 1 to 9999, the range of the host's own clock.
pub(crate) fn timestamp(bytes: &[u8]) -> Result<Timestamp, Fault> {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;
    let timestamp = Timestamp::decode(bytes).map_err(Fault::bad_request)?;
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

/// The reason of a termination.
pub(crate) fn reason(request: &[u8], event: Event) -> Result<String, Malformed> {
    let reason = Reader::new(request, event.body()).find_wrapped(1)?;
    let reason = reason
        .and_then(|range| request.get(range))
        .unwrap_or_default();
    Ok(String::from_utf8_lossy(reason).into_owned())
}
