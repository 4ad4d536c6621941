//! The listener: HTTP functions and the management API.

mod access;
mod connection;
mod cors;
mod forwarding;
mod functions;
mod guard;
mod headers;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub(crate) use access::Access;
use connection::{HeadRecorder, Recorded};
pub(crate) use functions::{App, Services};
pub(crate) use guard::Guard;

use crate::connections::{accept_all, serve_until};

/// A client has so long to send the head of a request.
const HEAD: Duration = Duration::from_secs(30);

/// Serves until it is told to stop, and then ends the connections that are idle.
pub(crate) async fn serve(listener: TcpListener, app: Arc<App>, stop: CancellationToken) {
    let serve = |stream| connection(stream, Arc::clone(&app), stop.clone());
    accept_all(listener, stop.clone(), serve).await;
}

async fn connection(stream: TcpStream, app: Arc<App>, stop: CancellationToken) {
    let recorder = HeadRecorder::default();
    let io = TokioIo::new(Recorded::new(stream, recorder.clone()));
    let service = service_fn(move |request| {
        let app = Arc::clone(&app);
        let recorder = recorder.clone();
        async move { Ok::<_, Infallible>(app.respond(request, &recorder).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(io, service);
    if let Err(error) = serve_until(connection, stop).await {
        tracing::debug!("a connection ended: {error}");
    }
}
