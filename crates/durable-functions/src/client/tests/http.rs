//! The HTTP transport against a server that follows a script.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::super::*;

/// Status line, further headers and body of each answer, and the requests that came.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Vec<(String, String)>>>);

impl Script {
    fn asked(&self) -> Vec<String> {
        let seen = self.0.lock().unwrap();
        seen.iter().map(|(line, _)| line.clone()).collect()
    }
}

const BASE: &str = "/runtime/webhooks/durabletask";

async fn serve(
    answers: impl IntoIterator<Item = (u16, &'static str, &'static str)>,
) -> (DurableClient, Script) {
    let answers: Vec<_> = answers.into_iter().collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let script = Script::default();
    let seen = script.clone();
    tokio::spawn(async move {
        for (status, headers, body) in answers {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            let mut length = 0;
            loop {
                let mut header = String::new();
                stream.read_line(&mut header).await.unwrap();
                if header == "\r\n" {
                    break;
                }
                let (name, value) = header.split_once(':').unwrap();
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut sent = vec![0; length];
            stream.read_exact(&mut sent).await.unwrap();
            let line = line.trim_end_matches(" HTTP/1.1\r\n").replace(BASE, "");
            seen.0
                .lock()
                .unwrap()
                .push((line, String::from_utf8(sent).unwrap()));
            let answer = format!(
                "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
                body.len()
            );
            stream.get_mut().write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (DurableClient::http(url, "K/1"), script)
}

const RUNNING: &str = r#"{"name":"f","instanceId":"a","runtimeStatus":"Running","input":[1.10],"customStatus":{"a":1},"output":null,"createdTime":"2026-11-23T09:03:41Z","lastUpdatedTime":"2026-11-23T09:03:42Z"}"#;
const FAILED: &str = r#"{"name":"f","instanceId":"a","runtimeStatus":"Failed","input":null,"customStatus":null,"output":"Order: lost","createdTime":"2026-11-23T09:03:41Z","lastUpdatedTime":"2026-11-23T09:03:42Z"}"#;
const FAILED_WITH_HISTORY: &str = r#"{"name":"f","instanceId":"a","runtimeStatus":"Failed","input":null,"customStatus":null,"output":"Order: lost","createdTime":"2026-11-23T09:03:41Z","lastUpdatedTime":"2026-11-23T09:03:42Z","historyEvents":[{"EventType":"ExecutionCompleted","FailureDetails":{"ErrorType":"Order","ErrorMessage":"lost","InnerFailure":{"ErrorType":"Io","ErrorMessage":"refused"}}}]}"#;

#[tokio::test]
async fn a_start_names_everything_in_its_url() {
    let (client, script) = serve([(202, "", "{}"), (409, "", r#"{"Message":"taken"}"#)]).await;
    let client = client.with_task_hub("Hub");
    let start = || {
        client
            .start_new("hello", "x")
            .instance_id("a b")
            .version("2")
    };
    assert_eq!(start().await.unwrap(), "a b");
    let asked = "POST /orchestrators/hello/a%20b?code=K%2F1&taskHub=Hub&version=2";
    assert_eq!(script.asked(), [asked]);
    assert_eq!(script.0.lock().unwrap()[0].1, "\"x\"");
    let error = start().await.unwrap_err();
    assert!(
        matches!(error, ClientError::AlreadyExists { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("taken"), "{error}");
}

#[tokio::test]
async fn states_keep_the_text_of_their_payloads() {
    let (client, script) = serve([(202, "", RUNNING), (202, "", RUNNING), (404, "", "")]).await;
    let state = client.get("a").await.unwrap().unwrap();
    assert_eq!(state.raw_input(), Some("[1.10]"));
    assert_eq!(state.raw_custom_status(), Some(r#"{"a":1}"#));
    assert_eq!(
        (state.status, state.raw_output()),
        (RuntimeStatus::Running, None)
    );
    assert!(state.created_at < state.last_updated_at);
    let state = client.get_metadata("a").await.unwrap().unwrap();
    assert_eq!((state.raw_input(), state.raw_custom_status()), (None, None));
    assert!(client.get("a").await.unwrap().is_none());
    assert_eq!(
        script.asked()[1],
        "GET /instances/a?code=K%2F1&showInput=false"
    );
}

#[tokio::test]
async fn a_failure_comes_with_its_chain() {
    let (client, _) = serve([(200, "", FAILED), (200, "", FAILED_WITH_HISTORY)]).await;
    let failure = client.get("a").await.unwrap().unwrap().failure.unwrap();
    assert_eq!(
        (failure.error_type.as_str(), failure.message.as_str()),
        ("Order", "lost")
    );
    assert_eq!(failure.root_cause().message, "refused");
}

#[tokio::test]
async fn answers_about_one_instance_are_told_apart() {
    let suspended = RUNNING.replace("Running", "Suspended").leak();
    let (client, script) = serve([
        (404, "", ""),
        (410, "", ""),
        (412, "", "\"not in a terminal state\""),
        (
            500,
            "",
            r#"{"Message":"wrong","ExceptionMessage":"in the Suspended state"}"#,
        ),
        (202, "", suspended),
        (400, "", r#"{"Message":"no match"}"#),
        (404, "", ""),
        (401, "", ""),
        (404, "", ""),
    ])
    .await;
    let error = client.terminate("a", "the end").await.unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");
    let error = client.raise_event("a", "go", 1).await.unwrap_err();
    assert!(matches!(error, ClientError::WrongState { .. }), "{error}");
    let error = client.purge("a").await.unwrap_err();
    assert!(matches!(error, ClientError::WrongState { .. }), "{error}");
    assert!(
        error.to_string().contains("not in a terminal state"),
        "{error}"
    );
    let error = client.suspend("a", "").await.unwrap_err();
    assert!(matches!(error, ClientError::WrongState { .. }), "{error}");
    let error = client.restart("a").await.unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");
    let error = client.resume("a", "").await.unwrap_err();
    assert!(matches!(error, ClientError::Unauthorized { .. }), "{error}");
    assert!(!error.to_string().contains("K%2F1"), "{error}");
    assert_eq!(client.purge("a").await.unwrap(), 0);
    let asked = script.asked();
    assert_eq!(
        asked[0],
        "POST /instances/a/terminate?code=K%2F1&reason=the+end"
    );
    assert_eq!(asked[1], "POST /instances/a/raiseEvent/go?code=K%2F1");
    assert_eq!(
        asked[5],
        "POST /instances/a/restart?code=K%2F1&restartWithNewInstanceId=true"
    );
}

#[tokio::test]
async fn pages_and_purges_by_filter() {
    let entity = RUNNING.replace("\"a\",\"runtime", "\"@e@a\",\"runtime");
    let first = format!("[{RUNNING},{entity}]").leak();
    let (client, script) = serve([
        (200, "x-ms-continuation-token: T\r\n", &*first),
        (200, "", "[]"),
        (200, "", r#"{"instancesDeleted":3}"#),
        (404, "", ""),
    ])
    .await;
    let query = InstanceQuery::new()
        .status(RuntimeStatus::Running)
        .status(RuntimeStatus::Failed);
    let all = client.query(query.payloads()).collect_all().await.unwrap();
    assert_eq!(all.len(), 1);
    let filter = || PurgeFilter::new().status(RuntimeStatus::Failed);
    assert_eq!(client.purge_where(filter(), |_| {}).await.unwrap(), 3);
    assert_eq!(client.purge_where(filter(), |_| {}).await.unwrap(), 0);
    let asked = script.asked();
    assert_eq!(
        asked[0],
        "GET /instances?code=K%2F1&top=100&showInput=true&runtimeStatus=Running%2CFailed"
    );
    assert_eq!(
        asked[2],
        "DELETE /instances?code=K%2F1&createdTimeFrom=2000-01-01T00%3A00%3A00Z&runtimeStatus=Failed"
    );
}

#[tokio::test]
async fn entities_are_signalled_read_and_found() {
    use durable_functions_protocol::entity::EntityId;

    let list = r#"[{"entityId":{"name":"counter","key":"A"},"lastOperationTime":"2026-11-23T09:03:41Z","state":1.10},{"entityId":{"name":"counter","key":"B"},"lastOperationTime":"2026-11-23T09:03:41Z","state":null}]"#;
    let unknown = r#"{"Message":"The function 'nope' doesn't exist"}"#;
    let (client, script) = serve([
        (202, "", ""),
        (400, "", unknown),
        (200, "", "8"),
        (404, "", ""),
        (200, "x-ms-continuation-token: T\r\n", list),
        (200, "", "[]"),
        (202, "", ""),
    ])
    .await;
    let id = || EntityId::new("counter", "A b");
    client.signal_entity(id(), "add", 5).await.unwrap();
    let error = client
        .signal_entity(EntityId::new("nope", "k"), "x", ())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("doesn't exist"), "{error}");
    let state = client.get_entity(id()).await.unwrap().unwrap();
    assert_eq!(state.state::<u32>().unwrap(), Some(8));
    assert!(client.get_entity(id()).await.unwrap().is_none());
    let query = EntityQuery::new().name("Counter").states();
    let all = client.query_entities(query).collect_all().await.unwrap();
    let states: Vec<_> = all.iter().map(EntityState::raw_state).collect();
    assert_eq!(states, [Some("1.10"), None]);
    client.delete_entity(id()).await.unwrap();
    let asked = script.asked();
    assert_eq!(asked[0], "POST /entities/counter/A%20b?code=K%2F1&op=add");
    assert_eq!(
        asked[4],
        "GET /entities/counter?code=K%2F1&fetchState=true&top=100"
    );
    assert_eq!(
        asked[6],
        "POST /entities/counter/A%20b?code=K%2F1&op=delete"
    );
}

#[tokio::test]
async fn reads_are_made_again_and_garbage_is_told() {
    let (client, _) = serve([(503, "", "busy"), (202, "", RUNNING), (200, "", "<html>")]).await;
    assert!(client.get("a").await.unwrap().is_some());
    let error = client.get("a").await.unwrap_err();
    assert!(matches!(error, ClientError::Decode { .. }), "{error}");
    assert!(error.to_string().contains("<html>"), "{error}");
}

#[tokio::test]
async fn what_the_host_would_not_take_is_refused_with_its_limit() {
    let (client, script) = serve([]).await;
    let large = "x".repeat(104_857_600);
    let error = client.start_new("f", large).await.unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::TooLarge {
                limit: 104_857_600,
                ..
            }
        ),
        "{error}"
    );
    assert!(script.asked().is_empty());
}

#[tokio::test]
async fn what_the_api_lacks_is_unsupported_before_anything_is_sent() {
    let (client, script) = serve([]).await;
    let start = || client.start_new("f", ()).instance_id("a");
    let errors = [
        start().tag("k", "v").await.unwrap_err(),
        start().start_at(chrono::Utc::now()).await.unwrap_err(),
        start().only_once().await.unwrap_err(),
        client.history("a").await.unwrap_err(),
        client.terminate_recursive("a", "").await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.http_status(), 501, "{error}");
    }
    assert!(script.asked().is_empty());
}

#[tokio::test]
async fn waiting_answers_as_the_instance_has_ended() {
    let completed = RUNNING
        .replace("Running", "Completed")
        .replace("\"output\":null", "\"output\":7")
        .leak();
    let request = crate::HttpRequest::new("GET", "http://h/api/x");
    let wait = async |answers: Vec<(u16, &'static str, &'static str)>, patience| {
        let (client, _) = serve(answers).await;
        let response = client
            .wait_for_completion_or_check_status_response(&request, "a", patience)
            .await
            .unwrap();
        (response.status(), response.body().unwrap().to_owned())
    };
    let long = Duration::from_secs(60);
    let answers = vec![
        (202, "", RUNNING),
        (200, "", &*completed),
        (200, "", &*completed),
    ];
    assert_eq!(wait(answers, long).await, (200, "7".to_owned()));
    let answers = vec![
        (200, "", FAILED),
        (200, "", FAILED),
        (200, "", FAILED_WITH_HISTORY),
    ];
    let (status, body) = wait(answers, long).await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &body["failure"][1]["message"]),
        (500, &"refused".into())
    );
    let (status, body) = wait(vec![(202, "", RUNNING)], Duration::ZERO).await;
    assert_eq!(status, 202);
    assert!(body.contains("statusQueryGetUri"), "{body}");
}
