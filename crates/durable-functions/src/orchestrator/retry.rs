//! When a failed call is made again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::time_span;
use serde_json::{Value, json};

/// How often and when a failed activity or sub-orchestration is called again.
///
/// Between two attempts a durable timer runs, so waiting costs nothing and outlives restarts. The
/// pause before attempt *n* + 1 is `first_interval * backoff^(n - 1)`, at most
/// [`max_interval`](Self::max_interval). There is no pause after the last attempt.
///
/// A failure that is marked as [non-retriable](crate::Error::non_retriable) is final at once.
/// A worker that was lost while the activity ran is no failure of the activity, so
/// [`retry_if`](Self::retry_if) is not asked about it; it counts as an attempt all the same.
///
/// ```
/// use durable_functions::RetryPolicy;
/// use durable_functions::prelude::*;
/// use std::time::Duration;
///
/// #[activity]
/// async fn charge(card: u32) -> Result<String> {
///     Ok(format!("paid with {card}"))
/// }
///
/// #[orchestrator]
/// async fn order(ctx: OrchestrationContext, card: u32) -> Result<String> {
///     let policy = RetryPolicy::exponential(5, Duration::from_secs(1))
///         .max_interval(Duration::from_secs(60))
///         .timeout(Duration::from_secs(600))
///         .retry_if(|failure| failure.error_type != "orders::CardDeclined");
///     ctx.call(charge, card).retry(policy).await
/// }
/// ```
#[derive(Clone)]
pub struct RetryPolicy {
    max_attempts: u32,
    first_interval: Duration,
    backoff: f64,
    max_interval: Duration,
    timeout: Option<Duration>,
    predicate: Option<Arc<Predicate>>,
}

type Predicate = dyn Fn(&Failure) -> bool + Send + Sync;

impl RetryPolicy {
    /// The same pause before every attempt but the first. `max_attempts` counts the first one too.
    pub fn fixed(max_attempts: u32, interval: Duration) -> Self {
        Self {
            max_attempts,
            first_interval: interval,
            backoff: 1.0,
            max_interval: Duration::from_secs(60 * 60),
            timeout: None,
            predicate: None,
        }
    }

    /// A pause that doubles from attempt to attempt, up to an hour. `max_attempts` counts the first
    /// attempt too.
    pub fn exponential(max_attempts: u32, first_interval: Duration) -> Self {
        Self::fixed(max_attempts, first_interval).backoff(2.0)
    }

    /// By what the pause is multiplied from attempt to attempt; 1 or more.
    #[must_use]
    pub fn backoff(mut self, coefficient: f64) -> Self {
        self.backoff = coefficient;
        self
    }

    /// The longest pause; an hour if nothing is said.
    #[must_use]
    pub fn max_interval(mut self, longest: Duration) -> Self {
        self.max_interval = longest;
        self
    }

    /// No new attempt is made when this time has passed since the first began. An attempt that
    /// runs is not cut short.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Only failures for which this is true are worth another attempt. It must depend on the
    /// failure alone: it is asked again at every replay.
    #[must_use]
    pub fn retry_if(
        mut self,
        predicate: impl Fn(&Failure) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.predicate = Some(Arc::new(predicate));
        self
    }

    /// The policy as the `HttpRetryOptions` of the extension.
    pub(crate) fn to_http_options(&self) -> Value {
        let mut options = json!({
            "FirstRetryInterval": time_span::format(self.first_interval),
            "MaxRetryInterval": time_span::format(self.max_interval),
            "BackoffCoefficient": self.backoff,
            "MaxNumberOfAttempts": self.max_attempts,
        });
        if let (Some(limit), Some(options)) = (self.timeout, options.as_object_mut()) {
            options.insert("RetryTimeout".into(), time_span::format(limit).into());
        }
        options
    }

