//! Batches: from the inbox to the handler to the store.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

use durable_functions_protocol::proto::{
    EntityBatchResult, EventType, OrchestrationStatus, TaskFailureDetails,
};
use prost::Message as _;

use super::batch::Batch;
use super::id::EntityId;
use super::inbox::Loaded;
use super::scheduler::{Scheduler, Work};
use crate::console::{About, Kind, Outcome};
use crate::engine::delays::latest_of_batch;
use crate::engine::dispatch::{Fault, is_platform_fault, read_response};
use crate::engine::functions::Target;
use crate::engine::ids::Ids;
use crate::engine::panics::{self, caught};
use crate::engine::retry::Retry;
use crate::engine::service::Engine;
use crate::engine::watchers::Change;
use crate::handler::CallError;
use crate::invocation::{Answer, Exception, call_exception, orchestrator_envelope};
use crate::store::{Commit, InstanceRecord, Message};
use crate::strict::Punished;

/// What the handler made of a batch.
enum Reply {
    Result(EntityBatchResult),
    Failure(TaskFailureDetails),
}

/// How far a batch went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// All of it.
    Done,
    /// The handler left operations for later.
    Partial,
    /// The handler left all of them.
    Nothing,
}

impl Engine {
    /// Works on an entity until there is nothing left to do.
    pub(in crate::engine) async fn work_on_entity(self: Arc<Self>, id: Arc<str>) {
        let mut entity = self.entities.begin(&id);
        let mut again: Vec<Message> = Vec::new();
        let mut more = false;
        let mut retry = Retry::new();
        let limit = self.options.max_entity_batch;
        loop {
            if self.partitions.hold(&id) {
                tracing::debug!(entity = &*id, "its partition is blocked");
                return;
            }
            if again.is_empty() {
                match self.entities.next(&id, limit, more, &mut entity) {
                    Some(messages) => again = messages,
                    None => return,
                }
            }
            let outcome = caught(self.run_batch(&id, &mut entity, &mut again, &mut retry)).await;
            let outcome =
                outcome.unwrap_or_else(|panic| Err(self.after_panic(&id, panic, &mut retry)));
            match outcome {
                Ok(progress) => {
                    more = entity
                        .as_ref()
                        .is_some_and(|loaded| loaded.scheduler.has_work());
                    match progress {
                        Progress::Done => {
                            retry = Retry::new();
                            continue;
                        }
                        Progress::Partial => retry.has_come_to_something(),
                        Progress::Nothing => {}
                    }
                    if !retry.wait(&self.stopping, &self.clock).await {
                        return;
                    }
                }
                Err(Fault::Stopping) => return,
                Err(Fault::GivenUp) => return self.entities.leave(&id, again),
                Err(Fault::Again(reason)) => {
                    tracing::debug!(entity = &*id, "the batch is delivered again: {reason}");
                    // Nothing of it was stored, so the entity is what the store has.
                    entity = None;
                    if !retry.wait(&self.stopping, &self.clock).await {
                        return;
                    }
                }
            }
        }
    }

