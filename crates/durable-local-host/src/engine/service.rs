//! The engine as the rest of the host sees it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use durable_functions_protocol::proto::{
    EventRaisedEvent, EventType, ExecutionResumedEvent, ExecutionSuspendedEvent,
    ExecutionTerminatedEvent, OrchestrationStatus,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::entities::{self, Inboxes, is_entity};
use super::functions::FunctionTable;
use super::ids::Ids;
use super::instances::Instances;
use super::limits::Limits;
use super::request::RequestTrailer;
use super::retry::Retry;
use super::state::InstanceState;
use super::timers::Timers;
use super::turn::event;
use super::watchers::{Change, Watchers};
use super::write_health::WriteHealth;
use crate::clock::Clock;
use crate::config::DurableOptions;
use crate::console::{About, Console};
use crate::error::Error;
use crate::handler::Handler;
use crate::store::{Commit, Created, InstanceRecord, Message, NewInstance, Store, StoreError};
use crate::strict::{Conduct, Partitions, Punished};
use crate::time::Ticks;

/// A state that is ahead of the clock by more is told of.
const TOLD_AHEAD: Duration = Duration::from_secs(60);

/// What an engine is made of.
#[derive(Debug)]
pub(crate) struct EngineOptions {
    /// `extensions.durableTask`.
    pub(crate) durable: DurableOptions,
    /// Who serves what.
    pub(crate) functions: FunctionTable,
    /// The handler.
    pub(crate) handler: Arc<Handler>,
    /// The state.
    pub(crate) store: Store,
    /// For the developer.
    pub(crate) console: Console,
    /// What becomes of what the real host punishes.
    pub(crate) conduct: Conduct,
    /// What it goes by.
    pub(crate) clock: Arc<Clock>,
}

/// Runs the orchestrations of an app.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(super) options: DurableOptions,
    pub(super) functions: FunctionTable,
    pub(super) handler: Arc<Handler>,
    pub(super) store: Store,
    pub(super) console: Console,
    pub(super) clock: Arc<Clock>,
    pub(super) ids: Ids,
    pub(super) instances: Instances,
    pub(super) entities: Inboxes,
    pub(super) timers: Timers,
    pub(super) trailer: RequestTrailer,
    pub(super) turns: Semaphore,
    pub(super) activities: Semaphore,
    pub(super) entity_batches: Semaphore,
    pub(super) stopping: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) watchers: Watchers,
    write_health: WriteHealth,
    pub(super) limits: Limits,
    pub(super) conduct: Conduct,
    pub(super) partitions: Partitions,
    /// Functions whose results were told to arrive altered.
    pub(super) told_altered: Mutex<HashSet<String>>,
}

