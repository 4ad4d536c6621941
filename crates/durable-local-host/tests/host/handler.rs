//! A custom handler as small as can be. It knows nothing of the host but the protocol.

use std::convert::Infallible;
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use durable_functions_protocol::proto::{
    EntityBatchRequest, OrchestratorRequest, OrchestratorResponse,
};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use prost::Message;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{crowd, entity_handler, replay};

pub const ORCHESTRATORS: &[&str] = &[
    "hello_orchestrator",
    "chain",
    "fan_out",
    "call_activity",
    "timer",
    "wait_events",
    "parent",
    "fail",
    "eternal",
    "generations",
    "ends_as",
    "sender",
    "version",
    "big_status",
    "empty_child_id",
    "misbehave",
    "program",
    "strict",
    "strict_parent",
    "crowd_turn",
];

pub const ACTIVITIES: &[&str] = &[
    "hello",
    "slow_hello",
    "square",
    "echo",
    "raw",
    "fail_problem",
    "fail_status",
    "die_once",
    "die_always",
    "environment",
    "logs",
    "hang",
    "crowd",
    "fail_once",
];

/// Serves for ever when this process was started as a handler.
pub fn serve_when_asked() {
    if std::env::var_os("TEST_HANDLER").is_none()
        || std::env::var_os("FUNCTIONS_CUSTOMHANDLER_PORT").is_none()
    {
        return;
    }
    // The host keeps this pipe open for as long as it lives.
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        drop(std::io::stdin().read_to_end(&mut rest));
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(serve());
}

async fn serve() {
    match std::env::var("TEST_HANDLER").unwrap().as_str() {
        "dies" => {
            eprintln!("no database");
            std::process::exit(3);
        }
        "leaves" => std::process::exit(0),
        "leaves later" if !first_time("life") => std::process::exit(0),
        _ => {}
    }
    let port: u16 = std::env::var("FUNCTIONS_CUSTOMHANDLER_PORT")
        .unwrap()
        .parse()
        .unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    println!("handler is up, process {}", std::process::id());
    eprintln!("a warning of the handler");
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request).await) });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

type Reply = Response<Full<Bytes>>;

async fn answer(request: Request<Incoming>) -> Reply {
    let function = request.uri().path().trim_start_matches('/').to_owned();
    if function.is_empty() {
        return reply("text/plain", "up");
    }
    assert!(
        request
            .headers()
            .contains_key("x-azure-functions-invocationid")
    );
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    if function.trim_start_matches("api/").starts_with("pure") {
        return forwarded(&head, &body);
    }
    assert_eq!(
        head.headers["user-agent"],
        "Azure-Functions-Host/4.1037.0.0"
    );
    let envelope: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(envelope["Metadata"]["sys"]["MethodName"], json!(function));
    let is_durable = envelope["Data"]["req"].is_null();
    if let Some(client) = envelope["Data"]["client"].as_str().filter(|_| is_durable) {
        println!("{function} has the client {client}");
    }
    if entity_handler::ENTITIES.contains(&function.as_str()) {
        entity(&function, &envelope).await
    } else if ORCHESTRATORS.contains(&function.as_str()) {
        orchestrator(&function, &envelope).await
    } else if ACTIVITIES.contains(&function.as_str()) {
        activity(&function, &envelope).await
    } else {
        http(&function, &envelope).await
    }
}

/// What came without an envelope.
fn forwarded(head: &hyper::http::request::Parts, body: &[u8]) -> Reply {
    let header = |name: &str| {
        let value = head.headers.get(name);
        value.map_or("-", |value| value.to_str().unwrap())
    };
    let seen = format!(
        "{} {} {} {} {}",
        head.method,
        head.uri,
        header("content-type"),
        header("x-mine"),
        String::from_utf8_lossy(body)
    );
    let mut answer = reply("text/plain", seen);
    *answer.status_mut() = hyper::StatusCode::FOUND;
    let location = "/elsewhere".parse().unwrap();
    answer.headers_mut().insert("location", location);
    answer
}

fn reply(content_type: &str, body: impl Into<Bytes>) -> Reply {
    Response::builder()
        .header("content-type", content_type)
        .body(Full::new(body.into()))
        .unwrap()
}

fn json_reply(value: &Value) -> Reply {
    reply("application/json", value.to_string())
}

fn status(code: u16) -> Reply {
    Response::builder()
        .status(code)
        .body(Full::default())
        .unwrap()
}

