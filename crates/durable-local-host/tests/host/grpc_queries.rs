//! What the gRPC endpoint shows of instances, and how it purges them.

use durable_functions_protocol::proto::{
    EventType, GetInstanceRequest, GetInstanceResponse, HistoryChunk, HistoryEvent, InstanceBatch,
    InstanceQuery, OrchestrationState, OrchestrationStatus, PurgeInstanceFilter,
    PurgeInstancesRequest, PurgeInstancesRequestRequest, PurgeInstancesResponse,
    QueryInstancesRequest, QueryInstancesResponse, RaiseEventRequest,
};
use serde_json::{Value, json};
use tonic::Code;

use crate::app::event_types;
use crate::rpc::{creation, purge, recorded, start};

/// Names of the fields that a state has, as JSON for protobuf has them.
fn fields(state: &OrchestrationState) -> Vec<&'static str> {
    let text = |text: &Option<String>| text.is_some();
    let all = [
        ("instanceId", !state.instance_id.is_empty()),
        ("name", !state.name.is_empty()),
        ("version", text(&state.version)),
        ("orchestrationStatus", state.orchestration_status != 0),
        (
            "scheduledStartTimestamp",
            state.scheduled_start_timestamp.is_some(),
        ),
        ("createdTimestamp", state.created_timestamp.is_some()),
        (
            "lastUpdatedTimestamp",
            state.last_updated_timestamp.is_some(),
        ),
        ("input", text(&state.input)),
        ("output", text(&state.output)),
        ("customStatus", text(&state.custom_status)),
        ("failureDetails", state.failure_details.is_some()),
        ("executionId", text(&state.execution_id)),
        ("completedTimestamp", state.completed_timestamp.is_some()),
        ("parentInstanceId", text(&state.parent_instance_id)),
        ("tags", !state.tags.is_empty()),
    ];
    all.into_iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| name)
        .collect()
}

