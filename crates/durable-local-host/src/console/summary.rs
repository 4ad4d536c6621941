//! What stands for lines that nobody could read.

use std::collections::BTreeMap;

use super::{Executed, Outcome};
use crate::time::Ticks;

/// Lines a second of calls that worked; a terminal shows no more than its height anyway.
const READABLE: usize = 100;

/// Lets so many calls that worked be told one by one in each second, and counts the others.
#[derive(Debug, Default)]
pub(super) struct Summary {
    second: i64,
    told: usize,
    counted: BTreeMap<String, usize>,
}

impl Summary {
    /// Whether a call is to be told; otherwise it is counted.
    pub(super) fn tells(&mut self, executed: &Executed) -> bool {
        if !matches!(executed.outcome, Outcome::Good(_)) {
            return true;
        }
        if self.told < READABLE {
            self.told += 1;
            return true;
        }
        let function = &executed.invocation.function;
        match self.counted.get_mut(&**function) {
            Some(count) => *count += 1,
            None => drop(self.counted.insert(function.to_string(), 1)),
        }
        false
    }

    /// Whether something was counted and not told yet.
    pub(super) fn has_counted(&self) -> bool {
        !self.counted.is_empty()
    }

    /// Begins a new second when it is time for one; what was counted in the last one.
    pub(super) fn turn(&mut self, now: Ticks) -> Option<String> {
        let second = now.0.div_euclid(10_000_000);
        if second == self.second {
            return None;
        }
        self.second = second;
        self.told = 0;
        self.take()
    }

    /// What was counted.
    pub(super) fn take(&mut self) -> Option<String> {
        let mut counted: Vec<_> = std::mem::take(&mut self.counted).into_iter().collect();
        if counted.is_empty() {
            return None;
        }
        counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let all: usize = counted.iter().map(|(_, count)| count).sum();
        let each: Vec<String> = counted
            .iter()
            .map(|(function, count)| format!("{function} {count}"))
            .collect();
        Some(format!(
            "... and {all} more calls that worked: {} (--verbose tells each)",
            each.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::invocation::sample;
    use super::*;

    #[test]
    fn calls_beyond_what_can_be_read_are_counted() {
        let mut summary = Summary::default();
        let second = |second: i64| Ticks(second * 10_000_000);
        assert_eq!(summary.turn(second(1)), None);
        let told = (0..READABLE + 5)
            .filter(|_| summary.tells(&sample("hello", Outcome::GOOD)))
            .count();
        assert_eq!(told, READABLE);
        assert!(!summary.tells(&sample("pay", Outcome::GOOD)));
        assert!(
            summary.tells(&sample("pay", Outcome::FAILED)),
            "failures are always told"
        );
        assert_eq!(summary.turn(second(1)), None);
        assert_eq!(
            summary.turn(second(2)).unwrap(),
            "... and 6 more calls that worked: hello 5, pay 1 (--verbose tells each)"
        );
        assert!(summary.tells(&sample("hello", Outcome::GOOD)));
        assert!(!summary.has_counted());
    }
}
