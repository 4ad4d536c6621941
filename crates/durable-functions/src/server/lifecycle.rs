//! When the process ends: on a signal, or when the development host that started it is gone.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, stdin};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Set by the development host, which holds the other end of the handler's standard input open
/// for as long as it lives.
const LOCAL_HOST: &str = "DURABLE_LOCAL_HOST";

/// The exit code that the Functions host takes as "start me again", without counting it as a
/// crash. After 0 it would never start the handler again.
const RESTART: u8 = 200;

/// Why the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The development host that started it is gone: nobody waits for an answer.
    Orphaned,
    /// It was asked to, and what it was doing is done.
    Drained,
    /// It was asked to twice: at once.
    Hurried,
}

impl End {
    pub(crate) fn code(self) -> ExitCode {
        match self {
            Self::Orphaned => ExitCode::SUCCESS,
            Self::Drained | Self::Hurried => ExitCode::from(RESTART),
        }
    }
}

/// What is running, and whether the process is about to end.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    draining: AtomicBool,
    running: AtomicUsize,
    idle: Notify,
    cancellation: CancellationToken,
}

impl Lifecycle {
    /// Whether the process is about to end: turns are to be delivered to its successor.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Cancelled when the process is asked to end.
    pub(crate) fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// Counts an invocation that the process waits for before it ends.
    pub(crate) fn enter(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::AcqRel);
        Running(Arc::clone(self))
    }

    fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.cancellation.cancel();
    }

    async fn drained(&self) {
        loop {
            let idle = self.idle.notified();
            if self.running.load(Ordering::Acquire) == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Waits for the end of the process.
    pub(crate) async fn ended(&self) -> End {
        tokio::select! {
            () = orphaned() => {
                tracing::debug!("the development host is gone, so this handler ends");
                return End::Orphaned;
            }
            () = asked_to_end() => {}
        }
        self.drain();
        tracing::info!(
            "asked to end: waiting for {} invocation(s)",
            self.running.load(Ordering::Acquire)
        );
        tokio::select! {
            () = self.drained() => End::Drained,
            () = orphaned() => End::Orphaned,
            () = asked_to_end() => {
                tracing::info!("asked again: ending at once");
                End::Hurried
            }
        }
    }
}

/// An invocation that is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Running(Arc<Lifecycle>);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

/// Waits for the end of standard input, if a development host holds it.
async fn orphaned() {
    if std::env::var_os(LOCAL_HOST).is_some() {
        let mut buffer = [0; 64];
        let mut stdin = stdin();
        while !matches!(stdin.read(&mut buffer).await, Ok(0) | Err(_)) {}
    } else {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) {
        (Ok(mut terminate), Ok(mut interrupt)) => tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        },
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn asked_to_end() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
