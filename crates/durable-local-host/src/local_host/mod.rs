//! The host as a whole.

mod builder;
mod listeners;
mod listing;
mod start;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::authority::{Authority, reachable};
use crate::engine::Engine;
use crate::error::Error;
use crate::handler::Handler;
use crate::timer_trigger::TimerFunctions;

pub use builder::{LocalHostBuilder, StateLocation};

/// A running host.
///
/// ```no_run
/// use std::time::Duration;
///
/// use durable_local_host::LocalHost;
///
/// # async fn example() -> Result<(), durable_local_host::Error> {
/// let host = LocalHost::builder().app("my-app").memory().manual_time().start().await?;
/// println!("listening on {}", host.url());
/// // ... start an orchestration that waits for ten days, with any HTTP client
/// host.advance(Duration::from_secs(10 * 86_400)).await?;
/// // ... and see what it has come to
/// host.shutdown().await;
/// # Ok(())
/// # }
/// ```
///
/// [`shutdown`](Self::shutdown) ends it and waits until that is done. One that is dropped, say by a
/// test that fails, ends as well, by itself as long as the runtime lives.
#[derive(Debug)]
#[must_use = "a host that is dropped ends"]
pub struct LocalHost {
    address: SocketAddr,
    rpc_url: String,
    handler: Arc<Handler>,
    engine: Arc<Engine>,
    timers: Arc<TimerFunctions>,
    stop: CancellationToken,
    servers: Vec<JoinHandle<()>>,
    // Deleted last.
    _folder: Option<TempDir>,
}

impl LocalHost {
    /// A host for the app in the current directory, on a free port, with temporary state.
    pub fn builder() -> LocalHostBuilder {
        LocalHostBuilder::new()
    }

    /// Where it is reached: `http://127.0.0.1:PORT`, unless it listens on
    /// [another address](LocalHostBuilder::bind).
    pub fn url(&self) -> String {
        format!("http://{}", reachable(self.address))
    }

    /// Where people reach it: `localhost:PORT` if that leads here.
    pub(crate) fn authority(&self) -> Authority {
        Authority::of(self.address)
    }

    /// Where it speaks gRPC, for clients of the app: `http://127.0.0.1:PORT`.
    pub fn rpc_url(&self) -> &str {
        &self.rpc_url
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What the host's clock shows.
    pub fn time(&self) -> SystemTime {
        self.engine.clock().now().to_system()
    }

    /// Moves the clock of a host with [`manual_time`](LocalHostBuilder::manual_time) on, and comes
    /// back when all is done that was due by then. It goes from one due time to the next: a timer
    /// that is set on the way fires on the way, and histories show the times at which things were
    /// due. Timer triggers run, too.
    ///
    /// It waits for activities and for the handler, but not for what comes to nothing again and
    /// again, such as a turn of a version that does not match, nor for a call that a strict host
    /// leaves hanging.
    ///
    /// # Errors
    ///
    /// [`Error::TimeRuns`] without `manual_time`.
    pub async fn advance(&self, by: Duration) -> Result<(), Error> {
        if self.engine.advance(by).await {
            Ok(())
        } else {
            Err(Error::TimeRuns)
        }
    }

    /// Waits until the host has to stop by itself, which a [strict](LocalHostBuilder::strict) one does
    /// when its handler crashes for the third time; why. It still has to be
    /// [shut down](Self::shutdown).
    pub async fn given_up(&self) -> Error {
        self.handler.given_up().await
    }

    /// Stops: no more requests, the handler ends, what was decided is written. Clients that do not
    /// finish their requests are cut off after a few seconds.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        self.handler.stop().await;
        self.timers.stop().await;
        self.engine.stop().await;
        for server in self.servers.drain(..) {
            drop(server.await);
        }
    }
}

impl Drop for LocalHost {
    fn drop(&mut self) {
        self.stop.cancel();
        self.handler.ask_to_end();
        self.engine.ask_to_end();
    }
}