    /// Does what the messages and the queue ask for, and empties the list of messages.
    async fn run_batch(
        self: &Arc<Self>,
        id: &Arc<str>,
        entity: &mut Option<Loaded>,
        messages: &mut Vec<Message>,
        retry: &mut Retry,
    ) -> Result<Progress, Fault> {
        let loaded = match entity.take() {
            Some(loaded) => Some(loaded.scheduler),
            None => self.load_entity(id, retry).await?,
        };
        let (Some(entity_id), Some(scheduler)) = (EntityId::parse(id), loaded) else {
            let text = format!(
                "{id}: the host takes an id that begins with @ for an entity, so this orchestration never runs: choose another id"
            );
            self.console.problem_of(About::instance(id), text);
            self.drop_messages(messages).await?;
            return Ok(Progress::Done);
        };
        let window = self.options.entity_reorder_window.as_nanos() / 100;
        let window = i64::try_from(window).unwrap_or(i64::MAX / 4);
        let mut batch = Batch::new(Arc::clone(id), scheduler, window, self.conduct, &self.ids);
        for message in messages.iter() {
            // An orchestration that an entity has started may tell how it ended: entities do not hear.
            if let Some(EventType::EventRaised(raised)) = &message.content.event.event_type {
                batch.receive(raised);
            }
        }
        let mut work = batch.scheduler.next_work(self.options.max_entity_batch);
        let mut progress = Progress::Done;
        if !work.operations.is_empty() {
            let asked = work.operations.len();
            let reply = match retry.given_up() {
                Some(panic) => Reply::Failure(TaskFailureDetails {
                    error_type: "HostFailed".to_owned(),
                    error_message: panics::reason(panic),
                    is_non_retriable: true,
                    ..Default::default()
                }),
                None => self.call_entity(&entity_id, &batch, &work, retry).await?,
            };
            let done = self.apply(&entity_id, reply, &mut batch, &mut work);
            progress = match done {
                0 => Progress::Nothing,
                done if done < asked => Progress::Partial,
                _ => Progress::Done,
            };
        }
        if let Some(lock) = work.lock.take() {
            batch.grant(lock);
        }
        let size = self.commit_batch(id, &mut batch, messages).await?;
        let problems = std::mem::take(&mut batch.problems);
        for problem in problems {
            self.console
                .problem_of(About::instance(id), format!("{id}: {problem}"));
        }
        *entity = Some(Loaded {
            scheduler: batch.scheduler,
            size,
        });
        Ok(progress)
    }

    /// The entity as it is stored; nothing when the id belongs to an orchestration.
    async fn load_entity(&self, id: &str, retry: &mut Retry) -> Result<Option<Scheduler>, Fault> {
        let unreadable = |error: &dyn Display, retry: &mut Retry| self.unreadable(id, error, retry);
        let Some(stored) = self
            .store
            .load(id)
            .await
            .map_err(|error| unreadable(&error, retry))?
        else {
            return Ok(Some(Scheduler::default()));
        };
        if stored.record.name != id {
            return Ok(None);
        }
        Scheduler::read(stored.record.input.as_deref().unwrap_or_default())
            .map(Some)
            .map_err(|error| unreadable(&error, retry))
    }

    /// Applies what came back; how many operations were dealt with.
    fn apply(&self, id: &EntityId, reply: Reply, batch: &mut Batch<'_>, work: &mut Work) -> usize {
        let all = work.operations.len();
        match reply {
            Reply::Result(result) => {
                let done = if result.failure_details.is_some() {
                    all
                } else {
                    result.results.len()
                };
                match batch.apply(result, work) {
                    Ok(()) => done,
                    Err(fault) => {
                        batch.fail(&invocation_failed(id, fault, &id.name), work);
                        all
                    }
                }
            }
            Reply::Failure(failure) => {
                batch.fail(&failure, work);
                all
            }
        }
    }

    async fn call_entity(
        &self,
        id: &EntityId,
        batch: &Batch<'_>,
        work: &Work,
        retry: &mut Retry,
    ) -> Result<Reply, Fault> {
        let Some(target) = self.functions.entity(&id.name) else {
            return Ok(Reply::Failure(TaskFailureDetails {
                error_type: "EntityFunctionNotFound".to_owned(),
                error_message: self.functions.unknown_entity(&id.name),
                is_non_retriable: true,
                ..Default::default()
            }));
        };
        let _permit = self
            .entity_batches
            .acquire()
            .await
            .map_err(|_| Fault::Stopping)?;
        let request = batch.request(&work.operations).encode_to_vec();
        let body =
            orchestrator_envelope(&target.function, &target.binding, &request, &target.inputs);
        let instance = id.to_string().into();
        let invocation = self
            .console
            .begin(Kind::Batch, &target.function, Some(&instance));
        let answer = self
            .handler
            .call_at_work(&self.clock, &target.function, &invocation.id(), body.into())
            .await;
        let raw = match answer {
            Ok(raw) => raw,
            Err(CallError::Stopping) => return Err(Fault::Stopping),
            Err(error) => {
                self.console.executed(invocation, Outcome::FAILED);
                return self.lost(id, target, &error, retry);
            }
        };
        let result = Answer::read(&raw).and_then(|answer| {
            self.console.logged(&invocation, &answer.logs);
            read_response::<EntityBatchResult>(target, answer.return_value)
        });
        self.console.executed(
            invocation,
            match &result {
                Ok(result) if result.requires_state => Outcome::Again("asks for its state".into()),
                Ok(_) => Outcome::Good(operations(work.operations.len())),
                Err(fault) if is_platform_fault(fault) => Outcome::Again(fault.to_line().into()),
                Err(_) => Outcome::FAILED,
            },
        );
        match result {
            Ok(result) if result.requires_state => {
                Err(Fault::Again("the handler asked for it".to_owned()))
            }
            Ok(result) => {
                let what = format!("{id}: the start of an orchestration");
                self.allow_delay(&what, latest_of_batch(&result), retry)?;
                Ok(Reply::Result(result))
            }
            Err(fault) if is_platform_fault(&fault) => Err(Fault::Again(fault.to_line())),
            Err(fault) => Ok(Reply::Failure(invocation_failed(
                id,
                fault,
                &target.function,
            ))),
        }
    }