impl Engine {
    /// Takes up what the state holds and runs it.
    pub(crate) async fn start(options: EngineOptions) -> Result<Arc<Self>, Error> {
        let recovered = options.store.recover().await?;
        let limits = Limits::new(options.durable.max_grpc_message_size);
        let partitions = Partitions::new(options.durable.partition_count);
        let engine = Arc::new(Self {
            trailer: RequestTrailer::new(&options.durable),
            turns: Semaphore::new(
                options
                    .durable
                    .max_orchestrators
                    .min(Semaphore::MAX_PERMITS),
            ),
            activities: Semaphore::new(options.durable.max_activities.min(Semaphore::MAX_PERMITS)),
            entity_batches: Semaphore::new(
                options.durable.max_entities.min(Semaphore::MAX_PERMITS),
            ),
            options: options.durable,
            functions: options.functions,
            handler: options.handler,
            store: options.store,
            console: options.console,
            ids: Ids::after(Arc::clone(&options.clock), recovered.last_seq),
            clock: options.clock,
            instances: Instances::default(),
            entities: Inboxes::default(),
            timers: Timers::default(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            watchers: Watchers::default(),
            write_health: WriteHealth::default(),
            limits,
            conduct: options.conduct,
            partitions,
            told_altered: Mutex::default(),
        });
        engine.tell_times_to_come(recovered.last_time);
        if !recovered.messages.is_empty() || !recovered.tasks.is_empty() {
            engine.console.say(format!(
                "taking up {} messages and {} tasks from the last run",
                recovered.messages.len(),
                recovered.tasks.len()
            ));
        }
        if !engine.clock.is_manual() {
            engine.tasks.spawn(Arc::clone(&engine).watch_timers());
        }
        recovered
            .messages
            .into_iter()
            .for_each(|message| engine.deliver(message, None));
        recovered
            .tasks
            .into_iter()
            .for_each(|task| engine.spawn_task(task));
        for id in recovered.entities {
            if engine.entities.claim(&id) {
                engine.spawn_entity(id);
            }
        }
        Ok(engine)
    }

    /// Says that the state comes from a later time than the clock's.
    fn tell_times_to_come(&self, last: Option<Ticks>) {
        let now = self.clock.now();
        if let Some(last) = last.filter(|last| last.since(now) > TOLD_AHEAD) {
            self.console.problem(format!(
                "the state in {} comes from {}, and now it is {}: what it holds goes on from its own times, and its timers wait for the clock. Look whether the system's clock is right; a state whose time was moved by hand is best left behind, with another --state DIR",
                self.store.place(),
                last.iso_seconds(),
                now.iso_seconds()
            ));
        }
    }

    /// Begins nothing new, and waits for nothing.
    pub(crate) fn ask_to_end(&self) {
        self.stopping.cancel();
        self.turns.close();
        self.activities.close();
        self.entity_batches.close();
        self.tasks.close();
    }

    /// Stops: waits for the commits under way. The handler has to be stopped before.
    pub(crate) async fn stop(&self) {
        self.ask_to_end();
        self.tasks.wait().await;
    }

    /// Where instances are read from.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// What becomes of what the real host punishes.
    pub(crate) fn conduct(&self) -> Conduct {
        self.conduct
    }

    /// Whether histories keep the inputs of activities and sub-orchestrations.
    pub(crate) fn keeps_inputs(&self) -> bool {
        self.options.store_inputs
    }

    /// Who serves what.
    pub(crate) fn functions(&self) -> &FunctionTable {
        &self.functions
    }

    /// Raises an event; `input` is JSON text.
    pub(crate) async fn raise_event(
        self: &Arc<Self>,
        id: &str,
        name: String,
        input: Option<String>,
    ) -> Result<(), StoreError> {
        self.send(id, EventType::EventRaised(EventRaisedEvent { name, input }))
            .await
    }

    /// Ends an instance; the reason is plain text.
    pub(crate) async fn terminate(
        self: &Arc<Self>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        self.send(
            id,
            EventType::ExecutionTerminated(ExecutionTerminatedEvent {
                input: reason,
                recurse: false,
            }),
        )
        .await
    }

    /// Suspends an instance.
    pub(crate) async fn suspend(
        self: &Arc<Self>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        self.send(
            id,
            EventType::ExecutionSuspended(ExecutionSuspendedEvent { input: reason }),
        )
        .await
    }

    /// Resumes a suspended instance.
    pub(crate) async fn resume(
        self: &Arc<Self>,
        id: &str,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        self.send(
            id,
            EventType::ExecutionResumed(ExecutionResumedEvent { input: reason }),
        )
        .await
    }

    /// Deletes these instances as far as they have ended; how many there were.
    pub(crate) async fn purge(self: &Arc<Self>, ids: Vec<String>) -> Result<usize, StoreError> {
        let engine = Arc::clone(self);
        self.see_through(async move {
            // Nothing is kept in memory of those that have ended.
            let count = engine.store.purge(ids.clone()).await?;
            ids.iter()
                .for_each(|id| engine.watchers.changed(id, Change::Ended));
            Ok(count)
        })
        .await
    }

    /// Waits until an instance has ended or is there no more, or for that long; the instance as it
    /// is then.
    pub(crate) async fn wait_for_end(
        &self,
        id: &str,
        limit: Duration,
    ) -> Result<Option<InstanceRecord>, StoreError> {
        match tokio::time::timeout(limit, self.end_of(id)).await {
            Ok(outcome) => outcome,
            Err(_) => self.store.instance(id).await,
        }
    }

    /// Waits until an instance has ended or is there no more. Dropping the future ends the wait.
    pub(crate) async fn end_of(&self, id: &str) -> Result<Option<InstanceRecord>, StoreError> {
        let ended = |record: Option<&InstanceRecord>| record.is_none_or(InstanceRecord::has_ended);
        self.wait_for(id, |change| change == Change::Ended, ended)
            .await
    }

    /// Waits until there is an instance and it has ended. Dropping the future ends the wait.
    pub(crate) async fn completion_of(
        &self,
        id: &str,
    ) -> Result<Option<InstanceRecord>, StoreError> {
        let ended = |record: Option<&InstanceRecord>| record.is_some_and(InstanceRecord::has_ended);
        self.wait_for(id, |change| change == Change::Ended, ended)
            .await
    }

    /// Waits until an instance, or its absence, is as wanted. Dropping the future ends the wait.
    pub(crate) async fn wait_until(
        &self,
        id: &str,
        wanted: impl Fn(Option<&InstanceRecord>) -> bool,
    ) -> Result<Option<InstanceRecord>, StoreError> {
        self.wait_for(id, |_| true, wanted).await
    }

    /// The same, with a look at the instance only after changes that may have made it so.
    async fn wait_for(
        &self,
        id: &str,
        deserves_a_look: impl Fn(Change) -> bool,
        wanted: impl Fn(Option<&InstanceRecord>) -> bool,
    ) -> Result<Option<InstanceRecord>, StoreError> {
        // Listen first, look then: a change in between is not missed.
        let mut watch = self.watchers.watch(id);
        loop {
            let record = self.store.instance(id).await?;
            if wanted(record.as_ref()) {
                return Ok(record);
            }
            while !deserves_a_look(watch.changed().await) {}
        }
    }

    /// Writes, and says when that can't be done.
    pub(super) async fn commit(&self, mut commit: Commit) -> Result<Commit, StoreError> {
        if !self.conduct.tells_parents_of_taken_ids() {
            for new in &mut commit.instances {
                new.refusal = None;
            }
        }
        self.told(self.store.commit(commit).await)
    }

    /// Says when what was to be written can't be, and when it can again.
    pub(super) fn told<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        match &outcome {
            Ok(_) => self.write_health.succeeded(&self.console),
            // What is asked of a store that is about to be closed is no trouble.
            Err(StoreError::Closed) if self.stopping.is_cancelled() => {}
            Err(error) => self
                .write_health
                .failed(error, self.store.place(), &self.console),
        }
        outcome
    }

