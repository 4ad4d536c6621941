//! Watching and steering instances over gRPC.

use std::time::Duration;

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::id;
use durable_functions_protocol::proto::{self, EventType, PurgeInstancesRequestRequest};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::grpc::{Call, Refusal, Repeat};
use super::state::{InstanceState, RuntimeStatus};
use super::{ClientError, DurableClient};

/// The time that the host gives the clients of its gRPC endpoint.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(100);
/// Beyond this a deadline is as good as none, and an `Instant` may not hold it.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
const FIRST_POLL: Duration = Duration::from_millis(100);
const LAST_POLL: Duration = Duration::from_secs(2);

impl DurableClient {
    /// What is known of an instance; `None` if there is none of this id. Input, output, custom
    /// status and failure come with `payloads` only.
    ///
    /// # Errors
    ///
    /// As every operation here: [`ClientError::InvalidArgument`] for an id that no instance has,
    /// [`ClientError::Unavailable`] when the host can't be reached or failed,
    /// [`ClientError::TimedOut`] when it does not answer, [`ClientError::Unsupported`] when the
    /// binding offers no gRPC endpoint, [`ClientError::TooLarge`] for an answer beyond the limit.
    pub async fn get(
        &self,
        instance_id: &str,
        payloads: bool,
    ) -> Result<Option<InstanceState>, ClientError> {
        let call = self.call(instance_id, "/TaskHubSidecarService/GetInstance")?;
        self.state(&call, payloads).await
    }

    async fn state(
        &self,
        call: &Call<'_>,
        payloads: bool,
    ) -> Result<Option<InstanceState>, ClientError> {
        let message = proto::GetInstanceRequest {
            instance_id: call.instance_id.to_owned(),
            get_inputs_and_outputs: payloads,
        };
        let answer = call.unary(message, Repeat::Safe).await;
        let answer: proto::GetInstanceResponse = answer.map_err(|refusal| call.error(refusal))?;
        let Some(state) = answer.orchestration_state.filter(|_| answer.exists) else {
            return Ok(None);
        };
        let mut state = InstanceState::from_proto(state)?;
        if payloads && state.status == RuntimeStatus::Failed && state.failure.is_none() {
            // the host's answer has the failure's text only, its history the chain
            state.failure = match self.recorded_failure(call).await {
                Ok(Some(failure)) => Some(failure),
                Ok(None) | Err(ClientError::Unsupported { .. }) => {
                    state.raw_output().map(failure_of_text)
                }
                Err(error) => return Err(error),
            };
        }
        Ok(Some(state))
    }

    async fn recorded_failure(&self, call: &Call<'_>) -> Result<Option<Failure>, ClientError> {
        let call = Call {
            path: "/TaskHubSidecarService/StreamInstanceHistory",
            ..*call
        };
        let events = history(&call).await?;
        let details = events
            .into_iter()
            .rev()
            .find_map(|event| match event.event_type {
                Some(EventType::ExecutionCompleted(completed)) => completed.failure_details,
                _ => None,
            });
        Ok(details.as_ref().map(Failure::from_proto))
    }

    /// The history of an instance, in the order of its events, as the protocol has them.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`ClientError::NotFound`] if the host says so of an unknown id.
    pub async fn history(
        &self,
        instance_id: &str,
    ) -> Result<Vec<proto::HistoryEvent>, ClientError> {
        let call = self.call(instance_id, "/TaskHubSidecarService/StreamInstanceHistory")?;
        history(&call).await
    }

