//! Networks that fail: each ends in the right error, in time, and nothing is left behind.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::super::*;

const SHORT: Duration = Duration::from_millis(300);

/// Accepts connections, does something with each, and counts the open ones.
struct Server {
    address: SocketAddr,
    open: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Server {
    async fn start<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, serve)
    }

    fn on<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let open = Arc::new(AtomicUsize::new(0));
        let count = open.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = serve(stream);
                let count = count.clone();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    served.await;
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            open,
            accepting,
        }
    }

    fn clients(&self) -> [DurableClient; 2] {
        let url = format!("http://{}", self.address);
        [
            DurableClient::connect(&url).with_timeout(SHORT),
            DurableClient::http(&url, "").with_timeout(SHORT),
        ]
    }
}

/// Reads until the other side is gone, and says nothing.
async fn silent(mut stream: TcpStream) {
    let mut bytes = [0; 1024];
    while matches!(stream.read(&mut bytes).await, Ok(1..)) {}
}

async fn garbage(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 1024]).await;
    let _ = stream
        .write_all(b"\x00\xff these are no frames \r\n\r\n")
        .await;
}

async fn hangs_up(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 1024]).await;
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable() {
    let server = Server::start(silent).await;
    server.accepting.abort();
    let clients = server.clients();
    let _ = server.accepting.await;
    for client in clients {
        for error in [
            client.get("a").await.unwrap_err(),
            client.terminate("a", "").await.unwrap_err(),
        ] {
            assert!(matches!(error, ClientError::Unavailable { .. }), "{error}");
            assert!(error.is_transient());
        }
    }
}

#[tokio::test]
async fn silence_ends_with_the_deadline() {
    let server = Server::start(silent).await;
    for client in server.clients() {
        for error in [
            client.get("a").await.unwrap_err(),
            client.terminate("a", "").await.unwrap_err(),
            client
                .query(InstanceQuery::new())
                .collect_all()
                .await
                .unwrap_err(),
        ] {
            assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");
        }
    }
}

#[tokio::test]
async fn garbage_and_hanging_up_are_unavailable() {
    for server in [Server::start(garbage).await, Server::start(hangs_up).await] {
        for client in server.clients() {
            for error in [
                client.get("a").await.unwrap_err(),
                client.suspend("a", "").await.unwrap_err(),
            ] {
                assert!(error.is_transient(), "{error}");
            }
        }
    }
}

/// The connection of a host that was killed does not end the calls to its successor.
#[tokio::test]
async fn a_half_open_connection_is_left_for_a_new_one() {
    let silent_first = Arc::new(AtomicUsize::new(0));
    let seen = silent_first.clone();
    let server = Server::start(move |stream| {
        let first = seen.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                silent(stream).await
            } else {
                hangs_up(stream).await
            }
        }
    })
    .await;
    let [client, _] = server.clients();
    let error = client.terminate("a", "").await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");
    let error = client.terminate("a", "").await.unwrap_err();
    assert!(matches!(error, ClientError::Unavailable { .. }), "{error}");
    assert!(silent_first.load(Ordering::SeqCst) >= 2);
}

/// One runtime of its own, so that its tasks can be counted.
#[test]
fn nothing_is_left_behind() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = Server::start(silent).await;
        let tasks = || {
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks()
        };
        let before = tasks();
        for _ in 0..5 {
            for client in server.clients() {
                let client = client.with_timeout(Duration::from_millis(30));
                client.get("a").await.unwrap_err();
                // dropped in the middle
                let call = client.with_timeout(SHORT);
                let _ = tokio::time::timeout(Duration::from_millis(10), call.get("a")).await;
            }
        }
        let gone = async {
            // one connection of the last dropped gRPC call may still be kept for the next call
            while server.open.load(Ordering::SeqCst) > 1 || tasks() > before + 4 {
                tokio::task::yield_now().await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let gone = tokio::time::timeout(Duration::from_secs(20), gone).await;
        let left = (server.open.load(Ordering::SeqCst), tasks() - before);
        assert!(gone.is_ok(), "{left:?} connections and tasks are left");
    });
}
