//! What the handler process writes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use crate::console::{Console, ConsoleSource};
use crate::sync::lock;

/// How many lines are told when a life ends.
const LAST: usize = 3;

/// The last lines on standard error.
#[derive(Clone, Debug, Default)]
pub(super) struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    pub(super) fn all(&self) -> Vec<String> {
        lock(&self.0).iter().cloned().collect()
    }

    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }

    fn push(&self, line: String) {
        let mut kept = lock(&self.0);
        if kept.len() == LAST {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}

/// Prints what the process writes; keeps the last lines when asked to.
pub(super) async fn forward(
    pipe: impl AsyncRead + Unpin,
    console: Console,
    source: ConsoleSource,
    keep: Option<LastLines>,
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
            keep.push(text.clone());
        }
        console.line(source, text);
    }
}
