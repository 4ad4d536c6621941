//! What clients do with entities.

use std::sync::Arc;

use durable_functions_protocol::proto::{EventRaisedEvent, EventType, TraceContext};

use super::message::{REQUEST, Request, scheduled, trace_json};
use crate::engine::service::Engine;
use crate::store::StoreError;
use crate::time::Ticks;

/// A signal of a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signal {
    /// Name of the operation.
    pub(crate) operation: Option<String>,
    /// Input as JSON text.
    pub(crate) input: Option<String>,
    /// GUID; made up when none is given.
    pub(crate) id: Option<String>,
    /// Not before this time.
    pub(crate) due: Option<Ticks>,
    /// The client's trace.
    pub(crate) trace: Option<TraceContext>,
    /// When it was asked for.
    pub(crate) requested: Option<Ticks>,
}

impl Engine {
    /// Signals an entity.
    pub(crate) async fn signal_entity(
        self: &Arc<Self>,
        id: &str,
        signal: Signal,
    ) -> Result<(), StoreError> {
        let name = signal.due.map_or_else(|| REQUEST.to_owned(), scheduled);
        let request = Request {
            operation: signal.operation,
            signal: true,
            input: signal.input,
            id: signal
                .id
                .unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
            due: signal.due,
            parent_trace_context: trace_json(signal.trace.as_ref()),
            request_time: signal.requested.map(Ticks::iso_offset),
            ..Request::default()
        };
        let raised = EventRaisedEvent {
            name,
            input: Some(request.write()),
        };
        self.send(id, EventType::EventRaised(raised)).await
    }
}
