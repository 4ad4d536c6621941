//! Activities.

use std::sync::Arc;

use durable_functions_protocol::proto::{EventType, TaskCompletedEvent, TaskFailedEvent};

use super::functions::unhandled;
use super::http_activity;
use super::panics::{self, caught};
use super::retry::Retry;
use super::service::Engine;
use super::turn::event;
use crate::console::{About, Kind, Outcome as Executed};
use crate::handler::CallError;
use crate::invocation::{Answer, Exception, activity_envelope, altered, call_exception};
use crate::newtonsoft::{Dates, Json, parse, render};
use crate::store::{Commit, HistoryEntry, Message, Task};
use crate::strict::Punished;
use crate::sync::lock;

/// How an activity came out.
enum Outcome {
    Completed(Option<String>),
    Failed(Exception, String, About),
    /// The host had nobody to call.
    Refused(String),
    /// The handler was lost on the way.
    Lost(CallError, String, About),
    /// The host is stopping.
    Stopping,
}

impl Engine {
    /// Runs a task and sends the outcome to its orchestration.
    pub(super) async fn run_task(self: Arc<Self>, task: Task) {
        let content = match caught(self.outcome_of(&task)).await {
            Ok(Some(content)) => content,
            Ok(None) => return,
            Err(panic) => {
                self.tell_panic(&task.instance, &panic, "the task fails");
                failed(&task, None, panics::reason(&panic), &self.ids)
            }
        };
        self.finish_task(task, content).await;
    }

    /// How a task ends; nothing when the host stops before.
    async fn outcome_of(self: &Arc<Self>, task: &Task) -> Option<HistoryEntry> {
        let mut retry = Retry::new();
        loop {
            let outcome = match self.activities.acquire().await {
                Ok(_permit) => self.call_activity(task).await,
                Err(_) => Outcome::Stopping,
            };
            match outcome {
                Outcome::Completed(result) => {
                    let completed = TaskCompletedEvent {
                        task_scheduled_id: task.id,
                        result,
                    };
                    return Some(event(self.ids.time(), EventType::TaskCompleted(completed)));
                }
                Outcome::Failed(fault, function, about) => {
                    let text = format!("{}: {}", task.instance, fault.to_line());
                    self.console.problem_of(about, text);
                    let failure = fault.in_function(&function).to_failure();
                    let reason = unhandled(&function);
                    return Some(failed(task, Some(failure), reason, &self.ids));
                }
                Outcome::Refused(reason) => {
                    let about = About::instance(&task.instance).with_function(&task.name);
                    self.console
                        .problem_of(about, format!("{}: {reason}", task.instance));
                    return Some(failed(task, None, reason, &self.ids));
                }
                Outcome::Lost(error, function, about) => {
                    let again = retry.after_loss(self.conduct.deliveries());
                    if retry.is_first_loss() && again {
                        let what =
                            format!("{}: {function}: {error}; it is called again", task.instance);
                        self.console
                            .problem_of(about, self.conduct.tell(&what, Punished::LostTask));
                    }
                    if !again {
                        let failure = call_exception(&error, &function)
                            .in_function(&function)
                            .to_failure();
                        let reason = unhandled(&function);
                        return Some(failed(task, Some(failure), reason, &self.ids));
                    }
                    if !retry.wait(&self.stopping, &self.clock).await {
                        return None;
                    }
                }
                Outcome::Stopping => return None,
            }
        }
    }

    async fn finish_task(self: &Arc<Self>, task: Task, content: HistoryEntry) {
        if let Some(EventType::TaskCompleted(completed)) = &content.event.event_type {
            let size = completed.result.as_ref().map_or(0, String::len);
            self.limits
                .value(&task.instance, &task.name, size, &self.console);
        }
        let message = Message {
            seq: self.ids.seq(),
            instance: task.instance,
            execution: Some(task.execution),
            content,
            due: None,
        };
        let commit = Commit {
            done_task: Some(task.seq),
            messages: vec![message],
            ..Commit::default()
        };
        if let Some(committed) = self.commit_in_the_end(commit).await {
            self.send_out(committed);
        }
    }

