//! What the real host punishes, and what this host does about it: it forgives and says so, or, with
//! `--strict`, does the same. Nothing else decides between the two.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::handler::CallError;

/// So often the handler may be lost over the same call before it counts as the call's fault.
const FORGIVEN_LOSSES: u32 = 10;
/// The error of the handler that stops the real host, and how long it remembers the one before.
const LAST_ERROR: u32 = 3;
const ERRORS_COUNT_FOR: Duration = Duration::from_secs(30 * 60);
/// Control queues of a task hub on Azure Storage, unless host.json says something else.
const PARTITIONS: u32 = 4;

/// How the host treats what the real host punishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// It forgives, and says what the real host would do.
    #[default]
    Kind,
    /// It does exactly what the real host does.
    Strict,
}

/// What the real host punishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Punished {
    /// An answer that is empty, blank, `null`, or 204.
    EmptyAnswer,
    /// No answer to a turn: the connection broke, or none could be made.
    LostTurn,
    /// The same for an activity.
    LostTask,
    /// The same for a batch of an entity.
    LostBatch,
    /// The handler exits with code 0.
    ExitZero,
    /// The handler crashes for the third time.
    ThirdCrash,
    /// A sub-orchestration without an instance id.
    ChildWithoutId,
    /// A sub-orchestration with the id of an instance that has not ended.
    ChildIdTaken,
    /// A request to an entity that names no operation.
    NoOperation,
    /// A call of an entity, or a lock request, without a `Timestamp`.
    NoLabel,
    /// A result that Json.NET writes anew as something else.
    AlteredValue,
}

impl Punished {
    /// What happens there, and what to do about it.
    pub(crate) fn on_azure(self) -> &'static str {
        match self {
            Self::EmptyAnswer => {
                "On Azure this call hangs until functionTimeout, which kills the handler with all that runs in it: answer 200 with a JSON object, `{}` at least"
            }
            Self::LostTurn => {
                "On Azure this orchestration fails for good: never exit while something runs, and keep idle connections open for longer than two minutes"
            }
            Self::LostTask => {
                "On Azure this task fails: let the orchestrator call it again with a retry policy"
            }
            Self::LostBatch => "On Azure these operations fail: never exit while something runs",
            Self::ExitZero => {
                "On Azure the handler is not started again after exit code 0, and all later calls fail: exit with another code"
            }
            Self::ThirdCrash => {
                "On Azure the third crash within 30 minutes stops the host: find out what ends the handler"
            }
            Self::ChildWithoutId => {
                "On Azure the parent waits for ever, and a quarter of the task hub stops: generate an id for each sub-orchestration"
            }
            Self::ChildIdTaken => {
                "On Azure the parent waits for ever: choose ids that nothing has that runs"
            }
            Self::NoOperation => {
                "On Azure it blocks the entity for ever: name the operation, with ?op= over HTTP"
            }
            Self::NoLabel => {
                "On Azure it is dropped, unless the entity got a labelled one before: set `Timestamp` and `Predecessor` in calls and lock requests, and send them as SendEvent actions"
            }
            Self::AlteredValue => {
                "On Azure it is the same: send such values inside of a text, as the SDK for Rust does"
            }
        }
    }
}

/// What becomes of the handler after an end of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is started again; in between there is a pause if it ends all the time.
    Start,
    /// It is started again at once.
    StartAtOnce,
    /// It stays away, and calls find nobody.
    Nobody,
    /// The host stops.
    StopHost,
}

impl Conduct {
    /// Says what happened: a forgiven fault comes with what the real host makes of it.
    pub(crate) fn tell(self, what: &str, punished: Punished) -> String {
        format!("{what}. {}.", punished.on_azure())
    }

    /// Whether a call with an empty answer hangs. Otherwise it fails.
    pub(crate) fn hangs_on_empty_answers(self) -> bool {
        self == Self::Strict
    }

    /// How often a turn or a batch that got no answer is delivered, all in all.
    pub(crate) fn deliveries(self, error: &CallError) -> u32 {
        match (self, error) {
            (Self::Kind, _) => FORGIVEN_LOSSES,
            // The only fault of a handler that the real host takes for one of the platform.
            (Self::Strict, CallError::Timeout(_)) => u32::MAX,
            (Self::Strict, _) => 1,
        }
    }

