//! Turns: from the inbox to the handler to the store.

use std::fmt::Display;
use std::sync::Arc;

use durable_functions_protocol::proto::{OrchestratorRequest, OrchestratorResponse};
use prost::Message as _;

use super::delays::latest_of_turn;
use super::functions::{Target, unhandled};
use super::ids::Ids;
use super::panics::{self, caught};
use super::retry::Retry;
use super::service::Engine;
use super::state::InstanceState;
use super::turn::{Plan, Step, Turn, TurnResult, plan};
use super::watchers::Change;
use crate::config::VersionFailure;
use crate::console::{About, Kind, Outcome};
use crate::handler::CallError;
use crate::invocation::{Answer, Exception, call_exception, orchestrator_envelope};
use crate::newtonsoft::Json;
use crate::store::{Commit, HistoryChunk, InstanceChange, Message};
use crate::strict::{Loss, Punished};

/// Why a turn came to nothing.
pub(super) enum Fault {
    /// It is delivered again.
    Again(String),
    /// The host is stopping.
    Stopping,
    /// The host can't do it.
    GivenUp,
}

/// What the handler made of a turn.
enum Reply {
    Response(OrchestratorResponse),
    /// The orchestration fails.
    Failure(Exception),
}

impl Engine {
    /// Works on an instance until its inbox is empty.
    pub(super) async fn work_on(self: Arc<Self>, id: Arc<str>) {
        let mut state = self.instances.begin(&id);
        let mut again: Vec<Message> = Vec::new();
        let mut retry = Retry::new();
        loop {
            if self.partitions.hold(&id) {
                tracing::debug!(instance = &*id, "its partition is blocked");
                return;
            }
            let work = if again.is_empty() {
                match self.instances.next(&id, &mut state) {
                    Some(work) => work,
                    None => return,
                }
            } else {
                self.instances.more(&id)
            };
            if work.fresh.is_some() {
                state = work.fresh;
            }
            again.extend(work.messages);
            let outcome = caught(self.run(&id, &mut state, &mut again, &mut retry)).await;
            let outcome = outcome.unwrap_or_else(|panic| {
                // It may be half changed; the store has it as it was.
                state = None;
                Err(self.after_panic(&id, panic, &mut retry))
            });
            match outcome {
                Ok(()) => retry = Retry::new(),
                Err(Fault::Stopping) => return,
                Err(Fault::GivenUp) => return self.instances.leave(&id, again),
                Err(Fault::Again(reason)) => {
                    tracing::debug!(instance = &*id, "the turn is delivered again: {reason}");
                    if !retry.wait(&self.stopping, &self.clock).await {
                        return;
                    }
                }
            }
        }
    }

    /// Does what the messages ask for and empties the list, unless they are to come again.
    async fn run(
        self: &Arc<Self>,
        id: &Arc<str>,
        state: &mut Option<InstanceState>,
        messages: &mut Vec<Message>,
        retry: &mut Retry,
    ) -> Result<(), Fault> {
        if state.is_none() {
            *state = self.load(id, retry).await?;
        }
        let Some(instance) = state.as_mut() else {
            self.console.problem_of(
                About::instance(id),
                format!("a message for the instance {id} was dropped: there is no such instance"),
            );
            return self.drop_messages(messages).await;
        };
        let ids = self.ids.of_instance(instance.record.updated);
        let result = match plan(instance, messages, &ids) {
            Plan::Drop => return self.drop_messages(messages).await,
            Plan::Wait => return self.come_early(instance, messages).await,
            Plan::End(result) => *result,
            Plan::Turn(turn) => match retry.given_up() {
                Some(panic) => turn.fail(&panics::reason(panic), None, &ids),
                None => self.take_turn(*turn, &instance.past, &ids, retry).await?,
            },
        };
        self.commit_turn(instance, result, messages).await
    }

    async fn load(&self, id: &str, retry: &mut Retry) -> Result<Option<InstanceState>, Fault> {
        let stored = self
            .store
            .load(id)
            .await
            .map_err(|error| self.unreadable(id, &error, retry))?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        InstanceState::stored(stored)
            .map(Some)
            .map_err(|error| self.unreadable(id, &error, retry))
    }

    /// An instance that can't be read waits, and a line says so.
    pub(super) fn unreadable(&self, id: &str, error: &dyn Display, retry: &mut Retry) -> Fault {
        if retry.is_first_telling() {
            self.console.problem_of(
                About::instance(id),
                format!("{id}: the instance cannot be read, and waits until it can: {error}"),
            );
        }
        Fault::Again(error.to_string())
    }

