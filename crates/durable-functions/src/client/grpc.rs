//! The local gRPC endpoint of the Durable Task extension: HTTP/2 without TLS.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use durable_functions_protocol::binding::DurableClientBinding;
use durable_functions_protocol::proto::{CreateInstanceRequest, CreateInstanceResponse};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::ClientError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time that the host gives its own clients.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(100);
/// The endpoint moves when the host is started again, so few addresses are in use at a time.
const MOST_CHANNELS: usize = 4;

/// `StartInstance`.
pub(super) async fn start(
    binding: &DurableClientBinding,
    address: &str,
    start: CreateInstanceRequest,
) -> Result<(), ClientError> {
    const START: &str = "/TaskHubSidecarService/StartInstance";
    let instance_id = start.instance_id.clone();
    let unavailable = |message: String| ClientError::Unavailable {
        url: address.to_owned(),
        message,
        source: None,
    };
    let channel = channel(address).map_err(&unavailable)?;
    let mut request = Request::new(start);
    for (name, value) in [
        ("durable-taskhub", &binding.task_hub_name),
        ("durable-connectionname", &binding.connection_name),
    ] {
        let value = value.as_deref().filter(|value| !value.is_empty());
        if let Some(value) = value.and_then(|value| MetadataValue::<Ascii>::try_from(value).ok()) {
            request.metadata_mut().insert(name, value);
        }
    }
    let call = async {
        let mut client = tonic::client::Grpc::new(channel);
        client
            .ready()
            .await
            .map_err(|error| Status::unavailable(in_full(&error)))?;
        let codec = ProstCodec::<CreateInstanceRequest, CreateInstanceResponse>::default();
        client
            .unary(request, PathAndQuery::from_static(START), codec)
            .await
    };
    let limit = binding.grpc_http_client_timeout.unwrap_or(DEFAULT_TIMEOUT);
    let answered = tokio::time::timeout(limit, call).await;
    let status = match answered {
        Err(_) => return Err(unavailable(format!("no answer within {limit:?}"))),
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(status)) => status,
    };
    let message = status.message().to_owned();
    Err(match status.code() {
        Code::AlreadyExists => ClientError::AlreadyExists {
            instance_id,
            message,
        },
        Code::InvalidArgument => ClientError::InvalidArgument { message },
        Code::NotFound => ClientError::NotFound { message },
        Code::Unimplemented => ClientError::Unsupported { message },
        code => unavailable(format!("{code}: {message}")),
    })
}

/// A channel connects when it is first used, and again after it was cut.
fn channel(address: &str) -> Result<Channel, String> {
    static CHANNELS: Mutex<Vec<(String, Channel)>> = Mutex::new(Vec::new());
    let mut channels = CHANNELS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, channel)) = channels.iter().find(|(known, _)| known == address) {
        return Ok(channel.clone());
    }
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|error| {
        format!("the rpcBaseUrl of the durableClient binding is no URL: {error}")
    })?;
    let channel = endpoint.connect_timeout(CONNECT_TIMEOUT).connect_lazy();
    if channels.len() >= MOST_CHANNELS {
        channels.remove(0);
    }
    channels.push((address.to_owned(), channel.clone()));
    Ok(channel)
}

fn in_full(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| {
        format!("{text}: {source}")
    })
}
