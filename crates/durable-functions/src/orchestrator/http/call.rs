//! The future of an HTTP call.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use chrono::{DateTime, Utc};
use durable_functions_protocol::failure::{Failure, NO_DETAILS};
use futures_core::FusedFuture;
use url::Url;

use super::{ACTIVITY, DurableHttpRequest, DurableHttpResponse};
use crate::error::{Error, TaskError};
use crate::orchestrator::{Call, OrchestrationContext, Sleep};

/// An HTTP call that is under way. Await it for the answer.
#[must_use = "the request is sent already; await the call for its answer"]
pub struct HttpCall {
    ctx: OrchestrationContext,
    request: DurableHttpRequest,
    step: Step,
}

enum Step {
    Refused(Error),
    Sent(Url, Call<DurableHttpResponse>),
    Waiting(Url, Sleep),
    Ended,
}

impl HttpCall {
    pub(in crate::orchestrator) fn new(
        ctx: OrchestrationContext,
        request: DurableHttpRequest,
    ) -> Self {
        let step = match request.url() {
            Ok(url) => send(&ctx, url, &request),
            Err(error) => Step::Refused(error),
        };
        Self { ctx, request, step }
    }

    /// Where the answer is to be had later, and when to ask there.
    fn later(
        &self,
        from: &Url,
        answer: &DurableHttpResponse,
    ) -> Option<Result<(Url, Sleep), Error>> {
        if answer.status() != 202 || !self.request.polls {
            return None;
        }
        let location = answer.header("Location")?;
        let url = match from.join(location) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => url,
            _ => {
                return Some(Err(Error::msg(format!(
                    "{} was answered with status 202 and a location that can't be asked: {location}",
                    self.request.describe()
                ))));
            }
        };
        let pause = answer
            .header("Retry-After")
            .and_then(|after| retry_after(after, self.ctx.now()))
            .unwrap_or_else(|| self.ctx.http_poll_interval());
        Some(Ok((url, self.ctx.sleep(pause))))
    }
}

fn send(ctx: &OrchestrationContext, url: Url, request: &DurableHttpRequest) -> Step {
    let call = ctx.call_by_name(ACTIVITY, request.to_input());
    let call = match &request.retry {
        Some(policy) => call.retry(policy.clone()),
        None => call,
    };
    Step::Sent(url, call)
}

/// Seconds, or a date.
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some((date.to_utc() - now).to_std().unwrap_or_default())
}

/// Of a request that could not be sent the host says nothing at all.
fn explain(error: Error, request: &DurableHttpRequest) -> Error {
    match error.task() {
        Some(TaskError::Activity { failure, .. }) if failure.error_type == NO_DETAILS => {
            let what = format!(
                "{} could not be carried out; the host gives no details, as it does when the \
                name can't be resolved, the connection is refused or the time limit is over",
                request.describe()
            );
            TaskError::activity(ACTIVITY, Failure::new(NO_DETAILS, what)).into()
        }
        _ => error,
    }
}

impl Future for HttpCall {
    type Output = Result<DurableHttpResponse, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            match std::mem::replace(&mut this.step, Step::Ended) {
                Step::Ended => return Poll::Pending,
                Step::Refused(error) => return Poll::Ready(Err(error)),
                Step::Sent(url, mut call) => match Pin::new(&mut call).poll(cx) {
                    Poll::Pending => {
                        this.step = Step::Sent(url, call);
                        return Poll::Pending;
                    }
                    Poll::Ready(Err(error)) => {
                        return Poll::Ready(Err(explain(error, &this.request)));
                    }
                    Poll::Ready(Ok(answer)) => match this.later(&url, &answer) {
                        None => return Poll::Ready(Ok(answer)),
                        Some(Err(error)) => return Poll::Ready(Err(error)),
                        Some(Ok((location, sleep))) => {
                            this.request = this.request.poll(&url, &location);
                            this.step = Step::Waiting(location, sleep);
                        }
                    },
                },
                Step::Waiting(url, mut sleep) => match Pin::new(&mut sleep).poll(cx) {
                    Poll::Pending => {
                        this.step = Step::Waiting(url, sleep);
                        return Poll::Pending;
                    }
                    Poll::Ready(()) => this.step = send(&this.ctx, url, &this.request),
                },
            }
        }
    }
}

impl FusedFuture for HttpCall {
    fn is_terminated(&self) -> bool {
        matches!(self.step, Step::Ended)
    }
}

impl fmt::Debug for HttpCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCall")
            .field("request", &self.request.describe())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = DateTime::parse_from_rfc3339("2026-11-23T08:00:00Z")
            .unwrap()
            .to_utc();
        let seconds = |text| retry_after(text, now).map(|pause| pause.as_secs());
        assert_eq!(seconds(" 7 "), Some(7));
        assert_eq!(seconds("Mon, 23 Nov 2026 08:01:00 GMT"), Some(60));
        assert_eq!(seconds("Mon, 23 Nov 2026 07:00:00 GMT"), Some(0));
        assert_eq!(seconds("soon"), None);
    }
}
