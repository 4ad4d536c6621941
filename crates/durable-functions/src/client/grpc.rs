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

static CHANNELS: Mutex<Vec<(String, Channel)>> = Mutex::new(Vec::new());

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

#[cfg(test)]
mod tests {
    use bytes::{BufMut as _, Bytes, BytesMut};
    use http::HeaderMap;
    use prost::Message as _;
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    use super::*;

    struct Asked {
        path: String,
        hub: Option<String>,
        message: CreateInstanceRequest,
    }

    /// A server that answers one call with this status.
    async fn serve(status: &'static str, words: &'static str) -> (String, JoinHandle<Asked>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            let (mut request, mut respond) = connection.accept().await.unwrap().unwrap();
            let others = tokio::spawn(async move { while connection.accept().await.is_some() {} });
            let mut body = BytesMut::new();
            while let Some(data) = request.body_mut().data().await {
                body.extend_from_slice(&data.unwrap());
            }
            let asked = Asked {
                path: request.uri().path().to_owned(),
                hub: request
                    .headers()
                    .get("durable-taskhub")
                    .map(|hub| hub.to_str().unwrap().to_owned()),
                message: CreateInstanceRequest::decode(&body[5..]).unwrap(),
            };
            let response = http::Response::builder().header("content-type", "application/grpc");
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", status.parse().unwrap());
            trailers.insert("grpc-message", words.parse().unwrap());
            let mut stream = respond
                .send_response(response.body(()).unwrap(), false)
                .unwrap();
            if status == "0" {
                let answer = CreateInstanceResponse {
                    instance_id: "x".into(),
                }
                .encode_to_vec();
                let mut frame = BytesMut::new();
                frame.put_u8(0);
                frame.put_u32(u32::try_from(answer.len()).unwrap());
                frame.extend_from_slice(&answer);
                stream.send_data(Bytes::from(frame), false).unwrap();
            }
            stream.send_trailers(trailers).unwrap();
            others.await.unwrap();
            asked
        });
        (address, served)
    }

    fn request() -> CreateInstanceRequest {
        CreateInstanceRequest {
            instance_id: "order-42".into(),
            name: "order".into(),
            ..CreateInstanceRequest::default()
        }
    }

    fn binding() -> DurableClientBinding {
        DurableClientBinding {
            task_hub_name: Some("Hub".into()),
            ..DurableClientBinding::default()
        }
    }

    #[tokio::test]
    async fn the_call_has_path_hub_and_message() {
        let (address, served) = serve("0", "").await;
        start(&binding(), &address, request()).await.unwrap();
        forget(&address);
        let asked = served.await.unwrap();
        assert_eq!(asked.path, "/TaskHubSidecarService/StartInstance");
        assert_eq!(asked.hub.as_deref(), Some("Hub"));
        assert_eq!(asked.message, request());
    }

    #[tokio::test]
    async fn errors_are_told_by_what_can_be_done() {
        for (status, http_status) in [("3", 400), ("5", 404), ("6", 409), ("12", 501), ("13", 503)]
        {
            let (address, _served) = serve(status, "words of the host").await;
            let error = start(&binding(), &address, request()).await.unwrap_err();
            assert_eq!(error.http_status(), http_status, "{error}");
            assert!(error.to_string().contains("words of the host"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_host_that_is_gone_or_silent_is_unavailable() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let hurried = DurableClientBinding {
            grpc_http_client_timeout: Some(Duration::from_millis(50)),
            ..binding()
        };
        let error = start(&hurried, &address, request()).await.unwrap_err();
        assert!(
            error.to_string().contains("no answer within 50ms"),
            "{error}"
        );
        drop(listener);
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = free.local_addr().unwrap();
        drop(free);
        let error = start(&binding(), &format!("http://{gone}"), request())
            .await
            .unwrap_err();
        assert_eq!(error.http_status(), 503, "{error}");
        let error = start(&binding(), "not a url", request()).await.unwrap_err();
        assert!(error.to_string().contains("no URL"), "{error}");
    }

    /// Closes the connection, which ends the server.
    fn forget(address: &str) {
        let mut channels = CHANNELS.lock().unwrap();
        channels.retain(|(known, _)| known != address);
    }
}
