//! Trying again.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// First pause; it doubles up to that of the real host.
const FIRST: Duration = Duration::from_millis(50);
const LAST: Duration = Duration::from_secs(2);
/// So often is something tried that makes the host panic.
const PANICS: u32 = 3;

/// Pauses between attempts, and how often the handler was lost.
#[derive(Debug)]
pub(super) struct Retry {
    pause: Duration,
    losses: u32,
    told: bool,
    waited: bool,
    panics: u32,
    panic: String,
}

impl Retry {
    /// Nothing has gone wrong yet.
    pub(super) fn new() -> Self {
        Self {
            pause: FIRST,
            losses: 0,
            told: false,
            waited: false,
            panics: 0,
            panic: String::new(),
        }
    }

    /// The handler was lost; whether to call again, when so many calls are made in all.
    pub(super) fn after_loss(&mut self, deliveries: u32) -> bool {
        self.losses = self.losses.saturating_add(1);
        self.losses < deliveries
    }

    /// Whether this is the first loss.
    pub(super) fn is_first_loss(&self) -> bool {
        self.losses == 1
    }

    /// Whether the reason is to be told: it is the first attempt that came to nothing.
    pub(super) fn is_first_telling(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }

    /// The host itself has failed.
    pub(super) fn after_panic(&mut self, panic: &str) {
        self.panics = self.panics.saturating_add(1);
        panic.clone_into(&mut self.panic);
    }

    /// The last panic, when there were so many that it is not tried any more: it fails instead.
    pub(super) fn given_up(&self) -> Option<&str> {
        (self.panics >= PANICS).then_some(&self.panic)
    }

    /// Whether it can't even fail.
    pub(super) fn is_hopeless(&self) -> bool {
        self.panics > PANICS
    }

    /// What was tried has gone on a little.
    pub(super) fn has_come_to_something(&mut self) {
        self.waited = false;
    }

    /// Waits before the next attempt; false when the host stops meanwhile.
    pub(super) async fn wait(&mut self, stopping: &CancellationToken, clock: &Clock) -> bool {
        // What comes to nothing again, or has to be mended by somebody first, may never succeed:
        // time does not wait for it.
        let _paused = (self.told || self.waited).then(|| clock.pause());
        self.waited = true;
        let pause = self.pause;
        self.pause = (pause * 2).min(LAST);
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = stopping.cancelled() => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_limited() {
        let mut retry = Retry::new();
        let again = (0..20).take_while(|_| retry.after_loss(10)).count();
        assert_eq!(again, 9);
    }

    #[tokio::test]
    async fn time_does_not_wait_for_what_comes_to_nothing_again_and_again() {
        let clock = Clock::manual();
        let stopping = CancellationToken::new();
        let at_work = clock.at_work();
        let trying = async {
            let mut retry = Retry::new();
            while retry.wait(&stopping, &clock).await {}
        };
        let advancing = async {
            assert!(
                clock
                    .advance(Duration::from_secs(3600), || None, || ())
                    .await
            );
            stopping.cancel();
        };
        tokio::join!(trying, advancing);
        drop(at_work);
    }

    #[test]
    fn what_makes_the_host_panic_fails_in_the_end() {
        let mut retry = Retry::new();
        let mut seen = Vec::new();
        for text in ["a", "b", "c", "d"] {
            retry.after_panic(text);
            seen.push((retry.given_up().map(str::to_owned), retry.is_hopeless()));
        }
        let failed = |text: &str| Some(text.to_owned());
        assert_eq!(
            seen,
            [
                (None, false),
                (None, false),
                (failed("c"), false),
                (failed("d"), true)
            ]
        );
    }
}
