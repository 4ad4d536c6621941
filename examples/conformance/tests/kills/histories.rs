//! The state as it lies on the disk.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use durable_functions_protocol::proto::{
    EventType, HistoryEvent, OrchestrationStatus, OrchestratorRequest,
};
use prost::Message as _;
use rusqlite::Connection;
use serde_json::Value;

use crate::work::Work;

const PATIENCE: Duration = Duration::from_secs(120);

/// How many messages and tasks lie in the state of a host that is gone.
pub fn open_work(state: &Path) -> usize {
    open_rows(&open(state))
}

/// Waits until the host has dealt with what nobody waits for, such as the release of a lock.
pub fn await_rest(state: &Path) {
    let store = open(state);
    let begun = Instant::now();
    while open_rows(&store) > 0 {
        assert!(begun.elapsed() < PATIENCE, "something is never dealt with");
        thread::sleep(Duration::from_millis(10));
    }
}

fn open(state: &Path) -> Connection {
    let files = std::fs::read_dir(state).unwrap();
    let file = files
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "sqlite3"))
        .expect("a file with the state");
    Connection::open(file).unwrap()
}

fn open_rows(store: &Connection) -> usize {
    let query = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM tasks)";
    let rows: i64 = store.query_row(query, [], |row| row.get(0)).unwrap();
    usize::try_from(rows).unwrap()
}

/// Checks every history, and that nothing but ended instances and entities is left. How many
/// histories there are.
pub fn check(state: &Path, work: &Work) -> usize {
    let store = open(state);
    let integrity: String = store
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(integrity, "ok");
    assert_eq!(open_rows(&store), 0, "messages or tasks are left");
    let statuses = statuses(&store);
    assert!(work.ids().all(|id| statuses.contains_key(id)));
    let histories = histories(&store);
    for (id, status) in &statuses {
        assert_eq!(*status, OrchestrationStatus::Completed as i32, "{id}");
        let events = histories
            .get(id)
            .unwrap_or_else(|| panic!("{id}: no history"));
        check_history(id, events);
        check_events(id, events, work);
    }
    statuses.len()
}

/// Orchestrations, entities left out.
fn statuses(store: &Connection) -> HashMap<String, i32> {
    let mut statement = store
        .prepare("SELECT id, status FROM instances WHERE substr(id, 1, 1) <> '@'")
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

fn histories(store: &Connection) -> HashMap<String, Vec<HistoryEvent>> {
    let mut statement = store
        .prepare("SELECT instance, events FROM history ORDER BY instance, turn")
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut histories: HashMap<String, Vec<HistoryEvent>> = HashMap::new();
    while let Some(row) = rows.next().unwrap() {
        let (id, framed): (String, Vec<u8>) = (row.get(0).unwrap(), row.get(1).unwrap());
        let turn = OrchestratorRequest::decode(framed.as_slice()).unwrap();
        histories.entry(id).or_default().extend(turn.past_events);
    }
    histories
}

/// One start, one end, turns one after another in time, and for everything that was scheduled one
/// outcome.
fn check_history(id: &str, events: &[HistoryEvent]) {
    let mut open: HashSet<(&str, i32)> = HashSet::new();
    let (mut in_turn, mut starts, mut ends) = (false, 0, 0);
    let mut turn_began = None;
    for (place, event) in events.iter().enumerate() {
        let at = event.event_id;
        let mut opened = |kind| assert!(open.insert((kind, at)), "{id}: {kind} {at} twice");
        match event.event_type.as_ref().expect("an event of a known kind") {
            EventType::OrchestratorStarted(_) => {
                assert!(!in_turn, "{id}: a turn within a turn");
                in_turn = true;
                let began = event.timestamp.map(|time| (time.seconds, time.nanos));
                assert!(began > turn_began, "{id}: time stands still");
                turn_began = began;
            }
            EventType::OrchestratorCompleted(_) if starts_anew(events, place) => {}
            EventType::OrchestratorCompleted(_) => {
                assert!(in_turn, "{id}: a turn ends twice");
                in_turn = false;
            }
            EventType::ExecutionStarted(_) => starts += 1,
            EventType::ExecutionCompleted(_) => ends += 1,
            EventType::TaskScheduled(_) => opened("activity"),
            EventType::SubOrchestrationInstanceCreated(_) => opened("sub-orchestration"),
            EventType::TimerCreated(_) => opened("timer"),
            outcome => {
                let (kind, of) = match outcome {
                    EventType::TaskCompleted(done) => ("activity", done.task_scheduled_id),
                    EventType::SubOrchestrationInstanceCompleted(done) => {
                        ("sub-orchestration", done.task_scheduled_id)
                    }
                    EventType::TimerFired(fired) => ("timer", fired.timer_id),
                    EventType::EventRaised(_) | EventType::EventSent(_) => continue,
                    other => panic!("{id}: {other:?} is not expected"),
                };
                assert!(open.remove(&(kind, of)), "{id}: {kind} {of} ends twice");
            }
        }
    }
    assert_eq!((starts, ends), (1, 1), "{id}: starts and ends");
    // A timer that was cancelled never fires.
    open.retain(|(kind, _)| *kind != "timer");
    assert!(open.is_empty(), "{id}: {open:?} never ended");
}

/// Each request to an entity is answered once, and an event that was sent once is there once.
fn check_events(id: &str, events: &[HistoryEvent], work: &Work) {
    let mut requests = HashMap::new();
    let mut others = 0;
    for event in events {
        match &event.event_type {
            // Calls and lock requests tell the id by which their answers are called.
            Some(EventType::EventSent(sent)) if sent.name != "release" => {
                let request: Value =
                    serde_json::from_str(sent.input.as_deref().expect("a request")).unwrap();
                if request["signal"] != true {
                    let request = request["id"].as_str().expect("an id").to_owned();
                    assert!(
                        requests.insert(request, 0).is_none(),
                        "{id}: a request was sent twice"
                    );
                }
            }
            Some(EventType::EventRaised(raised)) => match requests.get_mut(&raised.name) {
                Some(answers) => *answers += 1,
                None => others += 1,
            },
            _ => {}
        }
    }
    for (request, answers) in requests {
        assert_eq!(answers, 1, "{id}: answers to {request}");
    }
    let most = if work.was_asked_twice(id) { 2 } else { 1 };
    assert!(others <= most, "{id}: {others} events raised");
}

/// Whether a turn's end belongs to the execution before this one: as on the real host it comes
/// after the start of what continued as new, and the same turn goes on.
fn starts_anew(events: &[HistoryEvent], place: usize) -> bool {
    let kind = |place: usize| events.get(place)?.event_type.as_ref();
    matches!(kind(place - 1), Some(EventType::ExecutionStarted(_)))
        && !matches!(
            kind(place + 1),
            None | Some(EventType::OrchestratorStarted(_))
        )
}