fn recorded_fields(state: &Value) -> Vec<String> {
    // The order of fields in JSON does not count.
    let mut names: Vec<String> = state.as_object().unwrap().keys().cloned().collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn states_have_the_recorded_fields() {
    let (app, rpc) = start().await;
    let recorded = recorded();
    rpc.start(creation("hello_orchestrator", "management-a", "\"Oslo\""))
        .await
        .unwrap();
    rpc.start(creation("fail", "fail_orch", "{}"))
        .await
        .unwrap();
    let completed = rpc.end("management-a").await;
    let failed = rpc.end("fail_orch").await;
    let metadata = GetInstanceRequest {
        instance_id: "management-a".into(),
        get_inputs_and_outputs: false,
    };
    let metadata: GetInstanceResponse = rpc.call("GetInstance", metadata).await.unwrap();
    let metadata = metadata.orchestration_state.unwrap();
    for (state, recorded) in [
        (&completed, &recorded["states"]["get"]),
        (&metadata, &recorded["states"]["metadata"]),
        (&failed, &recorded["states"]["failed"]),
    ] {
        let mut names = fields(state);
        names.sort_unstable();
        assert_eq!(names, recorded_fields(recorded));
    }
    let get = &recorded["states"]["get"];
    assert_eq!(
        json!([completed.input, completed.output, completed.custom_status]),
        json!([get["input"], get["output"], get["customStatus"]])
    );
    assert_eq!(failed.orchestration_status(), OrchestrationStatus::Failed);
    assert_eq!(
        failed.output.as_deref(),
        Some("my::Rejected: order 42 rejected: résumé ☃")
    );
    assert_eq!(
        rpc.state("GetInstance", "management-a").await.unwrap(),
        completed
    );
    assert_eq!(
        rpc.state("WaitForInstanceStart", "management-a")
            .await
            .unwrap(),
        completed
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn querying_and_purging() {
    let (app, rpc) = start().await;
    for id in ["m-a", "m-c", "n"] {
        rpc.start(creation("hello_orchestrator", id, "\"x\""))
            .await
            .unwrap();
        rpc.end(id).await;
    }
    rpc.start(creation("fail", "m-b", "")).await.unwrap();
    rpc.end("m-b").await;
    let query = |query: InstanceQuery| {
        let rpc = rpc.clone();
        async move {
            let request = QueryInstancesRequest { query: Some(query) };
            let page: QueryInstancesResponse = rpc.call("QueryInstances", request).await.unwrap();
            let ids: Vec<String> = page
                .orchestration_state
                .iter()
                .map(|state| state.instance_id.clone())
                .collect();
            (ids, page)
        }
    };
    let (ids, page) = query(InstanceQuery::default()).await;
    assert_eq!(ids, ["m-a", "m-b", "m-c", "n"]);
    assert_eq!(page.continuation_token, None);
    assert_eq!(page.orchestration_state[0].input, None);
    let narrow = InstanceQuery {
        runtime_status: vec![OrchestrationStatus::Completed as i32],
        instance_id_prefix: Some("m-".into()),
        fetch_inputs_and_outputs: true,
        ..Default::default()
    };
    let (ids, page) = query(narrow).await;
    assert_eq!(ids, ["m-a", "m-c"]);
    assert_eq!(
        page.orchestration_state[1].output.as_deref(),
        Some("\"Hello x!\"")
    );
    let created = page.orchestration_state[0].created_timestamp;
    let before = InstanceQuery {
        created_time_to: created,
        ..Default::default()
    };
    assert_eq!(query(before).await.0, ["m-a"]);
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let (ids, page) = query(InstanceQuery {
            max_instance_count: 3,
            continuation_token: token.take(),
            ..Default::default()
        })
        .await;
        seen.push(ids);
        match page.continuation_token {
            // A blank at the end is what the real host's tokens have.
            Some(next) => token = Some(format!("{next} ")),
            None => break,
        }
    }
    assert_eq!(seen, [vec!["m-a", "m-b", "m-c"], vec!["n"]]);
    let bad = InstanceQuery {
        continuation_token: Some("?".into()),
        ..Default::default()
    };
    let bad = QueryInstancesRequest { query: Some(bad) };
    assert_eq!(
        rpc.fail("QueryInstances", bad).await.0,
        Code::InvalidArgument
    );

    let by_filter = |statuses: &[OrchestrationStatus]| PurgeInstancesRequest {
        request: Some(PurgeInstancesRequestRequest::PurgeInstanceFilter(
            PurgeInstanceFilter {
                created_time_from: created,
                runtime_status: statuses.iter().map(|status| *status as i32).collect(),
                ..Default::default()
            },
        )),
        ..Default::default()
    };
    let count = |request: PurgeInstancesRequest| {
        let rpc = rpc.clone();
        async move {
            let answer: PurgeInstancesResponse = rpc.call("PurgeInstances", request).await.unwrap();
            answer.deleted_instance_count
        }
    };
    assert_eq!(count(by_filter(&[OrchestrationStatus::Failed])).await, 1);
    assert_eq!(count(purge("m-a")).await, 1);
    assert_eq!(count(by_filter(&[])).await, 2);
    let batch = PurgeInstancesRequest {
        request: Some(PurgeInstancesRequestRequest::InstanceBatch(
            InstanceBatch::default(),
        )),
        ..Default::default()
    };
    assert_eq!(
        rpc.fail("PurgeInstances", batch).await.0,
        Code::Unimplemented
    );
    let nothing = PurgeInstancesRequest::default();
    assert_eq!(
        rpc.fail("PurgeInstances", nothing).await.0,
        Code::InvalidArgument
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_are_streamed_in_parts() {
    let (app, rpc) = start().await;
    let payload = json!("x".repeat(900_000)).to_string();
    rpc.start(creation("wait_events", "a", r#"{"count":9}"#))
        .await
        .unwrap();
    for _ in 0..5 {
        let raise = RaiseEventRequest {
            instance_id: "a".into(),
            name: "E".into(),
            input: Some(payload.clone()),
        };
        rpc.call::<_, ()>("RaiseEvent", raise).await.unwrap();
    }
    app.client
        .until("a", |status| status["customStatus"]["received"] == 5)
        .await;
    let raised = |chunk: &HistoryChunk| {
        let is_raised =
            |event: &&HistoryEvent| matches!(event.event_type, Some(EventType::EventRaised(_)));
        chunk.events.iter().filter(is_raised).count()
    };
    let chunks = rpc.chunks("a").await.unwrap();
    assert_eq!(chunks.iter().map(raised).collect::<Vec<_>>(), [2, 2, 1]);
    rpc.start(creation("hello_orchestrator", "h", ""))
        .await
        .unwrap();
    rpc.end("h").await;
    let history = rpc.history("h").await;
    assert!(matches!(
        history[0].event_type,
        Some(EventType::OrchestratorStarted(_))
    ));
    let shown = event_types(&app.client.history("h").await);
    assert_eq!(
        shown,
        ["ExecutionStarted", "TaskCompleted", "ExecutionCompleted"]
    );
    assert_eq!(history.len(), 8);
    assert_eq!(rpc.chunks("nope").await.unwrap_err().code(), Code::NotFound);
    app.stop().await;
}
