//! The operations on instances, as calls of the endpoint.

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{self, EventType, PurgeInstancesRequestRequest};
use tokio::time::Instant;
use tonic::Streaming;

use super::{Failed, Grpc, Method, Repeat, convert};
use crate::client::query::Page;
use crate::client::state::{InstanceState, RuntimeStatus, failure_of_text};
use crate::client::transport::{Payloads, Refused, Start, Steer};
use crate::client::{ClientError, InstanceQuery, PurgeFilter};

const START: Method = "/TaskHubSidecarService/StartInstance";
const GET: Method = "/TaskHubSidecarService/GetInstance";
const HISTORY: Method = "/TaskHubSidecarService/StreamInstanceHistory";
const RAISE_EVENT: Method = "/TaskHubSidecarService/RaiseEvent";
const TERMINATE: Method = "/TaskHubSidecarService/TerminateInstance";
const SUSPEND: Method = "/TaskHubSidecarService/SuspendInstance";
const RESUME: Method = "/TaskHubSidecarService/ResumeInstance";
const REWIND: Method = "/TaskHubSidecarService/RewindInstance";
const RESTART: Method = "/TaskHubSidecarService/RestartInstance";
const PURGE: Method = "/TaskHubSidecarService/PurgeInstances";
const QUERY: Method = "/TaskHubSidecarService/QueryInstances";

