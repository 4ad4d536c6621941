//! Traffic of the real Functions host, decoded and encoded again.

// Helpers of tests may fail like tests; Clippy knows only the functions marked as such.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use durable_functions_protocol::failure::{Failure, is_lost_worker};
use durable_functions_protocol::http_api::ManagementUrls;
use durable_functions_protocol::proto::{
    ActionType, EventType, OrchestratorRequest, OrchestratorResponse, TaskFailureDetails,
};
use durable_functions_protocol::{HttpResponseData, InvocationRequest, Reply, value};
use prost::Message;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exchange {
    scenario: String,
    path: String,
    request: String,
    response: String,
    instance_id: Option<String>,
    events: Option<(usize, usize)>,
}

fn exchanges() -> Vec<Exchange> {
    serde_json::from_str(include_str!("data/exchanges.json")).unwrap()
}

/// The fields of a message in the order of their bytes: maps have no order of their own.
fn sorted_fields(mut message: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let begin = message;
        let (tag, wire_type) = prost::encoding::decode_key(&mut message).unwrap();
        prost::encoding::skip_field(wire_type, tag, &mut message, Default::default()).unwrap();
        fields.push(begin[..begin.len() - message.len()].to_vec());
    }
    fields.sort();
    fields
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

#[test]
fn orchestrator_turns_decode_and_encode_to_the_same_bytes() {
    let mut turns = 0;
    for exchange in exchanges() {
        let Some(instance_id) = exchange.instance_id else {
            continue;
        };
        turns += 1;
        let request = InvocationRequest::parse(exchange.request.as_bytes()).unwrap();
        let context = request.data("context").unwrap();
        let bytes = context.protobuf().unwrap();
        assert_eq!(request.only_data().unwrap().protobuf().unwrap(), bytes);
        let turn = OrchestratorRequest::decode(bytes.as_slice()).unwrap();
        assert_eq!(context.message::<OrchestratorRequest>().unwrap(), turn);
        assert_eq!(turn.instance_id, instance_id);
        let events = (turn.past_events.len(), turn.new_events.len());
        assert_eq!(Some(events), exchange.events);
        let known = |event: &durable_functions_protocol::proto::HistoryEvent| {
            event.event_type.is_some() && event.timestamp.is_some()
        };
        assert!(turn.past_events.iter().chain(&turn.new_events).all(known));
        assert_eq!(sorted_fields(&turn.encode_to_vec()), sorted_fields(&bytes));

        let response = json(exchange.response.as_bytes());
        let base64 = response["ReturnValue"].as_str().unwrap();
        let bytes = base64_simd::STANDARD.decode_to_vec(base64).unwrap();
        let decoded = OrchestratorResponse::decode(bytes.as_slice()).unwrap();
        assert_eq!(decoded.instance_id, instance_id);
        assert!(!decoded.actions.is_empty());
        assert_eq!(decoded.encode_to_vec(), bytes);
        let reply = Reply::orchestration(&bytes, &[]).unwrap();
        assert_eq!(reply.content_type, "application/json");
        assert_eq!(String::from_utf8(reply.body).unwrap(), exchange.response);
    }
    assert_eq!(turns, 10);
}

#[test]
fn activities_decode_and_encode_to_the_same_text() {
    let mut activities = 0;
    for exchange in exchanges().iter().filter(|it| it.path == "/hello") {
        activities += 1;
        let request = InvocationRequest::parse(exchange.request.as_bytes()).unwrap();
        let input = request.only_data().unwrap().json().unwrap().unwrap();
        let name: String = serde_json::from_str(&value::unwrap(&input).unwrap()).unwrap();
        if exchange.scenario == "hello_unicode" {
            assert_eq!(name, "Zürich ☃ \"q\" \\ \u{0}x");
        }
        let id = request.metadata_text("instanceId").unwrap().unwrap();
        if exchange.scenario != "http_functions" {
            assert_eq!(id, exchange.scenario);
        }
        let response = json(exchange.response.as_bytes());
        assert_eq!(response["ReturnValue"], format!("Hello {name}!"));
        let result = serde_json::to_string(&response["ReturnValue"]).unwrap();
        let logs: Vec<String> = serde_json::from_value(response["Logs"].clone()).unwrap();
        let reply = Reply::activity(Some(&value::to_result(result)), &logs);
        assert_eq!(json(&reply.body), response);
    }
    assert_eq!(activities, 6);
}

