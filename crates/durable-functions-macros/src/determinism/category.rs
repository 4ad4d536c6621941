//! The kinds of things that break replay.

/// A kind of thing that breaks replay, by whose name it can be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Category {
    Clock,
    Random,
    Io,
    Sleep,
    Spawn,
    Select,
    HashIteration,
    Lock,
    Print,
}

impl Category {
    pub(crate) const ALL: [Self; 9] = [
        Self::Clock,
        Self::Random,
        Self::Io,
        Self::Sleep,
        Self::Spawn,
        Self::Select,
        Self::HashIteration,
        Self::Lock,
        Self::Print,
    ];

    /// The name in `allow(..)`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Clock => "clock",
            Self::Random => "random",
            Self::Io => "io",
            Self::Sleep => "sleep",
            Self::Spawn => "spawn",
            Self::Select => "select",
            Self::HashIteration => "hash_iteration",
            Self::Lock => "lock",
            Self::Print => "print",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|category| category.name() == name)
    }

    /// What it breaks, and what to use instead.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Clock => {
                "reads a clock, which shows another time at every replay: use `ctx.now()`"
            }
            Self::Random => {
                "gives another value at every replay: use `ctx.new_uuid()` or `ctx.rng()`"
            }
            Self::Io => {
                "asks the world outside, which answers otherwise at a replay: move it into an \
                activity, or use `ctx.call_http(..)`"
            }
            Self::Sleep => {
                "waits for a clock that the history knows nothing of, so the orchestrator would \
                never go on: use `ctx.sleep(..)`, or `.timeout(..)` of an event"
            }
            Self::Spawn => {
                "runs beside the orchestrator, once more at every replay: call an activity with \
                `ctx.call(..)`; two calls that are not awaited yet run at the same time"
            }
            Self::Select => {
                "picks among ready branches at random, another one at a replay: use \
                `ctx.either(..)`, `ctx.race(..)` or `select_biased!` of futures"
            }
            Self::HashIteration => {
                "goes through a hash map or set, whose order is another one at every replay: use a \
                `BTreeMap` or `BTreeSet`"
            }
            Self::Lock => {
                "blocks, or depends on who else holds the lock, which the history knows nothing \
                of: an orchestrator has one thread, so a `Cell` or `RefCell` does; state that is \
                shared belongs in activities"
            }
            Self::Print => "prints again at every replay: use `tracing`, which is silent then",
        }
    }
}
