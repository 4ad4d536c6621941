//! The ports that the host listens on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::authority::Authority;
use crate::error::Error;

/// Listens, and answers nothing yet.
#[derive(Debug)]
pub(super) struct Listeners {
    /// HTTP functions, the management API and the dashboard.
    pub(super) http: TcpListener,
    /// Where that is.
    pub(super) address: SocketAddr,
    /// The gRPC endpoint.
    pub(super) rpc: TcpListener,
    /// Where that is.
    pub(super) rpc_url: String,
}

impl Listeners {
    /// Takes the port, and one that is free for gRPC.
    pub(super) async fn open(address: IpAddr, port: u16) -> Result<Self, Error> {
        let http = listen(address, port).await?;
        let address = address_of(&http)?;
        let rpc = listen(Ipv4Addr::LOCALHOST.into(), 0).await?;
        let rpc_url = format!("http://{}", address_of(&rpc)?);
        Ok(Self {
            http,
            address,
            rpc,
            rpc_url,
        })
    }

    /// Where people reach the host.
    pub(super) fn authority(&self) -> Authority {
        Authority::of(self.address)
    }
}

fn address_of(listener: &TcpListener) -> Result<SocketAddr, Error> {
    listener.local_addr().map_err(|cause| Error::System {
        what: "the address that is listened on",
        cause,
    })
}

async fn listen(address: IpAddr, port: u16) -> Result<TcpListener, Error> {
    let address = SocketAddr::from((address, port));
    TcpListener::bind(address).await.map_err(|cause| {
        if cause.kind() == std::io::ErrorKind::AddrInUse {
            Error::PortInUse { address }
        } else {
            Error::Listen { address, cause }
        }
    })
}
