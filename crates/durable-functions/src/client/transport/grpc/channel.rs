//! Connections to gRPC endpoints: HTTP/2 without TLS. They are kept and shared.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tonic::transport::{Channel, Endpoint};

use crate::client::ClientError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A host has one address at a time, so more than these are of hosts that are gone.
const MOST_CHANNELS: usize = 8;

/// A channel belongs to the runtime whose task drives it.
struct Cached {
    runtime: Id,
    address: String,
    channel: Channel,
}

static CHANNELS: Mutex<Vec<Cached>> = Mutex::new(Vec::new());

fn channels() -> MutexGuard<'static, Vec<Cached>> {
    CHANNELS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn runtime() -> Result<Id, ClientError> {
    let handle = Handle::try_current().map_err(|error| ClientError::Unsupported {
        message: format!("the client works inside a tokio runtime: {error}"),
    })?;
    Ok(handle.id())
}

/// The channel to an address. It connects with the first call and again after a loss.
pub(super) fn to(address: &str) -> Result<Channel, ClientError> {
    let runtime = runtime()?;
    let mut channels = channels();
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
    if channels.len() >= MOST_CHANNELS {
        channels.remove(0);
    }
    channels.push(Cached {
        runtime,
        address: address.to_owned(),
        channel: channel.clone(),
    });
    Ok(channel)
}

/// Lets the next call connect anew: a peer that has stopped answering without closing its
/// connection would be asked over it for ever.
pub(super) fn forget(address: &str) {
    if let Ok(runtime) = runtime() {
        channels().retain(|cached| cached.runtime != runtime || cached.address != address);
    }
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