#[test]
fn http_requests_decode() {
    let mut requests = 0;
    for exchange in exchanges() {
        if !matches!(
            &*exchange.path,
            "/http_plain" | "/http_start" | "/client_ops"
        ) {
            continue;
        }
        requests += 1;
        let envelope = InvocationRequest::parse(exchange.request.as_bytes()).unwrap();
        let request = envelope.data("req").unwrap().http_request().unwrap();
        let raw = &json(exchange.request.as_bytes())["Data"]["req"];
        assert_eq!(raw["Url"], *request.url);
        assert_eq!(raw["Method"], *request.method);
        assert_eq!(raw["Body"].as_str(), request.body.as_deref());
        let query = raw["Query"].as_object().unwrap();
        assert_eq!(query.len(), request.query.len());
        for (name, value) in query {
            assert_eq!(request.query(name), value.as_str());
        }
        let headers = raw["Headers"].as_object().unwrap();
        assert_eq!(headers.len(), request.headers.len());
        for (name, values) in headers {
            assert_eq!(request.header(&name.to_lowercase()), values[0].as_str());
        }
        let params = raw["Params"].as_object().unwrap();
        assert_eq!(params.len(), request.params.len());
        for (name, value) in params {
            assert_eq!(request.param(name), value.as_str());
        }
        let identities: Value =
            serde_json::from_str(request.identities.as_ref().unwrap().get()).unwrap();
        assert_eq!(identities, raw["Identities"]);
    }
    assert_eq!(requests, 19);
}

