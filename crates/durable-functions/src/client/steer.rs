//! Steering instances.

use durable_functions_protocol::id;
use serde::Serialize;

use super::state::RuntimeStatus;
use super::transport::{Payloads, Refused, Steer, Transport};
use super::{ClientError, DurableClient};

impl DurableClient {
    /// Sends an event to an instance, which need not wait for it yet. Names compare without case.
    ///
    /// ```no_run
    /// # async fn approve(client: durable_functions::DurableClient) -> Result<(), durable_functions::ClientError> {
    /// client.raise_event("order-42", "Approval", true).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::NotFound`]; [`ClientError::WrongState`] if it has
    /// ended. The host's gRPC endpoint drops events for instances that have ended, so the instance
    /// is looked at first; one that ends in between loses the event.
    pub async fn raise_event(
        &self,
        instance_id: &str,
        name: &str,
        payload: impl Serialize,
    ) -> Result<(), ClientError> {
        let payload = serde_json::to_string(&payload).map_err(|error| {
            ClientError::invalid(format!("the event can't be written as JSON: {error}"))
        });
        self.raise_json(instance_id, name, payload).await
    }

    async fn raise_json(
        &self,
        instance_id: &str,
        name: &str,
        payload: Result<String, ClientError>,
    ) -> Result<(), ClientError> {
        id::validate_instance_id(instance_id).map_err(ClientError::invalid)?;
        if name.is_empty() {
            return Err(ClientError::invalid("the event's name is empty"));
        }
        if name.contains(|c: char| matches!(c, '/' | '\\') || c.is_control()) {
            return Err(ClientError::invalid(format!(
                "the event's name {name:?} has a slash or a control character, which no URL of \
                the management API holds"
            )));
        }
        let transport = self.transport()?;
        let outcome = transport.raise_event(instance_id, name, payload?).await;
        self.explained(&transport, instance_id, None, outcome).await
    }

    /// Ends an instance; `reason` becomes its output. Activities that run are not interrupted.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::NotFound`]; [`ClientError::WrongState`] if it has
    /// ended.
    pub async fn terminate(&self, instance_id: &str, reason: &str) -> Result<(), ClientError> {
        let steer = Steer::Terminate { recursive: false };
        self.steer(instance_id, steer, reason).await
    }

    /// [`terminate`](Self::terminate) for an instance and its sub-orchestrations. The Durable Task
    /// extension takes the wish and ends the one instance only, up to 3.19; other backends obey.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate); [`ClientError::Unsupported`] over HTTP.
    pub async fn terminate_recursive(
        &self,
        instance_id: &str,
        reason: &str,
    ) -> Result<(), ClientError> {
        let steer = Steer::Terminate { recursive: true };
        self.steer(instance_id, steer, reason).await
    }

    /// Holds an instance until it is resumed.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate); also [`ClientError::WrongState`] if it is suspended.
    pub async fn suspend(&self, instance_id: &str, reason: &str) -> Result<(), ClientError> {
        self.steer(instance_id, Steer::Suspend, reason).await
    }

    /// Lets a suspended instance go on.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate); also [`ClientError::WrongState`] if it is not suspended.
    pub async fn resume(&self, instance_id: &str, reason: &str) -> Result<(), ClientError> {
        self.steer(instance_id, Steer::Resume, reason).await
    }

    /// Lets a failed instance try its failed calls again.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::NotFound`]; [`ClientError::WrongState`] if it has not
    /// failed; [`ClientError::Unsupported`] on a backend that can't.
    pub async fn rewind(&self, instance_id: &str, reason: &str) -> Result<(), ClientError> {
        self.steer(instance_id, Steer::Rewind, reason).await
    }

    async fn steer(
        &self,
        instance_id: &str,
        steer: Steer,
        reason: &str,
    ) -> Result<(), ClientError> {
        id::validate_instance_id(instance_id).map_err(ClientError::invalid)?;
        let transport = self.transport()?;
        let outcome = transport.steer(instance_id, steer, reason).await;
        self.explained(&transport, instance_id, Some(steer), outcome)
            .await
    }

    /// Starts an instance's orchestrator again with the same input under a new id, and gives that
    /// id.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::NotFound`].
    pub async fn restart(&self, instance_id: &str) -> Result<String, ClientError> {
        self.restart_as(instance_id, true).await
    }

    /// Starts an instance that has ended again, with the same input and under its own id.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::NotFound`]; [`ClientError::WrongState`] if it has not
    /// ended.
    pub async fn restart_in_place(&self, instance_id: &str) -> Result<(), ClientError> {
        match self.restart_as(instance_id, false).await {
            Ok(_) => Ok(()),
            Err(ClientError::AlreadyExists {
                instance_id,
                message,
            }) => Err(ClientError::WrongState {
                instance_id,
                message,
            }),
            Err(error) => Err(error),
        }
    }

    async fn restart_as(&self, instance_id: &str, new_id: bool) -> Result<String, ClientError> {
        id::validate_instance_id(instance_id).map_err(ClientError::invalid)?;
        let transport = self.transport()?;
        let outcome = transport.restart(instance_id, new_id).await;
        self.explained(&transport, instance_id, None, outcome).await
    }

    /// The host says of some wrong states and unknown ids only that something went wrong. What it
    /// was shows in the instance's state.
    pub(super) async fn explained<A>(
        &self,
        transport: &Transport<'_>,
        instance_id: &str,
        steer: Option<Steer>,
        outcome: Result<A, Refused>,
    ) -> Result<A, ClientError> {
        let error = match outcome {
            Ok(answer) => return Ok(answer),
            Err(Refused {
                error,
                unexplained: false,
            }) => return Err(error),
            Err(refused) => refused.error,
        };
        let status = match transport.get(instance_id, Payloads::None).await {
            Ok(Some(state)) => state.status,
            Ok(None) => return Err(ClientError::no_instance(instance_id)),
            Err(_) => return Err(error),
        };
        let suspended = status == RuntimeStatus::Suspended;
        let fits = match steer {
            Some(Steer::Suspend) => !suspended && !status.is_terminal(),
            Some(Steer::Resume) => suspended,
            Some(Steer::Terminate { .. }) => !status.is_terminal(),
            Some(Steer::Rewind) => status == RuntimeStatus::Failed,
            None => true,
        };
        if fits {
            return Err(error);
        }
        Err(ClientError::WrongState {
            instance_id: instance_id.to_owned(),
            message: format!("it is {status} ({error})"),
        })
    }
}
