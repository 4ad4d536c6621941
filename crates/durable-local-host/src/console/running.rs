//! Calls that go on for so long that somebody may wonder.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::invocation::{Invocation, short};
use super::{About, ConsoleLine, ConsoleSource};
use crate::display::{duration, one_line};
use crate::time::Ticks;

/// Ticks of a second.
const SECOND: i64 = 10_000_000;
/// When a call is told for the first time, in seconds; then after twice that, and so on.
const LONG: i64 = 10;

/// A call as it begins.
#[derive(Debug)]
pub(super) struct Begun {
    id: Uuid,
    function: Arc<str>,
    instance: Option<Arc<str>>,
}

impl Begun {
    pub(super) fn of(invocation: &Invocation) -> Self {
        Self {
            id: invocation.id,
            function: Arc::clone(&invocation.function),
            instance: invocation.instance.clone(),
        }
    }

    /// Function, instance and id in short, with a note between.
    fn text(&self, note: &str) -> String {
        let instance = self
            .instance
            .as_deref()
            .map_or_else(String::new, |id| format!("  {}", one_line(id)));
        format!("{}{instance}  {note}  ({})", self.function, short(self.id))
    }

    fn about(&self) -> About {
        About {
            function: Some(Arc::clone(&self.function)),
            invocation: Some(self.id),
            instance: self.instance.clone(),
        }
    }

    /// Says that the call begins.
    pub(super) fn line(&self) -> ConsoleLine {
        ConsoleLine::about(self.about(), ConsoleSource::Detail, self.text("begins"))
    }
}

/// The calls under way.
#[derive(Debug, Default)]
pub(super) struct Running {
    calls: HashMap<Uuid, Call>,
    looked: i64,
}

#[derive(Debug)]
struct Call {
    begun: Begun,
    at: Ticks,
    /// How many seconds it may take until it is told.
    patience: i64,
}

impl Running {
    pub(super) fn begin(&mut self, at: Ticks, begun: Begun) {
        let call = Call {
            at,
            patience: LONG,
            begun,
        };
        self.calls.insert(call.begun.id, call);
    }

    pub(super) fn end(&mut self, id: Uuid) {
        self.calls.remove(&id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Forgets all calls, as ends were missed.
    pub(super) fn forget(&mut self) {
        self.calls.clear();
    }

    /// The calls to tell now; it looks once a second.
    pub(super) fn long(&mut self, now: Ticks) -> Vec<ConsoleLine> {
        let second = now.0.div_euclid(SECOND);
        if second == self.looked {
            return Vec::new();
        }
        self.looked = second;
        let mut long: Vec<_> = self
            .calls
            .values_mut()
            .filter(|call| now.0 - call.at.0 >= call.patience * SECOND)
            .collect();
        long.sort_by_key(|call| call.at);
        let tell = |call: &mut &mut Call| {
            call.patience *= 2;
            let took = duration(now.since(call.at));
            let text = call.begun.text(&format!("has run for {took}"));
            let about = call.begun.about();
            ConsoleLine::about(about, ConsoleSource::Invocation, format!("... {text}"))
        };
        long.iter_mut().map(tell).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::super::invocation::sample;
    use super::*;

    #[test]
    fn long_calls_are_told_again_and_again() {
        let invocation = sample("pay", Outcome::GOOD).invocation;
        let mut running = Running::default();
        let second = |second: i64| Ticks(second * SECOND);
        running.begin(second(100), Begun::of(&invocation));
        let told: Vec<(i64, String)> = (100..150)
            .flat_map(|at| {
                running
                    .long(second(at))
                    .into_iter()
                    .map(move |line| (at, line.text))
            })
            .collect();
        assert_eq!(
            told,
            [
                (
                    110,
                    "... pay  order-7  has run for 10.0 s  (4f6ac1d2)".to_owned()
                ),
                (
                    120,
                    "... pay  order-7  has run for 20.0 s  (4f6ac1d2)".to_owned()
                ),
                (
                    140,
                    "... pay  order-7  has run for 40.0 s  (4f6ac1d2)".to_owned()
                ),
            ]
        );
        running.end(invocation.id);
        assert!(running.is_empty());
        assert!(running.long(second(1000)).is_empty());
    }
}
