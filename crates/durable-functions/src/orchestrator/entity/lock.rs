//! Locks of entities.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use durable_functions_protocol::entity::EntityId;
use futures_core::FusedFuture;
use uuid::Uuid;

use super::call::answered;
use crate::error::{Error, TaskError};
use crate::orchestrator::result;
use crate::replay::{Core, Ended};

/// Locks that were asked for. Await it for the guard that holds them.
///
/// If it is dropped before, the locks are given back as soon as they are granted, and the
/// orchestration does not end before that.
#[must_use = "the locks are asked for already; await them for the guard that gives them back"]
pub struct EntityLock {
    core: Rc<Core>,
    id: u32,
    section: Uuid,
    /// The first of the entities, for messages.
    entity: EntityId,
    ended: bool,
}

impl EntityLock {
    pub(super) fn new(core: Rc<Core>, entities: Vec<EntityId>, sender: Option<&str>) -> Self {
        let entity = entities.iter().min().cloned();
        let (id, section) = core.lock_entities(entities, sender);
        Self {
            core,
            id,
            section,
            entity: entity.unwrap_or_else(|| EntityId::new("", "")),
            ended: false,
        }
    }

    fn outcome(&self, ended: Ended) -> Result<(), TaskError> {
        let failed = |failure| TaskError::entity(&self.entity, "lock", failure);
        match ended {
            Ended::Failed(details) => Err(failed(result::failure(&self.core, details))),
            Ended::Completed(range) => {
                let source = || format!("the answer to a lock of entity '{}'", self.entity);
                answered(&self.core, self.id, range, source)?
                    .map(drop)
                    .map_err(failed)
            }
        }
    }
}

impl Future for EntityLock {
    type Output = Result<LockGuard, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(ended) = self.core.poll_task(self.id, cx) else {
            return Poll::Pending;
        };
        self.ended = true;
        Poll::Ready(match self.outcome(ended) {
            Ok(()) => {
                self.core.enter_section(self.section);
                Ok(LockGuard {
                    core: Rc::clone(&self.core),
                    section: self.section,
                })
            }
            Err(error) => {
                self.core.refuse_section(self.section);
                Err(error.into())
            }
        })
    }
}

impl FusedFuture for EntityLock {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl Drop for EntityLock {
    fn drop(&mut self) {
        self.core.abandon(self.id);
        if !self.ended {
            self.core.leave_section(self.section);
        }
    }
}

impl fmt::Debug for EntityLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntityLock")
            .field("section", &self.section)
            .finish_non_exhaustive()
    }
}

/// Holds the locks of entities: a critical section. They are given back when it is dropped, and in
/// any case when the orchestration ends, fails or continues as new.
#[must_use = "the locks are given back when this is dropped: bind it to a name such as `_guard`"]
pub struct LockGuard {
    core: Rc<Core>,
    section: Uuid,
}

impl LockGuard {
    /// Gives the locks back.
    pub fn release(self) {}
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        self.core.leave_section(self.section);
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard")
            .field("section", &self.section)
            .finish_non_exhaustive()
    }
}