    /// What is wrong with the policy.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        if self.max_attempts == 0 {
            Some("it allows no attempt at all: `max_attempts` counts the first one too")
        } else if self.backoff.is_finite() && self.backoff >= 1.0 {
            None
        } else {
            Some("its backoff is no number of 1 or more")
        }
    }

    pub(crate) fn retries(&self, failure: &Failure) -> bool {
        !failure.non_retriable
            && self
                .predicate
                .as_ref()
                .is_none_or(|predicate| predicate(failure))
    }

    /// The pause before the next attempt, when `attempts` of them took `waited` together; `None`
    /// if there is to be none.
    pub(crate) fn pause_after(&self, attempts: u32, waited: Duration) -> Option<Duration> {
        if attempts >= self.max_attempts || self.timeout.is_some_and(|limit| waited >= limit) {
            return None;
        }
        let exponent = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
        let millis = self.first_interval.as_secs_f64() * 1e3 * self.backoff.powi(exponent);
        // the host counts in ticks of 100 ns
        let ticks = (millis * 1e4) as u64;
        let pause = Duration::new(ticks / 10_000_000, (ticks % 10_000_000) as u32 * 100);
        Some(pause.min(self.max_interval))
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("max_attempts", &self.max_attempts)
            .field("first_interval", &self.first_interval)
            .field("backoff", &self.backoff)
            .field("max_interval", &self.max_interval)
            .field("timeout", &self.timeout)
            .field("retry_if", &self.predicate.is_some())
            .finish()
    }
}

/// An attempt that failed, as a retry handler sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailedAttempt {
    /// Which attempt it was; the first is 1.
    pub number: u32,
    /// Time of the orchestration since the first attempt was made.
    pub since_first: Duration,
    /// The worker went away while the activity ran, or was not there: not the activity's fault.
    pub is_lost_worker: bool,
    /// What the attempt failed with.
    pub failure: Failure,
}

/// What a retry handler decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryDecision {
    /// The failure is that of the call.
    GiveUp,
    /// The call is made again after this pause; at once if it is zero.
    After(Duration),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pauses(policy: &RetryPolicy) -> Vec<Option<Duration>> {
        (1..=5)
            .map(|attempts| policy.pause_after(attempts, Duration::ZERO))
            .collect()
    }

    #[test]
    fn pauses_grow_up_to_the_longest_and_end_with_the_attempts() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let policy = RetryPolicy::exponential(5, SECOND).max_interval(Duration::from_secs(3));
        assert_eq!(
            pauses(&policy),
            [seconds(1), seconds(2), seconds(3), seconds(3), None]
        );
        let policy = RetryPolicy::fixed(3, SECOND);
        assert_eq!(pauses(&policy), [seconds(1), seconds(1), None, None, None]);
    }

    #[test]
    fn time_limit_ends_the_attempts() {
        let policy = RetryPolicy::fixed(9, SECOND).timeout(SECOND);
        assert!(policy.pause_after(1, SECOND / 2).is_some());
        assert_eq!(policy.pause_after(1, SECOND), None);
    }

    #[test]
    fn marked_failures_are_final() {
        let policy = RetryPolicy::fixed(9, SECOND).retry_if(|failure| failure.message == "yes");
        assert!(policy.retries(&Failure::new("E", "yes")));
        assert!(!policy.retries(&Failure::new("E", "no")));
        assert!(!policy.retries(&Failure::new("E", "yes").non_retriable()));
    }

    #[test]
    fn senseless_policies_are_told() {
        assert!(RetryPolicy::fixed(0, SECOND).problem().is_some());
        for backoff in [0.5, f64::NAN, f64::INFINITY, -1.0] {
            let policy = RetryPolicy::fixed(1, SECOND).backoff(backoff);
            assert!(policy.problem().is_some(), "{backoff}");
        }
        assert_eq!(RetryPolicy::exponential(1, SECOND).problem(), None);
    }

    proptest! {
        #[test]
        fn any_policy_can_be_followed(
            attempts in any::<u32>(),
            first in any::<u64>(),
            nanos in 0..1_000_000_000u32,
            backoff in 1.0..1e300f64,
            longest in any::<u64>(),
        ) {
            let longest = Duration::from_secs(longest);
            let policy = RetryPolicy::fixed(u32::MAX, Duration::new(first, nanos))
                .backoff(backoff)
                .max_interval(longest);
            if let Some(pause) = policy.pause_after(attempts, Duration::ZERO) {
                prop_assert!(pause <= longest);
            }
        }
    }
}
