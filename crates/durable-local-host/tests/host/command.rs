//! Commands of the executable, as people and scripts give them.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::app::{PATIENCE, TestApp};

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The output of a command that worked.
    #[track_caller]
    pub fn good(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// The error of one that did not.
    #[track_caller]
    pub fn fault(self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for text in texts {
            assert!(self.err.contains(text), "{text}: {self:?}");
        }
    }
}

pub async fn command(args: &[&str], variables: &[(&str, &str)], input: &str) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_durable-local-host"))
        .args(args)
        .env_remove("DURABLE_HOST_URL")
        .env_remove("DURABLE_HOST_KEY")
        .env_remove("DURABLE_HOST_TASK_HUB")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("NO_COLOR")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that reads nothing closes the pipe.
    drop(stdin.write_all(input.as_bytes()).await);
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A command line for that host; words are parted by blanks.
pub async fn run(app: &TestApp, line: &str) -> Ended {
    let words: Vec<&str> = line.split_whitespace().collect();
    run_words(app, &words).await
}

pub async fn run_words(app: &TestApp, words: &[&str]) -> Ended {
    let url = app.client.port.to_string();
    command(words, &[("DURABLE_HOST_URL", &url)], "").await
}
