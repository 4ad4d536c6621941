//! Deleting instances that have ended.

use std::time::Duration;

use chrono::{DateTime, Utc};
use durable_functions_protocol::id;
use tokio::time::Instant;

use super::state::RuntimeStatus;
use super::{ClientError, DurableClient};

/// How long the host may work on one call before it says how far it got.
const SLICE: Duration = Duration::from_secs(20);
/// A task hub may have millions of instances.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// Which instances to delete. Only instances that have ended are deleted.
///
/// ```
/// use chrono::{TimeDelta, Utc};
/// use durable_functions::{PurgeFilter, RuntimeStatus};
///
/// let older_than_a_month = PurgeFilter::new()
///     .status(RuntimeStatus::Completed)
///     .created_to(Utc::now() - TimeDelta::days(30));
/// ```
#[derive(Clone, Debug)]
pub struct PurgeFilter {
    pub(super) statuses: Vec<RuntimeStatus>,
    created_from: Option<DateTime<Utc>>,
    pub(super) created_to: Option<DateTime<Utc>>,
    pub(super) slice: Duration,
    timeout: Duration,
}

impl PurgeFilter {
    /// All instances that have ended.
    pub fn new() -> Self {
        Self {
            statuses: Vec::new(),
            created_from: None,
            created_to: None,
            slice: SLICE,
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// Only instances in this state; call it again for each further one.
    #[must_use]
    pub fn status(mut self, status: RuntimeStatus) -> Self {
        self.statuses.push(status);
        self
    }

    /// Only instances that were created then or later.
    #[must_use]
    pub fn created_from(mut self, time: DateTime<Utc>) -> Self {
        self.created_from = Some(time);
        self
    }

    /// Only instances that were created then or earlier.
    #[must_use]
    pub fn created_to(mut self, time: DateTime<Utc>) -> Self {
        self.created_to = Some(time);
        self
    }

    /// How long the whole purge may take: 10 minutes unless said otherwise. What is deleted by then
    /// stays deleted.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The host wants a beginning; no instance is older than this one.
    pub(super) fn beginning(&self) -> DateTime<Utc> {
        let year_2000 = DateTime::from_timestamp(946_684_800, 0).unwrap_or_default();
        self.created_from.unwrap_or(year_2000)
    }
}

impl Default for PurgeFilter {
    fn default() -> Self {
        Self::new()
    }
}

impl DurableClient {
    /// Deletes an instance that has ended, with its history, and gives how many were deleted: 0 if
    /// there is none of this id.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::WrongState`] if it has not ended.
    pub async fn purge(&self, instance_id: &str) -> Result<u64, ClientError> {
        id::validate_instance_id(instance_id).map_err(ClientError::invalid)?;
        let transport = self.transport()?;
        let outcome = transport.purge(instance_id).await;
        match self.explained(&transport, instance_id, None, outcome).await {
            Err(ClientError::NotFound { .. }) => Ok(0),
            outcome => outcome,
        }
    }

    /// Deletes all instances that a filter names, and gives how many.
    ///
    /// `progress` is told the number so far whenever the host says how far it got. Over gRPC that
    /// is every 20 seconds, if the host keeps to the time that it is given; over HTTP the host
    /// answers once.
    ///
    /// ```no_run
    /// use durable_functions::{ClientError, DurableClient, PurgeFilter, RuntimeStatus};
    ///
    /// async fn tidy(client: &DurableClient) -> Result<u64, ClientError> {
    ///     let ended_well = PurgeFilter::new().status(RuntimeStatus::Completed);
    ///     client.purge_where(ended_well, |deleted| println!("{deleted} deleted")).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::InvalidArgument`] for a state that is none of an
    /// ended instance; [`ClientError::TimedOut`] after the filter's timeout. Calling it again goes
    /// on where it was.
    pub async fn purge_where(
        &self,
        filter: PurgeFilter,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<u64, ClientError> {
        if let Some(status) = filter.statuses.iter().find(|status| !status.is_terminal()) {
            return Err(ClientError::invalid(format!(
                "instances that are {status} can't be purged; only Completed, Failed, Canceled and \
                Terminated ones can"
            )));
        }
        let deadline = Instant::now() + filter.timeout.min(super::transport::LONGEST);
        let transport = self.transport()?.until(deadline);
        let mut deleted = 0;
        loop {
            let (more, complete) = transport.purge_where(&filter).await?;
            deleted += more;
            progress(deleted);
            if complete {
                return Ok(deleted);
            }
            if Instant::now() >= deadline {
                return Err(ClientError::TimedOut {
                    message: format!("{deleted} instances were purged, and there are more"),
                });
            }
            if more == 0 {
                // a host that gets nowhere is not to be asked in a tight loop
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}
