//! Calls that are made again after they failed.
//!
//! The history keeps no inputs of activities, so a call that may be made again keeps its action.
//! Only calls that the history has as failed do: whether that is so, the index knows beforehand.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use durable_functions_protocol::failure::{Failure, is_lost_worker};
use durable_functions_protocol::proto::{
    ActionType, CreateTimerAction, TaskFailureDetails, Timestamp,
};
use durable_functions_protocol::time;
use prost::Message as _;

use super::core::{CLOSED, Core, Ended, TaskState};
use super::index::EventKind;
use super::{events, next_chunk};
use crate::orchestrator::{FailedAttempt, RetryDecision, RetryPolicy};

/// How long the one more call of an activity whose worker was lost waits. Part of what makes a
/// replay: it must not change.
const LOST_WORKER_PAUSE: Duration = Duration::from_secs(2);

/// A decision that an orchestrator's own code takes.
pub(crate) type Deciding = Pin<Box<dyn Future<Output = RetryDecision>>>;

/// When a call is made again.
#[derive(Clone, Default)]
pub(crate) struct Rule {
    pub(crate) policy: Option<RetryPolicy>,
    pub(crate) handler: Option<Rc<dyn Fn(FailedAttempt) -> Deciding>>,
    pub(crate) at_most_once: bool,
}

/// A call that may be made again.
struct Call {
    /// The action of the first attempt, by whose id the call is known.
    first: u32,
    kind: EventKind,
    action: ActionType,
    keeps_instance_id: bool,
    rule: Rule,
    attempts: u32,
    began: Timestamp,
    /// While a pause runs: when its current timer fires and when it ends.
    chunk: Timestamp,
    until: Timestamp,
}

/// The calls that may be made again, and the decisions that are being taken about them.
#[derive(Default)]
pub(crate) struct Retries {
    calls: Vec<Call>,
    deciding: Vec<(u32, Range<u32>, Deciding)>,
}

impl Retries {
    /// Adds a call. Gives its number.
    pub(super) fn add(
        &mut self,
        first: u32,
        kind: EventKind,
        action: ActionType,
        now: Timestamp,
    ) -> u32 {
        let number = self.calls.len();
        self.calls.push(Call {
            first,
            kind,
            action,
            keeps_instance_id: false,
            rule: Rule::default(),
            attempts: 1,
            began: now,
            chunk: now,
            until: now,
        });
        u32::try_from(number).unwrap_or(CLOSED)
    }

    /// The last call, if it is the one with this first action.
    fn last(&mut self, first: u32) -> Option<&mut Call> {
        self.calls.last_mut().filter(|call| call.first == first)
    }

    pub(super) fn action_of(&mut self, first: u32) -> Option<&mut ActionType> {
        self.last(first).map(|call| &mut call.action)
    }

    pub(super) fn rule_of(&mut self, first: u32) -> Option<&mut Rule> {
        self.last(first).map(|call| &mut call.rule)
    }

    pub(super) fn keep_instance_id(&mut self, first: u32) {
        if let Some(call) = self.last(first) {
            call.keeps_instance_id = true;
        }
    }

    fn get(&mut self, number: u32) -> Option<&mut Call> {
        self.calls.get_mut(number as usize)
    }
}

impl Rule {
    /// How long to wait before the next attempt; `None` if there is to be none.
    fn next_pause(&self, failed: &Failed, attempts: u32, waited: Duration) -> Option<Duration> {
        if failed.lost_worker && self.at_most_once {
            return None;
        }
        match &self.policy {
            None => (failed.lost_worker && attempts == 1).then_some(LOST_WORKER_PAUSE),
            Some(policy) if failed.lost_worker || policy.retries(&failed.failure) => {
                policy.pause_after(attempts, waited)
            }
            Some(_) => None,
        }
    }
}

/// A failure as a rule sees it.
struct Failed {
    failure: Failure,
    lost_worker: bool,
}

impl Core {
    /// An attempt has ended.
    pub(super) fn end_attempt(&self, id: u32, number: u32, ended: Ended) {
        let details = match ended {
            Ended::Failed(details) if !self.is_closed() => details,
            _ => return self.end_call(id, number, ended),
        };
        let (kind, rule, attempts, began) = match self.state.borrow_mut().retries.get(number) {
            Some(call) => (call.kind, call.rule.clone(), call.attempts, call.began),
            None => return,
        };
        let failed = self.failed(&details, kind);
        let waited = time::saturating_since(&self.now(), &began);
        // user code runs in handlers and predicates, so nothing may be borrowed
        if let Some(handler) = &rule.handler {
            let deciding = handler(FailedAttempt {
                number: attempts,
                since_first: waited,
                is_lost_worker: failed.lost_worker,
                failure: failed.failure,
            });
            self.leave_attempt(id);
            let deciding = (number, details, deciding);
            self.state.borrow_mut().retries.deciding.push(deciding);
            return self.waking.mark_woken();
        }
        match rule.next_pause(&failed, attempts, waited) {
            None => self.end_call(id, number, Ended::Failed(details)),
            Some(pause) => {
                self.leave_attempt(id);
                self.pause(number, pause);
            }
        }
    }

