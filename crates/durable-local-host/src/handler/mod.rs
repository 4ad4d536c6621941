//! The handler process: starting it, keeping it alive, calling it.

mod advice;
mod client;
mod command;
mod lives;
mod output;
mod process;
mod supervisor;

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::authority::Authority;
use crate::clock::Clock;
use crate::config::AppConfig;
use crate::console::Console;
use crate::error::Error;
use crate::strict::{Conduct, Punished};
use client::Client;
use command::resolve_command;
use lives::Lives;
use output::LastLines;
use supervisor::{Failure, State, Supervisor};

pub use command::HandlerCommand;

pub(crate) use client::{CallError, Forwarded, RawAnswer, USER_AGENT_VALUE};

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

/// The handler: calls wait while it is not ready.
#[derive(Debug)]
pub(crate) struct Handler {
    client: Client,
    state: watch::Receiver<State>,
    lives: Arc<Lives>,
    stop: watch::Sender<bool>,
    done: watch::Receiver<bool>,
    function_timeout: Option<Duration>,
    last_lines: LastLines,
    program: PathBuf,
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
            last_lines: LastLines::default(),
            program: launch.program.clone(),
            console: console.clone(),
            conduct: options.conduct,
        });
        let supervisor = Supervisor {
            handler: Arc::downgrade(&handler),
            lives: Arc::clone(&handler.lives),
            last_lines: handler.last_lines.clone(),
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
        match settled.as_deref() {
            Ok(State::Ready) => Ok(()),
            Ok(State::Failed(failure)) => Err(self.error(failure)),
            _ => Err(self.error(&Failure::NotReady("it was stopped".to_owned()))),
        }
    }

    fn error(&self, failure: &Failure) -> Error {
        match failure {
            Failure::NotStarted(error) => supervisor::not_started(&self.program, error),
            Failure::NotReady(reason) => Error::HandlerNotReady {
                program: self.program.clone(),
                reason: reason.clone(),
                stderr: self.last_lines.all(),
            },
            Failure::Crashed(reason) => Error::HandlerGivenUp {
                reason: reason.clone(),
            },
        }
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
            supervisor::stopped(self.stop.subscribe()).await;
            return Err(CallError::Stopping);
        }
        Ok(answer)
    }

    /// Waits until the host has to stop because of its handler; why.
    pub(crate) async fn given_up(&self) -> Error {
        let mut state = self.state.clone();
        loop {
            if let State::Failed(failure) = &*state.borrow_and_update() {
                return self.error(failure);
            }
            if state.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    async fn ready(&self) -> Result<(), CallError> {
        // One that took too long may not be dead yet.
        let serves = |state: &State| matches!(state, State::Ready) && self.lives.goes_on();
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

    /// Has the process end, and waits for nothing.
    pub(crate) fn ask_to_end(&self) {
        self.stop.send_replace(true);
    }

    /// Ends the process.
    pub(crate) async fn stop(&self) {
        self.ask_to_end();
        let mut done = self.done.clone();
        drop(done.wait_for(|done| *done).await);
    }
}

/// A loopback port that nobody listens on.
fn free_port() -> Result<u16, Error> {
    let system = |cause| Error::System {
        what: "no free port for the handler",
        cause,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(system)?;
    Ok(listener.local_addr().map_err(system)?.port())
}