/// The message in an envelope.
fn message<M: Message + Default>(envelope: &Value) -> M {
    let quoted = envelope["Data"]["context"].as_str().unwrap();
    let base64: String = serde_json::from_str(quoted).unwrap();
    let bytes = base64_simd::STANDARD.decode_to_vec(base64).unwrap();
    M::decode(bytes.as_slice()).unwrap()
}

async fn orchestrator(function: &str, envelope: &Value) -> Reply {
    let request: OrchestratorRequest = message(envelope);
    if function == "program" {
        return return_response(&entity_handler::program(&request));
    }
    if function == "crowd_turn" {
        return return_response(&crowd::turn(&request).await);
    }
    if function == "misbehave" {
        return misbehave(&request).await;
    }
    return_response(&replay::turn(function, &request))
}

async fn entity(function: &str, envelope: &Value) -> Reply {
    let request: EntityBatchRequest = message(envelope);
    let answer = match function {
        "odd" => entity_handler::odd(&request, first_time),
        _ => entity_handler::counter(request, first_time).await,
    };
    match answer {
        entity_handler::Reply::Result(result) => return_response(result.as_ref()),
        entity_handler::Reply::Status(code) => status(code),
        entity_handler::Reply::Text(text) => reply("text/plain", text),
        entity_handler::Reply::Die => std::process::exit(9),
    }
}

fn return_response(response: &impl Message) -> Reply {
    let base64 = base64_simd::STANDARD.encode_to_string(response.encode_to_vec());
    json_reply(&json!({"Outputs": {}, "Logs": [], "ReturnValue": base64}))
}

async fn misbehave(request: &OrchestratorRequest) -> Reply {
    static TURNS: AtomicU32 = AtomicU32::new(0);
    let view = replay::View::of(request);
    let finished = || {
        let mut request = request.clone();
        request.past_events.clear();
        return_response(&replay::turn("version", &request))
    };
    match view.input.as_str().unwrap() {
        "status" => status(503),
        "text" => reply("text/plain", "out of order"),
        "no json" => reply("application/json", "out of order"),
        "empty" => reply("application/json", ""),
        "null" => json_reply(&json!({"ReturnValue": null})),
        "number" => json_reply(&json!({"ReturnValue": 5})),
        "no base64" => json_reply(&json!({"ReturnValue": "!"})),
        "no protobuf" => json_reply(&json!({"ReturnValue": "/////w=="})),
        "again" if TURNS.fetch_add(1, Ordering::Relaxed) < 3 => {
            return_response(&OrchestratorResponse {
                instance_id: request.instance_id.clone(),
                requires_history: true,
                ..Default::default()
            })
        }
        "again always" => return_response(&OrchestratorResponse {
            instance_id: request.instance_id.clone(),
            requires_history: true,
            ..Default::default()
        }),
        "platform" if TURNS.fetch_add(1, Ordering::Relaxed) < 2 => {
            reply("text/plain", "No process is associated with this object.")
        }
        // The connection breaks, and the process lives on.
        "break off" => panic!("breaking off on purpose"),
        "hang twice" if first_time("hang") || first_time("hang again") => {
            std::future::pending().await
        }
        "die always" => std::process::exit(7),
        "die with 200" => std::process::exit(200),
        "die" if first_time("turn") => std::process::exit(7),
        "die with 0" if first_time("turn") => std::process::exit(0),
        "again" | "platform" | "hang twice" | "die" | "die with 0" => finished(),
        other => panic!("{other}"),
    }
}

/// True once for every app, however often the handler is started.
fn first_time(what: &str) -> bool {
    let root = PathBuf::from(std::env::var_os("FUNCTIONS_APP_ROOT_PATH").unwrap());
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(root.join(format!("{what}.once")))
        .is_ok()
}

