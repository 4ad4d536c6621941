//! Says when the state can't be written, and when it can again.

use std::sync::{Mutex, PoisonError};

use crate::console::Console;
use crate::store::StoreError;

/// Trouble with the store: told when it begins, when it changes and when it is over, instead of
/// with each of the writes that meet it.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<Option<String>>);

impl Trouble {
    /// A write failed.
    pub(super) fn met(&self, error: &StoreError, place: &str, console: &Console) {
        let text = error.to_string();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref() != Some(&text) {
            console.problem(format!(
                "the state in {place} cannot be written: {text}. Orchestrations wait, and are tried again until it can"
            ));
            *told = Some(text);
        }
    }

    /// A write succeeded.
    pub(super) fn over(&self, console: &Console) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        let trouble = Trouble::default();
        trouble.over(&console);
        for text in ["one", "one", "two"] {
            trouble.met(&fault(text), "memory", &console);
        }
        trouble.over(&console);
        trouble.over(&console);
        trouble.met(&fault("two"), "memory", &console);
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
