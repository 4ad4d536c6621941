//! Signals that stop the host.

use std::task::{Context, Poll};

/// Ctrl-C, SIGTERM, and the end of the terminal. They are listened to from the beginning to the
/// end: one that comes while nobody waits is not lost.
pub(crate) struct StopSignals {
    #[cfg(unix)]
    streams: Vec<tokio::signal::unix::Signal>,
    #[cfg(windows)]
    interrupt: Option<tokio::signal::windows::CtrlC>,
    #[cfg(windows)]
    close: Option<tokio::signal::windows::CtrlClose>,
}

impl StopSignals {
    #[cfg(unix)]
    pub(crate) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        // Under `nohup` the host lives on.
        if !is_ignored(SignalKind::hangup()) {
            kinds.push(SignalKind::hangup());
        }
        Self {
            streams: kinds
                .into_iter()
                .filter_map(|kind| signal(kind).ok())
                .collect(),
        }
    }

    #[cfg(windows)]
    pub(crate) fn listen() -> Self {
        Self {
            interrupt: tokio::signal::windows::ctrl_c().ok(),
            close: tokio::signal::windows::ctrl_close().ok(),
        }
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        std::future::poll_fn(|context| {
            if self.has_come(context) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    #[cfg(unix)]
    fn has_come(&mut self, context: &mut Context<'_>) -> bool {
        let mut streams = self.streams.iter_mut();
        streams.any(|stream| stream.poll_recv(context).is_ready())
    }

    #[cfg(windows)]
    fn has_come(&mut self, context: &mut Context<'_>) -> bool {
        let interrupt = self.interrupt.as_mut();
        let close = self.close.as_mut();
        interrupt.is_some_and(|stream| stream.poll_recv(context).is_ready())
            || close.is_some_and(|stream| stream.poll_recv(context).is_ready())
    }
}

/// Whether whoever started this process had the signal ignored, as far as the system tells.
#[cfg(unix)]
fn is_ignored(kind: tokio::signal::unix::SignalKind) -> bool {
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| ignores(&status, kind.as_raw_value()))
}

#[cfg(unix)]
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| (mask >> (signal - 1)) & 1 == 1)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_that_comes_while_nobody_waits_is_not_lost() {
        let mut stop = StopSignals::listen();
        let sent = std::process::Command::new("kill")
            .args(["-TERM", &std::process::id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        stop.next().await;
    }

    #[test]
    fn what_nohup_ignores_stays_ignored() {
        let status = "Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000000\n";
        assert!(ignores(status, 1) && ignores(status, 13));
        assert!(!ignores(status, 15));
        assert!(!ignores("", 1));
    }
}
