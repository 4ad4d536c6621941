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

    /// What a thing of this kind does to break replay.
    pub(super) fn breaks(self) -> &'static str {
        match self {
            Self::Clock => "reads a clock, which shows another time at every replay",
            Self::Random => "gives another value at every replay",
            Self::Io => "reaches the world outside, once more and maybe otherwise at every replay",
            Self::Sleep => {
                "waits for a clock that the history knows nothing of, anew at every replay or for ever"
            }
            Self::Spawn => "runs beside the orchestrator, once more at every replay",
            Self::Select => "picks among ready branches at random, another one at a replay",
            Self::HashIteration => {
                "goes through a hash map or set, whose order is another one at every replay"
            }
            Self::Lock => {
                "blocks, and what it gives depends on other threads, which the history knows \
                nothing of"
            }
            Self::Print => "prints again at every replay",
        }
    }
}
