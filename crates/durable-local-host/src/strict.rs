//! What the real host punishes, and what this host does about it: it forgives and says so, or, with
//! `--strict`, does the same. Nothing else decides between the two.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// So often the handler may be lost over the same call before it counts as the call's fault.
const FORGIVEN_LOSSES: u32 = 10;
/// The error of the handler that stops the real host, and how long it remembers the one before.
const LAST_ERROR: u32 = 3;
const ERRORS_COUNT_FOR: Duration = Duration::from_secs(30 * 60);

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
    /// A batch of an entity takes longer than `functionTimeout`.
    LateBatch,
    /// The handler exits with code 0.
    ExitZero,
    /// The handler crashes for the third time.
    ThirdCrash,
    /// A sub-orchestration without an instance id.
    ChildWithoutId,
    /// A sub-orchestration with the id of an instance that has not ended.
    ChildIdTaken,
    /// A message to an instance that is to begin later.
    EarlyMessage,
    /// A completion with a state that is no end.
    NoEnd,
    /// A timer, a signal or a start that is due in more than seven days.
    LongDelay,
    /// A message to an entity that can't be read.
    Unreadable,
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
            Self::LateBatch => {
                "On Azure these operations fail, and the state stays as it was: let an entity start what takes long, and answer at once"
            }
            Self::ExitZero => {
                "On Azure the handler is not started again after exit code 0, and all later calls fail: exit with another code"
            }
            Self::ThirdCrash => {
                "On Azure the third crash within 30 minutes stops the host: find out what ends the handler"
            }
            Self::ChildWithoutId => {
                "On Azure the parent waits for ever, and all instances of one partition stop: generate an id for each sub-orchestration"
            }
            Self::ChildIdTaken => {
                "On Azure the parent waits for ever: choose ids that nothing has that runs"
            }
            Self::EarlyMessage => {
                "On Azure Storage it is lost, only a termination is heeded: send it once the instance runs"
            }
            Self::NoEnd => {
                "On Azure the instance stays in that state with an end in its history, and its parent waits for ever: complete it as completed, failed, terminated, canceled or continued as new"
            }
            Self::LongDelay => {
                "On Azure Storage no message waits for that long: what asks for it is tried again without end, and nothing of it is stored: split a long timer into several, as the SDKs do"
            }
            Self::Unreadable => {
                "On Azure Storage it comes again without end, and each time delays what has come with it, for up to ten minutes: send what the SDKs send"
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

/// Why a call got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The connection broke, or none could be made.
    Connection,
    /// It took longer than `functionTimeout`.
    Timeout,
}

/// What becomes of the handler after an end of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is started again; in between there is a pause if it ends all the time.
    Start,
    /// It is started again at once.
    StartAtOnce,
    /// It stays away, and calls find nobody. One that was not ready yet takes the host with it.
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

    /// How often a turn that got no answer is delivered, all in all.
    pub(crate) fn deliveries_of_turns(self, loss: Loss) -> u32 {
        match (self, loss) {
            (Self::Kind, _) => FORGIVEN_LOSSES,
            // The only fault of a handler that the real host takes for one of the platform.
            (Self::Strict, Loss::Timeout) => u32::MAX,
            (Self::Strict, Loss::Connection) => 1,
        }
    }

    /// The same for tasks and batches of entities, whose timeouts are faults like others.
    pub(crate) fn deliveries(self) -> u32 {
        match self {
            Self::Kind => FORGIVEN_LOSSES,
            Self::Strict => 1,
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

    /// Whether messages to an instance that begins later are lost.
    pub(crate) fn drops_early_messages(self) -> bool {
        self == Self::Strict
    }

    /// Whether what asks for a delay that is too long comes to nothing.
    pub(crate) fn refuses_long_delays(self) -> bool {
        self == Self::Strict
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
#[derive(Debug)]
pub(crate) struct Partitions {
    count: u32,
    blocked: AtomicBool,
}

impl Partitions {
    /// So many of them, one at least; none is blocked.
    pub(crate) fn new(count: u32) -> Self {
        Self {
            count: count.max(1),
            blocked: AtomicBool::new(false),
        }
    }

    /// A message for the instance with an empty id is in its queue.
    pub(crate) fn block(&self) {
        self.blocked.store(true, Ordering::Relaxed);
    }

    /// Whether nothing of an instance is worked on any more.
    pub(crate) fn hold(&self, instance: &str) -> bool {
        self.blocked.load(Ordering::Relaxed) && self.of(instance) == self.of("")
    }

    /// Azure Storage's control queue of an instance: FNV-1a of its id.
    fn of(&self, instance: &str) -> u32 {
        let hash = instance.bytes().fold(2_166_136_261_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(16_777_619)
        });
        hash % self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_host_forgives_timeouts_of_turns_only() {
        let [lost, timeout] = [Loss::Connection, Loss::Timeout];
        assert_eq!(Conduct::Strict.deliveries_of_turns(lost), 1);
        assert_eq!(Conduct::Strict.deliveries_of_turns(timeout), u32::MAX);
        assert_eq!(Conduct::Kind.deliveries_of_turns(timeout), 10);
        assert_eq!(Conduct::Strict.deliveries(), 1);
        assert_eq!(Conduct::Kind.deliveries(), 10);
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
    fn one_partition_of_all_is_blocked() {
        let partitions = Partitions::new(4);
        let held = |partitions: &Partitions| {
            (0..1000)
                .filter(|number| partitions.hold(&format!("order-{number}")))
                .count()
        };
        assert_eq!(held(&partitions), 0);
        partitions.block();
        let quarter = held(&partitions);
        assert!((150..350).contains(&quarter), "{quarter}");
        // "a" by the definition of FNV-1a
        assert_eq!(0xe40c_292c_u32 % 4, partitions.of("a"));
        let partitions = Partitions::new(1);
        partitions.block();
        assert_eq!(held(&partitions), 1000);
    }
}
