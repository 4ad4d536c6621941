//! Says when something has grown so large that it will hurt, before it does.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::console::{About, Console};
use crate::sync::lock;

/// A history of so many bytes costs more to send than most turns cost to run.
const LARGE_HISTORY: usize = 8 * 1024 * 1024;

/// What was said already: each thing once.
#[derive(Debug)]
pub(super) struct Limits {
    payload: usize,
    told: Mutex<HashSet<String>>,
}

impl Limits {
    /// `payload` is what gRPC clients are advised to accept, in bytes.
    pub(super) fn new(payload: u32) -> Self {
        Self {
            payload: usize::try_from(payload).unwrap_or(usize::MAX),
            told: Mutex::default(),
        }
    }

    /// A history has grown.
    pub(super) fn history(&self, instance: &str, before: usize, after: usize, console: &Console) {
        if before <= LARGE_HISTORY && after > LARGE_HISTORY {
            let text = format!(
                "{instance}: its history has {}, and all of it goes to the handler with every turn: start over with continue-as-new now and then, split the work into sub-orchestrations, or pass references instead of large values",
                megabytes(after)
            );
            console.problem_of(About::instance(instance), text);
        }
    }

    /// Something returned a value; told once for each function.
    pub(super) fn value(&self, instance: &str, function: &str, size: usize, console: &Console) {
        if size <= self.payload || !lock(&self.told).insert(function.to_owned()) {
            return;
        }
        let text = format!(
            "{instance}: the result of `{function}` has {}, more than the {} of `maxGrpcMessageSizeInBytes` (host.json, extensions.durableTask), so that gRPC clients can't read it: store it elsewhere and return where it is",
            megabytes(size),
            megabytes(self.payload)
        );
        let about = About::instance(instance).with_function(function);
        console.problem_of(about, text);
    }
}

fn megabytes(bytes: usize) -> String {
    // Two digits are enough for people.
    #[expect(clippy::cast_precision_loss)]
    let bytes = bytes as f64;
    format!("{:.1} MB", bytes / (1024.0 * 1024.0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn each_thing_is_told_once() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let console = {
            let lines = Arc::clone(&lines);
            Console::new(move |line| lines.lock().unwrap().push(line.to_string()))
        };
        let limits = Limits::new(4 * 1024 * 1024);
        let mega = 1024 * 1024;
        limits.history("a", 7 * mega, 8 * mega, &console);
        limits.history("a", 8 * mega, 9 * mega, &console);
        limits.history("a", 9 * mega, 10 * mega, &console);
        limits.value("a", "big", 4 * mega, &console);
        limits.value("a", "big", 5 * mega, &console);
        limits.value("b", "big", 6 * mega, &console);
        limits.value("b", "other", 6 * mega, &console);
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].contains("a: its history has 9.0 MB"));
        assert!(lines[1].contains("`big` has 5.0 MB, more than the 4.0 MB"));
        assert!(lines[2].contains("`other`"));
    }
}