    pub(super) async fn drop_messages(&self, messages: &mut Vec<Message>) -> Result<(), Fault> {
        let consumed = messages.iter().map(|message| message.seq).collect();
        let commit = Commit {
            consumed,
            ..Commit::default()
        };
        self.commit(commit)
            .await
            .map_err(|error| Fault::Again(error.to_string()))?;
        messages.clear();
        Ok(())
    }

    /// Calls the handler until the turn is over; continue-as-new happens in between.
    async fn take_turn(
        &self,
        mut turn: Turn,
        past: &[u8],
        ids: &Ids,
        retry: &mut Retry,
    ) -> Result<TurnResult, Fault> {
        let about = |turn: &Turn| About::instance(turn.instance()).with_function(turn.name());
        loop {
            let past = if turn.is_anew() { &[] } else { past };
            if let Some(reason) = self.refused_version(&turn) {
                if self.options.version_failure == VersionFailure::Fail {
                    self.console
                        .problem_of(about(&turn), format!("{}: {reason}", turn.instance()));
                    let past = OrchestratorRequest::decode(past)
                        .map_err(|error| self.unreadable(turn.instance(), &error, retry))?;
                    return Ok(turn.fail_version(past.past_events.len(), ids));
                }
                if retry.is_first_telling() {
                    let text = format!(
                        "{}: {reason} The turn is delivered again until it is refused no more.",
                        turn.instance()
                    );
                    self.console.problem_of(about(&turn), text);
                }
                return Err(Fault::Again(reason));
            }
            let Some(target) = self.functions.orchestrator(turn.name()) else {
                let message = self.functions.unknown_orchestrator(turn.name());
                self.console
                    .problem_of(about(&turn), format!("{}: {message}", turn.instance()));
                return Ok(turn.fail(&message, None, ids));
            };
            let (reply, called) = self.call_orchestrator(target, &turn, past, retry).await?;
            let failed = |turn: Turn, fault: Exception| {
                let fault = fault.in_function(&target.function);
                let text = format!("{}: {}", turn.instance(), fault.to_line());
                self.console.problem_of(called, text);
                let message = unhandled(&target.function);
                turn.fail(&message, Some(&fault.to_text()), ids)
            };
            match reply {
                Reply::Response(response) if response.requires_history => {
                    return Err(Fault::Again("the handler asked for it".to_owned()));
                }
                Reply::Response(response) => {
                    let what = format!("{}: a timer or a signal", turn.instance());
                    self.allow_delay(&what, latest_of_turn(&response), retry)?;
                    match turn.answer(response, self.options.store_inputs, self.conduct, ids) {
                        Ok(Step::Done(result)) => return Ok(*result),
                        Ok(Step::Again(next)) => turn = *next,
                        Err((turn, fault)) => return Ok(failed(*turn, fault)),
                    }
                }
                Reply::Failure(fault) => return Ok(failed(turn, fault)),
            }
        }
    }

    /// Why this generation's version is none that the app runs, if so.
    fn refused_version(&self, turn: &Turn) -> Option<String> {
        let app = self.options.default_version.as_deref();
        self.options.version_match.refuses(app, turn.version())
    }

    async fn call_orchestrator(
        &self,
        target: &Target,
        turn: &Turn,
        past: &[u8],
        retry: &mut Retry,
    ) -> Result<(Reply, About), Fault> {
        let _permit = self.turns.acquire().await.map_err(|_| Fault::Stopping)?;
        let request = self
            .trailer
            .encode(turn.instance(), past, turn.new_events());
        let body =
            orchestrator_envelope(&target.function, &target.binding, &request, &target.inputs);
        let invocation = self
            .console
            .begin(Kind::Turn, &target.function, Some(turn.instance()));
        let about = About::invocation(&invocation);
        let answer = self
            .handler
            .call_at_work(&self.clock, &target.function, &invocation.id(), body.into())
            .await;
        let raw = match answer {
            Ok(raw) => raw,
            Err(CallError::Stopping) => return Err(Fault::Stopping),
            Err(error) => {
                self.console.executed(invocation, Outcome::FAILED);
                let loss = match error {
                    CallError::Timeout(_) => Loss::Timeout,
                    _ => Loss::Connection,
                };
                if retry.after_loss(self.conduct.deliveries_of_turns(loss)) {
                    if retry.is_first_loss() {
                        let what =
                            format!("{}: {error}; the turn is delivered again", turn.instance());
                        let text = match loss {
                            Loss::Timeout => what,
                            Loss::Connection => self.conduct.tell(&what, Punished::LostTurn),
                        };
                        self.console.problem_of(about, text);
                    }
                    return Err(Fault::Again(error.to_string()));
                }
                let fault = call_exception(&error, &target.function);
                return Ok((Reply::Failure(fault), about));
            }
        };
        let response = Answer::read(&raw).and_then(|answer| {
            self.console.logged(&invocation, &answer.logs);
            read_response(target, answer.return_value)
        });
        self.tell_turn(invocation, turn, &response);
        match response {
            Ok(response) => Ok((Reply::Response(response), about)),
            Err(fault) if is_platform_fault(&fault) => Err(Fault::Again(fault.to_line())),
            Err(fault) => Ok((Reply::Failure(fault), about)),
        }
    }

