//! Keeps the handler process alive.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::Handler;
use super::advice::advice;
use super::client::Client;
use super::command::Launch;
use super::lives::Lives;
use super::output::LastLines;
use super::process::Process;
use crate::console::Console;
use crate::error::Error;
use crate::strict::{Conduct, Errors, Next, Punished};

/// How often the start is tried before the host gives up: only the first start can fail for good.
const FIRST_ATTEMPTS: u32 = 3;
/// A handler that lived this long did not die at once.
const LONG_LIFE: Duration = Duration::from_secs(10);
/// When somebody may wonder what the host waits for.
const SLOW: Duration = Duration::from_secs(2);
/// Longest pause before a restart.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The error for a program that the system does not start.
pub(super) fn not_started(program: &Path, error: &std::io::Error) -> Error {
    Error::HandlerStart {
        program: program.to_owned(),
        advice: advice(program, error),
        cause: match error.raw_os_error() {
            Some(code) => std::io::Error::from_raw_os_error(code),
            None => std::io::Error::new(error.kind(), error.to_string()),
        },
    }
}

/// Where the process is in its life.
#[derive(Clone, Debug)]
pub(super) enum State {
    Starting,
    Ready,
    Stopped,
    Failed(Failure),
}

/// Why the host gives up.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// The system does not start the program.
    NotStarted(Arc<std::io::Error>),
    /// It does not answer.
    NotReady(String),
    /// It has crashed too often.
    Crashed(String),
}

/// Starts the process as often as it takes.
pub(super) struct Supervisor {
    pub(super) handler: Weak<Handler>,
    pub(super) lives: Arc<Lives>,
    pub(super) last_lines: LastLines,
    pub(super) client: Client,
    pub(super) launch: Launch,
    pub(super) environment: Vec<(String, String)>,
    pub(super) initialization_timeout: Duration,
    pub(super) console: Console,
    pub(super) conduct: Conduct,
    pub(super) state: watch::Sender<State>,
    pub(super) stop: watch::Receiver<bool>,
}

/// How a life of the process ended.
enum End {
    Exited(ExitStatus),
    NotStarted(String),
    NotReady,
    TimedOut,
    Stopped,
}

impl End {
    /// Exit code of a process that ended by itself. A process that was killed because a function
    /// took too long is started again like one that asks for it.
    fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Exited(status) => status.code(),
            Self::TimedOut => Some(200),
            Self::NotStarted(_) | Self::NotReady | Self::Stopped => None,
        }
    }

    /// Whether the real host counts it as an error of the handler.
    fn is_error(&self) -> bool {
        !matches!(self.exit_code(), Some(0 | 200)) && !matches!(self, Self::Stopped)
    }
}

impl Supervisor {
    /// Finds out early what can't be started at all.
    pub(super) fn check_spawn(&self) -> Result<(), Error> {
        if self.launch.directory.is_dir() {
            return Ok(());
        }
        Err(Error::HandlerStart {
            program: self.launch.program.clone(),
            cause: std::io::Error::new(
                std::io::ErrorKind::NotFound,
                format!(
                    "its working directory {} is not there",
                    self.launch.directory.display()
                ),
            ),
            advice: "see customHandler.description.workingDirectory in host.json".to_owned(),
        })
    }

    /// Until the host stops, or gives up.
    pub(super) async fn run(mut self) {
        let mut early_deaths = 0u32;
        let mut was_ready = false;
        let mut errors = Errors::default();
        let mut last_error: Option<Instant> = None;
        loop {
            let born = Instant::now();
            let end = match self.spawn() {
                Ok(process) => self.live(process, &mut was_ready).await,
                // It was there before: perhaps it is being built anew just now.
                Err(error) if was_ready => {
                    End::NotStarted(not_started(&self.launch.program, &error).to_string())
                }
                Err(error) => {
                    self.fail(Failure::NotStarted(Arc::new(error)));
                    return;
                }
            };
            if let Some(handler) = self.handler.upgrade() {
                handler.client.forget_connections();
            }
            if matches!(end, End::Stopped) {
                self.state.send_replace(State::Stopped);
                return;
            }
            early_deaths = if born.elapsed() < LONG_LIFE {
                early_deaths + 1
            } else {
                0
            };
            let gives_up =
                !was_ready && (early_deaths >= FIRST_ATTEMPTS || matches!(end, End::NotReady));
            let reason = self.tell(&end, gives_up);
            let count = if end.is_error() {
                let after = last_error.map(|last| last.elapsed());
                last_error = Some(Instant::now());
                errors.add(after)
            } else {
                0
            };
            let next = self.conduct.after_end(end.exit_code(), count);
            if Errors::is_last(count) && was_ready {
                self.console.problem(
                    self.conduct
                        .tell("handler: it has crashed three times", Punished::ThirdCrash),
                );
            }
            if gives_up {
                self.fail(Failure::NotReady(reason));
                return;
            }
            let pause = match next {
                // Calls would wait for ever for one that never gets ready.
                Next::Nobody if matches!(*self.state.borrow(), State::Starting) => {
                    self.fail(Failure::NotReady(reason));
                    return;
                }
                Next::Nobody => {
                    drop(self.stop.wait_for(|stop| *stop).await);
                    self.state.send_replace(State::Stopped);
                    return;
                }
                Next::StopHost => {
                    self.fail(Failure::Crashed(reason));
                    return;
                }
                Next::StartAtOnce => Duration::ZERO,
                Next::Start => pause_after(early_deaths),
            };
            self.state.send_replace(State::Starting);
            if !pause.is_zero() {
                self.console.problem(format!(
                    "the handler ended {early_deaths} times in a row; next start in {} ms",
                    pause.as_millis()
                ));
            }
            tokio::select! {
                () = sleep(pause) => {}
                _ = self.stop.wait_for(|stop| *stop) => {
                    self.state.send_replace(State::Stopped);
                    return;
                }
            }
        }
    }

