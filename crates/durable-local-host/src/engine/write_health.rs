//! Says when the state can't be written, and when it can again.

use std::sync::Mutex;

use crate::console::Console;
use crate::store::StoreError;
use crate::sync::lock;

/// Whether writes succeed. Told is when they begin to fail, when the reason changes and when they
/// succeed again, instead of each write that fails.
#[derive(Debug, Default)]
pub(super) struct WriteHealth(Mutex<Option<String>>);

impl WriteHealth {
    /// A write failed.
    pub(super) fn failed(&self, error: &StoreError, place: &str, console: &Console) {
        let text = error.to_string();
        let mut told = lock(&self.0);
        if told.as_ref() != Some(&text) {
            console.problem(format!(
                "the state in {place} cannot be written: {text}. Orchestrations wait, and are tried again until it can"
            ));
            *told = Some(text);
        }
    }

    /// A write succeeded.
    pub(super) fn succeeded(&self, console: &Console) {
        let mut told = lock(&self.0);
        if told.take().is_some() {
            console.say("the state can be written again; orchestrations go on");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn it_is_told_once_until_it_changes_or_ends() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let console = {
            let lines = Arc::clone(&lines);
            Console::new(move |line| lines.lock().unwrap().push(line.to_string()))
        };
        let fault = |text: &str| StoreError::Unreadable(text.to_owned());
        let health = WriteHealth::default();
        health.succeeded(&console);
        for text in ["one", "one", "two"] {
            health.failed(&fault(text), "memory", &console);
        }
        health.succeeded(&console);
        health.succeeded(&console);
        health.failed(&fault("two"), "memory", &console);
        let lines = lines.lock().unwrap();
        let begins = [
            "! the state in memory cannot be written: one",
            "! the state in memory cannot be written: two",
            "the state can be written again",
            "! the state in memory cannot be written: two",
        ];
        assert_eq!(lines.len(), begins.len(), "{lines:?}");
        for (line, begin) in lines.iter().zip(begins) {
            assert!(line.starts_with(begin), "{line}");
        }
    }
}
