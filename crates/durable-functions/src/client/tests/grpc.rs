//! The client against a gRPC server that follows a script.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use durable_functions_protocol::proto;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use prost::Message;
use prost::bytes::Bytes;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::{Code, Status};

use super::super::*;

type Answer = Result<Vec<u8>, Status>;

struct Seen {
    path: String,
    headers: http::HeaderMap,
    message: Vec<u8>,
}

#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl tonic::server::NamedService for Script {
    const NAME: &'static str = "TaskHubSidecarService";
}

impl Service<http::Request<Body>> for Script {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let script = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            script.seen.lock().unwrap().push(Seen {
                path: parts.uri.path().to_owned(),
                headers: parts.headers,
                message: body[5..].to_vec(),
            });
            let answer = script.answers.lock().unwrap().pop_front();
            Ok(match answer {
                Some(Ok(message)) => reply(&message),
                Some(Err(status)) => status.into_http(),
                // a server that never answers
                None => std::future::pending().await,
            })
        })
    }
}

fn reply(message: &[u8]) -> http::Response<Body> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let frames = [
        Ok::<_, Status>(Frame::data(frame.into())),
        Ok(Frame::trailers(trailers)),
    ];
    let body: UnsyncBoxBody<Bytes, Status> =
        UnsyncBoxBody::new(StreamBody::new(futures::stream::iter(frames)));
    let mut response = http::Response::new(Body::new(body));
    let grpc = "application/grpc".parse().unwrap();
    response.headers_mut().insert("content-type", grpc);
    response
}

type Frame = hyper::body::Frame<Bytes>;

async fn serve(answers: impl IntoIterator<Item = Answer>) -> (DurableClient, Script) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serve_on(listener, answers)
}

fn serve_on(
    listener: TcpListener,
    answers: impl IntoIterator<Item = Answer>,
) -> (DurableClient, Script) {
    let script = Script::default();
    script.answers.lock().unwrap().extend(answers);
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tonic::transport::Server::builder()
        .add_service(script.clone())
        .serve_with_incoming(tonic::transport::server::TcpIncoming::from(listener));
    tokio::spawn(server);
    (client(url), script)
}

fn client(url: String) -> DurableClient {
    DurableClient::new(DurableClientBinding {
        task_hub_name: Some("Hub".into()),
        rpc_base_url: Some(url),
        grpc_http_client_timeout: Some(Duration::from_millis(800)),
        max_grpc_message_size_in_bytes: Some(1000),
        ..DurableClientBinding::default()
    })
    .for_invocation("call-1")
}

fn found(status: proto::OrchestrationStatus, output: &str) -> Answer {
    let answer = proto::GetInstanceResponse {
        exists: true,
        orchestration_state: Some(proto::OrchestrationState {
            instance_id: "a".into(),
            name: "hello".into(),
            orchestration_status: status as i32,
            output: Some(output.into()),
            custom_status: Some("null".into()),
            ..Default::default()
        }),
    };
    Ok(answer.encode_to_vec())
}

fn history_of_failure() -> Answer {
    let cause = proto::TaskFailureDetails {
        error_type: "Io".into(),
        error_message: "refused".into(),
        ..Default::default()
    };
    let details = proto::TaskFailureDetails {
        error_type: "Order".into(),
        error_message: "lost".into(),
        inner_failure: Some(Box::new(cause)),
        ..Default::default()
    };
    let completed = proto::ExecutionCompletedEvent {
        failure_details: Some(details),
        ..Default::default()
    };
    let event = proto::HistoryEvent {
        event_type: Some(proto::EventType::ExecutionCompleted(completed)),
        ..Default::default()
    };
    Ok(proto::HistoryChunk {
        events: vec![event],
    }
    .encode_to_vec())
}

use proto::OrchestrationStatus::{Completed, Failed, Running, Terminated};

