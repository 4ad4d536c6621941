//! The handler's process, with those that it starts.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::command::Launch;
use super::output::{LastLines, forward};
use crate::console::{Console, ConsoleSource};

/// How long a handler may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(3);
/// How long its last words may take to arrive: who left the group may hold the pipes open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A running handler. A wrapper such as a shell script or `npm start` is the parent of the one that
/// serves, so all of its group end together, also when this is dropped.
pub(super) struct Process {
    child: Child,
    /// Kept open for as long as the process shall live.
    stdin: Option<ChildStdin>,
    outputs: Vec<JoinHandle<()>>,
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
}

impl Process {
    pub(super) fn start(
        launch: &Launch,
        environment: &[(String, String)],
        console: &Console,
        last_lines: &LastLines,
    ) -> std::io::Result<Self> {
        last_lines.clear();
        let mut command = Command::new(&launch.program);
        // Ctrl-C in the terminal is for the host, which then ends the handler in its own way.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command
            .args(&launch.args)
            .current_dir(&launch.directory)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let out = child.stdout.take().map(|pipe| {
            let console = console.clone();
            tokio::spawn(forward(pipe, console, ConsoleSource::HandlerOut, None))
        });
        let error = child.stderr.take().map(|pipe| {
            let (console, keep) = (console.clone(), Some(last_lines.clone()));
            tokio::spawn(forward(pipe, console, ConsoleSource::HandlerError, keep))
        });
        Ok(Self {
            stdin: child.stdin.take(),
            outputs: out.into_iter().chain(error).collect(),
            #[cfg(unix)]
            group: group_of(&child),
            child,
        })
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks it to end, and ends it when that takes too long. The real host kills at once; this way
    /// the handler can clean up.
    pub(super) async fn stop(mut self) {
        drop(self.stdin.take());
        #[cfg(unix)]
        self.signal(rustix::process::Signal::TERM);
        let outputs = &mut self.outputs;
        let child = &mut self.child;
        let ended = async {
            drop(child.wait().await);
            // Those that a wrapper leaves behind still hold the pipes while they clean up.
            closed(outputs).await;
        };
        drop(timeout(GRACE, ended).await);
        self.kill().await;
    }

    /// Ends it, and what a process that has ended by itself has left behind.
    pub(super) async fn kill(mut self) {
        self.kill_group();
        drop(self.child.kill().await);
        drop(timeout(LAST_WORDS, closed(&mut self.outputs)).await);
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(group) = self.group {
            // An error says that nobody is left.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    fn kill_group(&mut self) {
        #[cfg(unix)]
        {
            self.signal(rustix::process::Signal::KILL);
            // Its number may be another's from now on.
            self.group = None;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// Waits until nobody writes any more.
async fn closed(outputs: &mut Vec<JoinHandle<()>>) {
    while let Some(output) = outputs.last_mut() {
        drop(output.await);
        outputs.pop();
    }
}

/// The group that the process leads.
#[cfg(unix)]
fn group_of(child: &Child) -> Option<rustix::process::Pid> {
    let id = child.id()?;
    rustix::process::Pid::from_raw(i32::try_from(id).ok()?)
}