impl Grpc<'_> {
    pub(in crate::client) async fn start(&self, start: Start) -> Result<(), ClientError> {
        let instance_id = start.instance_id.clone();
        let answer = self
            .unary(START, convert::start(start), Repeat::Never)
            .await;
        let _: proto::CreateInstanceResponse =
            answer.map_err(|failed| self.error(START, &instance_id, failed))?;
        Ok(())
    }

    pub(in crate::client) async fn get(
        &self,
        instance_id: &str,
        payloads: Payloads,
    ) -> Result<Option<InstanceState>, ClientError> {
        let message = proto::GetInstanceRequest {
            instance_id: instance_id.to_owned(),
            get_inputs_and_outputs: payloads == Payloads::All,
        };
        let answer = self.unary(GET, message, Repeat::Safe).await;
        let answer: proto::GetInstanceResponse =
            answer.map_err(|failed| self.error(GET, instance_id, failed))?;
        let Some(state) = answer.orchestration_state.filter(|_| answer.exists) else {
            return Ok(None);
        };
        let mut state = InstanceState::from_proto(state)?;
        if payloads == Payloads::All && state.status == RuntimeStatus::Failed {
            // extension 3.14 has the failure's text only here, and the chain in the history
            let shallow = state
                .failure
                .as_ref()
                .is_none_or(|failure| failure.cause.is_none());
            if shallow {
                state.failure = match self.recorded_failure(instance_id).await {
                    Ok(Some(failure)) => Some(failure),
                    Ok(None) | Err(ClientError::Unsupported { .. }) => {
                        let told = state.failure.take();
                        told.or_else(|| state.raw_output().map(failure_of_text))
                    }
                    Err(error) => return Err(error),
                };
            }
        }
        Ok(Some(state))
    }

    async fn recorded_failure(&self, instance_id: &str) -> Result<Option<Failure>, ClientError> {
        let mut chunks = self.history(instance_id).await?;
        let mut failure = None;
        while let Some(chunk) = self.next_chunk(instance_id, &mut chunks).await? {
            for event in chunk.events {
                if let Some(EventType::ExecutionCompleted(completed)) = event.event_type {
                    failure = completed.failure_details;
                }
            }
        }
        Ok(failure.as_ref().map(Failure::from_proto))
    }

    /// The history, as the host cuts it.
    pub(in crate::client) async fn history(
        &self,
        instance_id: &str,
    ) -> Result<HistoryChunks, ClientError> {
        let message = proto::StreamInstanceHistoryRequest {
            instance_id: instance_id.to_owned(),
            execution_id: None,
            for_work_item_processing: false,
        };
        let stream = self.stream(HISTORY, message).await;
        Ok(HistoryChunks {
            stream: stream.map_err(|failed| self.error(HISTORY, instance_id, failed))?,
            deadline: self.deadline,
            any: false,
        })
    }

    /// The next part of a history; a history without events is that of no instance.
    pub(in crate::client) async fn next_chunk(
        &self,
        instance_id: &str,
        chunks: &mut HistoryChunks,
    ) -> Result<Option<proto::HistoryChunk>, ClientError> {
        let way = Self {
            deadline: chunks.deadline,
            ..*self
        };
        let message = async {
            let message = chunks.stream.message().await;
            message.map_err(|status| Failed::Status(Box::new(status)))
        };
        let message = way.in_time(HISTORY, message).await;
        let message = message.map_err(|failed| self.error(HISTORY, instance_id, failed))?;
        match &message {
            Some(chunk) => chunks.any |= !chunk.events.is_empty(),
            None if !chunks.any => return Err(ClientError::no_instance(instance_id)),
            None => {}
        }
        Ok(message)
    }

    pub(in crate::client) async fn raise_event(
        &self,
        instance_id: &str,
        name: &str,
        payload: String,
    ) -> Result<(), Refused> {
        // The endpoint takes an event for an instance that has ended, and drops it.
        match self.get(instance_id, Payloads::None).await? {
            None => return Err(ClientError::no_instance(instance_id).into()),
            Some(state) if state.status.is_terminal() => {
                return Err(ClientError::WrongState {
                    instance_id: instance_id.to_owned(),
                    message: format!("it is {:?} and takes no more events", state.status),
                }
                .into());
            }
            Some(_) => {}
        }
        let message = proto::RaiseEventRequest {
            instance_id: instance_id.to_owned(),
            name: name.to_owned(),
            input: Some(payload),
        };
        let _: proto::RaiseEventResponse = self.act(RAISE_EVENT, instance_id, message).await?;
        Ok(())
    }

    pub(in crate::client) async fn steer(
        &self,
        instance_id: &str,
        steer: Steer,
        reason: &str,
    ) -> Result<(), Refused> {
        let id = instance_id.to_owned();
        let reason = Some(reason.to_owned());
        match steer {
            Steer::Terminate { recursive } => {
                let message = proto::TerminateRequest {
                    instance_id: id,
                    // a reason that is not given leaves the output unset
                    output: reason.filter(|reason| !reason.is_empty()),
                    recursive,
                };
                let _: proto::TerminateResponse = self.act(TERMINATE, instance_id, message).await?;
            }
            Steer::Suspend => {
                let message = proto::SuspendRequest {
                    instance_id: id,
                    reason,
                };
                let _: proto::SuspendResponse = self.act(SUSPEND, instance_id, message).await?;
            }
            Steer::Resume => {
                let message = proto::ResumeRequest {
                    instance_id: id,
                    reason,
                };
                let _: proto::ResumeResponse = self.act(RESUME, instance_id, message).await?;
            }
            Steer::Rewind => {
                let message = proto::RewindInstanceRequest {
                    instance_id: id,
                    reason,
                };
                let _: proto::RewindInstanceResponse =
                    self.act(REWIND, instance_id, message).await?;
            }
        }
        Ok(())
    }

    pub(in crate::client) async fn restart(
        &self,
        instance_id: &str,
        new_id: bool,
    ) -> Result<String, Refused> {
        let message = proto::RestartInstanceRequest {
            instance_id: instance_id.to_owned(),
            restart_with_new_instance_id: new_id,
        };
        let answer: proto::RestartInstanceResponse =
            self.act(RESTART, instance_id, message).await?;
        Ok(answer.instance_id)
    }

    pub(in crate::client) async fn purge(&self, instance_id: &str) -> Result<u64, Refused> {
        let message = proto::PurgeInstancesRequest {
            request: Some(PurgeInstancesRequestRequest::InstanceId(
                instance_id.to_owned(),
            )),
            recursive: false,
            is_orchestration: true,
        };
        let answer: proto::PurgeInstancesResponse = self.act(PURGE, instance_id, message).await?;
        Ok(u64::try_from(answer.deleted_instance_count).unwrap_or_default())
    }

    pub(in crate::client) async fn purge_where(
        &self,
        filter: &PurgeFilter,
    ) -> Result<(u64, bool), ClientError> {
        let message = convert::purge(filter);
        let answer = self.unary(PURGE, message, Repeat::Safe).await;
        let answer: proto::PurgeInstancesResponse =
            answer.map_err(|failed| self.error(PURGE, "", failed))?;
        let deleted = u64::try_from(answer.deleted_instance_count).unwrap_or_default();
        Ok((deleted, answer.is_complete.unwrap_or(true)))
    }

    pub(in crate::client) async fn query(
        &self,
        query: &InstanceQuery,
        token: Option<String>,
    ) -> Result<Page<InstanceState>, ClientError> {
        let message = proto::QueryInstancesRequest {
            query: Some(convert::query(query, token)),
        };
        let answer = self.unary(QUERY, message, Repeat::Safe).await;
        let answer: proto::QueryInstancesResponse =
            answer.map_err(|failed| self.error(QUERY, "", failed))?;
        let states = answer.orchestration_state.into_iter();
        Ok(Page {
            items: states
                .map(InstanceState::from_proto)
                .collect::<Result<_, _>>()?,
            continuation_token: answer.continuation_token.filter(|token| !token.is_empty()),
        })
    }

    async fn act<Q, A>(&self, method: Method, instance_id: &str, message: Q) -> Result<A, Refused>
    where
        Q: prost::Message + Clone + 'static,
        A: prost::Message + Default + 'static,
    {
        let answer = self.unary(method, message, Repeat::Never).await;
        answer.map_err(|failed| self.refused(method, instance_id, failed))
    }
}

/// A history on its way.
pub(in crate::client) struct HistoryChunks {
    stream: Streaming<proto::HistoryChunk>,
    deadline: Instant,
    any: bool,
}
