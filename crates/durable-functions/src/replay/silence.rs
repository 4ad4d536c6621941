//! Whether this thread replays: then log lines would only repeat those of an earlier turn.

use std::cell::Cell;

thread_local! {
    static REPLAYING: Cell<bool> = const { Cell::new(false) };
}

/// Whether an orchestrator on this thread replays.
pub(crate) fn is_replaying() -> bool {
    REPLAYING.get()
}

pub(super) fn set_replaying(replaying: bool) {
    REPLAYING.set(replaying);
}
