//! Instances and histories as the protocol shows them.

use durable_functions_protocol::proto::{
    GetInstanceResponse, HistoryChunk, HistoryEvent, OrchestrationState, OrchestrationStatus,
    Timestamp,
};
use prost::Message as _;
use tonic::Status;

use crate::store::InstanceRecord;
use crate::time::Ticks;

/// So many bytes of events the messages of a history have.
const CHUNK: usize = 2 * 1024 * 1024;

/// The state of an instance, with the fields that the recordings show.
pub(super) fn orchestration_state(record: InstanceRecord, payloads: bool) -> OrchestrationState {
    let payload = |text: Option<String>| text.filter(|_| payloads);
    OrchestrationState {
        instance_id: record.id.to_string(),
        name: record.name,
        version: record.version,
        orchestration_status: record.status as i32,
        created_timestamp: Some(record.created.to_proto()),
        last_updated_timestamp: Some(record.updated.to_proto()),
        input: payload(record.input),
        output: payload(record.output),
        // The real host has `null` where there is none.
        custom_status: payload(Some(record.custom_status.unwrap_or("null".to_owned()))),
        ..Default::default()
    }
}

/// The answer about an instance that may not be there.
pub(super) fn get_instance_response(
    record: Option<InstanceRecord>,
    payloads: bool,
) -> GetInstanceResponse {
    GetInstanceResponse {
        exists: record.is_some(),
        orchestration_state: record.map(|record| orchestration_state(record, payloads)),
    }
}

/// A history in parts of about two megabytes.
pub(super) fn chunks(events: impl IntoIterator<Item = HistoryEvent>) -> Vec<HistoryChunk> {
    let mut chunks = Vec::new();
    let mut chunk = HistoryChunk::default();
    let mut size = 0;
    for event in events {
        let length = event.encoded_len();
        if size + length > CHUNK && !chunk.events.is_empty() {
            chunks.push(std::mem::take(&mut chunk));
            size = 0;
        }
        size += length;
        chunk.events.push(event);
    }
    if !chunk.events.is_empty() {
        chunks.push(chunk);
    }
    chunks
}

/// The states of a filter.
pub(super) fn statuses(numbers: &[i32]) -> Result<Vec<OrchestrationStatus>, Status> {
    numbers
        .iter()
        .map(|number| {
            OrchestrationStatus::try_from(*number).map_err(|_| {
                Status::invalid_argument(format!("{number} is no orchestration status."))
            })
        })
        .collect()
}

/// A point in time.
pub(super) fn time(timestamp: Option<&Timestamp>) -> Option<Ticks> {
    timestamp.map(Ticks::from_proto)
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::proto::{EventType, GenericEvent};

    use super::*;

    #[test]
    fn long_histories_come_in_parts() {
        let event = |size: usize| HistoryEvent {
            event_id: 1,
            timestamp: None,
            event_type: Some(EventType::GenericEvent(GenericEvent {
                data: Some("x".repeat(size)),
            })),
        };
        let sizes = |chunks: Vec<HistoryChunk>| -> Vec<usize> {
            chunks.iter().map(|chunk| chunk.events.len()).collect()
        };
        assert_eq!(sizes(chunks([])), Vec::<usize>::new());
        assert_eq!(sizes(chunks((0..5).map(|_| event(900_000)))), [2, 2, 1]);
        // An event that is too long by itself goes alone.
        let events = [event(1), event(3_000_000), event(1)];
        assert_eq!(sizes(chunks(events)), [1, 1, 1]);
    }
}
