//! What becomes of a fault of the host itself: a panic ends the attempt in which it came, and what
//! was worked on does not hang.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use super::dispatch::Fault;
use super::retry::Retry;
use super::service::Engine;

/// Does the work; the text of the panic when it panics. What the work has changed by then may be
/// half done: the caller reads it anew.
pub(super) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(Poll::Ready(outcome)) => Poll::Ready(Ok(outcome)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Err(text(&*panic))),
        }
    })
    .await
}

/// What a panic says.
pub(super) fn text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it panicked".to_owned())
}

/// What whoever waits for the outcome is told.
pub(super) fn reason(panic: &str) -> String {
    format!("The host itself failed: {panic}.")
}

impl Engine {
    /// Says that the host has failed at something. The console may be what has failed.
    pub(super) fn tell_panic(&self, id: &str, panic: &str, then: &str) {
        let line = format!(
            "{id}: the host itself failed: {panic}; {then}. This is a defect of the host: report it with what standard error says about it"
        );
        if catch_unwind(AssertUnwindSafe(|| self.console.problem(&line))).is_err() {
            tracing::error!("{line}");
        }
    }

    /// What becomes of a turn or a batch at which the host has failed.
    pub(super) fn after_panic(&self, id: &str, panic: String, retry: &mut Retry) -> Fault {
        retry.after_panic(&panic);
        let then = if retry.is_hopeless() {
            "it is left alone until a message comes, or until the host is started again"
        } else if retry.given_up().is_some() {
            "it fails now"
        } else {
            "it is tried again"
        };
        self.tell_panic(id, &panic, then);
        if retry.is_hopeless() {
            Fault::GivenUp
        } else {
            Fault::Again(panic)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_its_text() {
        let panics = async |how: u8| {
            tokio::task::yield_now().await;
            match how {
                0 => panic!("plain"),
                1 => panic!("with {how}"),
                _ => how,
            }
        };
        assert_eq!(caught(panics(0)).await, Err("plain".to_owned()));
        assert_eq!(caught(panics(1)).await, Err("with 1".to_owned()));
        assert_eq!(caught(panics(2)).await, Ok(2));
    }
}
