//! Calls that are made again when the host could not be reached.

use std::time::Duration;

use tokio::time::{Instant, sleep};

const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Makes a call until it gives something that `again` does not want tried again, with pauses that
/// double, at most five times and not beyond the deadline.
pub(super) async fn within<T, E, F>(
    deadline: Instant,
    mut call: impl FnMut() -> F,
    again: impl Fn(&E) -> bool,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match call().await {
            Err(error) if again(&error) && Instant::now() + pause < deadline => {
                sleep(pause).await;
                pause *= 2;
            }
            outcome => return outcome,
        }
    }
    call().await
}