#[tokio::test]
async fn a_start_carries_everything_and_the_metadata() {
    let (client, script) = serve([Ok(vec![])]).await;
    let at = chrono::DateTime::from_timestamp(1_800_000_000, 500_000_000).unwrap();
    let start = client.start_new("hello", 42).instance_id("a");
    let start = start.version("2").tag("k", "v").start_at(at);
    let start = start.replace_if([RuntimeStatus::Failed, RuntimeStatus::Running]);
    assert_eq!(start.await.unwrap(), "a");
    let seen = script.seen.lock().unwrap();
    assert_eq!(seen[0].path, "/TaskHubSidecarService/StartInstance");
    assert_eq!(seen[0].headers["durable-taskhub"], "Hub");
    assert_eq!(seen[0].headers["x-azure-functions-invocationid"], "call-1");
    assert!(seen[0].headers.get("durable-connectionname").is_none());
    let sent = proto::CreateInstanceRequest::decode(&*seen[0].message).unwrap();
    let expected = proto::CreateInstanceRequest {
        instance_id: "a".into(),
        name: "hello".into(),
        version: Some("2".into()),
        input: Some("42".into()),
        scheduled_start_timestamp: Some(proto::Timestamp {
            seconds: 1_800_000_000,
            nanos: 500_000_000,
        }),
        orchestration_id_reuse_policy: Some(proto::OrchestrationIdReusePolicy {
            replaceable_status: vec![Failed as i32, Running as i32],
        }),
        tags: [("k".to_owned(), "v".to_owned())].into(),
        ..Default::default()
    };
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_start_only_once_takes_an_existing_instance_for_done() {
    let exists = || Err(Status::already_exists("taken"));
    let (client, script) = serve([exists(), exists()]).await;
    let start = || client.start_new("hello", ()).instance_id("a");
    assert_eq!(start().only_once().await.unwrap(), "a");
    let error = start().await.unwrap_err();
    assert!(
        matches!(error, ClientError::AlreadyExists { .. }),
        "{error}"
    );
    let error = client.start_new("hello", ()).only_once().await.unwrap_err();
    assert_eq!(error.http_status(), 400, "{error}");
    let seen = script.seen.lock().unwrap();
    let sent = proto::CreateInstanceRequest::decode(&*seen[0].message).unwrap();
    let policy = sent.orchestration_id_reuse_policy.unwrap();
    assert!(policy.replaceable_status.is_empty());
}

#[tokio::test]
async fn a_host_without_a_usable_address_is_told_so() {
    for url in ["", "not a url", "ftp://h", "https://h"] {
        let error = DurableClient::connect(url).get("a").await.unwrap_err();
        assert!(matches!(error, ClientError::Unsupported { .. }), "{error}");
    }
}

#[tokio::test]
async fn events_for_instances_that_have_ended_are_refused() {
    let (client, script) = serve([
        found(Completed, ""),
        Ok(vec![]),
        found(Running, ""),
        Ok(vec![]),
    ])
    .await;
    let error = client.raise_event("a", "go", 1).await.unwrap_err();
    assert!(matches!(error, ClientError::WrongState { .. }), "{error}");
    let error = client.raise_event("a", "go", 1).await.unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");
    client.raise_event("a", "go", [1, 2]).await.unwrap();
    let seen = script.seen.lock().unwrap();
    let sent = proto::RaiseEventRequest::decode(&*seen[3].message).unwrap();
    assert_eq!(
        (sent.name.as_str(), sent.input.as_deref()),
        ("go", Some("[1,2]"))
    );
}

#[tokio::test]
async fn pages_follow_the_token_until_there_is_none() {
    let page = |ids: &[&str], token: Option<&str>| {
        let states = ids.iter().map(|id| proto::OrchestrationState {
            instance_id: (*id).into(),
            ..Default::default()
        });
        let answer = proto::QueryInstancesResponse {
            orchestration_state: states.collect(),
            continuation_token: token.map(str::to_owned),
        };
        Ok(answer.encode_to_vec())
    };
    let (client, script) = serve([
        page(&["a", "b"], Some("t")),
        page(&[], Some("u")),
        page(&["c"], Some("")),
    ])
    .await;
    let query = InstanceQuery::new()
        .prefix("p")
        .status(RuntimeStatus::Failed)
        .page_size(2);
    let ids = client.list_ids(query).collect_all().await.unwrap();
    assert_eq!(ids, ["a", "b", "c"]);
    let seen = script.seen.lock().unwrap();
    let asked: Vec<_> = seen
        .iter()
        .map(|seen| {
            proto::QueryInstancesRequest::decode(&*seen.message)
                .unwrap()
                .query
                .unwrap()
        })
        .collect();
    assert_eq!(asked[0].instance_id_prefix.as_deref(), Some("p"));
    assert_eq!(asked[0].runtime_status, [Failed as i32]);
    assert_eq!(asked[0].max_instance_count, 2);
    let tokens: Vec<_> = asked
        .iter()
        .map(|query| query.continuation_token.as_deref())
        .collect();
    assert_eq!(tokens, [None, Some("t"), Some("u")]);
}

#[tokio::test]
async fn a_purge_goes_on_until_the_host_is_done() {
    let answer = |deleted_instance_count, is_complete| {
        let answer = proto::PurgeInstancesResponse {
            deleted_instance_count,
            is_complete,
        };
        Ok(answer.encode_to_vec())
    };
    let (client, _) = serve([answer(5, Some(false)), answer(2, Some(true))]).await;
    let mut seen = Vec::new();
    let filter = PurgeFilter::new().status(RuntimeStatus::Completed);
    let deleted = client
        .purge_where(filter, |deleted| seen.push(deleted))
        .await
        .unwrap();
    assert_eq!((deleted, seen), (7, vec![5, 7]));
    let filter = PurgeFilter::new().status(RuntimeStatus::Running);
    let error = client.purge_where(filter, |_| {}).await.unwrap_err();
    assert_eq!(error.http_status(), 400, "{error}");
}

#[tokio::test]
async fn histories_are_typed_and_stream() {
    use futures::TryStreamExt as _;

    let (client, _) = serve([history_of_failure(), history_of_failure(), Ok(vec![])]).await;
    let events = client.history("a").await.unwrap();
    let HistoryEventKind::ExecutionCompleted {
        failure: Some(failure),
        ..
    } = &events[0].kind
    else {
        panic!("{events:?}");
    };
    assert_eq!(failure.error_type, "Order");
    let streamed: Vec<_> = client.history_stream("a").try_collect().await.unwrap();
    assert_eq!(streamed.len(), events.len());
    let error = client.history("a").await.unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn outputs_are_typed_when_completed_and_raw_otherwise() {
    let (client, _) = serve([found(Completed, "7"), found(Terminated, "7")]).await;
    let state = client.get("a").await.unwrap().unwrap();
    assert_eq!(state.output::<u32>().unwrap(), Some(7));
    assert!(state.output::<String>().is_err());
    assert_eq!(state.custom_status::<String>().unwrap(), None);
    let state = client.get("a").await.unwrap().unwrap();
    assert_eq!(state.output::<u32>().unwrap(), None);
    assert_eq!(state.raw_output(), Some("7"));
}

#[tokio::test]
async fn a_failure_comes_with_its_chain_from_the_history() {
    let (client, _) = serve([found(Failed, "Order: lost"), history_of_failure()]).await;
    let failure = client.get("a").await.unwrap().unwrap().failure.unwrap();
    assert_eq!(failure.error_type, "Order");
    assert_eq!(failure.root_cause().message, "refused");
}

#[tokio::test]
async fn waiting_ends_with_the_instance_and_not_on_unknown_ids() {
    let answers = [
        found(Running, ""),
        found(Completed, ""),
        found(Completed, "7"),
        Ok(vec![]),
    ];
    let (client, _) = serve(answers).await;
    let long = Duration::from_secs(60);
    let state = client.wait_for_completion("a", long).await.unwrap();
    assert_eq!(state.output::<u32>().unwrap(), Some(7));
    let error = client.wait_for_completion("b", long).await.unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn statuses_become_errors_with_the_servers_text() {
    for (code, http) in [
        (Code::NotFound, 404),
        (Code::AlreadyExists, 409),
        (Code::FailedPrecondition, 409),
        (Code::InvalidArgument, 400),
        (Code::Unimplemented, 501),
        (Code::DeadlineExceeded, 504),
        (Code::Internal, 503),
    ] {
        let (client, _) = serve([Err(Status::new(code, "words"))]).await;
        let error = client.terminate("a", "").await.unwrap_err();
        assert_eq!(error.http_status(), http, "{error}");
        assert!(error.to_string().contains("words"), "{error}");
    }
}

#[tokio::test]
async fn what_the_host_leaves_unexplained_is_looked_up() {
    let unknown = || Err(Status::unknown("Exception was thrown by handler."));
    let (client, _) = serve([unknown(), Ok(vec![]), unknown(), found(Completed, "")]).await;
    let error = client.suspend("a", "").await.unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");
    let error = client.resume("a", "").await.unwrap_err();
    assert!(matches!(error, ClientError::WrongState { .. }), "{error}");
}

#[tokio::test]
async fn purging_an_unknown_id_deletes_nothing() {
    let (client, _) = serve([Ok(vec![])]).await;
    assert_eq!(client.purge("a").await.unwrap(), 0);
}

#[tokio::test]
async fn only_safe_calls_are_made_again() {
    let busy = || Err(Status::unavailable("busy"));
    let (client, script) = serve([busy(), found(Running, ""), busy()]).await;
    assert!(client.get_metadata("a").await.unwrap().is_some());
    let error = client.suspend("a", "").await.unwrap_err();
    assert_eq!(error.http_status(), 503, "{error}");
    assert!(error.is_transient());
    assert_eq!(script.seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn entities_are_signalled_read_found_and_cleaned() {
    use durable_functions_protocol::entity::EntityId;

    let metadata = |key: &str| proto::EntityMetadata {
        instance_id: format!("@counter@{key}"),
        backlog_queue_size: 2,
        locked_by: Some("order-1".into()),
        serialized_state: Some("8".into()),
        ..Default::default()
    };
    let found = proto::GetEntityResponse {
        exists: true,
        entity: Some(metadata("A@b")),
    };
    let page = |key, token: &str| {
        let page = proto::QueryEntitiesResponse {
            entities: vec![metadata(key)],
            continuation_token: Some(token.into()),
        };
        Ok(page.encode_to_vec())
    };
    let cleaned = |count, token: Option<&str>| {
        let cleaned = proto::CleanEntityStorageResponse {
            continuation_token: token.map(str::to_owned),
            empty_entities_removed: count,
            orphaned_locks_released: 1,
        };
        Ok(cleaned.encode_to_vec())
    };
    let answers = [
        Ok(vec![]),
        Ok(found.encode_to_vec()),
        Ok(vec![]),
        page("a", "t"),
        page("b", ""),
        cleaned(3, Some("t")),
        cleaned(4, None),
    ];
    let (client, script) = serve(answers).await;
    let id = || EntityId::new("Counter", "A@b");
    let at = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    client.signal_entity(id(), "add", 5).at(at).await.unwrap();
    let state = client.get_entity(id()).await.unwrap().unwrap();
    assert_eq!(
        (state.id.clone(), state.state::<u32>().unwrap()),
        (id(), Some(8))
    );
    assert_eq!(
        (state.backlog, state.locked_by.as_deref()),
        (2, Some("order-1"))
    );
    assert!(client.get_entity(id()).await.unwrap().is_none());
    let query = EntityQuery::new().name("Counter").key_prefix("x").states();
    let all = client.query_entities(query).collect_all().await.unwrap();
    assert_eq!(all.len(), 2);
    let cleaned = client.clean_entity_storage().await.unwrap();
    assert_eq!((cleaned.removed, cleaned.released), (7, 2));
    for bad in [EntityId::new("", "k"), EntityId::new("a/b", "k")] {
        let error = client.signal_entity(bad, "add", 1).await.unwrap_err();
        assert_eq!(error.http_status(), 400, "{error}");
    }
    let seen = script.seen.lock().unwrap();
    let sent = proto::SignalEntityRequest::decode(&*seen[0].message).unwrap();
    assert_eq!(sent.instance_id, "@counter@A@b");
    assert_eq!(
        (sent.name.as_str(), sent.input.as_deref()),
        ("add", Some("5"))
    );
    assert_eq!(sent.scheduled_time.unwrap().seconds, 1_800_000_000);
    assert!(uuid::Uuid::parse_str(&sent.request_id).is_ok());
    let asked = proto::QueryEntitiesRequest::decode(&*seen[4].message)
        .unwrap()
        .query
        .unwrap();
    assert_eq!(asked.instance_id_starts_with.as_deref(), Some("@counter@x"));
    assert_eq!(asked.continuation_token.as_deref(), Some("t"));
}

#[tokio::test]
async fn a_read_survives_a_server_that_restarts_in_the_middle_of_it() {
    use tokio::io::AsyncReadExt as _;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let before = client(format!("http://{address}"));
    let read = tokio::spawn(async move { before.get_metadata("a").await });
    let (mut stream, _) = listener.accept().await.unwrap();
    assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
    drop(stream);
    let _served = serve_on(listener, [found(Running, "")]);
    assert!(read.await.unwrap().unwrap().is_some());
}

#[tokio::test]
async fn silence_times_out_and_large_answers_name_the_limit() {
    let (client, _) = serve([found(Completed, &"x".repeat(2000))]).await;
    let error = client.get("a").await.unwrap_err();
    assert!(
        matches!(error, ClientError::TooLarge { limit: 1000, .. }),
        "{error}"
    );
    let error = client.get("a").await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_is_gone_or_talks_nonsense_is_unavailable() {
    use tokio::io::AsyncWriteExt as _;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(format!("http://{}", listener.local_addr().unwrap()));
    let garbage = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\n\r\nhello there, this is no frame")
            .await
            .unwrap();
    });
    let error = client.terminate("a", "").await.unwrap_err();
    assert_eq!(error.http_status(), 503, "{error}");
    garbage.await.unwrap();
    let error = client.terminate("a", "").await.unwrap_err();
    assert_eq!(error.http_status(), 503, "{error}");
}

#[tokio::test]
async fn bad_ids_are_refused_before_anything_is_sent() {
    let (client, script) = serve([]).await;
    for id in ["", "@a@b", "a/b", "a\n"] {
        let error = client.get(id).await.unwrap_err();
        assert_eq!(error.http_status(), 400, "{error}");
    }
    assert!(script.seen.lock().unwrap().is_empty());
}
