//! The gRPC endpoint.

use std::time::Duration;

use durable_functions_protocol::proto::{
    CreateInstanceResponse, CreateTaskHubRequest, DeleteTaskHubRequest, EventType,
    GetInstanceRequest, GetInstanceResponse, OrchestrationIdReusePolicy, OrchestrationStatus,
    PurgeInstancesResponse, RaiseEventRequest, RestartInstanceRequest, RestartInstanceResponse,
    ResumeRequest, RewindInstanceRequest, SuspendRequest, TerminateRequest,
};
use serde_json::json;
use tonic::{Code, Request};

use crate::app::{PATIENCE, TestApp};
use crate::rpc::{Rpc, binding, creation, purge, recorded, start, within};

fn get(id: &str) -> GetInstanceRequest {
    GetInstanceRequest {
        instance_id: id.into(),
        get_inputs_and_outputs: true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binding_names_the_endpoint() {
    let (app, rpc) = start().await;
    let binding = binding(&app.client).await;
    let url = binding["rpcBaseUrl"].as_str().unwrap();
    let port = url.strip_prefix("http://127.0.0.1:").unwrap();
    assert_ne!(port.parse::<u16>().unwrap(), app.client.port);
    assert_eq!(binding["maxGrpcMessageSizeInBytes"], 4_194_304);
    rpc.call::<(), ()>("Hello", ()).await.unwrap();
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_the_recorded_ones() {
    let (app, rpc) = start().await;
    rpc.start(creation("timer", "management-b", r#"{"ms":600000}"#))
        .await
        .unwrap();
    rpc.state("WaitForInstanceStart", "management-b").await;
    let mut compared = 0;
    for error in recorded()["errors"].as_array().unwrap() {
        let id = error["id"].as_str().unwrap().to_owned();
        let (code, detail) = match error["op"].as_str().unwrap() {
            "raise" => {
                let request = RaiseEventRequest {
                    instance_id: id,
                    name: "E".into(),
                    input: None,
                };
                rpc.fail("RaiseEvent", request).await
            }
            "terminate" => {
                let request = TerminateRequest {
                    instance_id: id,
                    ..Default::default()
                };
                rpc.fail("TerminateInstance", request).await
            }
            "suspend" => {
                let request = SuspendRequest {
                    instance_id: id,
                    reason: None,
                };
                rpc.fail("SuspendInstance", request).await
            }
            "resume" => {
                let request = ResumeRequest {
                    instance_id: id,
                    reason: None,
                };
                rpc.fail("ResumeInstance", request).await
            }
            "rewind" => {
                let request = RewindInstanceRequest {
                    instance_id: id,
                    reason: None,
                };
                rpc.fail("RewindInstance", request).await
            }
            "restart" => {
                let request = RestartInstanceRequest {
                    instance_id: id,
                    restart_with_new_instance_id: true,
                };
                rpc.fail("RestartInstance", request).await
            }
            "list_ids" => rpc.fail("ListInstanceIds", ()).await,
            "purge" => rpc.fail("PurgeInstances", purge(&id)).await,
            other => panic!("{other}"),
        };
        assert_eq!(
            (format!("{code:?}"), json!(detail)),
            (
                error["status"].as_str().unwrap().into(),
                error["detail"].clone()
            ),
            "{error}"
        );
        compared += 1;
    }
    assert_eq!(compared, 8);
    // What is not there is no error here.
    assert_eq!(rpc.state("GetInstance", "nope").await, None);
    let purged: PurgeInstancesResponse = rpc.call("PurgeInstances", purge("nope")).await.unwrap();
    assert_eq!(purged, PurgeInstancesResponse::default());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_with_everything() {
    let host_json = r#"{"extensions":{"durableTask":{"defaultVersion":"2.0"}}}"#;
    let app = TestApp::start_with(host_json, |builder| builder).await;
    let rpc = Rpc::connect(&app.client).await;
    let mut request = creation("version", "", "");
    request.version = Some("1.5".into());
    request.tags = [("team".to_owned(), "blue".to_owned())].into();
    let id = rpc.start(request).await.unwrap();
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
    let state = rpc.end(&id).await;
    assert_eq!(
        (state.version.as_deref(), state.output.as_deref()),
        (Some("1.5"), Some("\"1.5\""))
    );
    let started = rpc
        .history(&id)
        .await
        .into_iter()
        .find_map(|event| match event.event_type {
            Some(EventType::ExecutionStarted(started)) => Some(started),
            _ => None,
        });
    let started = started.unwrap();
    assert_eq!(started.tags["team"], "blue");
    assert_eq!(started.orchestration_instance.unwrap().instance_id, id);
    // Payloads are kept as they are sent.
    rpc.start(creation("wait_events", "w", r#"{"count" : 1}"#))
        .await
        .unwrap();
    let running = rpc.state("WaitForInstanceStart", "w").await.unwrap();
    assert_eq!(running.input.as_deref(), Some(r#"{"count" : 1}"#));
    // An orchestration that nobody serves fails, it is not refused.
    rpc.start(creation("nobody", "n", "")).await.unwrap();
    let failed = rpc.end("n").await;
    assert_eq!(failed.orchestration_status(), OrchestrationStatus::Failed);
    assert!(failed.output.unwrap().contains("'nobody' doesn't exist"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_reused_as_the_policy_says() {
    let (app, rpc) = start().await;
    let policy = |statuses: &[OrchestrationStatus]| {
        Some(OrchestrationIdReusePolicy {
            replaceable_status: statuses.iter().map(|status| *status as i32).collect(),
        })
    };
    let with = |name: &str, input: &str, statuses: &[OrchestrationStatus]| {
        let mut request = creation(name, "a", input);
        request.orchestration_id_reuse_policy = policy(statuses);
        request
    };
    let refused = |status: Result<String, tonic::Status>| {
        let status = status.unwrap_err();
        (status.code(), status.message().to_owned())
    };
    let exists = (
        Code::AlreadyExists,
        "An Orchestration instance with the ID a already exists.".to_owned(),
    );
    rpc.start(creation("hello_orchestrator", "a", ""))
        .await
        .unwrap();
    rpc.end("a").await;
    // Without a policy what has ended is replaced, with one only what it names.
    assert_eq!(
        refused(
            rpc.start(with("timer", "{}", &[OrchestrationStatus::Failed]))
                .await
        ),
        exists
    );
    assert_eq!(refused(rpc.start(with("timer", "{}", &[])).await), exists);
    rpc.start(creation("wait_events", "a", r#"{"count":1}"#))
        .await
        .unwrap();
    rpc.state("WaitForInstanceStart", "a").await;
    assert_eq!(
        refused(rpc.start(creation("hello_orchestrator", "a", "")).await),
        exists
    );
    assert_eq!(
        refused(
            rpc.start(with("timer", "{}", &[OrchestrationStatus::Completed]))
                .await
        ),
        exists
    );
    // One that runs is terminated and replaced.
    let running = [OrchestrationStatus::Running, OrchestrationStatus::Pending];
    rpc.start(with("hello_orchestrator", "\"Oslo\"", &running))
        .await
        .unwrap();
    assert_eq!(
        rpc.end("a").await.output.as_deref(),
        Some("\"Hello Oslo!\"")
    );
    let bad = OrchestrationIdReusePolicy {
        replaceable_status: vec![77],
    };
    let mut request = creation("hello_orchestrator", "a", "");
    request.orchestration_id_reuse_policy = Some(bad);
    assert_eq!(refused(rpc.start(request).await).0, Code::InvalidArgument);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acting_on_a_running_instance() {
    let (app, rpc) = start().await;
    rpc.start(creation("wait_events", "a", r#"{"count":2}"#))
        .await
        .unwrap();
    rpc.state("WaitForInstanceStart", "a").await;
    let raise = |payload: Option<&str>| RaiseEventRequest {
        instance_id: "a".into(),
        name: "E".into(),
        input: payload.map(str::to_owned),
    };
    let suspend = || SuspendRequest {
        instance_id: "a".into(),
        reason: Some("hold".into()),
    };
    let resume = || ResumeRequest {
        instance_id: "a".into(),
        reason: Some("go".into()),
    };
    let thrown = (Code::Unknown, "Exception was thrown by handler.".to_owned());
    assert_eq!(rpc.fail("ResumeInstance", resume()).await, thrown);
    rpc.call::<_, ()>("SuspendInstance", suspend())
        .await
        .unwrap();
    app.client.until_status("a", "Suspended").await;
    assert_eq!(rpc.fail("SuspendInstance", suspend()).await, thrown);
    rpc.call::<_, ()>("RaiseEvent", raise(Some("[1]")))
        .await
        .unwrap();
    rpc.call::<_, ()>("ResumeInstance", resume()).await.unwrap();
    rpc.call::<_, ()>("RaiseEvent", raise(None)).await.unwrap();
    let state = rpc.end("a").await;
    assert_eq!(state.output.as_deref(), Some(r#"[["E",[1]],["E",null]]"#));
    // Nothing can be done to it any more.
    assert_eq!(
        rpc.fail("RaiseEvent", raise(None)).await,
        (Code::FailedPrecondition, "Cannot raise event E for the orchestration instance a because instance is in the Completed state.".into())
    );
    assert_eq!(rpc.fail("SuspendInstance", suspend()).await, thrown);
    let terminate = |id: &str| TerminateRequest {
        instance_id: id.into(),
        output: Some("\"enough\"".into()),
        recursive: false,
    };
    assert_eq!(
        rpc.fail("TerminateInstance", terminate("a")).await,
        (Code::FailedPrecondition, "InvalidOperationException: Cannot terminate the orchestration instance a because instance is in the Completed state.".into())
    );
    rpc.start(creation("timer", "t", r#"{"ms":600000}"#))
        .await
        .unwrap();
    rpc.call::<_, ()>("TerminateInstance", terminate("t"))
        .await
        .unwrap();
    let state = rpc.end("t").await;
    assert_eq!(
        state.orchestration_status(),
        OrchestrationStatus::Terminated
    );
    assert_eq!(state.output.as_deref(), Some("\"enough\""));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_with_the_event_the_deadline_or_the_host() {
    let (app, rpc) = start().await;
    // The wait comes before the instance.
    let early = tokio::spawn({
        let rpc = rpc.clone();
        async move { rpc.end("a").await }
    });
    let pending = get("a");
    let limit = Duration::from_millis(50);
    for method in ["WaitForInstanceStart", "WaitForInstanceCompletion"] {
        let late = rpc.request::<_, GetInstanceResponse>(method, within(limit, pending.clone()));
        let code = late.await.unwrap_err().code();
        // Whoever looks at the clock first says so.
        assert!(
            matches!(code, Code::DeadlineExceeded | Code::Cancelled),
            "{code:?}"
        );
    }
    rpc.start(creation("hello_orchestrator", "a", ""))
        .await
        .unwrap();
    assert_eq!(
        early.await.unwrap().output.as_deref(),
        Some("\"Hello Seoul!\"")
    );
    // A host that stops does not wait for those who wait.
    let waiting = tokio::spawn(async move {
        rpc.call::<_, GetInstanceResponse>("WaitForInstanceStart", get("never"))
            .await
    });
    app.client.until_status("a", "Completed").await;
    app.stop().await;
    let code = waiting.await.unwrap().unwrap_err().code();
    assert!(
        matches!(code, Code::Unavailable | Code::Unknown | Code::Cancelled),
        "{code:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_caller_who_is_gone() {
    let (app, rpc) = start().await;
    let waits = || format!("{:?}", app.host).contains("\"never\"");
    let until = |wanted: bool| async move {
        tokio::time::timeout(PATIENCE, async {
            while waits() != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
    };
    let call = tokio::spawn(async move {
        rpc.call::<_, GetInstanceResponse>("WaitForInstanceStart", get("never"))
            .await
    });
    until(true).await;
    call.abort();
    until(false).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarting() {
    let (app, rpc) = start().await;
    rpc.start(creation("hello_orchestrator", "r", "\"Bern\""))
        .await
        .unwrap();
    rpc.end("r").await;
    let restart = |id: &str, new: bool| RestartInstanceRequest {
        instance_id: id.into(),
        restart_with_new_instance_id: new,
    };
    let new: RestartInstanceResponse = rpc
        .call("RestartInstance", restart("r", true))
        .await
        .unwrap();
    assert_ne!(new.instance_id, "r");
    assert_eq!(
        rpc.end(&new.instance_id).await.output.as_deref(),
        Some("\"Hello Bern!\"")
    );
    let same: RestartInstanceResponse = rpc
        .call("RestartInstance", restart("r", false))
        .await
        .unwrap();
    assert_eq!(same.instance_id, "r");
    rpc.end("r").await;
    rpc.start(creation("timer", "t", r#"{"ms":600000}"#))
        .await
        .unwrap();
    rpc.state("WaitForInstanceStart", "t").await;
    assert_eq!(
        rpc.fail("RestartInstance", restart("t", false)).await,
        (
            Code::FailedPrecondition,
            "An Orchestration instance with the status Running already exists.".into()
        )
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_served_says_so() {
    let (app, rpc) = start().await;
    for method in [
        "GetWorkItems",
        "CompleteActivityTask",
        "CompleteOrchestratorTask",
        "CompleteEntityTask",
        "AbandonTaskActivityWorkItem",
        "AbandonTaskOrchestratorWorkItem",
        "AbandonTaskEntityWorkItem",
        "SkipGracefulOrchestrationTerminations",
        "NoSuchMethod",
    ] {
        assert_eq!(
            rpc.fail(method, ()).await,
            (Code::Unimplemented, String::new()),
            "{method}"
        );
    }
    rpc.call::<_, ()>("CreateTaskHub", CreateTaskHubRequest::default())
        .await
        .unwrap();
    let recreate = CreateTaskHubRequest {
        recreate_if_exists: true,
    };
    assert_eq!(
        rpc.fail("CreateTaskHub", recreate).await.0,
        Code::Unimplemented
    );
    assert_eq!(
        rpc.fail("DeleteTaskHub", DeleteTaskHubRequest {}).await.0,
        Code::Unimplemented
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_may_name_the_hub() {
    let (app, rpc) = start().await;
    let mut request = Request::new(creation("hello_orchestrator", "a", ""));
    request
        .metadata_mut()
        .insert("durable-taskhub", "testhubname".parse().unwrap());
    request
        .metadata_mut()
        .insert("durable-connectionname", "Storage".parse().unwrap());
    rpc.request::<_, CreateInstanceResponse>("StartInstance", request)
        .await
        .unwrap();
    let mut request = Request::new(creation("hello_orchestrator", "b", ""));
    request
        .metadata_mut()
        .insert("durable-taskhub", "Other".parse().unwrap());
    let refused = rpc
        .request::<_, CreateInstanceResponse>("StartInstance", request)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert!(
        refused.message().contains("TestHubName only, not Other"),
        "{refused}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_may_be_longer_than_clients_are_advised() {
    let app = TestApp::start().await;
    let rpc = Rpc::connect(&app.client).await;
    let input = json!("x".repeat(5_000_000)).to_string();
    rpc.start(creation("version", "long", &input))
        .await
        .unwrap();
    let state = rpc.end("long").await;
    assert_eq!(state.input.unwrap(), input);
    app.stop().await;
}
