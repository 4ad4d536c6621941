//! An entity that an orchestrator has to do with.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use durable_functions_protocol::entity::EntityId;
use serde::de::DeserializeOwned;

use super::{EntityCall, EntityLock, EntitySignal};
use crate::entity::{CallsOf, Entity};
use crate::input::{AnyInput, Encode, IntoInput};
use crate::orchestrator::OrchestrationContext;
use crate::replay::Operation;

/// An entity, as an orchestrator has it from
/// [`OrchestrationContext::entity`] or [`OrchestrationContext::entity_by_id`].
#[derive(Clone)]
pub struct EntityRef {
    pub(super) ctx: OrchestrationContext,
    pub(super) id: EntityId,
}

impl EntityRef {
    /// Which entity it is.
    pub fn id(&self) -> &EntityId {
        &self.id
    }

    /// Calls an operation that is known by name alone; `()` is no input. The call is made right
    /// here; awaiting it waits for its result.
    ///
    /// # Errors
    ///
    /// The future ends with an error if the operation fails, or if its result can't be read.
    pub fn call<Output: DeserializeOwned>(
        &self,
        operation: impl Into<Cow<'static, str>>,
        input: impl IntoInput<AnyInput>,
    ) -> EntityCall<Output> {
        self.call_operation(operation.into(), input.into_input())
    }

    /// Begins a signal: `entity.signal().send("add", 5)`. Nobody learns how it ends.
    pub fn signal(&self) -> EntitySignal {
        EntitySignal::new(self.clone())
    }

    /// Used by the attribute: calls an operation.
    #[doc(hidden)]
    pub fn call_operation<Output>(
        &self,
        name: Cow<'static, str>,
        input: impl Encode,
    ) -> EntityCall<Output> {
        let core = self.ctx.core();
        let id = core.call_entity(Operation {
            entity: &self.id,
            name: &name,
            input: || input.encode(),
            sender: self.ctx.execution_id(),
        });
        EntityCall::new(Rc::clone(core), id, self.id.clone(), name)
    }
}

impl fmt::Debug for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntityRef({})", self.id)
    }
}

impl From<&EntityRef> for EntityId {
    fn from(entity: &EntityRef) -> Self {
        entity.id.clone()
    }
}

impl From<EntityRef> for EntityId {
    fn from(entity: EntityRef) -> Self {
        entity.id
    }
}

/// Entities.
impl OrchestrationContext {
    /// The entity of this type and key, with a method for each of its operations.
    ///
    /// `counter.add(5)` calls an operation and is awaited for its result;
    /// `counter.signal().add(5)` only sends it, and `counter.signal().after(delay).add(5)` lets it
    /// arrive later.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Default, Serialize, Deserialize)]
    /// struct Counter(i64);
    ///
    /// #[entity]
    /// impl Counter {
    ///     fn add(&mut self, n: i64) -> i64 {
    ///         self.0 += n;
    ///         self.0
    ///     }
    /// }
    ///
    /// #[orchestrator]
    /// async fn count(ctx: OrchestrationContext, key: String) -> Result<i64> {
    ///     let counter = ctx.entity::<Counter>(key);
    ///     counter.signal().add(1);
    ///     counter.add(2).await
    /// }
    /// ```
    pub fn entity<E: Entity>(&self, key: impl Into<String>) -> CallsOf<E> {
        E::calls(self.entity_by_id(EntityId::new(E::NAME, key)))
    }

    /// An entity that is known by its id alone.
    pub fn entity_by_id(&self, id: impl Into<EntityId>) -> EntityRef {
        EntityRef {
            ctx: self.clone(),
            id: id.into(),
        }
    }

    /// Calls an operation of an entity that is known by name alone; `()` is no input.
    ///
    /// ```
    /// use durable_functions::EntityId;
    /// use durable_functions::prelude::*;
    ///
    /// #[orchestrator]
    /// async fn read(ctx: OrchestrationContext) -> Result<i64> {
    ///     ctx.call_entity::<i64>(EntityId::new("counter", "clicks"), "get", ()).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`EntityRef::call`].
    pub fn call_entity<Output: DeserializeOwned>(
        &self,
        id: impl Into<EntityId>,
        operation: impl Into<Cow<'static, str>>,
        input: impl IntoInput<AnyInput>,
    ) -> EntityCall<Output> {
        self.entity_by_id(id).call(operation, input)
    }

    /// Signals an operation to an entity that is known by name alone; `()` is no input.
    pub fn signal_entity(
        &self,
        id: impl Into<EntityId>,
        operation: impl AsRef<str>,
        input: impl IntoInput<AnyInput>,
    ) {
        self.entity_by_id(id).signal().send(operation, input);
    }

    /// Locks entities: until the guard is dropped no other orchestration calls them, and signals
    /// wait. They are locked one after another in an order that is the same for all, so that
    /// orchestrations do not wait for each other for ever.
    ///
    /// While it holds locks, an orchestration calls only the entities that it has locked, one call
    /// of each at a time, does not signal them, asks for no other locks, and calls no
    /// sub-orchestrations. What breaks these rules fails the orchestration.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Default, Serialize, Deserialize)]
    /// struct Account(i64);
    ///
    /// #[entity]
    /// impl Account {
    ///     fn balance(&self) -> i64 {
    ///         self.0
    ///     }
    ///
    ///     fn add(&mut self, amount: i64) -> i64 {
    ///         self.0 += amount;
    ///         self.0
    ///     }
    /// }
    ///
    /// #[orchestrator]
    /// async fn transfer(ctx: OrchestrationContext, amount: i64) -> Result<bool> {
    ///     let (from, to) = (ctx.entity::<Account>("a"), ctx.entity::<Account>("b"));
    ///     let _guard = ctx.lock([&from, &to]).await?;
    ///     if from.balance().await? < amount {
    ///         return Ok(false);
    ///     }
    ///     from.add(-amount).await?;
    ///     to.add(amount).await?;
    ///     Ok(true)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The future ends with an error if the host refuses the locks.
    pub fn lock<I>(&self, entities: I) -> EntityLock
    where
        I: IntoIterator,
        I::Item: Into<EntityId>,
    {
        let entities = entities.into_iter().map(Into::into).collect();
        EntityLock::new(Rc::clone(self.core()), entities, self.execution_id())
    }

    /// Whether this orchestration holds locks of entities.
    pub fn in_critical_section(&self) -> bool {
        self.core().is_in_section()
    }
}
