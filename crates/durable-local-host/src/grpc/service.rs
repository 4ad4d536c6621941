//! Which method does what.

use std::future::Future;
use std::sync::Arc;

use durable_functions_protocol::proto::{
    CleanEntityStorageRequest, CreateInstanceRequest, CreateTaskHubRequest, DeleteTaskHubRequest,
    GetEntityRequest, GetInstanceRequest, PurgeInstancesRequest, QueryEntitiesRequest,
    QueryInstancesRequest, RaiseEventRequest, RestartInstanceRequest, ResumeRequest,
    RewindInstanceRequest, SignalEntityRequest, StreamInstanceHistoryRequest, SuspendRequest,
    TerminateRequest,
};
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, Response};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;

use super::calls::{Streaming, Unary, deadline};
use super::{entities, operations};
use crate::engine::Engine;

/// The service's path; it has no package.
const SERVICE: &str = "/TaskHubSidecarService/";
/// How long a message may be, as on the real host; what clients are advised is less.
const MAX_MESSAGE: usize = i32::MAX as usize;

/// The service of a task hub.
#[derive(Debug)]
pub(crate) struct Sidecar {
    engine: Arc<Engine>,
    task_hub: String,
    stop: CancellationToken,
}

impl Sidecar {
    /// The service for an engine.
    pub(crate) fn new(engine: Arc<Engine>, task_hub: String, stop: CancellationToken) -> Self {
        Self {
            engine,
            task_hub,
            stop,
        }
    }

    /// Answers a request. Calls that wait end with their deadline and with the host; hyper drops
    /// this future when the caller goes away.
    pub(super) async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        if let Err(status) = self.check_hub(request.headers()) {
            return status.into_http();
        }
        let deadline = deadline(request.headers());
        let answer = self.call(request);
        let late = async {
            match deadline {
                Some(deadline) => tokio::time::sleep(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            answer = answer => answer,
            () = late => Status::deadline_exceeded("Deadline Exceeded").into_http(),
            () = self.stop.cancelled() => {
                Status::unavailable("The local host is stopping.").into_http()
            }
        }
    }

    /// Metadata may choose another task hub; there is only one here.
    fn check_hub(&self, headers: &HeaderMap) -> Result<(), Status> {
        match headers.get("durable-taskhub") {
            Some(hub)
                if !hub.is_empty()
                    && !hub
                        .as_bytes()
                        .eq_ignore_ascii_case(self.task_hub.as_bytes()) =>
            {
                Err(Status::unimplemented(format!(
                    "This local host serves the task hub {} only, not {}.",
                    self.task_hub,
                    String::from_utf8_lossy(hub.as_bytes())
                )))
            }
            _ => Ok(()),
        }
    }

    async fn call(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let Some(method) = path.strip_prefix(SERVICE) else {
            return Status::unimplemented("").into_http();
        };
        match method {
            "Hello" => self.unary(request, |_, ()| async { Ok(()) }).await,
            "StartInstance" => {
                self.unary::<CreateInstanceRequest, _, _>(request, operations::start)
                    .await
            }
            "GetInstance" => {
                self.unary::<GetInstanceRequest, _, _>(request, operations::get)
                    .await
            }
            "WaitForInstanceStart" => {
                self.unary::<GetInstanceRequest, _, _>(request, operations::wait_for_start)
                    .await
            }
            "WaitForInstanceCompletion" => {
                self.unary::<GetInstanceRequest, _, _>(request, operations::wait_for_completion)
                    .await
            }
            "RaiseEvent" => {
                self.unary::<RaiseEventRequest, _, _>(request, operations::raise_event)
                    .await
            }
            "TerminateInstance" => {
                self.unary::<TerminateRequest, _, _>(request, operations::terminate)
                    .await
            }
            "SuspendInstance" => {
                self.unary::<SuspendRequest, _, _>(request, operations::suspend)
                    .await
            }
            "ResumeInstance" => {
                self.unary::<ResumeRequest, _, _>(request, operations::resume)
                    .await
            }
            "RestartInstance" => {
                self.unary::<RestartInstanceRequest, _, _>(request, operations::restart)
                    .await
            }
            "RewindInstance" => {
                self.unary::<RewindInstanceRequest, _, _>(request, operations::rewind)
                    .await
            }
            "QueryInstances" => {
                self.unary::<QueryInstancesRequest, _, _>(request, operations::query)
                    .await
            }
            "PurgeInstances" => {
                self.unary::<PurgeInstancesRequest, _, _>(request, operations::purge)
                    .await
            }
            "CreateTaskHub" => {
                self.unary::<CreateTaskHubRequest, _, _>(request, operations::create_task_hub)
                    .await
            }
            "DeleteTaskHub" => {
                self.unary::<DeleteTaskHubRequest, _, _>(request, operations::delete_task_hub)
                    .await
            }
            "StreamInstanceHistory" => self.stream_history(request).await,
            "SignalEntity" => {
                self.unary::<SignalEntityRequest, _, _>(request, entities::signal)
                    .await
            }
            "GetEntity" => {
                self.unary::<GetEntityRequest, _, _>(request, entities::get)
                    .await
            }
            "QueryEntities" => {
                self.unary::<QueryEntitiesRequest, _, _>(request, entities::query)
                    .await
            }
            "CleanEntityStorage" => {
                self.unary::<CleanEntityStorageRequest, _, _>(request, entities::clean)
                    .await
            }
            // The real host has no words for the others either.
            _ => Status::unimplemented("").into_http(),
        }
    }

    async fn unary<Q, A, W>(
        &self,
        request: Request<Incoming>,
        operation: impl Fn(Arc<Engine>, Q) -> W,
    ) -> Response<Body>
    where
        Q: prost::Message + Default + Send + 'static,
        A: prost::Message + Send + 'static,
        W: Future<Output = Result<A, Status>> + Send + 'static,
    {
        let call = Unary(|message| operation(Arc::clone(&self.engine), message));
        Grpc::new(ProstCodec::<A, Q>::default())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(usize::MAX)
            .unary(call, request)
            .await
    }

    async fn stream_history(&self, request: Request<Incoming>) -> Response<Body> {
        let call = Streaming(|message: StreamInstanceHistoryRequest| {
            operations::history(Arc::clone(&self.engine), message)
        });
        Grpc::new(ProstCodec::default())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(usize::MAX)
            .server_streaming(call, request)
            .await
    }
}
