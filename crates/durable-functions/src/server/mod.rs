//! The listener that speaks to the Functions host.

mod dispatch;
mod fault;
mod host_json;
mod lifecycle;
mod logs;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data, Path, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use durable_functions_protocol::reply::Reply;

use crate::registry::{Registry, stale};
use dispatch::{Call, Dispatcher};
use lifecycle::{End, Lifecycle};

/// Longer than the host keeps an idle connection (about a minute): a connection that the server
/// closes just when the host sends a turn on it fails that orchestration for good.
const KEEP_ALIVE: Duration = Duration::from_secs(600);
/// The host itself takes requests of up to 100 MB; an envelope quotes them.
const BODY_LIMIT: usize = 1 << 30;
/// How many invocations may run at once. The host's own limits are far below.
const MAX_THREADS: usize = 4096;
const INVOCATION_ID: &str = "X-Azure-Functions-InvocationId";

/// Serves the host on 127.0.0.1 until the process is asked to end.
pub(crate) fn run(registry: Registry, port: u16) -> ExitCode {
    logs::install();
    let threads = std::thread::available_parallelism()
        .map_or(2, usize::from)
        .min(4);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(MAX_THREADS)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(serve(registry, port, threads));
            // user code that blocks must not keep the process
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            tracing::error!("the runtime can't be started: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(registry: Registry, port: u16, threads: usize) -> ExitCode {
    let app = std::env::var_os("FUNCTIONS_APP_ROOT_PATH")
        .map_or_else(|| PathBuf::from("."), PathBuf::from);
    warn_of_stale_functions(&registry, &app);
    let lifecycle = Arc::new(Lifecycle::default());
    let timeout = host_json::function_timeout(&app);
    let dispatcher = Data::new(Dispatcher::new(registry, Arc::clone(&lifecycle), timeout));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(dispatcher.clone())
            .app_data(PayloadConfig::new(BODY_LIMIT))
            .route("/", web::get().to(HttpResponse::Ok))
            .route("/{function}", web::post().to(invoke))
    })
    .workers(threads)
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(Duration::ZERO)
    .client_disconnect_timeout(Duration::ZERO)
    .disable_signals()
    .shutdown_timeout(1);
    // like the standard library's listener, this sets SO_REUSEADDR: a restarted handler gets the
    // same port again
    let server = match server.bind(("127.0.0.1", port)) {
        Ok(server) => server.run(),
        Err(error) => {
            tracing::error!("127.0.0.1:{port} can't be listened on: {error}");
            return ExitCode::FAILURE;
        }
    };
    tracing::debug!("listening on 127.0.0.1:{port}");
    let listener = server.handle();
    let mut server = std::pin::pin!(server);
    let end = tokio::select! {
        result = &mut server => {
            tracing::error!("the listener ended: {result:?}");
            return ExitCode::FAILURE;
        }
        end = lifecycle.ended() => end,
    };
    if end == End::Drained {
        // the last answers may still be on their way
        let (_, stopped) = tokio::join!(listener.stop(true), server);
        if let Err(error) = stopped {
            tracing::error!("the listener ended: {error}");
        }
    }
    end.code()
}

async fn invoke(
    request: HttpRequest,
    function: Path<String>,
    body: Result<Bytes, actix_web::Error>,
    dispatcher: Data<Dispatcher>,
) -> HttpResponse {
    let id = request
        .headers()
        .get(INVOCATION_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default();
    let call = Call {
        function: function.into_inner(),
        invocation_id: id.to_owned(),
    };
    let (reply, counted) = match body {
        Ok(body) => dispatcher.dispatch(call, body).await,
        Err(error) => (dispatcher.unreadable(&call, &error), None),
    };
    let answer = answer(reply);
    drop(counted);
    answer
}

fn answer(reply: Reply) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(reply.content_type);
    if let Some(failure) = reply
        .failure_header
        .and_then(|failure| HeaderValue::try_from(failure).ok())
    {
        response.insert_header((HeaderName::from_static("durable-failure"), failure));
    }
    response.body(reply.body)
}

fn warn_of_stale_functions(registry: &Registry, app: &std::path::Path) {
    let stale = stale(registry, app);
    for difference in &stale {
        tracing::error!("{difference}");
    }
    if !stale.is_empty() {
        tracing::error!(
            "the function.json files do not match this executable; run `cargo run -- functions --write` and deploy again"
        );
    }
}