    fn failed(&self, details: &Range<u32>, kind: EventKind) -> Failed {
        let bytes = self.bytes(details.start as usize..details.end as usize);
        let lost_worker = kind == EventKind::TaskScheduled
            && TaskFailureDetails::decode(bytes).is_ok_and(|details| is_lost_worker(&details));
        Failed {
            failure: events::failure(bytes),
            lost_worker,
        }
    }

    /// The attempt of this action is history; who waits for the call goes on waiting.
    fn leave_attempt(&self, id: u32) {
        if let Some(task) = self.state.borrow_mut().tasks.get_mut(id as usize) {
            task.state = TaskState::MadeAgain;
        }
    }

    /// The last attempt has ended, and the call with it.
    fn end_call(&self, id: u32, number: u32, ended: Ended) {
        let first = {
            let mut state = self.state.borrow_mut();
            if let Some(task) = state.tasks.get_mut(id as usize) {
                task.state = TaskState::Over;
            }
            state.retries.get(number).map(|call| call.first)
        };
        if let Some(first) = first {
            self.end_task(first, ended);
        }
    }

    fn pause(&self, number: u32, pause: Duration) {
        if pause.is_zero() {
            return self.attempt(number);
        }
        let now = self.now();
        if let Some(call) = self.state.borrow_mut().retries.get(number) {
            call.chunk = now;
            call.until = time::saturating_add(&now, pause);
        }
        self.begin_chunk(number);
    }

    /// Long pauses are several timers, as long sleeps are.
    fn begin_chunk(&self, number: u32) {
        let fire_at = match self.state.borrow_mut().retries.get(number) {
            Some(call) => {
                call.chunk = next_chunk(&call.chunk, &call.until);
                Some(call.chunk)
            }
            None => return,
        };
        self.schedule_own(
            EventKind::TimerCreated,
            "",
            TaskState::Pause(number),
            || ActionType::CreateTimer(CreateTimerAction { fire_at }),
        );
    }

    /// A timer between two attempts has fired.
    pub(super) fn end_pause(&self, id: u32, number: u32) {
        let is_over = {
            let mut state = self.state.borrow_mut();
            if let Some(task) = state.tasks.get_mut(id as usize) {
                task.state = TaskState::Over;
            }
            match state.retries.get(number) {
                Some(call) => call.chunk == call.until,
                None => return,
            }
        };
        match is_over {
            true => self.attempt(number),
            false => self.begin_chunk(number),
        }
    }

    /// Makes a call again.
    fn attempt(&self, number: u32) {
        let (kind, mut action, draws) = match self.state.borrow_mut().retries.get(number) {
            Some(call) => {
                call.attempts = call.attempts.saturating_add(1);
                (call.kind, call.action.clone(), !call.keeps_instance_id)
            }
            None => return,
        };
        let name = match &mut action {
            ActionType::ScheduleTask(task) => task.name.clone(),
            ActionType::CreateSubOrchestration(sub) => {
                if draws {
                    sub.instance_id = self.draw_guid().simple().to_string();
                }
                sub.name.clone()
            }
            _ => return,
        };
        self.schedule_own(kind, &name, TaskState::Attempt(number), || action);
    }

    /// Lets the decisions that are being taken go on.
    pub(super) fn poll_decisions(&self, cx: &mut Context<'_>) {
        let deciding = std::mem::take(&mut self.state.borrow_mut().retries.deciding);
        for (number, details, mut decision) in deciding {
            match decision.as_mut().poll(cx) {
                Poll::Pending => {
                    let deciding = (number, details, decision);
                    self.state.borrow_mut().retries.deciding.push(deciding);
                }
                Poll::Ready(RetryDecision::After(pause)) => self.pause(number, pause),
                Poll::Ready(RetryDecision::GiveUp) => {
                    let first = match self.state.borrow_mut().retries.get(number) {
                        Some(call) => call.first,
                        None => continue,
                    };
                    self.end_task(first, Ended::Failed(details));
                }
            }
            self.seal();
        }
    }

    pub(super) fn is_deciding(&self) -> bool {
        !self.state.borrow().retries.deciding.is_empty()
    }

    /// Drops what may hold the context, which holds this.
    pub(super) fn forget_retries(&self) {
        let retries = std::mem::take(&mut self.state.borrow_mut().retries);
        drop(retries);
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("policy", &self.policy)
            .field("handler", &self.handler.is_some())
            .field("at_most_once", &self.at_most_once)
            .finish()
    }
}
