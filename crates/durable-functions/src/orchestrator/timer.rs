//! Durable timers.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use chrono::{DateTime, Utc};
use durable_functions_protocol::proto::{ActionType, CreateTimerAction, Timestamp};
use durable_functions_protocol::time;
use futures_core::FusedFuture;

use crate::replay::{Core, Ended, EventKind, next_chunk};

/// A point in time as the host's messages have it.
pub(crate) fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        // chrono counts a leap second as more than a second of nanoseconds
        nanos: time.timestamp_subsec_nanos().min(999_999_999).cast_signed(),
    }
}

/// A durable timer. Await it to wait for its time.
///
/// A timer that is dropped is not waited for any more. It stays in the history, where it harms
/// nobody: an orchestration ends without waiting for open timers.
#[must_use = "a timer does nothing unless it is awaited"]
pub struct Sleep {
    core: Rc<Core>,
    /// The timer that runs now.
    id: u32,
    /// When that one fires, and when the last one does.
    chunk: Timestamp,
    until: Timestamp,
    fired: bool,
}

impl Sleep {
    pub(super) fn until(core: Rc<Core>, until: Timestamp) -> Self {
        let chunk = core.now();
        let mut sleep = Self {
            core,
            id: 0,
            chunk,
            until,
            fired: false,
        };
        sleep.begin_chunk();
        sleep
    }

    fn begin_chunk(&mut self) {
        self.chunk = next_chunk(&self.chunk, &self.until);
        let fire_at = Some(self.chunk);
        self.id = self.core.schedule(EventKind::TimerCreated, "", || {
            Ok(ActionType::CreateTimer(CreateTimerAction { fire_at }))
        });
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(Ended::Completed(_)) = self.core.poll_task(self.id, cx) {
            if self.chunk == self.until {
                self.fired = true;
                return Poll::Ready(());
            }
            self.begin_chunk();
        }
        Poll::Pending
    }
}

impl FusedFuture for Sleep {
    fn is_terminated(&self) -> bool {
        self.fired
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.core.abandon(self.id);
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("id", &self.id)
            .field("until", &time::to_dotnet_saturating(&self.until))
            .finish_non_exhaustive()
    }
}
