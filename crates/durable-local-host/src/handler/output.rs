//! What the handler process writes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader};

use crate::console::{Console, ConsoleSource};
use crate::display::cut;
use crate::sync::lock;

/// How many lines are told when a life ends.
const LAST: usize = 3;
/// Columns of such a line at most.
const READABLE: usize = 2000;
/// Bytes of a line at most.
const LONGEST: usize = 64 * 1024;
/// What stands at the end of a part of a line.
const CUT: &str = " [the line goes on]";

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

    fn push(&self, line: &str) {
        let line = cut(line, READABLE, "…").into_owned();
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
    while let Some(line) = next_line(&mut lines).await {
        if let Some(keep) = &keep {
            keep.push(&line);
        }
        console.line(source, line);
    }
}

/// The next line, or the next part of one that is too long to be kept.
async fn next_line(lines: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    let is_whole = loop {
        let there = match lines.fill_buf().await {
            Ok([]) | Err(_) if line.is_empty() => return None,
            Ok([]) | Err(_) => break true,
            Ok(there) => there,
        };
        let room = there.get(..LONGEST - line.len()).unwrap_or(there);
        let end = room.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(room.len(), |end| end + 1);
        line.extend(room.iter().take(taken));
        lines.consume(taken);
        if end.is_some() {
            break true;
        }
        if line.len() == LONGEST {
            break false;
        }
    };
    let mut text = String::from_utf8_lossy(&line)
        .trim_end_matches(['\n', '\r'])
        .to_owned();
    if !is_whole {
        text.push_str(CUT);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(written: &[u8]) -> Vec<String> {
        let mut reader = BufReader::new(written);
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut reader).await {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn lines_end_with_a_line_feed_or_with_the_output() {
        assert_eq!(
            lines(b"one\r\n\ntwo\xff\nthree").await,
            ["one", "", "two\u{fffd}", "three"]
        );
        assert_eq!(lines(b"").await, [""; 0]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_cut() {
        let mut written = vec![b'x'; 2 * LONGEST + 5];
        written.extend(b"\nnext\n");
        let part = format!("{}{CUT}", "x".repeat(LONGEST));
        let lines = lines(&written).await;
        assert_eq!(lines, [part.as_str(), &part, "xxxxx", "next"]);
    }
}