    /// Waits until an instance has begun, and gives its state without payloads.
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
        self.wait(instance_id, timeout, false, begun).await
    }

    /// Waits until an instance has ended, in whatever way, and gives its state with payloads.
    ///
    /// # Errors
    ///
    /// As [`wait_for_start`](Self::wait_for_start).
    pub async fn wait_for_completion(
        &self,
        instance_id: &str,
        timeout: Duration,
    ) -> Result<InstanceState, ClientError> {
        self.wait(instance_id, timeout, true, RuntimeStatus::is_terminal)
            .await
    }

    async fn wait(
        &self,
        instance_id: &str,
        timeout: Duration,
        payloads: bool,
        reached: impl Fn(RuntimeStatus) -> bool,
    ) -> Result<InstanceState, ClientError> {
        let mut call = self.call(instance_id, "/TaskHubSidecarService/GetInstance")?;
        let end = Instant::now() + timeout.min(LONGEST);
        let mut pause = FIRST_POLL;
        loop {
            // The host's own wait never answers for an id that does not exist, so this asks.
            call.deadline = end.min(Instant::now() + self.timeout());
            let state = self.state(&call, false).await?;
            let state = state.ok_or_else(|| not_found(instance_id))?;
            if reached(state.status) {
                if !payloads {
                    return Ok(state);
                }
                let state = self.state(&call, true).await?;
                return state.ok_or_else(|| not_found(instance_id));
            }
            if Instant::now() + pause >= end {
                return Err(ClientError::TimedOut {
                    message: format!(
                        "instance '{instance_id}' is still {:?} after {timeout:?}",
                        state.status
                    ),
                });
            }
            sleep(pause).await;
            pause = (pause * 2).min(LAST_POLL);
        }
    }

    /// Sends an event to an instance, which need not wait for it yet.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::NotFound`]; [`ClientError::WrongState`] if it has
    /// ended. Hosts without `throwStatusExceptionsOnRaiseEvent` drop such an event silently.
    pub async fn raise_event(
        &self,
        instance_id: &str,
        name: &str,
        payload: impl Serialize + Send,
    ) -> Result<(), ClientError> {
        if name.is_empty() {
            return Err(ClientError::invalid("the event's name is empty"));
        }
        let input = serde_json::to_string(&payload).map_err(|error| {
            ClientError::invalid(format!("the event can't be written as JSON: {error}"))
        })?;
        drop(payload);
        let call = self.call(instance_id, "/TaskHubSidecarService/RaiseEvent")?;
        let message = proto::RaiseEventRequest {
            instance_id: instance_id.to_owned(),
            name: name.to_owned(),
            input: Some(input),
        };
        let answer = call.unary(message, Repeat::Never).await;
        let _: proto::RaiseEventResponse = self.explained(&call, answer).await?;
        Ok(())
    }

    /// Ends an instance; `reason` becomes its output. `recursive` asks for its sub-orchestrations
    /// too, which extension 3.14 and 3.15 ignore.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::NotFound`]; [`ClientError::WrongState`] if it has
    /// ended.
    pub async fn terminate(
        &self,
        instance_id: &str,
        reason: &str,
        recursive: bool,
    ) -> Result<(), ClientError> {
        let call = self.call(instance_id, "/TaskHubSidecarService/TerminateInstance")?;
        let message = proto::TerminateRequest {
            instance_id: instance_id.to_owned(),
            output: Some(reason.to_owned()),
            recursive,
        };
        let answer = call.unary(message, Repeat::Never).await;
        let _: proto::TerminateResponse = self.explained(&call, answer).await?;
        Ok(())
    }

    /// Holds an instance until it is resumed.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate); also [`ClientError::WrongState`] if it is suspended.
    pub async fn suspend(&self, instance_id: &str, reason: &str) -> Result<(), ClientError> {
        let call = self.call(instance_id, "/TaskHubSidecarService/SuspendInstance")?;
        let message = proto::SuspendRequest {
            instance_id: instance_id.to_owned(),
            reason: Some(reason.to_owned()),
        };
        let answer = call.unary(message, Repeat::Never).await;
        let _: proto::SuspendResponse = self.explained(&call, answer).await?;
        Ok(())
    }

    /// Lets a suspended instance go on.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate); also [`ClientError::WrongState`] if it is not suspended.
    pub async fn resume(&self, instance_id: &str, reason: &str) -> Result<(), ClientError> {
        let call = self.call(instance_id, "/TaskHubSidecarService/ResumeInstance")?;
        let message = proto::ResumeRequest {
            instance_id: instance_id.to_owned(),
            reason: Some(reason.to_owned()),
        };
        let answer = call.unary(message, Repeat::Never).await;
        let _: proto::ResumeResponse = self.explained(&call, answer).await?;
        Ok(())
    }

    /// Lets a failed instance try its failed calls again.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::NotFound`]; [`ClientError::WrongState`] if it has not
    /// failed.
    pub async fn rewind(&self, instance_id: &str, reason: &str) -> Result<(), ClientError> {
        let call = self.call(instance_id, "/TaskHubSidecarService/RewindInstance")?;
        let message = proto::RewindInstanceRequest {
            instance_id: instance_id.to_owned(),
            reason: Some(reason.to_owned()),
        };
        let answer = call.unary(message, Repeat::Never).await;
        let _: proto::RewindInstanceResponse = self.explained(&call, answer).await?;
        Ok(())
    }

    /// Starts an instance's orchestrator again with the same input, under a new id or its own, and
    /// gives that id.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::NotFound`]; [`ClientError::AlreadyExists`] or
    /// [`ClientError::WrongState`] if its own id is to be used and it has not ended.
    pub async fn restart(&self, instance_id: &str, new_id: bool) -> Result<String, ClientError> {
        let call = self.call(instance_id, "/TaskHubSidecarService/RestartInstance")?;
        let message = proto::RestartInstanceRequest {
            instance_id: instance_id.to_owned(),
            restart_with_new_instance_id: new_id,
        };
        let answer = call.unary(message, Repeat::Never).await;
        let answer: proto::RestartInstanceResponse = self.explained(&call, answer).await?;
        Ok(answer.instance_id)
    }

    /// Deletes an instance that has ended, with its history.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::NotFound`]; [`ClientError::WrongState`] if it has not
    /// ended.
    pub async fn purge(&self, instance_id: &str) -> Result<(), ClientError> {
        let call = self.call(instance_id, "/TaskHubSidecarService/PurgeInstances")?;
        let message = proto::PurgeInstancesRequest {
            request: Some(PurgeInstancesRequestRequest::InstanceId(
                instance_id.to_owned(),
            )),
            recursive: false,
            is_orchestration: true,
        };
        let answer = call.unary(message, Repeat::Never).await;
        let answer: proto::PurgeInstancesResponse = self.explained(&call, answer).await?;
        if answer.deleted_instance_count == 0 {
            return Err(not_found(instance_id));
        }
        Ok(())
    }

    /// The host says of some wrong states and unknown ids only that something went wrong.
    async fn explained<A>(
        &self,
        call: &Call<'_>,
        answer: Result<A, Refusal>,
    ) -> Result<A, ClientError> {
        let refusal = match answer {
            Ok(answer) => return Ok(answer),
            Err(refusal) => refusal,
        };
        if !refusal.is_unexplained() {
            return Err(call.error(refusal));
        }
        let error = call.error(refusal);
        let look = Call {
            path: "/TaskHubSidecarService/GetInstance",
            ..*call
        };
        let status = match self.state(&look, false).await {
            Ok(Some(state)) => state.status,
            Ok(None) => return Err(not_found(call.instance_id)),
            Err(_) => return Err(error),
        };
        let suspended = status == RuntimeStatus::Suspended;
        let wrong = status.is_terminal()
            || (suspended && call.path.ends_with("SuspendInstance"))
            || (!suspended && call.path.ends_with("ResumeInstance"));
        if wrong {
            return Err(ClientError::WrongState {
                instance_id: call.instance_id.to_owned(),
                message: format!("it is {status:?} ({error})"),
            });
        }
        Err(error)
    }

    pub(super) fn call<'a>(
        &'a self,
        instance_id: &'a str,
        path: &'static str,
    ) -> Result<Call<'a>, ClientError> {
        id::validate_instance_id(instance_id).map_err(ClientError::invalid)?;
        let address = self.rpc_address().ok_or_else(|| ClientError::Unsupported {
            message: format!(
                "{path} needs the host's gRPC endpoint, and the durableClient binding has no rpcBaseUrl"
            ),
        })?;
        Ok(Call {
            binding: &self.binding,
            invocation_id: self.invocation_id.as_deref(),
            address,
            deadline: Instant::now() + self.timeout(),
            path,
            instance_id,
        })
    }

    pub(super) fn rpc_address(&self) -> Option<&str> {
        let address = self.binding.rpc_base_url.as_deref();
        address.filter(|address| !address.is_empty())
    }

    fn timeout(&self) -> Duration {
        let timeout = self.binding.grpc_http_client_timeout;
        timeout.unwrap_or(DEFAULT_TIMEOUT).min(LONGEST)
    }
}

async fn history(call: &Call<'_>) -> Result<Vec<proto::HistoryEvent>, ClientError> {
    let message = proto::StreamInstanceHistoryRequest {
        instance_id: call.instance_id.to_owned(),
        execution_id: None,
        for_work_item_processing: false,
    };
    let chunks = call.collect(message).await;
    let chunks: Vec<proto::HistoryChunk> = chunks.map_err(|refusal| call.error(refusal))?;
    Ok(chunks.into_iter().flat_map(|chunk| chunk.events).collect())
}

fn not_found(instance_id: &str) -> ClientError {
    ClientError::NotFound {
        message: format!("there is no instance '{instance_id}'"),
    }
}

/// The host writes a failure as `Type: message`.
fn failure_of_text(text: &str) -> Failure {
    match text.split_once(": ") {
        Some((error_type, message)) => Failure::new(error_type, message),
        None => Failure::new("OrchestrationFailed", text),
    }
}
