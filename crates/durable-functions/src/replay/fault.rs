//! Why a turn can't go on, told so that somebody can mend it.

use durable_functions_protocol::entity::{EntityId, InvalidEntityId};
use durable_functions_protocol::failure::Failure;

use super::index::EventKind;
use super::wire::Malformed;

/// Why a turn can't go on. It is not an error of the orchestrator's own making, so the
/// orchestrator can't catch it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) error_type: &'static str,
    pub(crate) message: String,
}

/// Type of the failure of an instance whose code no longer fits its history.
pub(crate) const NON_DETERMINISM: &str = "NonDeterministicOrchestration";

const NON_DETERMINISM_ADVICE: &str = "An orchestrator must make the same calls in the same order \
    at every replay: no clocks, random numbers, I/O or iteration over hash maps in it, and no \
    change to code that running instances still replay. Deploy the code that started this instance \
    again, or end the instance and start it anew";

impl Fault {
    fn non_determinism(message: String) -> Self {
        Self {
            error_type: NON_DETERMINISM,
            message: format!("{message}. {NON_DETERMINISM_ADVICE}."),
        }
    }

    /// History has the action of this id, and it is another one.
    pub(crate) fn other_action(
        id: u32,
        recorded: EventKind,
        recorded_name: &str,
        kind: EventKind,
        name: &str,
    ) -> Self {
        Self::non_determinism(format!(
            "Non-deterministic orchestrator: in this instance's history, action {id} is {}, but the code now asks for {} there",
            action(recorded, recorded_name),
            action(kind, name),
        ))
    }

    /// History has an action that the code has not asked for.
    pub(crate) fn missing_action(
        id: i32,
        recorded: EventKind,
        recorded_name: &str,
        asked_for: u32,
    ) -> Self {
        Self::non_determinism(format!(
            "Non-deterministic orchestrator: this instance's history has {} as action {id}, but the code has asked for only {asked_for} action(s) up to that point",
            action(recorded, recorded_name),
        ))
    }

    /// An event was sent, and now goes to somebody else.
    pub(crate) fn other_target(id: u32, recorded: &str, target: &str) -> Self {
        Self::non_determinism(format!(
            "Non-deterministic orchestrator: in this instance's history, action {id} is an event sent to instance '{recorded}', but the code now sends it to '{target}'"
        ))
    }

    /// A race without anybody in it.
    pub(crate) fn empty_race(combinator: &str) -> Self {
        Self {
            error_type: "EmptyRace",
            message: format!(
                "`ctx.{combinator}` was awaited without a task in it, so nothing could ever end it. \
                Check that there is something to wait for before"
            ),
        }
    }

    /// A retry policy that makes no sense.
    pub(crate) fn retry_policy(problem: impl std::fmt::Display) -> Self {
        Self {
            error_type: "InvalidRetryPolicy",
            message: format!("The retry policy of a call can't be followed: {problem}"),
        }
    }

    /// Nothing in history can wake the orchestrator.
    pub(crate) fn foreign_await() -> Self {
        Self {
            error_type: "ForeignAwait",
            message: "The orchestrator awaits something that is not a task of its context, such as a \
                timer of tokio, I/O or a channel. Its history knows nothing of that, so it would never \
                go on. Await only what the OrchestrationContext gives; move everything else into an \
                activity"
                .into(),
        }
    }

    /// An option was given to a call whose action is final.
    pub(crate) fn late_option() -> Self {
        Self {
            error_type: "LateOption",
            message:
                "An option of a call was given after the context was used again or the call was \
                awaited. Give the options of a call right after it: `ctx.call(..).option(..)`"
                    .into(),
        }
    }

    /// A sub-orchestration can't have this id.
    pub(crate) fn instance_id(id: &str, problem: &dyn std::fmt::Display) -> Self {
        Self {
            error_type: "InvalidInstanceId",
            message: format!("A sub-orchestration can't have the instance id '{id}': {problem}"),
        }
    }

    /// The custom status can't be kept.
    pub(crate) fn custom_status(problem: impl std::fmt::Display) -> Self {
        Self {
            error_type: "InvalidCustomStatus",
            message: format!("The custom status can't be set: {problem}"),
        }
    }

