//! The options by which calls are made again.

use std::future::Future;
use std::rc::Rc;

use super::{FailedAttempt, RetryDecision, RetryPolicy};
use crate::replay::{Core, Deciding, Fault};

pub(super) fn policy(core: &Core, id: u32, policy: RetryPolicy) {
    if let Some(problem) = policy.problem() {
        core.fail(Fault::retry_policy(problem));
    }
    core.set_rule(id, |rule| rule.policy = Some(policy));
}

pub(super) fn handler<Decision>(
    core: &Core,
    id: u32,
    handler: impl Fn(FailedAttempt) -> Decision + 'static,
) where
    Decision: Future<Output = RetryDecision> + 'static,
{
    core.set_rule(id, |rule| {
        rule.handler = Some(Rc::new(move |failed| {
            let deciding: Deciding = Box::pin(handler(failed));
            deciding
        }));
    });
}
