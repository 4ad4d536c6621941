//! The host as a process of its own.

use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::app::{Client, Lines, PATIENCE};

/// A host process; killed when the test forgets it.
pub struct HostProcess {
    child: Child,
    port: u16,
    pub lines: Lines,
}

impl HostProcess {
    /// Starts the binary on a free port and waits until it listens.
    pub async fn start(app: &Path, args: &[&str]) -> Self {
        let program = Command::new(env!("CARGO_BIN_EXE_durable-local-host"));
        Self::listening(Self::spawn_as(
            program,
            app,
            &[&["--port", "0"], args].concat(),
        ))
        .await
    }

    /// The same for a process that lives on when the system refuses to let a file grow.
    pub async fn start_with_small_files(app: &Path, args: &[&str]) -> Self {
        let mut program = Command::new("sh");
        program
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(env!("CARGO_BIN_EXE_durable-local-host"));
        Self::listening(Self::spawn_as(
            program,
            app,
            &[&["--port", "0"], args].concat(),
        ))
        .await
    }

    async fn listening(mut host: Self) -> Self {
        let line = host.lines.wait_for("Listening on http://localhost:").await;
        let port = line
            .split("localhost:")
            .nth(1)
            .unwrap()
            .split('.')
            .next()
            .unwrap();
        host.port = port.parse().unwrap();
        host
    }

    /// Starts the binary.
    pub fn spawn(app: &Path, args: &[&str]) -> Self {
        Self::spawn_as(
            Command::new(env!("CARGO_BIN_EXE_durable-local-host")),
            app,
            args,
        )
    }

    fn spawn_as(mut program: Command, app: &Path, args: &[&str]) -> Self {
        let mut child = program
            .arg("--app")
            .arg(app)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = Lines::new();
        tokio::spawn(read(child.stdout.take().unwrap(), lines.clone()));
        tokio::spawn(read(child.stderr.take().unwrap(), lines.clone()));
        Self {
            child,
            port: 0,
            lines,
        }
    }

    pub fn client(&self) -> Client {
        Client { port: self.port }
    }

    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub async fn wait(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .unwrap()
            .unwrap()
    }

    /// Stops it with SIGTERM.
    pub async fn terminate(mut self) -> ExitStatus {
        signal("-TERM", self.id());
        self.wait().await
    }
}

async fn read(pipe: impl AsyncRead + Unpin, lines: Lines) {
    let mut reader = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = reader.next_line().await {
        lines.push(line);
    }
}

pub fn kill_9(process: u32) {
    signal("-KILL", process);
}

pub fn signal(signal: &str, process: u32) {
    let status = std::process::Command::new("kill")
        .args([signal, &process.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}