    fn critical_section(message: String) -> Self {
        Self {
            error_type: "CriticalSection",
            message,
        }
    }

    /// An entity was called that the critical section has not locked.
    pub(crate) fn call_outside_of_section(entity: &EntityId, locked: &[EntityId]) -> Self {
        let locked: Vec<_> = locked.iter().map(ToString::to_string).collect();
        Self::critical_section(format!(
            "Entity '{entity}' was called in a critical section that has locked only {}. Lock all \
            entities that the section calls: `ctx.lock([..])`, or drop the guard before the call",
            locked.join(", ")
        ))
    }

    /// A locked entity was called again before it answered.
    pub(crate) fn second_call_in_section(entity: &EntityId) -> Self {
        Self::critical_section(format!(
            "Locked entity '{entity}' was called while an earlier call of it is under way. Await \
            one call of a locked entity before the next"
        ))
    }

    /// A signal was sent to an entity that is locked.
    pub(crate) fn signal_to_locked(entity: &EntityId) -> Self {
        Self::critical_section(format!(
            "Entity '{entity}' was signalled while this orchestration has it locked: a signal \
            waits until the lock is released, and so would come too late. Call it instead, or \
            signal it after the guard is dropped"
        ))
    }

    /// A sub-orchestration was called in a critical section.
    pub(crate) fn sub_orchestration_in_section(name: &str) -> Self {
        Self::critical_section(format!(
            "Sub-orchestration '{name}' was called in a critical section. It may need the locked \
            entities itself, and would then wait for ever: call it before the lock or after the \
            guard is dropped"
        ))
    }

    /// Locks were asked for while there are some.
    pub(crate) fn nested_lock() -> Self {
        Self::critical_section(
            "`ctx.lock(..)` was called while other locks are held or asked for: two orchestrations \
            that do so can wait for each other for ever. Lock all entities at once, in one \
            `ctx.lock([..])`"
                .into(),
        )
    }

    /// A rewound orchestration would go on without its locks.
    pub(crate) fn locks_given_back() -> Self {
        Self::critical_section(
            "This orchestration failed in a critical section and gave its locks back, so that a \
            rewind can't let it go on where it was. Start it anew"
                .into(),
        )
    }

    /// No locks were asked for.
    pub(crate) fn empty_lock() -> Self {
        Self::critical_section("`ctx.lock([])` was called without an entity to lock".into())
    }

    /// There can't be such an entity.
    pub(crate) fn entity_id(problem: &InvalidEntityId) -> Self {
        Self {
            error_type: "InvalidEntityId",
            message: format!("An entity can't be reached: {problem}"),
        }
    }

    /// The backend has no entities.
    pub(crate) fn no_entities() -> Self {
        Self {
            error_type: "EntitiesNotSupported",
            message: "The host's request says nothing of entities, so the storage backend of this \
                task hub has none. Use one that has: Azure Storage, MSSQL or the Durable Task \
                Scheduler"
                .into(),
        }
    }

    pub(crate) fn too_many_actions() -> Self {
        Self {
            error_type: "TooManyActions",
            message: "The orchestrator asked for more than 2,147,483,647 actions".into(),
        }
    }

    pub(crate) fn input_not_json(kind: EventKind, name: &str, error: &serde_json::Error) -> Self {
        Self {
            error_type: "InvalidInput",
            message: format!(
                "The input of {} can't be written as JSON: {error}",
                action(kind, name)
            ),
        }
    }

    /// The request itself can't be read.
    pub(crate) fn malformed(problem: Malformed) -> Self {
        Self::bad_request(format!("at byte {}: {}", problem.at, problem.problem))
    }

    pub(crate) fn bad_request(problem: impl std::fmt::Display) -> Self {
        Self {
            error_type: "InvalidRequest",
            message: format!(
                "The host's request for this turn is no OrchestratorRequest: {problem}"
            ),
        }
    }

    pub(crate) fn into_failure(self) -> Failure {
        let mut failure = Failure::new(self.error_type, self.message);
        failure.non_retriable = true;
        failure
    }
}

fn action(kind: EventKind, name: &str) -> String {
    if name.is_empty() {
        kind.describe().into()
    } else {
        format!("{} '{name}'", kind.describe())
    }
}
