//! Plays recorded scenarios of the real host: what orchestrators sent has to come to the recorded
//! batches, and what those came to has to be what the orchestrators were told.

use std::collections::HashMap;

use durable_functions_protocol::proto::{
    ActionType, EntityBatchRequest, EntityBatchResult, EventRaisedEvent, EventType,
    OrchestratorRequest, OrchestratorResponse,
};
use prost::Message as _;
use serde_json::{Value, json};

use super::batch::Batch;
use super::scheduler::{Scheduler, Work};
use super::stored::Status;
use crate::clock::Clock;
use crate::engine::ids::Ids;
use crate::strict::Conduct;

const WINDOW: i64 = 30 * 60 * 10_000_000;

struct Exchange {
    path: String,
    request: Vec<u8>,
    response: Vec<u8>,
}

fn recordings() -> Vec<(String, Vec<Exchange>)> {
    let json: Value =
        serde_json::from_str(include_str!("../../../tests/data/entities.json")).unwrap();
    let bytes = |text: &Value| {
        base64_simd::STANDARD
            .decode_to_vec(text.as_str().unwrap())
            .unwrap()
    };
    json.as_object()
        .unwrap()
        .iter()
        .map(|(name, exchanges)| {
            let exchanges = exchanges
                .as_array()
                .unwrap()
                .iter()
                .map(|exchange| Exchange {
                    path: exchange["path"].as_str().unwrap().to_owned(),
                    request: bytes(&exchange["request"]),
                    response: bytes(&exchange["response"]),
                });
            (name.clone(), exchanges.collect())
        })
        .collect()
}

/// A task hub that has nothing but entities.
#[derive(Default)]
struct Hub {
    entities: HashMap<String, Entity>,
    /// What orchestrations have been told: instance, name of the event, content.
    told: Vec<(String, String, String)>,
}

#[derive(Default)]
struct Entity {
    scheduler: Scheduler,
    inbox: Vec<EventRaisedEvent>,
    /// The batch that the handler has.
    work: Option<Work>,
}

impl Hub {
    fn send(&mut self, id: &str, name: &str, content: &str) {
        let event = EventRaisedEvent {
            name: name.into(),
            input: Some(content.into()),
        };
        if !id.starts_with('@') {
            self.told.push((id.into(), name.into(), content.into()));
            return;
        }
        self.entities
            .entry(id.into())
            .or_default()
            .inbox
            .push(event);
    }

    /// Lets all entities do what they can without the handler.
    fn settle(&mut self, ids: &Ids) {
        let ready = |hub: &Self| {
            let mut entities = hub.entities.iter();
            entities
                .find(|(_, entity)| entity.work.is_none() && !entity.inbox.is_empty())
                .map(|(id, _)| id.clone())
        };
        while let Some(id) = ready(self) {
            self.step(&id, ids, |_, _| ());
        }
    }

