//! `TaskHubSidecarService`: the gRPC endpoint that durable clients in the handler use. HTTP/2
//! without TLS, on loopback, on a port of its own.

mod calls;
mod convert;
mod entities;
mod operations;
mod service;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub(crate) use service::Sidecar;

use crate::connections::{accept_all, serve_until};

/// So often a silent connection is asked whether it is still there, and so long it may take to
/// answer: a client that vanished leaves nothing behind.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(20);

/// Serves until it is told to stop.
pub(crate) async fn serve(listener: TcpListener, service: Arc<Sidecar>, stop: CancellationToken) {
    let serve = |stream| connection(stream, Arc::clone(&service), stop.clone());
    accept_all(listener, stop.clone(), serve).await;
}

async fn connection(stream: TcpStream, service: Arc<Sidecar>, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.respond(request).await) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = serve_until(connection, stop).await {
        tracing::debug!("a gRPC connection ended: {error}");
    }
}
