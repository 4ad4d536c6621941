//! What an operation may know and do besides its state.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use durable_functions_protocol::entity::EntityId;
use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{
    OperationAction, OperationActionOperationActionType, TraceContext,
};
use uuid::Uuid;

use super::outgoing::{OutgoingSignal, StartFromEntity};
use super::{Entity, SignalsOf};
use crate::argument::{Argument, EntityTrigger};
use crate::input::{AnyInput, Encode, IntoInput};
use crate::invocation::Invocation;
use crate::macro_support::{Orchestrator, OrchestratorFn};

/// What an operation of an entity may know and do. Ask for it as an argument.
///
/// What it sends is sent when the operation has succeeded; a failed one sends nothing.
///
/// ```
/// use durable_functions::prelude::*;
/// use serde::{Deserialize, Serialize};
/// use std::time::Duration;
///
/// /// Forgets itself when nobody has touched it for an hour.
/// #[derive(Default, Serialize, Deserialize)]
/// struct Session {
///     touched: u64,
/// }
///
/// #[entity]
/// impl Session {
///     fn touch(&mut self, ctx: EntityContext) {
///         self.touched += 1;
///         let hour = Duration::from_secs(60 * 60);
///         ctx.signal::<Session>(ctx.id().key()).after(hour).expire(self.touched);
///     }
///
///     fn expire(&mut self, ctx: EntityContext, touched: u64) {
///         if touched == self.touched {
///             ctx.delete();
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct EntityContext(Arc<Call>);

#[derive(Debug)]
struct Call {
    id: Arc<EntityId>,
    operation: String,
    request_id: String,
    trace_context: Option<TraceContext>,
    effects: Mutex<Effects>,
}

#[derive(Debug, Default)]
struct Effects {
    actions: Vec<OperationAction>,
    deleted: bool,
    /// Why something can't be sent: the operation fails with it.
    refused: Option<Failure>,
}

impl EntityContext {
    pub(crate) fn new(
        id: Arc<EntityId>,
        operation: String,
        request_id: String,
        trace_context: Option<TraceContext>,
    ) -> Self {
        Self(Arc::new(Call {
            id,
            operation,
            request_id,
            trace_context,
            effects: Mutex::default(),
        }))
    }

    /// Which entity this is.
    pub fn id(&self) -> &EntityId {
        &self.0.id
    }

    /// Name of the operation, as the sender spelt it.
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// Id of the request: another one for each call and signal, and the same if the host delivers
    /// one again.
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// Signals another entity, or this one itself: `ctx.signal::<Counter>("clicks").add(1)`,
    /// `ctx.signal::<Counter>("clicks").after(delay).add(1)`.
    pub fn signal<E: Entity>(&self, key: impl Into<String>) -> SignalsOf<E, OutgoingSignal> {
        E::signals(self.signal_to(EntityId::new(E::NAME, key)))
    }

    /// Begins a signal to an entity that is known by its id alone:
    /// `ctx.signal_to(id).after(delay).send("add", 1)`.
    pub fn signal_to(&self, id: impl Into<EntityId>) -> OutgoingSignal {
        OutgoingSignal::new(self.clone(), id.into())
    }

    /// Signals an operation to an entity that is known by name alone; `()` is no input.
    pub fn signal_entity(
        &self,
        id: impl Into<EntityId>,
        operation: impl AsRef<str>,
        input: impl IntoInput<AnyInput>,
    ) {
        self.signal_to(id).send(operation, input);
    }

    /// Starts an orchestration. Options are given right after: `ctx.start_new(f, input).at(time)`.
    pub fn start_new<Marker, F: OrchestratorFn<Marker>>(
        &self,
        orchestrator: F,
        input: impl IntoInput<<F::Orchestrator as Orchestrator>::Input>,
    ) -> StartFromEntity {
        let _ = orchestrator;
        let name = <F::Orchestrator as Orchestrator>::NAME;
        StartFromEntity::new(self.clone(), name.into(), input.into_input())
    }

    /// Starts an orchestration whose orchestrator is known by name alone.
    pub fn start_new_by_name(
        &self,
        orchestrator: impl Into<Cow<'static, str>>,
        input: impl IntoInput<AnyInput>,
    ) -> StartFromEntity {
        StartFromEntity::new(self.clone(), orchestrator.into(), input.into_input())
    }

    /// Deletes the entity's state when the operation has succeeded. The next operation finds the
    /// default state.
    pub fn delete(&self) {
        self.effects().deleted = true;
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.effects().deleted
    }

    pub(super) fn take_actions(&self) -> Vec<OperationAction> {
        std::mem::take(&mut self.effects().actions)
    }

    /// Adds an action, and gives its place.
    pub(super) fn add(&self, action: OperationActionOperationActionType) -> usize {
        let actions = &mut self.effects().actions;
        actions.push(OperationAction {
            id: 0,
            operation_action_type: Some(action),
        });
        actions.len() - 1
    }

    pub(super) fn amend(
        &self,
        place: usize,
        change: impl FnOnce(&mut OperationActionOperationActionType),
    ) {
        let actions = &mut self.effects().actions;
        let action = actions.get_mut(place);
        if let Some(action) = action.and_then(|action| action.operation_action_type.as_mut()) {
            change(action);
        }
    }

    /// Something can't be sent, so the operation fails.
    pub(super) fn refuse(&self, problem: String) {
        let failure = Failure::new("InvalidMessage", problem).non_retriable();
        self.effects().refused.get_or_insert(failure);
    }

    /// Why the operation fails although it returned a value.
    pub(super) fn take_refused(&self) -> Option<Failure> {
        self.effects().refused.take()
    }

    /// An input as JSON text; none, and the operation fails, if it can't be written.
    pub(super) fn encode(&self, input: impl Encode, name: &str) -> Option<String> {
        let input = input.encode();
        input
            .map_err(|error| {
                self.refuse(format!(
                    "the input of '{name}' can't be written as JSON: {error}"
                ));
            })
            .ok()
    }

    pub(super) fn trace_context(&self) -> Option<TraceContext> {
        self.0.trace_context.clone()
    }

    /// An instance id that is the same if the host delivers the request again.
    pub(super) fn new_instance_id(&self) -> String {
        let number = self.effects().actions.len();
        let name = format!("{}_{}_{number}", self.0.id, self.0.request_id);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
            .simple()
            .to_string()
    }

    fn effects(&self) -> std::sync::MutexGuard<'_, Effects> {
        self.0
            .effects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Argument<EntityTrigger> for EntityContext {
    type Payload<Rest> = Rest;

    fn extract(invocation: &Invocation) -> Result<Self, Failure> {
        let context = invocation.entity.clone();
        context.ok_or_else(|| Failure::new("NoEntity", "only an entity has an EntityContext"))
    }
}
