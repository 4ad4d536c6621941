//! The connections of a listener.

use std::time::Duration;

use hyper_util::server::graceful::GracefulConnection;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// So long a connection may take to end when the host does: the handler has most of it to answer
/// what it was called for.
const GOODBYE: Duration = Duration::from_secs(5);

/// Serves every connection until it is told to stop. Those that are open then get some time to end,
/// which `serve` has them do; whoever still keeps one open does not keep the host.
pub(crate) async fn accept_all<F>(
    listener: TcpListener,
    stop: CancellationToken,
    serve: impl Fn(TcpStream) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let connections = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Most likely too many open files: give some time to close.
                    tracing::warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("TCP_NODELAY: {error}");
        }
        let connection = serve(stream);
        let stop = stop.clone();
        connections.spawn(async move {
            let goodbye = async {
                stop.cancelled().await;
                tokio::time::sleep(GOODBYE).await;
            };
            tokio::select! {
                () = connection => {}
                () = goodbye => tracing::debug!("a connection was cut"),
            }
        });
    }
    connections.close();
    connections.wait().await;
}

/// Serves a connection; when it is told to stop, to the end of what is under way.
pub(crate) async fn serve_until<C: GracefulConnection>(
    connection: C,
    stop: CancellationToken,
) -> Result<(), C::Error> {
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}
