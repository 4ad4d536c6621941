//! The host's gRPC endpoint, `TaskHubSidecarService`: HTTP/2 without TLS, on loopback.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use durable_functions_protocol::binding::DurableClientBinding;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::ClientError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What the host advises when the binding does not say.
const DEFAULT_RECEIVE_LIMIT: usize = 4 * 1024 * 1024;
/// A host has one address at a time, so more than these are of hosts that are gone.
const MAX_CHANNELS: usize = 8;
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A channel belongs to the runtime whose task drives it.
struct Cached {
    runtime: tokio::runtime::Id,
    address: String,
    channel: Channel,
}

static CHANNELS: Mutex<Vec<Cached>> = Mutex::new(Vec::new());

/// Whether a call may be made again when it is unknown whether the first one took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    Safe,
    Never,
}

/// The method of a call and who it is for.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) binding: &'a DurableClientBinding,
    pub(super) invocation_id: Option<&'a str>,
    pub(super) address: &'a str,
    pub(super) deadline: Instant,
    /// With a leading slash, such as `/TaskHubSidecarService/GetInstance`.
    pub(super) path: &'static str,
    pub(super) instance_id: &'a str,
}

impl Call<'_> {
    /// One message for one message.
    pub(super) async fn unary<Q, A>(&self, message: Q, repeat: Repeat) -> Result<A, Refusal>
    where
        Q: prost::Message + Clone + 'static,
        A: prost::Message + Default + 'static,
    {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let outcome = self.within_deadline(self.send(message.clone())).await;
            let Err(Refusal::Status(status)) = &outcome else {
                return outcome;
            };
            let lost = status.code() == Code::Unavailable || is_transport(status);
            let again = repeat == Repeat::Safe && lost && attempt < ATTEMPTS;
            if !again || Instant::now() + pause >= self.deadline {
                return outcome;
            }
            sleep(pause).await;
            pause *= 2;
            attempt += 1;
        }
    }

    async fn send<Q, A>(&self, message: Q) -> Result<A, Refusal>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let mut grpc = self.grpc()?;
        grpc.ready()
            .await
            .map_err(|error| Refusal::Status(Status::from_error(Box::new(error))))?;
        let path = PathAndQuery::from_static(self.path);
        let codec: ProstCodec<Q, A> = ProstCodec::default();
        let answer = grpc.unary(self.request(message)?, path, codec).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(Refusal::Status)
    }

    /// One message for many, collected.
    pub(super) async fn collect<Q, A>(&self, message: Q) -> Result<Vec<A>, Refusal>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        self.within_deadline(async {
            let mut grpc = self.grpc()?;
            grpc.ready()
                .await
                .map_err(|error| Refusal::Status(Status::from_error(Box::new(error))))?;
            let path = PathAndQuery::from_static(self.path);
            let codec: ProstCodec<Q, A> = ProstCodec::default();
            let answer = grpc.server_streaming(self.request(message)?, path, codec);
            let mut stream = answer.await.map_err(Refusal::Status)?.into_inner();
            let mut messages = Vec::new();
            while let Some(message) = stream.message().await.map_err(Refusal::Status)? {
                messages.push(message);
            }
            Ok(messages)
        })
        .await
    }

    async fn within_deadline<T>(
        &self,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        match timeout_at(self.deadline, work).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Refusal::Client(ClientError::TimedOut {
                message: format!("{}{} has not answered in time", self.address, self.path),
            })),
        }
    }

    fn grpc(&self) -> Result<Grpc<Channel>, Refusal> {
        let channel = channel(self.address).map_err(Refusal::Client)?;
        Ok(Grpc::new(channel).max_decoding_message_size(self.receive_limit()))
    }

    fn receive_limit(&self) -> usize {
        let advised = self.binding.max_grpc_message_size_in_bytes;
        advised.map_or(DEFAULT_RECEIVE_LIMIT, |bytes| {
            usize::try_from(bytes).unwrap_or(usize::MAX)
        })
    }

    fn request<Q>(&self, message: Q) -> Result<Request<Q>, Refusal> {
        let mut request = Request::new(message);
        let hub = self.binding.task_hub_name.as_deref();
        let connection = self.binding.connection_name.as_deref();
        for (key, value) in [
            ("durable-taskhub", hub),
            ("durable-connectionname", connection),
            ("x-azure-functions-invocationid", self.invocation_id),
        ] {
            let Some(value) = value.filter(|value| !value.is_empty()) else {
                continue;
            };
            let value: MetadataValue<Ascii> = value.parse().map_err(|_| {
                Refusal::Client(ClientError::invalid(format!(
                    "{key} can't be sent: {value:?} has characters that no header holds"
                )))
            })?;
            request.metadata_mut().insert(key, value);
        }
        Ok(request)
    }

    /// What a refusal means to the caller.
    pub(super) fn error(&self, refusal: Refusal) -> ClientError {
        let status = match refusal {
            Refusal::Client(error) => return error,
            Refusal::Status(status) => status,
        };
        let message = text(&status);
        match status.code() {
            Code::NotFound => ClientError::NotFound { message },
            Code::AlreadyExists => ClientError::AlreadyExists {
                instance_id: self.instance_id.to_owned(),
                message,
            },
            Code::FailedPrecondition => ClientError::WrongState {
                instance_id: self.instance_id.to_owned(),
                message,
            },
            Code::InvalidArgument => ClientError::InvalidArgument { message },
            Code::Unimplemented => ClientError::Unsupported {
                message: format!("the host does not serve {}: {message}", self.path),
            },
            Code::DeadlineExceeded => ClientError::TimedOut { message },
            Code::OutOfRange if message.contains("message length too large") => {
                ClientError::TooLarge {
                    limit: self.receive_limit(),
                    message,
                }
            }
            code => ClientError::Unavailable {
                url: self.address.to_owned(),
                message: format!("{code:?}: {message}"),
                source: None,
            },
        }
    }
}