    /// The handler gave no answer.
    fn lost(
        &self,
        id: &EntityId,
        target: &Target,
        error: &CallError,
        retry: &mut Retry,
    ) -> Result<Reply, Fault> {
        if retry.after_loss(self.conduct.deliveries()) {
            if retry.is_first_loss() {
                let what = format!("{id}: {error}; the batch is delivered again");
                let punished = match error {
                    CallError::Timeout(_) => Punished::LateBatch,
                    _ => Punished::LostBatch,
                };
                let about = About::instance(&id.to_string()).with_function(&target.function);
                self.console
                    .problem_of(about, self.conduct.tell(&what, punished));
            }
            return Err(Fault::Again(error.to_string()));
        }
        let fault = call_exception(error, &target.function);
        Ok(Reply::Failure(invocation_failed(
            id,
            fault,
            &target.function,
        )))
    }

    async fn commit_batch(
        self: &Arc<Self>,
        id: &Arc<str>,
        batch: &mut Batch<'_>,
        messages: &mut Vec<Message>,
    ) -> Result<usize, Fault> {
        let now = self.ids.time();
        let input = batch.scheduler.write().map_err(again)?;
        let status = serde_json::to_string(&batch.scheduler.status()).map_err(again)?;
        let size = input.len();
        let record = InstanceRecord {
            id: Arc::clone(id),
            execution_id: Ids::bare_guid().into(),
            name: id.to_string(),
            version: None,
            status: OrchestrationStatus::Running,
            input: Some(input),
            output: None,
            custom_status: Some(status),
            failure: None,
            created: now,
            updated: now,
            scheduled: None,
            generation: None,
        };
        let commit = Commit {
            entity: Some(record),
            consumed: messages.iter().map(|message| message.seq).collect(),
            messages: std::mem::take(&mut batch.messages),
            instances: std::mem::take(&mut batch.instances),
            ..Commit::default()
        };
        let committed = self.commit(commit).await.map_err(again)?;
        messages.clear();
        self.watchers.changed(id, Change::Moved);
        self.send_out(committed);
        Ok(size)
    }
}

/// How many operations a batch has, in words.
fn operations(count: usize) -> Cow<'static, str> {
    match count {
        1 => "1 operation".into(),
        count => format!("{count} operations").into(),
    }
}

fn again(error: impl ToString) -> Fault {
    Fault::Again(error.to_string())
}

/// How the operations of a batch fail whose invocation failed.
fn invocation_failed(id: &EntityId, fault: Exception, function: &str) -> TaskFailureDetails {
    TaskFailureDetails {
        error_type: "FunctionInvocationFailed".to_owned(),
        error_message: format!(
            "Invocation of function '{}' failed with an exception.",
            id.name
        ),
        is_non_retriable: true,
        inner_failure: Some(Box::new(fault.in_function(function).to_failure())),
        ..Default::default()
    }
}