    async fn call_activity(self: &Arc<Self>, task: &Task) -> Outcome {
        let Some(target) = self.functions.activity(&task.name) else {
            if task.name.eq_ignore_ascii_case("BuiltIn::HttpActivity") {
                let sent = tokio::select! {
                    sent = http_activity::send(task.input.as_deref()) => sent,
                    // It is sent again by the next host.
                    () = self.stopping.cancelled() => return Outcome::Stopping,
                };
                return match sent {
                    Ok(result) => Outcome::Completed(Some(result)),
                    Err(problem) => Outcome::Refused(problem),
                };
            }
            return Outcome::Refused(self.functions.unknown_activity(&task.name));
        };
        let function = &target.function;
        // Dates stay texts in inputs; numbers are written anew.
        let input = match task
            .input
            .as_deref()
            .map(|text| parse(text, Dates::Keep))
            .transpose()
        {
            Ok(input) => input,
            Err(fault) => {
                let reader =
                    Exception::new("Newtonsoft.Json.JsonReaderException", fault.to_string());
                let binding = Exception::new(
                    "System.InvalidOperationException",
                    format!("Exception binding parameter '{}'", target.binding),
                );
                let about = About::instance(&task.instance).with_function(function);
                return Outcome::Failed(binding.because(reader), function.clone(), about);
            }
        };
        let body = activity_envelope(
            function,
            &target.binding,
            &task.instance,
            input.as_ref(),
            &target.inputs,
        );
        let invocation = self
            .console
            .begin(Kind::Activity, function, Some(&task.instance));
        let about = About::invocation(&invocation);
        let answer = self
            .handler
            .call_at_work(&self.clock, function, &invocation.id(), body.into())
            .await;
        let raw = match answer {
            Ok(raw) => raw,
            Err(CallError::Stopping) => return Outcome::Stopping,
            Err(error @ CallError::Lost(_)) => {
                self.console.executed(invocation, Executed::FAILED);
                return Outcome::Lost(error, function.clone(), about);
            }
            Err(error) => {
                self.console.executed(invocation, Executed::FAILED);
                let fault = call_exception(&error, function);
                return Outcome::Failed(fault, function.clone(), about);
            }
        };
        match Answer::read(&raw) {
            Ok(answer) => {
                self.console.logged(&invocation, &answer.logs);
                if let Err(fault) = self.start_outputs(&target.outputs, &answer).await {
                    self.console.executed(invocation, Executed::FAILED);
                    return Outcome::Failed(fault, function.clone(), about);
                }
                self.console.executed(invocation, Executed::GOOD);
                self.tell_altered(task, about, function, &raw.body, &answer.return_value);
                Outcome::Completed(match answer.return_value {
                    Json::Null => None,
                    value => Some(render(&value)),
                })
            }
            Err(fault) => {
                self.console.executed(invocation, Executed::FAILED);
                Outcome::Failed(fault, function.clone(), about)
            }
        }
    }
}

impl Engine {
    /// Says, once for each function, that a result is not what arrives.
    fn tell_altered(&self, task: &Task, about: About, function: &str, body: &[u8], arrived: &Json) {
        let Some((returned, arrived)) = altered(body, arrived) else {
            return;
        };
        if lock(&self.told_altered).insert(function.to_owned()) {
            let what = format!(
                "{}: {function}: the result {returned} arrives as {arrived}",
                task.instance
            );
            self.console
                .problem_of(about, self.conduct.tell(&what, Punished::AlteredValue));
        }
    }
}

fn failed(
    task: &Task,
    failure: Option<durable_functions_protocol::proto::TaskFailureDetails>,
    reason: String,
    ids: &super::ids::Ids,
) -> HistoryEntry {
    let failed = TaskFailedEvent {
        task_scheduled_id: task.id,
        failure_details: failure,
    };
    HistoryEntry {
        reason: Some(reason),
        ..event(ids.time(), EventType::TaskFailed(failed))
    }
}