    /// What becomes of the handler, which has ended by itself; `exit` is its exit code, if it has
    /// one, and `errors` counts those that the host remembers, this one included.
    pub(crate) fn after_end(self, exit: Option<i32>, errors: u32) -> Next {
        match (self, exit) {
            (Self::Kind, _) => Next::Start,
            (Self::Strict, Some(0)) => Next::Nobody,
            (Self::Strict, Some(200)) => Next::StartAtOnce,
            (Self::Strict, _) if errors >= LAST_ERROR => Next::StopHost,
            (Self::Strict, _) => Next::StartAtOnce,
        }
    }

    /// Whether a host.json of the wrong version keeps the host from starting.
    pub(crate) fn refuses_wrong_versions(self) -> bool {
        self == Self::Strict
    }

    /// Whether a sub-orchestration without an id is let through, to block its partition.
    pub(crate) fn takes_children_without_id(self) -> bool {
        self == Self::Strict
    }

    /// Whether a parent hears that the id of its child is taken.
    pub(crate) fn tells_parents_of_taken_ids(self) -> bool {
        self == Self::Kind
    }

    /// Whether a request without an operation gets into an entity's queue, to block it.
    pub(crate) fn queues_requests_without_operation(self) -> bool {
        self == Self::Strict
    }

    /// Whether a call without a label passes once the entity has got a labelled one.
    pub(crate) fn lets_unlabelled_pass_later(self) -> bool {
        self == Self::Strict
    }

    /// Whether a list of entities without their states fails, which is a defect there.
    pub(crate) fn fails_lists_without_states(self) -> bool {
        self == Self::Strict
    }
}

/// Counts the errors of the handler as the real host does.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    count: u32,
}

impl Errors {
    /// One more, so long after the one before.
    pub(crate) fn add(&mut self, after: Option<Duration>) -> u32 {
        if after.is_some_and(|after| after > ERRORS_COUNT_FOR) {
            self.count = 0;
        }
        self.count += 1;
        self.count
    }

    /// Whether the last one would have stopped the real host.
    pub(crate) fn is_last(count: u32) -> bool {
        count == LAST_ERROR
    }
}

/// The partition of the task hub that a message for nobody blocks.
#[derive(Debug, Default)]
pub(crate) struct Partitions {
    blocked: AtomicBool,
}

impl Partitions {
    /// A message for the instance with an empty id is in its queue.
    pub(crate) fn block(&self) {
        self.blocked.store(true, Ordering::Relaxed);
    }

    /// Whether nothing of an instance is worked on any more.
    pub(crate) fn hold(&self, instance: &str) -> bool {
        self.blocked.load(Ordering::Relaxed) && partition(instance) == partition("")
    }
}

/// Azure Storage's control queue of an instance: FNV-1a of its id.
fn partition(instance: &str) -> u32 {
    let hash = instance.bytes().fold(2_166_136_261_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(16_777_619)
    });
    hash % PARTITIONS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_host_forgives_timeouts_only() {
        let lost = CallError::Lost("gone".to_owned());
        let timeout = CallError::Timeout(Duration::from_secs(1));
        assert_eq!(Conduct::Strict.deliveries(&lost), 1);
        assert_eq!(Conduct::Strict.deliveries(&timeout), u32::MAX);
        assert_eq!(Conduct::Kind.deliveries(&lost), 10);
    }

    #[test]
    fn the_third_error_stops_the_host_unless_they_are_far_apart() {
        let mut errors = Errors::default();
        let soon = Some(Duration::from_secs(60));
        let counts = [errors.add(None), errors.add(soon), errors.add(soon)];
        assert_eq!(counts, [1, 2, 3]);
        let next = counts.map(|count| Conduct::Strict.after_end(Some(1), count));
        assert_eq!(next, [Next::StartAtOnce, Next::StartAtOnce, Next::StopHost]);
        assert_eq!(Conduct::Strict.after_end(None, 3), Next::StopHost);
        assert_eq!(Conduct::Strict.after_end(Some(0), 0), Next::Nobody);
        assert_eq!(Conduct::Strict.after_end(Some(200), 2), Next::StartAtOnce);
        assert_eq!(Conduct::Kind.after_end(Some(1), 9), Next::Start);
        assert_eq!(errors.add(Some(Duration::from_secs(1801))), 1);
    }

    #[test]
    fn a_quarter_of_all_instances_is_blocked() {
        let partitions = Partitions::default();
        let held = |partitions: &Partitions| {
            (0..1000)
                .filter(|number| partitions.hold(&format!("order-{number}")))
                .count()
        };
        assert_eq!(held(&partitions), 0);
        partitions.block();
        let held = held(&partitions);
        assert!((150..350).contains(&held), "{held}");
        // "a" by the definition of FNV-1a
        assert_eq!(0xe40c_292c_u32 % 4, partition("a"));
    }
}
