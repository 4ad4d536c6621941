//! Rewinding failed instances.
//!
//! As on the real host (Azure Storage): what failed, and the end of the instance, turn into generic
//! events without content, and the history keeps its length. Sub-orchestrations that failed are
//! rewound in place of their parents, which go on when those end. An instance that has none begins
//! a turn with the reason as a generic event.
//!
//! Beyond the real host, nothing that was lost meanwhile is waited for: tasks whose outcomes came
//! when the instance had failed, and sub-orchestrations that were purged, are asked for anew.

use std::collections::HashMap;
use std::sync::Arc;

use durable_functions_protocol::proto::{EventType, GenericEvent, OrchestrationStatus};

use super::service::Engine;
use super::state::InstanceState;
use super::turn::event;
use crate::store::{
    Commit, Encoded, HistoryChunk, InstanceChange, Message, StoreError, StoredInstance, Unreadable,
};
use crate::time::Ticks;

/// A history without its failures.
#[derive(Debug)]
struct Rewound {
    events: Vec<Encoded>,
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
        let mut commit = Commit::default();
        let mut fresh = HashMap::new();
        let mut left = vec![id.to_owned()];
        while let Some(id) = left.pop() {
            if fresh.contains_key(&*id) {
                continue;
            }
            let Some(mut stored) = self.store().load(&id).await? else {
                continue;
            };
            if stored.record.status != OrchestrationStatus::Failed {
                continue;
            }
            let mut rewound = rewound(&stored, &[])?;
            let gone = self.gone(&rewound.children).await?;
            if !gone.is_empty() {
                rewound = self::rewound(&stored, &gone)?;
            }
            let record = &mut stored.record;
            record.status = OrchestrationStatus::Pending;
            record.output = None;
            record.failure = None;
            let ids = self.ids.of_instance(record.updated);
            record.updated = ids.time();
            let chunk = HistoryChunk::of(&rewound.events);
            let message = |content: Encoded, due: Option<Ticks>| Message {
                seq: self.ids.seq(),
                instance: Arc::clone(&record.id),
                execution: Some(Arc::clone(&record.execution_id)),
                content,
                due,
            };
            for (timer_id, due) in rewound.timers {
                let fired = durable_functions_protocol::proto::TimerFiredEvent {
                    fire_at: Some(due.to_proto()),
                    timer_id,
                };
                let fired = event(due, EventType::TimerFired(fired));
                commit.messages.push(message(fired, Some(due)));
            }
            if rewound.children.is_empty() {
                let data = reason.clone();
                let generic = EventType::GenericEvent(GenericEvent { data });
                commit
                    .messages
                    .push(message(event(ids.time(), generic), None));
            }
            left.extend(rewound.children);
            commit.rewound.push(InstanceChange {
                record: stored.record.clone(),
                turn: 0,
                chunk: chunk.clone(),
                replace: true,
            });
            let stored = StoredInstance {
                record: stored.record,
                chunks: vec![chunk],
                next_turn: 1,
            };
            fresh.insert(id, InstanceState::stored(stored).map_err(unreadable)?);
        }
        let engine = Arc::clone(self);
        self.see_through(async move {
            let committed = engine.commit(commit).await?;
            fresh
                .keys()
                .for_each(|id: &String| engine.watchers.changed(id));
            for (id, state) in fresh {
                engine.instances.renew(&id, state);
            }
            for message in committed.messages {
                engine.deliver(message, None);
            }
            Ok(())
        })
        .await
    }
}

impl Engine {
    /// Those of the instances that do not exist any more.
    async fn gone(&self, ids: &[String]) -> Result<Vec<String>, StoreError> {
        let mut gone = Vec::new();
        for id in ids {
            if self.store().load(id).await?.is_none() {
                gone.push(id.clone());
            }
        }
        Ok(gone)
    }
}

fn unreadable(error: Unreadable) -> StoreError {
    StoreError::Unreadable(format!("the history can't be read: {error}"))
}

/// The history without its failures; `gone` are sub-orchestrations that can't be rewound.
fn rewound(stored: &StoredInstance, gone: &[String]) -> Result<Rewound, StoreError> {
    let mut events = Vec::new();
    for chunk in &stored.chunks {
        events.extend(chunk.decode().map_err(unreadable)?);
    }
    let mut completed_tasks = Vec::new();
    let mut failed_children = Vec::new();
    let mut fired = Vec::new();
    for encoded in &events {
        match &encoded.event.event_type {
            Some(EventType::TaskCompleted(done)) => completed_tasks.push(done.task_scheduled_id),
            Some(EventType::SubOrchestrationInstanceFailed(failed)) => {
                failed_children.push(failed.task_scheduled_id);
            }
            Some(EventType::TimerFired(timer)) => fired.push(timer.timer_id),
            _ => {}
        }
    }
    let mut children = Vec::new();
    let mut timers = Vec::new();
    for encoded in &mut events {
        let id = encoded.event.event_id;
        let taken_back = match &encoded.event.event_type {
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
            encoded.event.event_type = Some(EventType::GenericEvent(GenericEvent { data: None }));
            encoded.reason = None;
        }
    }
    Ok(Rewound {
        events,
        children,
        timers,
    })
}
