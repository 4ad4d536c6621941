//! The host's gRPC endpoint, `TaskHubSidecarService`.

mod channel;
mod convert;
mod entities;
mod operations;

use std::error::Error as _;
use std::fmt::Write as _;

use durable_functions_protocol::binding::DurableClientBinding;
use tokio::time::{Instant, timeout_at};
use tonic::client::Grpc as Client;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

pub(in crate::client) use operations::HistoryChunks;

use super::{Refused, retry};
use crate::client::ClientError;

/// What the host advises when the binding does not say.
const DEFAULT_RECEIVE_LIMIT: usize = 4 * 1024 * 1024;
/// More than this no host of .NET receives.
const SEND_LIMIT: usize = i32::MAX.cast_unsigned() as usize;

/// Whether a call may be made again when it is unknown whether the first one took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    Safe,
    Never,
}

/// One operation's way to the endpoint.
#[derive(Clone, Copy)]
pub(in crate::client) struct Grpc<'a> {
    pub(super) binding: &'a DurableClientBinding,
    pub(super) invocation_id: Option<&'a str>,
    pub(super) address: &'a str,
    pub(super) deadline: Instant,
}

/// A method of the service, as the path of its URL.
type Method = &'static str;

/// Why a call gave no answer.
enum Failed {
    Status(Box<Status>),
    /// There was no connection, so nothing was sent.
    Unsent(Box<Status>),
    Client(ClientError),
}

impl Failed {
    /// The host met an exception that it does not describe.
    fn is_unexplained(&self) -> bool {
        matches!(self, Self::Status(status) if status.code() == Code::Unknown && !is_transport(status))
    }

    fn may_pass(&self, repeat: Repeat) -> bool {
        match self {
            Self::Unsent(_) => true,
            Self::Status(status) => {
                repeat == Repeat::Safe
                    && (status.code() == Code::Unavailable || is_transport(status))
            }
            Self::Client(_) => false,
        }
    }
}

impl Grpc<'_> {
    /// One message for one message.
    async fn unary<Q, A>(&self, method: Method, message: Q, repeat: Repeat) -> Result<A, Failed>
    where
        Q: prost::Message + Clone + 'static,
        A: prost::Message + Default + 'static,
    {
        sendable(message.encoded_len())?;
        let send = || async {
            let (mut client, request) = self.prepare(method, message.clone()).await?;
            let path = PathAndQuery::from_static(method);
            let codec: ProstCodec<Q, A> = ProstCodec::default();
            let answer = client.unary(request, path, codec).await;
            answer
                .map(tonic::Response::into_inner)
                .map_err(|status| Failed::Status(Box::new(status)))
        };
        let attempts = retry::within(self.deadline, send, |failed: &Failed| {
            failed.may_pass(repeat)
        });
        self.in_time(method, attempts).await
    }

    /// One message for many.
    async fn stream<Q, A>(&self, method: Method, message: Q) -> Result<Streaming<A>, Failed>
    where
        Q: prost::Message + Clone + 'static,
        A: prost::Message + Default + 'static,
    {
        let send = || async {
            let (mut client, request) = self.prepare(method, message.clone()).await?;
            let path = PathAndQuery::from_static(method);
            let codec: ProstCodec<Q, A> = ProstCodec::default();
            let answer = client.server_streaming(request, path, codec).await;
            answer
                .map(tonic::Response::into_inner)
                .map_err(|status| Failed::Status(Box::new(status)))
        };
        let safe = |failed: &Failed| failed.may_pass(Repeat::Safe);
        self.in_time(method, retry::within(self.deadline, send, safe))
            .await
    }

    async fn prepare<Q>(
        &self,
        method: Method,
        message: Q,
    ) -> Result<(Client<Channel>, Request<Q>), Failed> {
        let channel = channel::to(self.address).map_err(Failed::Client)?;
        let mut client = Client::new(channel).max_decoding_message_size(self.receive_limit());
        client.ready().await.map_err(|error| {
            tracing::debug!(target: "durable_functions::client", method, address = self.address, "no connection: {error}");
            Failed::Unsent(Box::new(Status::from_error(Box::new(error))))
        })?;
        Ok((client, self.request(message)?))
    }

    async fn in_time<T>(
        &self,
        method: Method,
        work: impl Future<Output = Result<T, Failed>>,
    ) -> Result<T, Failed> {
        match timeout_at(self.deadline, work).await {
            Ok(outcome) => outcome,
            Err(_) => {
                channel::forget(self.address);
                Err(Failed::Client(ClientError::TimedOut {
                    message: format!("{}{method} has not answered in time", self.address),
                }))
            }
        }
    }

    fn receive_limit(&self) -> usize {
        let advised = self.binding.max_grpc_message_size_in_bytes;
        advised.map_or(DEFAULT_RECEIVE_LIMIT, |bytes| {
            usize::try_from(bytes).unwrap_or(usize::MAX)
        })
    }

    fn request<Q>(&self, message: Q) -> Result<Request<Q>, Failed> {
        let mut request = Request::new(message);
        for (key, value) in [
            ("durable-taskhub", self.binding.task_hub_name.as_deref()),
            (
                "durable-connectionname",
                self.binding.connection_name.as_deref(),
            ),
            ("x-azure-functions-invocationid", self.invocation_id),
        ] {
            let Some(value) = super::present(value) else {
                continue;
            };
            let value: MetadataValue<Ascii> = value.parse().map_err(|_| {
                Failed::Client(ClientError::invalid(format!(
                    "{key} can't be sent: {value:?} has characters that no header holds"
                )))
            })?;
            request.metadata_mut().insert(key, value);
        }
        Ok(request)
    }

    /// What a failure means to the caller; `subject` is the id of the instance or entity.
    fn error(&self, method: Method, subject: &str, failed: Failed) -> ClientError {
        let status = match failed {
            Failed::Client(error) => return error,
            Failed::Status(status) | Failed::Unsent(status) => status,
        };
        let message = text(&status);
        match status.code() {
            Code::NotFound => ClientError::NotFound { message },
            Code::AlreadyExists => ClientError::AlreadyExists {
                instance_id: subject.to_owned(),
                message,
            },
            Code::FailedPrecondition => ClientError::WrongState {
                instance_id: subject.to_owned(),
                message,
            },
            Code::InvalidArgument => ClientError::InvalidArgument { message },
            Code::Unimplemented => ClientError::Unsupported {
                message: format!("the host does not serve {method}: {message}"),
            },
            Code::DeadlineExceeded => ClientError::TimedOut { message },
            Code::OutOfRange if message.contains("message length too large") => {
                ClientError::TooLarge {
                    limit: self.receive_limit(),
                    message: format!(
                        "the host's answer is larger ({message}); ask without payloads or for \
                        smaller pages, or raise extensions.durableTask.maxGrpcMessageSizeInBytes \
                        in host.json"
                    ),
                }
            }
            code => ClientError::Unavailable {
                url: self.address.to_owned(),
                message: format!("{code:?}: {message}"),
                source: None,
            },
        }
    }

    fn refused(&self, method: Method, subject: &str, failed: Failed) -> Refused {
        Refused {
            unexplained: failed.is_unexplained(),
            error: self.error(method, subject, failed),
        }
    }
}

fn sendable(bytes: usize) -> Result<(), Failed> {
    if bytes <= SEND_LIMIT {
        return Ok(());
    }
    Err(Failed::Client(ClientError::TooLarge {
        limit: SEND_LIMIT,
        message: format!("the message to the host has {bytes} bytes; send a reference to the data"),
    }))
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