    fn fail(&self, failure: Failure) {
        self.state.send_replace(State::Failed(failure));
    }

    fn spawn(&self) -> std::io::Result<Process> {
        Process::start(
            &self.launch,
            &self.environment,
            &self.console,
            &self.last_lines,
        )
    }

    async fn live(&mut self, mut process: Process, was_ready: &mut bool) -> End {
        let life = self.lives.begin();
        let end = tokio::select! {
            status = process.ended() => exited(status),
            ready = self.wait_until_ready() => {
                if ready {
                    *was_ready = true;
                    self.state.send_replace(State::Ready);
                    tokio::select! {
                        status = process.ended() => exited(status),
                        () = self.lives.ended(life) => End::TimedOut,
                        _ = self.stop.wait_for(|stop| *stop) => End::Stopped,
                    }
                } else {
                    End::NotReady
                }
            }
            _ = stopped(self.stop.clone()) => End::Stopped,
        };
        match end {
            End::Stopped => process.stop().await,
            _ => process.kill().await,
        }
        end
    }

    async fn wait_until_ready(&self) -> bool {
        let ready = async {
            while !self.client.ping().await {
                sleep(Duration::from_millis(25)).await;
            }
        };
        let slow = async {
            sleep(SLOW).await;
            self.console.say(format!(
                "waiting for `{}` to answer on port {} (customHandler.initializationTimeout, {:?})",
                self.launch,
                self.client.port(),
                self.initialization_timeout
            ));
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answered = timeout(self.initialization_timeout, ready) => answered.is_ok(),
            () = slow => false,
        }
    }

    /// Says what happened; the same for an error.
    fn tell(&self, end: &End, gives_up: bool) -> String {
        let reason = match end {
            End::Exited(status) if status.success() && gives_up => format!(
                "it exited with code 0 each of the {FIRST_ATTEMPTS} times that it was started: a handler listens on the port in FUNCTIONS_CUSTOMHANDLER_PORT for as long as the host runs"
            ),
            End::Exited(status) if status.success() => {
                let what = match self.conduct.after_end(Some(0), 0) {
                    Next::Nobody => "it exited with code 0 and is not started again",
                    _ => "it exited with code 0, and is started again",
                };
                self.conduct.tell(what, Punished::ExitZero)
            }
            End::Exited(status) => format!("it ended with {status}"),
            End::NotReady => format!(
                "it did not answer `GET /` on the port in FUNCTIONS_CUSTOMHANDLER_PORT within {:?} (customHandler.initializationTimeout)",
                self.initialization_timeout
            ),
            End::TimedOut => {
                "a function took longer than functionTimeout, so it was killed".to_owned()
            }
            End::NotStarted(error) => error.clone(),
            End::Stopped => "it was stopped".to_owned(),
        };
        self.console.problem(format!("handler: {reason}"));
        if matches!(end, End::Exited(status) if !status.success()) {
            for line in self.last_lines.all() {
                self.console.problem(format!("handler, last lines: {line}"));
            }
        }
        reason
    }
}

pub(super) async fn stopped(mut stop: watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

fn exited(status: std::io::Result<ExitStatus>) -> End {
    status.map_or(End::NotReady, End::Exited)
}

/// No pause after the first death, then 100 ms doubling.
fn pause_after(deaths: u32) -> Duration {
    match deaths {
        0 | 1 => Duration::ZERO,
        deaths => {
            (Duration::from_millis(100) * 2u32.saturating_pow((deaths - 2).min(10))).min(MAX_PAUSE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit() {
        let pauses: Vec<u64> = (0..10)
            .map(|deaths| u64::try_from(pause_after(deaths).as_millis()).unwrap())
            .collect();
        assert_eq!(pauses, [0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }
}