    /// A step of an entity: first what the handler answered, then the next work.
    fn step(&mut self, id: &str, ids: &Ids, answer: impl FnOnce(&mut Batch<'_>, &mut Work)) {
        let entity = self.entities.get_mut(id).unwrap();
        let scheduler = std::mem::take(&mut entity.scheduler);
        let mut batch = Batch::new(id.into(), scheduler, WINDOW, Conduct::Strict, ids);
        if let Some(mut work) = entity.work.take() {
            answer(&mut batch, &mut work);
            if let Some(lock) = work.lock {
                batch.grant(lock);
            }
        }
        for event in entity.inbox.drain(..) {
            batch.receive(&event);
        }
        assert!(
            batch
                .problems
                .iter()
                .all(|problem| problem.contains("fails after")),
            "{:?}",
            batch.problems
        );
        while batch.scheduler.has_work() {
            let mut work = batch.scheduler.next_work(5000);
            if work.operations.is_empty() {
                batch.grant(work.lock.take().unwrap());
            } else {
                entity.work = Some(work);
                break;
            }
        }
        entity.scheduler = batch.scheduler;
        for message in batch.messages {
            let Some(EventType::EventRaised(raised)) = message.content.event.event_type else {
                panic!()
            };
            self.send(&message.instance, &raised.name, &raised.input.unwrap());
        }
    }
}

fn play_entity(hub: &mut Hub, exchange: &Exchange, ids: &Ids, scenario: &str) {
    let recorded = EntityBatchRequest::decode(exchange.request.as_slice()).unwrap();
    let id = &recorded.instance_id;
    if scenario == "entity_client" {
        // What clients sent is not in the recording; the operations tell.
        for operation in &recorded.operations {
            let signal = json!({"op": operation.operation, "signal": true, "input": operation.input, "id": operation.request_id});
            hub.send(id, "op", &signal.to_string());
        }
    }
    hub.settle(ids);
    let entity = hub.entities.get_mut(id).unwrap();
    let work = entity.work.as_ref().unwrap();
    let batch = Batch::new(
        id.as_str().into(),
        entity.scheduler.clone(),
        WINDOW,
        Conduct::Strict,
        ids,
    );
    let request = batch.request(&work.operations);
    assert_eq!(request, recorded, "{scenario}");
    assert_eq!(request.encode_to_vec(), exchange.request, "{scenario}");
    let result = EntityBatchResult::decode(exchange.response.as_slice()).unwrap();
    hub.step(id, ids, |batch, work| batch.apply(result, work).unwrap());
    hub.settle(ids);
}

fn play_orchestrator(hub: &mut Hub, exchange: &Exchange, ids: &Ids, scenario: &str) {
    let request = OrchestratorRequest::decode(exchange.request.as_slice()).unwrap();
    for event in &request.new_events {
        if let Some(EventType::EventRaised(raised)) = &event.event_type {
            let told = (
                request.instance_id.clone(),
                raised.name.clone(),
                raised.input.clone().unwrap(),
            );
            let at = hub.told.iter().position(|known| *known == told);
            hub.told
                .remove(at.unwrap_or_else(|| panic!("{scenario}: {told:?} in {:#?}", hub.told)));
        }
    }
    let response = OrchestratorResponse::decode(exchange.response.as_slice()).unwrap();
    for action in response.actions {
        if let Some(ActionType::SendEvent(sent)) = action.orchestrator_action_type {
            hub.send(
                &sent.instance.unwrap().instance_id,
                &sent.name,
                &sent.data.unwrap(),
            );
        }
    }
    hub.settle(ids);
}

#[test]
fn scenarios_go_as_recorded() {
    let ids = Ids::after(Clock::system(), 0);
    let mut states = Vec::new();
    for (scenario, exchanges) in recordings() {
        let mut hub = Hub::default();
        for exchange in &exchanges {
            if exchange.path == "counter" {
                play_entity(&mut hub, exchange, &ids, &scenario);
            } else {
                play_orchestrator(&mut hub, exchange, &ids, &scenario);
            }
        }
        assert_eq!(hub.told, [], "{scenario}");
        for (id, entity) in hub.entities {
            let status = Status {
                entity_exists: entity.scheduler.state.is_some(),
                ..Status::default()
            };
            assert_eq!(entity.scheduler.status(), status, "{id}");
            let stored: Value = serde_json::from_str(&entity.scheduler.write().unwrap()).unwrap();
            states.push((id, stored));
        }
    }
    let stored = |id: &str| -> &Value { &states.iter().find(|(known, _)| known == id).unwrap().1 };
    // As the real host stores them; what has a horizon of the test's own clock left out.
    assert_eq!(
        *stored("@counter@B"),
        json!({"state": "-1", "sorter": {
            "ReceivedFromInstance": {
                "entity_lock_contended": {"Last": "2026-11-23T09:02:40.4899737Z", "ExecutionId": "9d24fb47-bb21-41fb-9727-fd1772604418"},
                "entity_lock_contended-2": {"Last": "2026-11-23T09:02:40.5972803Z", "ExecutionId": "6cfa2e15-c1bc-4a90-b67a-5b833230e70b"}},
            "ReceiveHorizon": "2026-11-23T08:32:40.4899737Z"}})
    );
    let first = stored("@counter@A");
    assert_eq!(first["state"], "1");
    assert_eq!(
        first["sorter"]["ReceiveHorizon"],
        "2026-11-23T08:32:40.3667942Z"
    );
    assert!(first["sorter"]["LastSentToInstance"]["@counter@B"].is_string());
    assert_eq!(*stored("@counter@entity_client"), json!({"sorter": {}}));
}