    async fn commit_turn(
        self: &Arc<Self>,
        state: &mut InstanceState,
        mut result: TurnResult,
        messages: &mut Vec<Message>,
    ) -> Result<(), Fault> {
        // An execution that is over needs its timers no more, nor those of its last turn.
        let is_over = result.replace || result.record.has_ended();
        if result.record.has_ended() {
            let own = Arc::clone(&result.record.id);
            let is_own_timer = |message: &Message| message.due.is_some() && message.instance == own;
            result.messages.retain(|message| !is_own_timer(message));
        }
        let blocks = result.blocks;
        let change = InstanceChange {
            record: result.record.clone(),
            turn: if result.replace { 0 } else { state.next_turn },
            chunk: HistoryChunk::of(&result.events),
            replace: result.replace,
        };
        let commit = Commit {
            change: Some(change),
            consumed: messages.iter().map(|message| message.seq).collect(),
            messages: std::mem::take(&mut result.messages),
            tasks: std::mem::take(&mut result.tasks),
            instances: std::mem::take(&mut result.instances),
            ..Commit::default()
        };
        let mut committed = self
            .commit(commit)
            .await
            .map_err(|error| Fault::Again(error.to_string()))?;
        messages.clear();
        if blocks {
            self.partitions.block();
            let what = format!(
                "{}: a sub-orchestration without an instance id was asked for, so it waits for ever, and so do all instances of that partition",
                state.record.id
            );
            self.console.problem_of(
                About::instance(&state.record.id),
                self.conduct.tell(&what, Punished::ChildWithoutId),
            );
        }
        if is_over {
            let over = &state.record;
            self.timers.forget(&over.id, &over.execution_id);
        }
        if let Some(change) = committed.change.take() {
            let (id, before) = (Arc::clone(&change.record.id), state.past.len());
            let size = change.record.output.as_ref().map_or(0, String::len);
            let name = change.record.name.clone();
            state.advance(change.record, &change.chunk, result);
            self.limits
                .history(&id, before, state.past.len(), &self.console);
            self.limits.value(&id, &name, size, &self.console);
            let change = if state.record.has_ended() {
                Change::Ended
            } else {
                Change::Moved
            };
            self.watchers.changed(&state.record.id, change);
        }
        self.send_out(committed);
        Ok(())
    }
}

/// The response in a turn's or a batch's `ReturnValue`.
pub(super) fn read_response<R: prost::Message + Default>(
    target: &Target,
    value: Json,
) -> Result<R, Exception> {
    let text = match value {
        Json::String(text) if !text.is_empty() && !target.has_return_binding => text,
        _ => {
            return Err(Exception::new(
                "System.InvalidOperationException",
                "The function invocation resulted in a null response. This means that either the orchestrator function was implemented incorrectly, the Durable Task language SDK was implemented incorrectly, or that the destination language worker is not sending the function result back to the host.",
            ));
        }
    };
    let bytes = decode_base64(text).ok_or_else(|| {
        Exception::new(
            "System.FormatException",
            "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters.",
        )
    })?;
    R::decode(bytes.as_slice()).map_err(|error| {
        Exception::new(
            "Google.Protobuf.InvalidProtocolBufferException",
            format!("Protocol message could not be read: {error}."),
        )
    })
}

fn decode_base64(text: String) -> Option<Vec<u8>> {
    base64_simd::STANDARD
        .decode_to_vec(&text)
        .ok()
        .or_else(|| crate::invocation::decode_base64(&text))
}

/// Texts by which the extension knows that the platform is at fault, so that it tries again.
pub(super) fn is_platform_fault(fault: &Exception) -> bool {
    let mut at = Some(fault);
    while let Some(exception) = at {
        let text = &exception.message;
        if text.contains("No process is associated")
            || text.contains("Did not find any initialized language workers")
        {
            return true;
        }
        at = exception.inner.as_deref();
    }
    false
}
