//! A gRPC client of a host, as small as can be.

use std::time::Duration;

use durable_functions_protocol::proto::{
    CreateInstanceRequest, CreateInstanceResponse, GetInstanceRequest, GetInstanceResponse,
    HistoryChunk, HistoryEvent, OrchestrationState, PurgeInstancesRequest,
    PurgeInstancesRequestRequest, StreamInstanceHistoryRequest,
};
use prost::Message;
use serde_json::Value;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::app::{Client, PATIENCE, TestApp};

/// A connection to the service.
#[derive(Clone)]
pub struct Rpc(Channel);

/// The binding of a durable client, from a function that shows what it is called with.
pub async fn binding(client: &Client) -> Value {
    let answer = client.get("/api/plain/x").await;
    let quoted = answer.json()["Data"]["client"].as_str().unwrap().to_owned();
    let text: String = serde_json::from_str(&quoted).unwrap();
    serde_json::from_str(&text).unwrap()
}

impl Rpc {
    /// Connects to where the binding says.
    pub async fn connect(client: &Client) -> Self {
        let url = binding(client).await["rpcBaseUrl"]
            .as_str()
            .unwrap()
            .to_owned();
        Self(Channel::from_shared(url).unwrap().connect().await.unwrap())
    }

    pub async fn request<Q, A>(&self, method: &str, request: Request<Q>) -> Result<A, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let mut grpc = Grpc::new(self.0.clone()).max_decoding_message_size(usize::MAX);
        grpc.ready().await.unwrap();
        let path = format!("/TaskHubSidecarService/{method}").parse().unwrap();
        let call = grpc.unary(request, path, ProstCodec::<Q, A>::default());
        let answer = tokio::time::timeout(PATIENCE, call).await;
        Ok(answer.expect("no answer")?.into_inner())
    }

    pub async fn call<Q, A>(&self, method: &str, message: Q) -> Result<A, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        self.request(method, Request::new(message)).await
    }

    /// A call that fails: code and text.
    pub async fn fail<Q>(&self, method: &str, message: Q) -> (Code, String)
    where
        Q: Message + Send + Sync + 'static,
    {
        let status = self.call::<Q, ()>(method, message).await.unwrap_err();
        (status.code(), status.message().to_owned())
    }

    pub async fn start(&self, request: CreateInstanceRequest) -> Result<String, Status> {
        self.call::<_, CreateInstanceResponse>("StartInstance", request)
            .await
            .map(|answer| answer.instance_id)
    }

    /// What a method that takes a `GetInstanceRequest` says, payloads included.
    pub async fn state(&self, method: &str, id: &str) -> Option<OrchestrationState> {
        let request = GetInstanceRequest {
            instance_id: id.into(),
            get_inputs_and_outputs: true,
        };
        let answer: GetInstanceResponse = self.call(method, request).await.unwrap();
        assert_eq!(answer.exists, answer.orchestration_state.is_some());
        answer.orchestration_state
    }

    /// Waits until the instance has ended.
    pub async fn end(&self, id: &str) -> OrchestrationState {
        self.state("WaitForInstanceCompletion", id).await.unwrap()
    }

    /// The chunks of a history.
    pub async fn chunks(&self, id: &str) -> Result<Vec<HistoryChunk>, Status> {
        let mut grpc = Grpc::new(self.0.clone());
        grpc.ready().await.unwrap();
        let request = StreamInstanceHistoryRequest {
            instance_id: id.into(),
            ..Default::default()
        };
        let codec = ProstCodec::<StreamInstanceHistoryRequest, HistoryChunk>::default();
        let path = "/TaskHubSidecarService/StreamInstanceHistory"
            .parse()
            .unwrap();
        let answer = grpc
            .server_streaming(Request::new(request), path, codec)
            .await?;
        let mut stream = answer.into_inner();
        let mut chunks = Vec::new();
        while let Some(chunk) = stream.message().await? {
            chunks.push(chunk);
        }
        Ok(chunks)
    }

    pub async fn history(&self, id: &str) -> Vec<HistoryEvent> {
        let chunks = self.chunks(id).await.unwrap();
        chunks.into_iter().flat_map(|chunk| chunk.events).collect()
    }
}

/// A start with an id and an input.
pub fn creation(name: &str, id: &str, input: &str) -> CreateInstanceRequest {
    CreateInstanceRequest {
        name: name.into(),
        instance_id: id.into(),
        input: (!input.is_empty()).then(|| input.into()),
        ..Default::default()
    }
}

/// The same with a deadline for the server too.
pub fn within<Q>(limit: Duration, message: Q) -> Request<Q> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    request
}

/// What was recorded of the real host's endpoint.
pub fn recorded() -> Value {
    serde_json::from_str(include_str!("../data/grpc.json")).unwrap()
}

/// Asks for one instance to be purged.
pub fn purge(id: &str) -> PurgeInstancesRequest {
    PurgeInstancesRequest {
        request: Some(PurgeInstancesRequestRequest::InstanceId(id.into())),
        ..Default::default()
    }
}

/// An app, and a client of its endpoint.
pub async fn start() -> (TestApp, Rpc) {
    let app = TestApp::start().await;
    let rpc = Rpc::connect(&app.client).await;
    (app, rpc)
}