    /// Writes as soon as it can be done. Nothing when the host stops before.
    pub(super) async fn commit_in_the_end(&self, commit: Commit) -> Option<Commit> {
        let mut retry = Retry::new();
        loop {
            match self.commit(commit.clone()).await {
                Ok(committed) => return Some(committed),
                Err(_) if retry.wait(&self.stopping, &self.clock).await => {}
                Err(_) => return None,
            }
        }
    }

    /// Sends an instance what a client has for it.
    pub(super) async fn send(
        self: &Arc<Self>,
        id: &str,
        kind: EventType,
    ) -> Result<(), StoreError> {
        let due = match &kind {
            EventType::EventRaised(raised) => entities::due(id, &raised.name),
            _ => None,
        };
        let message = Message {
            seq: self.ids.seq(),
            instance: id.into(),
            execution: None,
            content: event(self.ids.time(), kind),
            due,
        };
        let commit = Commit {
            messages: vec![message],
            ..Commit::default()
        };
        let engine = Arc::clone(self);
        self.see_through(async move {
            let committed = engine.commit(commit).await?;
            engine.send_out(committed);
            Ok(())
        })
        .await
    }

    /// Sets going what a commit has put on its way.
    pub(super) fn send_out(self: &Arc<Self>, committed: Commit) {
        let Commit {
            messages,
            tasks,
            instances,
            created,
            ..
        } = committed;
        for (mut new, created) in instances.into_iter().zip(created) {
            if let Created::Again(generation) = created {
                new.record = new.in_generation(generation);
            }
            match created {
                Created::Yes | Created::Again(_) => {
                    self.watchers.changed(&new.record.id, Change::Moved);
                    self.deliver_start(new);
                }
                Created::Exists(status) => self.refuse(new, status),
            }
        }
        messages
            .into_iter()
            .for_each(|message| self.deliver(message, None));
        tasks.into_iter().for_each(|task| self.spawn_task(task));
    }

    /// Says that the id of a child is taken; its parent gets to know it as well.
    fn refuse(self: &Arc<Self>, new: NewInstance, status: OrchestrationStatus) {
        let started = match &new.start.content.event.event_type {
            Some(EventType::ExecutionStarted(started)) => started,
            _ => return,
        };
        let parent = started.parent_instance.as_ref();
        let Some(instance) = parent.and_then(|parent| parent.orchestration_instance.as_ref())
        else {
            return;
        };
        let what = format!(
            "{}: An Orchestration instance with the ID {} already exists: it is {status:?}",
            instance.instance_id, new.record.id
        );
        self.console.problem_of(
            About::instance(&instance.instance_id),
            self.conduct.tell(&what, Punished::ChildIdTaken),
        );
        if let Some(refusal) = new.refusal {
            self.deliver(refusal, None);
        }
    }

    fn deliver_start(self: &Arc<Self>, new: NewInstance) {
        let fresh = InstanceState::fresh(new.record);
        self.deliver(new.start, Some(fresh));
    }

    pub(super) fn deliver(self: &Arc<Self>, message: Message, fresh: Option<InstanceState>) {
        if let Some(due) = message.due
            && due > self.clock.now()
        {
            self.timers.push(due, message);
            return;
        }
        let id = Arc::clone(&message.instance);
        if is_entity(&id) {
            if self.entities.deliver(message) {
                self.spawn_entity(id);
            }
            return;
        }
        if self.instances.deliver(message, fresh) {
            self.spawn(Arc::clone(self).work_on(id));
        }
    }

    async fn watch_timers(self: Arc<Self>) {
        loop {
            tokio::select! {
                due = self.timers.due(&self.clock) => due.into_iter().for_each(|message| self.deliver(message, None)),
                () = self.stopping.cancelled() => return,
            }
        }
    }

    /// Moves the clock on, and waits until all is done that was due by then. False when it can't
    /// be moved.
    pub(crate) async fn advance(self: &Arc<Self>, by: Duration) -> bool {
        let fire = || {
            let due = self.timers.take_due(self.clock.now());
            due.into_iter()
                .for_each(|message| self.deliver(message, None));
        };
        self.clock.advance(by, || self.timers.first(), fire).await
    }

    /// What the engine goes by.
    pub(crate) fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }
}