#[test]
fn http_responses_encode() {
    for exchange in exchanges() {
        let response = json(exchange.response.as_bytes());
        let Some(res) = response["Outputs"].get("res") else {
            continue;
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let data = HttpResponseData {
            status: res["statusCode"].as_str().unwrap().parse().unwrap(),
            headers: (res["headers"].as_object().into_iter().flatten())
                .map(|(name, value)| (name.clone(), text(value).unwrap()))
                .collect(),
            body: text(&res["body"]),
        };
        let logs: Vec<String> = serde_json::from_value(response["Logs"].clone()).unwrap();
        let reply = Reply::http(&data, &logs);
        assert_eq!(json(&reply.body), response);
        assert!(reply.failure_header.is_none());
    }
}

#[test]
fn client_bindings_and_check_status_documents() {
    let mut starts = 0;
    for exchange in exchanges().iter().filter(|it| it.path == "/http_start") {
        starts += 1;
        let envelope = InvocationRequest::parse(exchange.request.as_bytes()).unwrap();
        assert_eq!(envelope.bindings().count(), 2);
        let client = envelope.data("client").unwrap().durable_client().unwrap();
        assert!(client.task_hub_name.is_some() && client.rpc_base_url.is_some());
        assert_eq!(client.connection_name, None);
        assert_eq!(client.max_grpc_message_size_in_bytes, Some(4_194_304));
        let timeout = std::time::Duration::from_secs(100);
        assert_eq!(client.grpc_http_client_timeout, Some(timeout));
        assert_eq!(client.use_forwarded_host, None);

        let res = &json(exchange.response.as_bytes())["Outputs"]["res"];
        let document = res["body"].as_str().unwrap();
        let id = json(document.as_bytes())["id"].as_str().unwrap().to_owned();
        let urls = ManagementUrls::new(
            &client.http_base_url.unwrap(),
            &id,
            &client.required_query_string_parameters.unwrap(),
        );
        assert_eq!(urls.to_json(), document);
        assert_eq!(res["headers"]["Location"], *urls.status_query_get_uri);
    }
    assert_eq!(starts, 4);
}

#[test]
fn a_turn_that_ends_carries_its_result() {
    let last = |scenario: &str| {
        let turn = exchanges()
            .into_iter()
            .rfind(|it| it.scenario == scenario && it.instance_id.is_some());
        let response = json(turn.unwrap().response.as_bytes());
        let base64 = response["ReturnValue"].as_str().unwrap().to_owned();
        let bytes = base64_simd::STANDARD.decode_to_vec(base64).unwrap();
        OrchestratorResponse::decode(bytes.as_slice()).unwrap()
    };
    for (scenario, result) in [
        ("hello_orchestrator", r#""Hello Seoul!""#),
        (
            "hello_unicode",
            r#""Hello Z\u00FCrich \u2603 \u0022q\u0022 \\ \u0000x!""#,
        ),
    ] {
        let response = last(scenario);
        let [action] = response.actions.as_slice() else {
            panic!("one action");
        };
        match &action.orchestrator_action_type {
            Some(ActionType::CompleteOrchestration(complete)) => {
                assert_eq!(complete.orchestration_status, 1);
                let result: Value = serde_json::from_str(result).unwrap();
                assert_eq!(json(complete.result.as_ref().unwrap().as_bytes()), result);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn results_of_activities_arrive_in_history() {
    let mut seen = 0;
    for exchange in exchanges().iter().filter(|it| it.instance_id.is_some()) {
        let envelope = InvocationRequest::parse(exchange.request.as_bytes()).unwrap();
        let turn: OrchestratorRequest = envelope.only_data().unwrap().message().unwrap();
        for event in turn.new_events {
            if let Some(EventType::TaskCompleted(completed)) = event.event_type {
                let result = completed.result.unwrap();
                assert!(result.starts_with("\"Hello "), "{result}");
                assert_eq!(value::unwrap(&result).unwrap(), result);
                assert_eq!(Failure::from_result(&result), None);
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 6);
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    activity: String,
    failure_details: Option<Details>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    error_type: String,
    error_message: String,
    stack_trace: Option<String>,
    inner_failure: Option<Box<Details>>,
}

impl Details {
    fn into_proto(self) -> TaskFailureDetails {
        TaskFailureDetails {
            error_type: self.error_type,
            error_message: self.error_message,
            stack_trace: self.stack_trace,
            inner_failure: self.inner_failure.map(|it| Box::new(it.into_proto())),
            ..Default::default()
        }
    }
}

#[test]
fn failures_of_activities() {
    let recorded: Vec<Recorded> =
        serde_json::from_str(include_str!("data/task-failures.json")).unwrap();
    assert_eq!(recorded.len(), 9);
    for Recorded {
        activity,
        failure_details,
    } in recorded
    {
        let details = failure_details.map(Details::into_proto);
        let failure = Failure::from_activity(details.as_ref());
        let lost = details.as_ref().is_some_and(is_lost_worker);
        assert_eq!(lost, activity.contains("(lost worker)"), "{activity}");
        if activity.starts_with("the failure in a header") {
            assert_eq!(failure.error_type, "orders::CardDeclined");
            let message = "card 4711 declined: résumé ☃\nsecond line";
            assert_eq!(failure.message, message);
            let stack = "   0: orders::charge\n   1: orders::main";
            assert_eq!(failure.stack_trace.as_deref(), Some(stack));
            assert!(failure.non_retriable);
            let cause = failure.cause.as_ref().unwrap();
            assert_eq!(cause.to_string(), "std::io::Error: timed out");
            assert_eq!(failure.chain().count(), 2);
        } else if activity == "unknown activity name" {
            assert!(details.is_none());
            assert_eq!(failure.error_type, "TaskFailed");
        } else {
            let details = details.unwrap();
            assert_eq!(failure, Failure::from_proto(&details), "{activity}");
            assert!(failure.error_type.ends_with("FunctionInvocationException"));
            assert!(failure.cause.is_some());
        }
    }
}
