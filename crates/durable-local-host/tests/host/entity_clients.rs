//! Entities over the management API and over gRPC.

use durable_functions_protocol::proto::{
    CleanEntityStorageRequest, CleanEntityStorageResponse, EntityMetadata, EntityQuery,
    GetEntityRequest, GetEntityResponse, QueryEntitiesRequest, QueryEntitiesResponse,
    QueryInstancesRequest, QueryInstancesResponse, SignalEntityRequest, SignalEntityResponse,
    Timestamp,
};
use durable_local_host::StateLocation;
use serde_json::{Value, json};
use tonic::Code;

use crate::app::{BASE, Client, TestApp};
use crate::rpc::Rpc;

const GUID: &str = "725a6da8-c767-4c61-8814-ac41d78ed5bd";

async fn until_state(client: &Client, id: &str, state: Value) -> Value {
    client
        .until(id, |status| status["input"]["state"] == state)
        .await
}

fn signal(key: &str, name: &str, input: &str) -> SignalEntityRequest {
    SignalEntityRequest {
        instance_id: format!("@counter@{key}"),
        name: name.into(),
        input: (!input.is_empty()).then(|| input.into()),
        request_id: GUID.into(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_routes_answer_as_recorded() {
    let app = TestApp::start().await;
    let client = app.client;
    let entities = format!("{BASE}/entities");
    let post = async |path: &str, body: &str| {
        let answer = client.post(&format!("{entities}/{path}"), body).await;
        (answer.status, answer.text())
    };
    assert_eq!(post("counter/k?op=add", "5").await, (202, String::new()));
    assert_eq!(post("Counter/k?op=add", "7").await, (202, String::new()));
    // The real host takes this one and never works on the entity again.
    assert_eq!(post("counter/k", "").await, (202, String::new()));
    app.lines
        .wait_for("@counter@k: the signal of a client was dropped: it names no operation. On Azure it blocks")
        .await;
    let (status, body) = post("nope/k?op=x", "1").await;
    assert_eq!(status, 400);
    assert_eq!(
        body,
        r#"{"Message":"The function 'nope' doesn't exist, is disabled, or is not an entity function. Additional info: The following are the known entity functions: 'counter', 'odd'."}"#
    );
    let (status, body) = post("counter/k?op=add", "{").await;
    assert_eq!(status, 400);
    assert!(body.contains("Could not parse JSON content"), "{body}");

    until_state(&client, "@counter@k", json!("12")).await;
    let get = async |path: &str| client.get(&format!("{entities}{path}")).await;
    let state = get("/counter/k").await;
    assert_eq!((state.status, state.text()), (200, "12".to_owned()));
    assert_eq!(
        state.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    for missing in ["/nope/k", "/counter/K", "/counter/$"] {
        let answer = get(missing).await;
        assert_eq!((answer.status, answer.text()), (404, String::new()));
    }
    // A text that is not said to be JSON is passed as text.
    let text = [("content-type", "text/plain")];
    let path = format!("{entities}/counter/$?op=set");
    assert_eq!(client.send("POST", &path, &text, b"hi").await.status, 202);
    until_state(&client, "@counter@", json!("\"hi\"")).await;
    assert_eq!(get("/counter/$").await.json(), "hi");

    let listed = get("/counter?fetchState=true").await;
    assert_eq!(listed.status, 200);
    let times: Vec<String> = listed
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| entity["lastOperationTime"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        listed.text(),
        format!(
            r#"[{{"entityId":{{"name":"counter","key":""}},"lastOperationTime":"{}","state":"hi"}},{{"entityId":{{"name":"counter","key":"k"}},"lastOperationTime":"{}","state":12}}]"#,
            times[0], times[1]
        )
    );
    assert_eq!(listed.header("x-ms-continuation-token"), None);
    for path in ["", "?fetchState=false", "/counter"] {
        let listed = get(path).await.json();
        assert_eq!(listed[1]["state"], Value::Null);
        assert_eq!(listed.as_array().unwrap().len(), 2);
    }
    let page = get("?top=1").await;
    assert_eq!(page.json()[0]["entityId"]["key"], "");
    let token = page.header("x-ms-continuation-token").unwrap().to_owned();
    let headers = [("x-ms-continuation-token", token.as_str())];
    let page = client
        .send("GET", &format!("{entities}?top=1"), &headers, b"")
        .await;
    assert_eq!(page.json()[0]["entityId"]["key"], "k");
    assert_eq!(page.header("x-ms-continuation-token"), None);
    let later = format!("?lastOperationTimeFrom={}", times[1]);
    assert!(get("/odd").await.json().as_array().unwrap().is_empty());
    assert!(!get(&later).await.json().as_array().unwrap().is_empty());
    assert_eq!(
        get("?lastOperationTimeTo=2020-01-01").await.json(),
        json!([])
    );

    let deleted = client
        .send("DELETE", &format!("{entities}/counter/k"), &[], b"")
        .await;
    assert_eq!((deleted.status, deleted.text()), (202, String::new()));
    until_state(&client, "@counter@k", Value::Null).await;
    assert_eq!(get("/counter/k").await.status, 404);
    assert_eq!(get("").await.json().as_array().unwrap().len(), 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_are_listed_among_the_instances_and_not_over_grpc() {
    let app = TestApp::start().await;
    let path = format!("{BASE}/entities/counter/k?op=add");
    app.client.post(&path, "12").await;
    until_state(&app.client, "@counter@k", json!("12")).await;
    app.client.run("hello_orchestrator", "a", "").await;
    let listed = app.client.get(&format!("{BASE}/instances")).await.json();
    let expected = json!({
        "name": "@counter@k", "instanceId": "@counter@k", "runtimeStatus": "Running",
        "input": {"state": "12", "sorter": {}}, "customStatus": {"entityExists": true}, "output": null,
        "createdTime": listed[0]["createdTime"], "lastUpdatedTime": listed[0]["lastUpdatedTime"],
    });
    assert_eq!(listed[0], expected);
    assert_eq!(listed[1]["instanceId"], "a");
    let rpc = Rpc::connect(&app.client).await;
    let request = QueryInstancesRequest { query: None };
    let found: QueryInstancesResponse = rpc.call("QueryInstances", request).await.unwrap();
    let ids: Vec<&str> = found
        .orchestration_state
        .iter()
        .map(|state| state.instance_id.as_str())
        .collect();
    assert_eq!(ids, ["a"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_answers_as_recorded() {
    let app = TestApp::start().await;
    let rpc = Rpc::connect(&app.client).await;
    let send = async |request: SignalEntityRequest| {
        rpc.call::<_, SignalEntityResponse>("SignalEntity", request)
            .await
    };
    for (name, input) in [
        ("add", "5"),
        ("add", "6"),
        ("set_then_fail", "1000"),
        ("add", "7"),
    ] {
        send(signal("entity_client", name, input)).await.unwrap();
    }
    until_state(&app.client, "@counter@entity_client", json!("18")).await;
    let get = async |id: &str, include_state: bool| -> GetEntityResponse {
        let request = GetEntityRequest {
            instance_id: id.into(),
            include_state,
        };
        rpc.call("GetEntity", request).await.unwrap()
    };
    let found = get("@counter@entity_client", true).await;
    let entity = found.entity.unwrap();
    assert_eq!(
        entity,
        EntityMetadata {
            instance_id: "@counter@entity_client".into(),
            last_modified_time: entity.last_modified_time,
            serialized_state: Some("18".into()),
            ..Default::default()
        }
    );
    assert!(found.exists && entity.last_modified_time.is_some());
    let bare = get("@counter@entity_client", false).await.entity.unwrap();
    assert_eq!(bare.serialized_state, None);

    send(signal("entity_client", "delete", "")).await.unwrap();
    until_state(&app.client, "@counter@entity_client", Value::Null).await;
    let nothing = GetEntityResponse::default();
    assert_eq!(get("@counter@entity_client", true).await, nothing);
    assert_eq!(get("@counter@nobody", true).await, nothing);
    // What was deleted lately stays, for the sake of messages that come late.
    let clean = CleanEntityStorageRequest {
        remove_empty_entities: true,
        release_orphaned_locks: true,
        ..Default::default()
    };
    let cleaned: CleanEntityStorageResponse = rpc.call("CleanEntityStorage", clean).await.unwrap();
    assert_eq!(cleaned, CleanEntityStorageResponse::default());

    let (code, text) = rpc
        .fail(
            "SignalEntity",
            SignalEntityRequest {
                request_id: "7".into(),
                ..signal("k", "add", "1")
            },
        )
        .await;
    assert_eq!(code, Code::InvalidArgument);
    assert!(text.contains("`7` is no GUID"), "{text}");
    let (code, _) = rpc
        .fail(
            "SignalEntity",
            SignalEntityRequest {
                instance_id: "counter".into(),
                ..signal("k", "add", "1")
            },
        )
        .await;
    assert_eq!(code, Code::InvalidArgument);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_signals_wait_over_grpc_too() {
    let app = TestApp::start().await;
    let rpc = Rpc::connect(&app.client).await;
    let far = Timestamp {
        seconds: 32_503_680_000,
        nanos: 0,
    };
    let past = Timestamp {
        seconds: 1_000_000_000,
        nanos: 0,
    };
    for (input, at) in [("1", Some(far)), ("10", Some(past)), ("100", None)] {
        let request = SignalEntityRequest {
            scheduled_time: at,
            ..signal("k", "add", input)
        };
        let _: SignalEntityResponse = rpc.call("SignalEntity", request).await.unwrap();
    }
    until_state(&app.client, "@counter@k", json!("110")).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_filter_and_page() {
    let app = TestApp::start().await;
    let rpc = Rpc::connect(&app.client).await;
    for number in 0..5 {
        let request = signal(&format!("k{number}"), "add", "1");
        let _: SignalEntityResponse = rpc.call("SignalEntity", request).await.unwrap();
        until_state(&app.client, &format!("@counter@k{number}"), json!("1")).await;
    }
    let _: SignalEntityResponse = rpc
        .call("SignalEntity", signal("k0", "delete", ""))
        .await
        .unwrap();
    until_state(&app.client, "@counter@k0", Value::Null).await;
    let find = async |query: EntityQuery| -> QueryEntitiesResponse {
        let request = QueryEntitiesRequest { query: Some(query) };
        rpc.call("QueryEntities", request).await.unwrap()
    };
    let keys = |found: &QueryEntitiesResponse| -> Vec<String> {
        found
            .entities
            .iter()
            .map(|entity| entity.instance_id.replace("@counter@", ""))
            .collect()
    };
    let all = find(EntityQuery::default()).await;
    assert_eq!(keys(&all), ["k1", "k2", "k3", "k4"]);
    assert!(
        all.entities
            .iter()
            .all(|entity| entity.serialized_state.is_none())
    );
    let with_deleted = EntityQuery {
        include_transient: true,
        include_state: true,
        ..Default::default()
    };
    let with_deleted = find(with_deleted).await;
    assert_eq!(keys(&with_deleted), ["k0", "k1", "k2", "k3", "k4"]);
    assert_eq!(
        with_deleted.entities[1].serialized_state.as_deref(),
        Some("1")
    );
    // The `@` of a prefix may be left out.
    let prefix = EntityQuery {
        instance_id_starts_with: Some("counter@k3".into()),
        ..Default::default()
    };
    assert_eq!(keys(&find(prefix).await), ["k3"]);
    let from = EntityQuery {
        last_modified_from: all.entities[2].last_modified_time,
        ..Default::default()
    };
    assert_eq!(keys(&find(from).await), ["k3", "k4"]);
    let to = EntityQuery {
        last_modified_to: all.entities[1].last_modified_time,
        ..Default::default()
    };
    assert_eq!(keys(&find(to).await), ["k1", "k2"]);
    let mut page = EntityQuery {
        page_size: Some(3),
        ..Default::default()
    };
    let first = find(page.clone()).await;
    assert_eq!(keys(&first), ["k1", "k2", "k3"]);
    page.continuation_token = first.continuation_token;
    let second = find(page).await;
    assert_eq!(keys(&second), ["k4"]);
    assert_eq!(second.continuation_token, None);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_entities_are_removed_when_nothing_can_come_late() {
    let host_json = r#"{"extensions":{"durableTask":{"entityMessageReorderWindowInMinutes":0}}}"#;
    let app = TestApp::start_with(host_json, |builder| builder.state(StateLocation::Memory)).await;
    let rpc = Rpc::connect(&app.client).await;
    for (key, name) in [("gone", "delete"), ("there", "add")] {
        let request = signal(key, name, if name == "add" { "1" } else { "" });
        let _: SignalEntityResponse = rpc.call("SignalEntity", request).await.unwrap();
        let wanted = |status: &Value| status["customStatus"].is_object();
        app.client.until(&format!("@counter@{key}"), wanted).await;
    }
    let clean = CleanEntityStorageRequest {
        remove_empty_entities: true,
        ..Default::default()
    };
    let cleaned: CleanEntityStorageResponse = rpc.call("CleanEntityStorage", clean).await.unwrap();
    assert_eq!(cleaned.empty_entities_removed, 1);
    let status = app
        .client
        .get(&format!("{BASE}/instances/@counter@gone"))
        .await;
    assert_eq!(status.status, 404);
    // It comes to life again as if it had never been there.
    let _: SignalEntityResponse = rpc
        .call("SignalEntity", signal("gone", "add", "3"))
        .await
        .unwrap();
    until_state(&app.client, "@counter@gone", json!("3")).await;
    app.stop().await;
}