async fn activity(function: &str, envelope: &Value) -> Reply {
    let outer: Value = serde_json::from_str(envelope["Data"]["input"].as_str().unwrap()).unwrap();
    let input: Value = outer
        .as_str()
        .map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    let value =
        |value: Value| json_reply(&json!({"Outputs": {}, "Logs": [], "ReturnValue": value}));
    match function {
        "hello" => value(json!(format!("Hello {}!", input.as_str().unwrap()))),
        "slow_hello" => {
            tokio::time::sleep(Duration::from_millis(20)).await;
            value(json!(format!("Hello {}!", input.as_str().unwrap())))
        }
        "square" => value(json!(input.as_i64().unwrap().pow(2))),
        "echo" => value(input),
        // The input is the text of the whole answer.
        "raw" => reply("application/json", input.as_str().unwrap().to_owned()),
        "fail_problem" => {
            let mut answer = reply("application/problem+json", r#"{"title":"declined"}"#);
            answer
                .headers_mut()
                .insert("durable-failure", "eyJhIjoxfQ==".parse().unwrap());
            answer
        }
        "fail_status" => status(500),
        "die_once" => {
            if first_time("activity") {
                eprintln!("dying on purpose");
                std::process::exit(9);
            }
            value(json!("survived"))
        }
        "die_always" => std::process::exit(9),
        // Once for each input.
        "fail_once" if first_time(&format!("fail-{}", input.as_str().unwrap())) => status(500),
        "fail_once" => value(json!("works")),
        "environment" => {
            let variable = |name: &str| std::env::var(name).ok();
            value(json!({
                "worker": variable("FUNCTIONS_CUSTOMHANDLER_WORKER_ID"),
                "legacyPort": variable("FUNCTIONS_HTTPWORKER_PORT") == variable("FUNCTIONS_CUSTOMHANDLER_PORT"),
                "root": variable("FUNCTIONS_APP_ROOT_PATH"),
                "settings": variable("FROM_SETTINGS"),
                "local": variable("DURABLE_LOCAL_HOST"),
                "site": variable("WEBSITE_HOSTNAME"),
                "directory": std::env::current_dir().unwrap(),
            }))
        }
        "crowd" => value(json!(crowd::meet(input.as_u64().unwrap()).await)),
        "hang" => std::future::pending().await,
        "logs" => json_reply(&json!({"Logs": ["first line", "second line"], "ReturnValue": null})),
        other => panic!("{other}"),
    }
}

async fn http(function: &str, envelope: &Value) -> Reply {
    let request = &envelope["Data"]["req"];
    match function {
        "http_start" => start(envelope).await,
        // The body is the answer.
        "http_answer" => {
            let content_type = request["Query"]["type"]
                .as_str()
                .unwrap_or("application/json")
                .to_owned();
            if let Some(code) = request["Query"]["status"].as_str() {
                return status(code.parse().unwrap());
            }
            reply(
                &content_type,
                request["Body"].as_str().unwrap_or_default().to_owned(),
            )
        }
        // What it gets is what it logs.
        "tick" => {
            let line = format!(
                "{} {}",
                envelope["Data"]["timer"], envelope["Data"]["client"]
            );
            json_reply(&json!({"Outputs": {}, "Logs": [line], "ReturnValue": null}))
        }
        "tick_starts" => json_reply(
            &json!({"Outputs": {"start": {"FunctionName": "hello_orchestrator", "InstanceId": "by-timer", "Input": "Seoul"}}}),
        ),
        _ => {
            let response = json!({"statusCode": "200", "body": envelope.to_string(), "headers": {"Content-Type": "application/json"}});
            json_reply(
                &json!({"Outputs": {"res": response}, "Logs": ["echoed"], "ReturnValue": null}),
            )
        }
    }
}

/// What a durable client does when there is no gRPC endpoint: it calls the management API.
async fn start(envelope: &Value) -> Reply {
    let request = &envelope["Data"]["req"];
    let client: String =
        serde_json::from_str(envelope["Data"]["client"].as_str().unwrap()).unwrap();
    let client: Value = serde_json::from_str(&client).unwrap();
    let base: hyper::Uri = client["httpBaseUrl"].as_str().unwrap().parse().unwrap();
    let path = format!(
        "{}/orchestrators/{}/{}?{}",
        base.path(),
        request["Params"]["functionName"].as_str().unwrap(),
        request["Query"]["instanceId"].as_str().unwrap_or_default(),
        client["requiredQueryStringParameters"].as_str().unwrap()
    );
    let host = crate::app::Client {
        port: base.port_u16().unwrap(),
    };
    let answer = host
        .post(
            path.trim_end_matches('/'),
            request["Body"].as_str().unwrap_or_default(),
        )
        .await;
    let headers = json!({"Content-Type": "application/json", "Location": answer.header("location"), "Retry-After": answer.header("retry-after")});
    let headers: Value = headers
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let response =
        json!({"statusCode": answer.status.to_string(), "body": answer.text(), "headers": headers});
    json_reply(&json!({"Outputs": {"res": response}, "Logs": [], "ReturnValue": null}))
}
