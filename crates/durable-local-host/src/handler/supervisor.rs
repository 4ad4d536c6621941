//! Keeps the handler process alive.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::client::{CallError, Client, Forwarded, RawAnswer};
use super::command::{HandlerCommand, Launch, resolve_command};
use crate::authority::Authority;
use crate::clock::Clock;
use crate::config::AppConfig;
use crate::console::{Console, ConsoleSource};
use crate::error::Error;
use crate::strict::{Conduct, Errors, Next, Punished};
use crate::sync::lock;

/// How often the start is tried before the host gives up: only the first start can fail for good.
const FIRST_ATTEMPTS: u32 = 3;
/// A handler that lived this long did not die at once.
const LONG_LIFE: Duration = Duration::from_secs(10);
/// Longest pause before a restart.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// How long a handler may take to end when its standard input closes.
const GRACE: Duration = Duration::from_secs(3);

/// What the handler process needs to know of the host.
#[derive(Debug)]
pub(crate) struct HandlerOptions {
    /// Where the host is reached, for `WEBSITE_HOSTNAME`.
    pub(crate) authority: Authority,
    /// The command, when host.json is not to be asked.
    pub(crate) command: Option<HandlerCommand>,
    /// What becomes of what the real host punishes.
    pub(crate) conduct: Conduct,
}

/// Counts the lives of the process: a call that takes too long ends the life that it began in, and
/// not the next one.
#[derive(Debug, Default)]
struct Lives {
    current: AtomicU64,
    ended: watch::Sender<u64>,
}

impl Lives {
    fn current(&self) -> u64 {
        self.current.load(Ordering::Relaxed)
    }

    fn begin(&self) -> u64 {
        self.current.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn end(&self, life: u64) {
        self.ended.send_modify(|ended| *ended = life.max(*ended));
    }

    /// Whether the process of now is to live on.
    fn goes_on(&self) -> bool {
        *self.ended.borrow() < self.current()
    }

    async fn ended(&self, life: u64) {
        let mut ended = self.ended.subscribe();
        drop(ended.wait_for(|ended| *ended >= life).await);
    }
}

/// Where the process is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Ready,
    Stopped,
    Failed(String),
}

/// The handler: calls wait while it is not ready.
#[derive(Debug)]
pub(crate) struct Handler {
    client: Client,
    state: watch::Receiver<State>,
    lives: Arc<Lives>,
    stop: watch::Sender<bool>,
    done: watch::Receiver<bool>,
    function_timeout: Option<Duration>,
    stderr: Arc<Mutex<VecDeque<String>>>,
    program: std::path::PathBuf,
    console: Console,
    conduct: Conduct,
}