/// Why a call gave no answer.
pub(super) enum Refusal {
    Status(Status),
    Client(ClientError),
}

impl Refusal {
    /// The host met an exception that it does not describe.
    pub(super) fn is_unexplained(&self) -> bool {
        matches!(self, Self::Status(status) if status.code() == Code::Unknown && !is_transport(status))
    }
}

fn is_transport(status: &Status) -> bool {
    status.source().is_some()
}

/// The server's text, or what the transport says.
fn text(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = status.source();
    while let Some(error) = source {
        let said = error.to_string();
        if !text.contains(&said) {
            let _ = write!(text, ": {said}");
        }
        source = error.source();
    }
    text
}

/// The channel to an address. It connects with the first call and again after a loss.
fn channel(address: &str) -> Result<Channel, ClientError> {
    let runtime = tokio::runtime::Handle::try_current()
        .map_err(|error| ClientError::Unsupported {
            message: format!("the client works inside a tokio runtime: {error}"),
        })?
        .id();
    let mut channels = CHANNELS.lock().unwrap_or_else(|held| held.into_inner());
    let known = channels
        .iter()
        .position(|cached| cached.runtime == runtime && cached.address == address);
    if let Some(position) = known {
        let cached = channels.remove(position);
        let channel = cached.channel.clone();
        channels.push(cached);
        return Ok(channel);
    }
    let channel = endpoint(address)?.connect_lazy();
    if channels.len() >= MAX_CHANNELS {
        channels.remove(0);
    }
    channels.push(Cached {
        runtime,
        address: address.to_owned(),
        channel: channel.clone(),
    });
    Ok(channel)
}

fn endpoint(address: &str) -> Result<Endpoint, ClientError> {
    let unsupported = |problem: String| ClientError::Unsupported {
        message: format!("the gRPC address '{address}' can't be used: {problem}"),
    };
    if !address.starts_with("http://") {
        return Err(unsupported("it does not begin with http://".into()));
    }
    let endpoint = Endpoint::from_shared(address.to_owned())
        .map_err(|error| unsupported(error.to_string()))?;
    Ok(endpoint.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true))
}
