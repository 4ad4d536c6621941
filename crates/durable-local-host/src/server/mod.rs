//! The listener: HTTP functions and the management API.

mod access;
mod connection;
mod cors;
mod forwarding;
mod functions;
mod guard;
mod headers;

use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use access::Access;
use connection::{HeadRecorder, Recorded};
pub(crate) use cors::Cors;
pub(crate) use functions::{App, Services};
pub(crate) use guard::Guard;

/// Serves until it is told to stop, and then ends the connections that are idle.
pub(crate) async fn serve(listener: TcpListener, app: Arc<App>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Most likely too many open files: give some time to close.
                    tracing::warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("TCP_NODELAY: {error}");
        }
        let app = Arc::clone(&app);
        let stop = stop.clone();
        connections.spawn(async move {
            let recorder = HeadRecorder::default();
            let io = TokioIo::new(Recorded::new(stream, recorder.clone()));
            let service = service_fn(move |request| {
                let app = Arc::clone(&app);
                let recorder = recorder.clone();
                async move { Ok::<_, std::convert::Infallible>(app.respond(request, &recorder).await) }
            });
            let mut connection =
                std::pin::pin!(http1::Builder::new().timer(TokioTimer::new()).serve_connection(io, service));
            let outcome = tokio::select! {
                outcome = connection.as_mut() => outcome,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = outcome {
                tracing::debug!("a connection ended: {error}");
            }
        });
    }
    connections.close();
    connections.wait().await;
}
