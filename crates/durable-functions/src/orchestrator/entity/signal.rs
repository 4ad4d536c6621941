//! Signals that an orchestrator sends.

use std::time::Duration;

use chrono::{DateTime, Utc};
use durable_functions_protocol::proto::Timestamp;
use durable_functions_protocol::time;

use super::EntityRef;
use crate::entity::SignalSender;
use crate::input::{AnyInput, Encode, IntoInput};
use crate::orchestrator::timer::timestamp;
use crate::replay::Operation;

/// A signal that is about to be sent to an entity.
#[derive(Debug)]
#[must_use = "a signal is sent with `.send(operation, input)`, or with the operation's own method"]
pub struct EntitySignal {
    entity: EntityRef,
    due: Option<Timestamp>,
}

impl EntitySignal {
    pub(super) fn new(entity: EntityRef) -> Self {
        Self { entity, due: None }
    }

    /// Lets the signal arrive at this time instead of now.
    pub fn at(mut self, time: DateTime<Utc>) -> Self {
        self.due = Some(timestamp(time));
        self
    }

    /// Lets the signal arrive after a time that begins now; see
    /// [`OrchestrationContext::now`](crate::OrchestrationContext::now).
    pub fn after(mut self, delay: Duration) -> Self {
        let now = self.entity.ctx.core().now();
        self.due = Some(time::saturating_add(&now, delay));
        self
    }

    /// Sends it: an operation and its input, `()` for none.
    pub fn send(self, operation: impl AsRef<str>, input: impl IntoInput<AnyInput>) {
        self.deliver(operation.as_ref(), input.into_input());
    }

    fn deliver(self, name: &str, input: impl Encode) {
        let ctx = &self.entity.ctx;
        let operation = Operation {
            entity: &self.entity.id,
            name,
            input: || input.encode(),
            sender: ctx.execution_id(),
        };
        ctx.core().signal_entity(operation, self.due);
    }
}

impl SignalSender for EntitySignal {
    type Sent = ();

    fn at(self, time: DateTime<Utc>) -> Self {
        Self::at(self, time)
    }

    fn after(self, delay: Duration) -> Self {
        Self::after(self, delay)
    }

    fn send(self, operation: &str, input: impl Encode) {
        self.deliver(operation, input);
    }
}
