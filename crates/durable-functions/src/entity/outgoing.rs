//! What operations send: signals and starts of orchestrations.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, Utc};
use durable_functions_protocol::entity::EntityId;
use durable_functions_protocol::id::validate_instance_id;
use durable_functions_protocol::proto::{
    OperationActionOperationActionType as Action, SendSignalAction, StartNewOrchestrationAction,
    Timestamp,
};
use durable_functions_protocol::time;

use super::batch::now;
use super::{EntityContext, SignalSender};
use crate::input::{AnyInput, Encode, IntoInput};
use crate::orchestrator::timer::timestamp;

/// A signal that an operation is about to send to an entity.
#[derive(Debug)]
#[must_use = "a signal is sent with `.send(operation, input)`, or with the operation's own method"]
pub struct OutgoingSignal {
    context: EntityContext,
    target: EntityId,
    due: Option<Timestamp>,
}

fn later(delay: Duration) -> Option<Timestamp> {
    now().map(|now| time::saturating_add(&now, delay))
}

impl OutgoingSignal {
    pub(super) fn new(context: EntityContext, target: EntityId) -> Self {
        Self {
            context,
            target,
            due: None,
        }
    }

    /// Lets the signal arrive at this time instead of now.
    pub fn at(mut self, time: DateTime<Utc>) -> Self {
        self.due = Some(timestamp(time));
        self
    }

    /// Lets the signal arrive after a time that begins now.
    pub fn after(mut self, delay: Duration) -> Self {
        self.due = later(delay);
        self
    }

    /// Sends it: an operation and its input, `()` for none. An id that no entity can have, or an
    /// input that can't be written as JSON, fails the operation.
    pub fn send(self, operation: impl AsRef<str>, input: impl IntoInput<AnyInput>) {
        self.deliver(operation.as_ref(), input.into_input());
    }

    fn deliver(self, operation: &str, input: impl Encode) {
        if let Err(problem) = self.target.validate() {
            self.context
                .refuse(format!("a signal can't be sent: {problem}"));
            return;
        }
        let Some(input) = self.context.encode(input, operation) else {
            return;
        };
        self.context.add(Action::SendSignal(SendSignalAction {
            instance_id: self.target.to_string(),
            name: operation.to_owned(),
            input: (input != "null").then_some(input),
            scheduled_time: self.due,
            request_time: now(),
            parent_trace_context: self.context.trace_context(),
        }));
    }
}

impl SignalSender for OutgoingSignal {
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

/// An orchestration that an operation starts when it has succeeded. Options may be given right
/// after.
#[derive(Debug)]
pub struct StartFromEntity {
    context: EntityContext,
    /// Place of the action; none if it was refused.
    place: Option<usize>,
    instance_id: String,
}

impl StartFromEntity {
    pub(super) fn new(context: EntityContext, name: Cow<'static, str>, input: impl Encode) -> Self {
        let instance_id = context.new_instance_id();
        let input = context.encode(input, &name);
        let place = input.map(|input| {
            context.add(Action::StartNewOrchestration(StartNewOrchestrationAction {
                instance_id: instance_id.clone(),
                name: name.into_owned(),
                version: None,
                input: Some(input),
                scheduled_time: None,
                request_time: now(),
                parent_trace_context: context.trace_context(),
            }))
        });
        Self {
            context,
            place,
            instance_id,
        }
    }

    /// Sets the id of the instance, instead of a new one.
    pub fn instance_id(mut self, instance_id: impl Into<String>) -> Self {
        self.instance_id = instance_id.into();
        if let Err(problem) = validate_instance_id(&self.instance_id) {
            self.context
                .refuse(format!("an orchestration can't be started: {problem}"));
        }
        let instance_id = self.instance_id.clone();
        self.amend(|start| start.instance_id = instance_id)
    }

    /// Sets the version of the instance.
    pub fn version(self, version: impl Into<String>) -> Self {
        self.amend(|start| start.version = Some(version.into()))
    }

    /// Starts it at this time instead of now.
    pub fn at(self, time: DateTime<Utc>) -> Self {
        self.amend(|start| start.scheduled_time = Some(timestamp(time)))
    }

    /// Starts it after a time that begins now.
    pub fn after(self, delay: Duration) -> Self {
        self.amend(|start| start.scheduled_time = later(delay))
    }

    /// Id of the instance.
    pub fn id(&self) -> &str {
        &self.instance_id
    }

    fn amend(self, change: impl FnOnce(&mut StartNewOrchestrationAction)) -> Self {
        if let Some(place) = self.place {
            self.context.amend(place, |action| {
                if let Action::StartNewOrchestration(start) = action {
                    change(start);
                }
            });
        }
        self
    }
}