impl Handler {
    /// Starts the process and waits until it answers.
    pub(crate) async fn start(
        app: &AppConfig,
        options: HandlerOptions,
        console: Console,
    ) -> Result<Arc<Self>, Error> {
        let port = free_port()?;
        let worker = uuid::Uuid::new_v4().to_string();
        let variables = [
            ("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string()),
            ("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", worker.clone()),
            ("FUNCTIONS_HTTPWORKER_PORT", port.to_string()),
            ("FUNCTIONS_HTTPWORKER_ID", worker),
            ("FUNCTIONS_APP_ROOT_PATH", app.root.display().to_string()),
            ("WEBSITE_HOSTNAME", options.authority.to_string()),
            ("AZURE_FUNCTIONS_ENVIRONMENT", "Development".to_owned()),
            // Tells the SDK to end when its standard input does: no orphan when the host is killed.
            ("DURABLE_LOCAL_HOST", "1".to_owned()),
        ];
        let launch = resolve_command(app, options.command, &variables)?;
        let mut environment: Vec<(String, String)> = app
            .settings
            .missing_from_environment()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        environment.extend(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        let (state_sender, state) = watch::channel(State::Starting);
        let (stop, stop_receiver) = watch::channel(false);
        let (done_sender, done) = watch::channel(false);
        let handler = Arc::new(Self {
            client: Client::new(port),
            state,
            lives: Arc::default(),
            stop,
            done,
            function_timeout: app.host.function_timeout,
            stderr: Arc::default(),
            program: launch.program.clone(),
            console: console.clone(),
            conduct: options.conduct,
        });
        let supervisor = Supervisor {
            handler: Arc::downgrade(&handler),
            lives: Arc::clone(&handler.lives),
            stderr: Arc::clone(&handler.stderr),
            client: Client::new(port),
            launch,
            environment,
            initialization_timeout: app.host.initialization_timeout,
            console,
            conduct: options.conduct,
            state: state_sender,
            stop: stop_receiver,
        };
        supervisor.check_spawn()?;
        tokio::spawn(async move {
            supervisor.run().await;
            done_sender.send_replace(true);
        });
        handler.wait_for_start().await?;
        Ok(handler)
    }

    async fn wait_for_start(&self) -> Result<(), Error> {
        let mut state = self.state.clone();
        let settled = state
            .wait_for(|state| !matches!(state, State::Starting))
            .await;
        let reason = match settled.as_deref() {
            Ok(State::Ready) => return Ok(()),
            Ok(State::Failed(reason)) => reason.clone(),
            _ => "it was stopped".to_owned(),
        };
        Err(Error::HandlerNotReady {
            program: self.program.clone(),
            reason,
            stderr: lock(&self.stderr).iter().cloned().collect(),
        })
    }

    /// Calls a function, as soon as the handler is ready.
    pub(crate) async fn call(
        &self,
        function: &str,
        invocation: &str,
        body: Bytes,
    ) -> Result<RawAnswer, CallError> {
        self.within_limit(self.post(None, function, invocation, body))
            .await
    }

    /// The same for one who is at work by a clock, which does not wait for a call that hangs.
    pub(crate) async fn call_at_work(
        &self,
        clock: &Clock,
        function: &str,
        invocation: &str,
        body: Bytes,
    ) -> Result<RawAnswer, CallError> {
        self.within_limit(self.post(Some(clock), function, invocation, body))
            .await
    }

    /// Sends a request on as it is, as soon as the handler is ready.
    pub(crate) async fn forward(&self, request: &Forwarded) -> Result<RawAnswer, CallError> {
        self.within_limit(self.client.forward(request)).await
    }

    async fn within_limit(
        &self,
        call: impl Future<Output = Result<RawAnswer, CallError>>,
    ) -> Result<RawAnswer, CallError> {
        self.ready().await?;
        let life = self.lives.current();
        let Some(limit) = self.function_timeout else {
            return call.await;
        };
        match timeout(limit, call).await {
            Ok(answer) => answer,
            Err(_) => {
                // As the real host does: whatever else runs in the process dies with it.
                self.lives.end(life);
                Err(CallError::Timeout(limit))
            }
        }
    }

    async fn post(
        &self,
        clock: Option<&Clock>,
        function: &str,
        invocation: &str,
        body: Bytes,
    ) -> Result<RawAnswer, CallError> {
        let answer = self.client.post(function, invocation, body).await?;
        if answer.says_nothing() && self.conduct.hangs_on_empty_answers() {
            let what = format!("{function}: the handler's answer was empty, so this call hangs");
            self.console
                .problem(self.conduct.tell(&what, Punished::EmptyAnswer));
            let _paused = clock.map(Clock::pause);
            stopped(self.stop.subscribe()).await;
            return Err(CallError::Stopping);
        }
        Ok(answer)
    }

    /// Waits until the host has to stop because of its handler; why.
    pub(crate) async fn given_up(&self) -> String {
        let mut state = self.state.clone();
        loop {
            if let State::Failed(reason) = &*state.borrow_and_update() {
                return reason.clone();
            }
            if state.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    async fn ready(&self) -> Result<(), CallError> {
        // One that took too long may not be dead yet.
        let serves = |state: &State| *state == State::Ready && self.lives.goes_on();
        if serves(&self.state.borrow()) {
            return Ok(());
        }
        let mut state = self.state.clone();
        let ends = |state: &State| matches!(state, State::Stopped | State::Failed(_));
        match state.wait_for(|state| serves(state) || ends(state)).await {
            Ok(state) if !ends(&state) => Ok(()),
            _ => Err(CallError::Stopping),
        }
    }

    /// Ends the process.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        let mut done = self.done.clone();
        drop(done.wait_for(|done| *done).await);
    }
}

/// A loopback port that nobody listens on.
fn free_port() -> Result<u16, Error> {
    let system = |source| Error::System {
        what: "no free port for the handler",
        source,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(system)?;
    Ok(listener.local_addr().map_err(system)?.port())
}

struct Supervisor {
    handler: std::sync::Weak<Handler>,
    lives: Arc<Lives>,
    stderr: Arc<Mutex<VecDeque<String>>>,
    client: Client,
    launch: Launch,
    environment: Vec<(String, String)>,
    initialization_timeout: Duration,
    console: Console,
    conduct: Conduct,
    state: watch::Sender<State>,
    stop: watch::Receiver<bool>,
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
    fn check_spawn(&self) -> Result<(), Error> {
        if self.launch.directory.is_dir() {
            return Ok(());
        }
        Err(Error::HandlerStart {
            program: self.launch.program.clone(),
            source: std::io::Error::new(
                std::io::ErrorKind::NotFound,
                format!(
                    "its working directory {} is not there",
                    self.launch.directory.display()
                ),
            ),
        })
    }

    async fn run(mut self) {
        let mut early_deaths = 0u32;
        let mut was_ready = false;
        let mut errors = Errors::default();
        let mut last_error: Option<Instant> = None;
        loop {
            let born = Instant::now();
            let end = match self.spawn() {
                Ok(child) => self.live(child, &mut was_ready).await,
                // It was there before: perhaps it is being built anew just now.
                Err(error) if was_ready => End::NotStarted(error.to_string()),
                Err(error) => {
                    self.state.send_replace(State::Failed(error.to_string()));
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
            let reason = self.tell(&end);
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
            early_deaths = if born.elapsed() < LONG_LIFE {
                early_deaths + 1
            } else {
                0
            };
            if !was_ready && early_deaths >= FIRST_ATTEMPTS {
                self.state.send_replace(State::Failed(reason));
                return;
            }
            if !was_ready && matches!(end, End::NotReady) {
                self.state.send_replace(State::Failed(reason));
                return;
            }
            let pause = match next {
                // Calls would wait for ever for one that never gets ready.
                Next::Nobody if *self.state.borrow() == State::Starting => {
                    self.state.send_replace(State::Failed(reason));
                    return;
                }
                Next::Nobody => {
                    drop(self.stop.wait_for(|stop| *stop).await);
                    self.state.send_replace(State::Stopped);
                    return;
                }
                Next::StopHost => {
                    self.state.send_replace(State::Failed(reason));
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

    fn spawn(&self) -> std::io::Result<Child> {
        lock(&self.stderr).clear();
        let mut command = Command::new(&self.launch.program);
        // Ctrl-C in the terminal is for the host, which then ends the handler in its own way.
        #[cfg(unix)]
        command.process_group(0);
        command
            .args(&self.launch.args)
            .current_dir(&self.launch.directory)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }

    async fn live(&mut self, mut child: Child, was_ready: &mut bool) -> End {
        let life = self.lives.begin();
        // Kept open for as long as the process shall live.
        let stdin = child.stdin.take();
        if let Some(out) = child.stdout.take() {
            tokio::spawn(forward(
                out,
                self.console.clone(),
                ConsoleSource::HandlerOut,
                None,
            ));
        }
        let errors = child.stderr.take().map(|err| {
            tokio::spawn(forward(
                err,
                self.console.clone(),
                ConsoleSource::HandlerError,
                Some(Arc::clone(&self.stderr)),
            ))
        });
        let end = tokio::select! {
            status = child.wait() => exited(status),
            ready = self.wait_until_ready() => {
                if ready {
                    *was_ready = true;
                    self.state.send_replace(State::Ready);
                    tokio::select! {
                        status = child.wait() => exited(status),
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
            End::Exited(_) => {
                // Its last words may still be in the pipe; a grandchild may hold that open, though.
                if let Some(errors) = errors {
                    drop(timeout(Duration::from_millis(500), errors).await);
                }
            }
            End::Stopped => {
                drop(stdin);
                if timeout(GRACE, child.wait()).await.is_err() {
                    drop(child.kill().await);
                }
            }
            End::NotReady | End::TimedOut | End::NotStarted(_) => drop(child.kill().await),
        }
        end
    }

    async fn wait_until_ready(&self) -> bool {
        let ready = async {
            while !self.client.ping().await {
                sleep(Duration::from_millis(25)).await;
            }
        };
        timeout(self.initialization_timeout, ready).await.is_ok()
    }

    /// Says what happened; the same for an error.
    fn tell(&self, end: &End) -> String {
        let reason = match end {
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
            End::NotStarted(error) => format!("it could not be started: {error}"),
            End::Stopped => "it was stopped".to_owned(),
        };
        self.console.problem(format!("handler: {reason}"));
        if matches!(end, End::Exited(status) if !status.success()) {
            for line in lock(&self.stderr).iter() {
                self.console.problem(format!("handler, last lines: {line}"));
            }
        }
        reason
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
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

/// Prints what the process writes; keeps the last lines when asked to.
async fn forward(
    pipe: impl AsyncRead + Unpin,
    console: Console,
    source: ConsoleSource,
    keep: Option<Arc<Mutex<VecDeque<String>>>>,
) {
    let mut lines = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        match lines.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line)
            .trim_end_matches(['\n', '\r'])
            .to_owned();
        if let Some(keep) = &keep {
            let mut kept = lock(keep);
            if kept.len() == 3 {
                kept.pop_front();
            }
            kept.push_back(text.clone());
        }
        console.line(source, text);
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

    #[tokio::test]
    async fn a_late_timeout_does_not_end_the_next_life() {
        let lives = Lives::default();
        let first = lives.begin();
        assert!(lives.goes_on());
        lives.end(first);
        lives.ended(first).await;
        assert!(!lives.goes_on());
        let second = lives.begin();
        lives.end(first);
        assert!(lives.goes_on());
        let soon = timeout(Duration::from_millis(20), lives.ended(second)).await;
        assert!(soon.is_err());
        assert_eq!(lives.current(), second);
    }
}
