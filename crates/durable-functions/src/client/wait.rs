//! Looking at an instance, and waiting for it.

use std::time::Duration;

use durable_functions_protocol::id;
use tokio::time::{Instant, sleep};

use super::state::{InstanceState, RuntimeStatus};
use super::transport::{LONGEST, Payloads};
use super::{ClientError, DurableClient};

const FIRST_POLL: Duration = Duration::from_millis(50);
const LAST_POLL: Duration = Duration::from_secs(2);
const LEAST_PAUSE: Duration = Duration::from_millis(20);
/// The time for an answer, also when no time is left to wait.
const LEAST_LOOK: Duration = Duration::from_secs(1);

impl DurableClient {
    /// What is known of an instance, with its payloads; `None` if there is none of this id.
    ///
    /// ```no_run
    /// # async fn show(client: durable_functions::DurableClient) -> Result<(), durable_functions::ClientError> {
    /// if let Some(state) = client.get("order-42").await? {
    ///     println!("{}: {:?}", state.status, state.output::<String>()?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As every operation here: [`ClientError::InvalidArgument`] for an id that no instance has,
    /// [`ClientError::Unavailable`] when the host can't be reached or failed,
    /// [`ClientError::TimedOut`] when it does not answer in the
    /// [client's time](Self::with_timeout), [`ClientError::Unauthorized`] when it refuses the key,
    /// [`ClientError::TooLarge`] for an answer beyond the limit, [`ClientError::Decode`] for one
    /// that can't be read.
    pub async fn get(&self, instance_id: &str) -> Result<Option<InstanceState>, ClientError> {
        self.look(instance_id, true).await
    }

    /// [`get`](Self::get) without input, output, custom status and failure.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn get_metadata(
        &self,
        instance_id: &str,
    ) -> Result<Option<InstanceState>, ClientError> {
        self.look(instance_id, false).await
    }

    async fn look(
        &self,
        instance_id: &str,
        payloads: bool,
    ) -> Result<Option<InstanceState>, ClientError> {
        id::validate_instance_id(instance_id).map_err(ClientError::invalid)?;
        let payloads = Payloads::when(payloads);
        self.transport()?.get(instance_id, payloads).await
    }

    /// Waits until an instance has begun, and gives its state with payloads.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::NotFound`] for an unknown id, at once;
    /// [`ClientError::TimedOut`] after `timeout`.
    pub async fn wait_for_start(
        &self,
        instance_id: &str,
        timeout: Duration,
    ) -> Result<InstanceState, ClientError> {
        let begun = |status| status != RuntimeStatus::Pending;
        self.wait(instance_id, timeout, begun).await
    }

    /// Waits until an instance has ended, in whatever way, and gives its state with payloads.
    ///
    /// The client asks every now and then, first after 50 ms and in the end every 2 seconds.
    ///
    /// # Errors
    ///
    /// As [`wait_for_start`](Self::wait_for_start).
    pub async fn wait_for_completion(
        &self,
        instance_id: &str,
        timeout: Duration,
    ) -> Result<InstanceState, ClientError> {
        self.wait(instance_id, timeout, RuntimeStatus::is_terminal)
            .await
    }

    async fn wait(
        &self,
        instance_id: &str,
        timeout: Duration,
        reached: impl Fn(RuntimeStatus) -> bool,
    ) -> Result<InstanceState, ClientError> {
        id::validate_instance_id(instance_id).map_err(ClientError::invalid)?;
        let end = Instant::now() + timeout.min(LONGEST);
        let mut pause = FIRST_POLL;
        loop {
            // The host's own wait never answers for an id that does not exist, so this asks.
            let left = end.saturating_duration_since(Instant::now());
            let look = self.timeout().min(left.max(LEAST_LOOK));
            let transport = self.transport()?.until(Instant::now() + look);
            let unknown = || ClientError::no_instance(instance_id);
            let state = transport.get(instance_id, Payloads::None).await?;
            let status = state.ok_or_else(unknown)?.status;
            if reached(status) {
                let state = transport.get(instance_id, Payloads::All).await?;
                return state.ok_or_else(unknown);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left < LEAST_PAUSE {
                return Err(ClientError::TimedOut {
                    message: format!(
                        "instance '{instance_id}' is still {status} after {timeout:?}"
                    ),
                });
            }
            // closer together towards the end, so that what happens then is seen
            sleep(pause.min(left / 2)).await;
            pause = (pause * 2).min(LAST_POLL);
        }
    }
}
