//! Rewinding failed instances.
//!
//! As on the real host (Azure Storage): what failed, and the end of the instance, turn into generic
//! events without content, and the history keeps its length. Sub-orchestrations that failed are
//! rewound in place of their parents, which go on when those end. An instance that has none begins
//! a turn with the reason as a generic event.
//!
//! Beyond the real host, nothing that was lost meanwhile is waited for: tasks whose outcomes came
//! when the instance had failed, and sub-orchestrations that were purged, are asked for anew.

use std::collections::HashSet;
use std::sync::Arc;

use durable_functions_protocol::proto::{
    EventType, GenericEvent, OrchestrationStatus, TimerFiredEvent,
};

use super::service::Engine;
use super::state::InstanceState;
use super::turn::event;
use super::watchers::Change;
use crate::store::{
    HistoryChunk, HistoryEntry, InstanceChange, InstanceRecord, Message, Rewinding, StoreError,
    StoredInstance, Unreadable,
};
use crate::time::Ticks;

/// A history without its failures.
#[derive(Debug)]
struct Rewound {
    events: Vec<HistoryEntry>,
    /// Ids of the sub-orchestrations that failed.
    children: Vec<String>,
    /// Timers that have not fired, by their events' places, with their times.
    timers: Vec<(i32, Ticks)>,
}

impl Engine {
    /// Rewinds an instance, as far as it and its sub-orchestrations have failed.
    pub(crate) async fn rewind(
        self: &Arc<Self>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        loop {
            let rewinding = Arc::new(self.plan_rewind(id, reason.as_deref()).await?);
            if rewinding.instances.is_empty() {
                return Ok(());
            }
            let engine = Arc::clone(self);
            let done = self.see_through(async move { engine.carry_out(rewinding).await });
            // Otherwise somebody else has rewound, replaced or deleted one of them meanwhile.
            if done.await? {
                return Ok(());
            }
        }
    }

    /// What has to be written to rewind an instance: nothing when it has not failed.
    async fn plan_rewind(&self, id: &str, reason: Option<&str>) -> Result<Rewinding, StoreError> {
        let mut rewinding = Rewinding::default();
        let mut met = HashSet::new();
        let mut left = vec![id.to_owned()];
        while let Some(id) = left.pop() {
            if !met.insert(id.clone()) {
                continue;
            }
            let Some(stored) = self.store().load(&id).await? else {
                continue;
            };
            if stored.record.status != OrchestrationStatus::Failed {
                continue;
            }
            let mut rewound = rewound(&stored, &HashSet::new())?;
            let gone = self.gone(&rewound.children).await?;
            if !gone.is_empty() {
                rewound = self::rewound(&stored, &gone)?;
            }
            let seen = stored.record.updated;
            let ids = self.ids.of_instance(seen);
            let record = InstanceRecord {
                status: OrchestrationStatus::Pending,
                output: None,
                failure: None,
                updated: ids.time(),
                ..stored.record
            };
            let message = |content: HistoryEntry, due: Option<Ticks>| Message {
                seq: self.ids.seq(),
                instance: Arc::clone(&record.id),
                execution: Some(Arc::clone(&record.execution_id)),
                content,
                due,
            };
            for (timer_id, due) in rewound.timers {
                let fired = TimerFiredEvent {
                    fire_at: Some(due.to_proto()),
                    timer_id,
                };
                let fired = event(due, EventType::TimerFired(fired));
                rewinding.messages.push(message(fired, Some(due)));
            }
            if rewound.children.is_empty() {
                let data = reason.map(str::to_owned);
                let generic = EventType::GenericEvent(GenericEvent { data });
                let generic = event(ids.time(), generic);
                rewinding.messages.push(message(generic, None));
            }
            left.extend(rewound.children);
            let change = InstanceChange {
                record,
                turn: 0,
                chunk: HistoryChunk::of(&rewound.events),
                replace: true,
            };
            rewinding.instances.push((change, seen));
        }
        Ok(rewinding)
    }

    /// Writes a rewind and has it go on; false when what it was planned for has changed.
    async fn carry_out(self: &Arc<Self>, rewinding: Arc<Rewinding>) -> Result<bool, StoreError> {
        let states: Vec<InstanceState> = rewinding
            .instances
            .iter()
            .map(|(change, _)| {
                InstanceState::stored(StoredInstance {
                    record: change.record.clone(),
                    chunks: vec![change.chunk.clone()],
                    next_turn: 1,
                })
            })
            .collect::<Result<_, _>>()
            .map_err(unreadable)?;
        if !self.told(self.store().rewind(Arc::clone(&rewinding)).await)? {
            return Ok(false);
        }
        for state in states {
            let id = Arc::clone(&state.record.id);
            self.instances.renew(&id, state);
            self.watchers.changed(&id, Change::Moved);
        }
        for message in &rewinding.messages {
            self.deliver(message.clone(), None);
        }
        Ok(true)
    }
}

impl Engine {
    /// Those of the instances that do not exist any more.
    async fn gone(&self, ids: &[String]) -> Result<HashSet<String>, StoreError> {
        let mut gone = HashSet::new();
        for id in ids {
            if self.store().instance(id).await?.is_none() {
                gone.insert(id.clone());
            }
        }
        Ok(gone)
    }
}

fn unreadable(error: Unreadable) -> StoreError {
    StoreError::Unreadable(format!("the history can't be read: {error}"))
}

/// The history without its failures; `gone` are sub-orchestrations that can't be rewound.
fn rewound(stored: &StoredInstance, gone: &HashSet<String>) -> Result<Rewound, StoreError> {
    let mut events = Vec::new();
    for chunk in &stored.chunks {
        events.extend(chunk.decode().map_err(unreadable)?);
    }
    let mut completed_tasks = HashSet::new();
    let mut failed_children = HashSet::new();
    let mut fired = HashSet::new();
    for entry in &events {
        match &entry.event.event_type {
            Some(EventType::TaskCompleted(done)) => {
                completed_tasks.insert(done.task_scheduled_id);
            }
            Some(EventType::SubOrchestrationInstanceFailed(failed)) => {
                failed_children.insert(failed.task_scheduled_id);
            }
            Some(EventType::TimerFired(timer)) => {
                fired.insert(timer.timer_id);
            }
            _ => {}
        }
    }
    let mut children = Vec::new();
    let mut timers = Vec::new();
    for entry in &mut events {
        let id = entry.event.event_id;
        let taken_back = match &entry.event.event_type {
            Some(EventType::TaskScheduled(_)) => !completed_tasks.contains(&id),
            Some(
                EventType::TaskFailed(_)
                | EventType::SubOrchestrationInstanceFailed(_)
                | EventType::ExecutionCompleted(_),
            ) => true,
            Some(EventType::SubOrchestrationInstanceCreated(created)) => {
                let is_gone = gone.contains(&created.instance_id);
                if failed_children.contains(&id) && !is_gone {
                    children.push(created.instance_id.clone());
                }
                is_gone
            }
            Some(EventType::TimerCreated(timer)) => {
                if let (false, Some(fire_at)) = (fired.contains(&id), &timer.fire_at) {
                    timers.push((id, Ticks::from_proto(fire_at)));
                }
                false
            }
            _ => false,
        };
        if taken_back {
            entry.event.event_type = Some(EventType::GenericEvent(GenericEvent { data: None }));
            entry.reason = None;
        }
    }
    Ok(Rewound {
        events,
        children,
        timers,
    })
}
