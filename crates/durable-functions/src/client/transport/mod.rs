//! How operations reach the host: over its gRPC endpoint, or over its HTTP management API.

mod grpc;
mod http;
mod retry;

use std::collections::HashMap;
use std::time::Duration;

use durable_functions_protocol::entity::EntityId;
use durable_functions_protocol::proto::Timestamp;
use tokio::time::Instant;

pub(super) use grpc::{Grpc, HistoryChunks};
pub(super) use http::Http;

use super::entities::{EntityQuery, EntityState, Signal};
use super::query::Page;
use super::state::{InstanceState, RuntimeStatus};
use super::{ClientError, DurableClient, InstanceQuery, PurgeFilter};

/// Beyond this a deadline is as good as none, and an `Instant` may not hold it.
pub(super) const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// The time that the host gives the clients of its gRPC endpoint.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(100);

/// A start, ready to be sent.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) name: String,
    pub(super) instance_id: String,
    /// JSON; `None` for no input.
    pub(super) input: Option<String>,
    pub(super) version: Option<String>,
    pub(super) start_at: Option<Timestamp>,
    pub(super) tags: HashMap<String, String>,
    /// The states in which an instance of this id is replaced, if the caller has a say in that.
    pub(super) replaceable: Option<Vec<RuntimeStatus>>,
}

/// What is done to an instance, for a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steer {
    Terminate { recursive: bool },
    Suspend,
    Resume,
    Rewind,
}

/// Which payloads come with an instance's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payloads {
    None,
    All,
}

impl Payloads {
    pub(super) fn when(wanted: bool) -> Self {
        if wanted { Self::All } else { Self::None }
    }
}

/// Why the host did not do it.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: ClientError,
    /// The host has not told an unknown id or a wrong state from a fault of its own.
    pub(super) unexplained: bool,
}

impl From<ClientError> for Refused {
    fn from(error: ClientError) -> Self {
        Self {
            error,
            unexplained: false,
        }
    }
}

/// One operation's way to the host.
#[derive(Clone, Copy)]
pub(super) enum Transport<'a> {
    Grpc(Grpc<'a>),
    Http(Http<'a>),
}

impl DurableClient {
    /// The way to the host for an operation that begins now.
    pub(super) fn transport(&self) -> Result<Transport<'_>, ClientError> {
        let binding = self.binding();
        let deadline = Instant::now() + self.timeout();
        if let Some(address) = present(binding.rpc_base_url.as_deref()) {
            return Ok(Transport::Grpc(Grpc {
                binding,
                invocation_id: self.invocation_id.as_deref(),
                address,
                deadline,
            }));
        }
        if let Some(base) = present(binding.http_base_url.as_deref()) {
            return Ok(Transport::Http(Http {
                binding,
                base,
                deadline,
            }));
        }
        Err(ClientError::Unsupported {
            message: "the durableClient binding has neither an rpcBaseUrl nor an httpBaseUrl; the \
                host needs the setting WEBSITE_HOSTNAME for the latter"
                .into(),
        })
    }

    pub(super) fn timeout(&self) -> Duration {
        let own = self.timeout.or(self.binding.grpc_http_client_timeout);
        own.unwrap_or(DEFAULT_TIMEOUT).min(LONGEST)
    }
}

fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

impl<'a> Transport<'a> {
    /// The same way with another deadline.
    pub(super) fn until(mut self, deadline: Instant) -> Self {
        match &mut self {
            Self::Grpc(grpc) => grpc.deadline = deadline,
            Self::Http(http) => http.deadline = deadline,
        }
        self
    }

    /// The gRPC endpoint, for what the HTTP management API does not have.
    pub(super) fn grpc_only(self, what: &str, why: &str) -> Result<Grpc<'a>, ClientError> {
        match self {
            Self::Grpc(grpc) => Ok(grpc),
            Self::Http(_) => Err(over_http(what, why)),
        }
    }

    pub(super) async fn start(&self, start: Start) -> Result<(), ClientError> {
        match self {
            Self::Grpc(grpc) => grpc.start(start).await,
            Self::Http(http) => http.start(start).await,
        }
    }

    pub(super) async fn get(
        &self,
        instance_id: &str,
        payloads: Payloads,
    ) -> Result<Option<InstanceState>, ClientError> {
        match self {
            Self::Grpc(grpc) => grpc.get(instance_id, payloads).await,
            Self::Http(http) => http.get(instance_id, payloads).await,
        }
    }

    pub(super) async fn raise_event(
        &self,
        instance_id: &str,
        name: &str,
        payload: String,
    ) -> Result<(), Refused> {
        match self {
            Self::Grpc(grpc) => grpc.raise_event(instance_id, name, payload).await,
            Self::Http(http) => http.raise_event(instance_id, name, payload).await,
        }
    }

    pub(super) async fn steer(
        &self,
        instance_id: &str,
        steer: Steer,
        reason: &str,
    ) -> Result<(), Refused> {
        match self {
            Self::Grpc(grpc) => grpc.steer(instance_id, steer, reason).await,
            Self::Http(http) => http.steer(instance_id, steer, reason).await,
        }
    }

    pub(super) async fn restart(&self, instance_id: &str, new_id: bool) -> Result<String, Refused> {
        match self {
            Self::Grpc(grpc) => grpc.restart(instance_id, new_id).await,
            Self::Http(http) => http.restart(instance_id, new_id).await,
        }
    }

    pub(super) async fn purge(&self, instance_id: &str) -> Result<u64, Refused> {
        match self {
            Self::Grpc(grpc) => grpc.purge(instance_id).await,
            Self::Http(http) => http.purge(instance_id).await,
        }
    }

    /// How many were deleted, and whether that is all.
    pub(super) async fn purge_where(
        &self,
        filter: &PurgeFilter,
    ) -> Result<(u64, bool), ClientError> {
        match self {
            Self::Grpc(grpc) => grpc.purge_where(filter).await,
            Self::Http(http) => http.purge_where(filter).await,
        }
    }

    pub(super) async fn query(
        &self,
        query: &InstanceQuery,
        token: Option<String>,
    ) -> Result<Page<InstanceState>, ClientError> {
        match self {
            Self::Grpc(grpc) => grpc.query(query, token).await,
            Self::Http(http) => http.query(query, token).await,
        }
    }

    pub(super) async fn signal_entity(&self, signal: Signal) -> Result<(), ClientError> {
        match self {
            Self::Grpc(grpc) => grpc.signal_entity(signal).await,
            Self::Http(http) => http.signal_entity(signal).await,
        }
    }

    pub(super) async fn get_entity(
        &self,
        id: &EntityId,
        state: bool,
    ) -> Result<Option<EntityState>, ClientError> {
        match self {
            Self::Grpc(grpc) => grpc.get_entity(id, state).await,
            Self::Http(http) => http.get_entity(id, state).await,
        }
    }

    pub(super) async fn query_entities(
        &self,
        query: &EntityQuery,
        token: Option<String>,
    ) -> Result<Page<EntityState>, ClientError> {
        match self {
            Self::Grpc(grpc) => grpc.query_entities(query, token).await,
            Self::Http(http) => http.query_entities(query, token).await,
        }
    }
}

fn over_http(what: &str, why: &str) -> ClientError {
    ClientError::Unsupported {
        message: format!(
            "{what} needs the host's gRPC endpoint, and this client speaks to the HTTP management \
            API: {why}"
        ),
    }
}
