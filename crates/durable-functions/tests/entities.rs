//! Entities, as an app's own tests would have them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it can't go on"
)]

use std::time::Duration;

use chrono::Utc;
use durable_functions::prelude::*;
use durable_functions::testing::{TestEntity, TestEventKind, TestOrchestration, TestStatus};
use durable_functions::{EntityId, Error, TaskError};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

struct Limit(i64);

#[derive(Debug, thiserror::Error)]
#[error("only {0} left")]
struct TooMuch(i64);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Account {
    balance: i64,
}

#[orchestrator]
async fn audit(_ctx: OrchestrationContext, amount: i64) -> i64 {
    amount
}

#[entity]
impl Account {
    fn balance(&self) -> i64 {
        self.balance
    }

    fn add(&mut self, amount: Option<i64>) -> i64 {
        self.balance += amount.unwrap_or(1);
        self.balance
    }

    /// Changes the state and sends before it fails.
    fn withdraw(&mut self, ctx: EntityContext, amount: i64) -> Result<i64, TooMuch> {
        self.balance -= amount;
        ctx.signal::<Self>("log").add(amount);
        ctx.start_new(audit, amount);
        if self.balance < 0 {
            return Err(TooMuch(self.balance + amount));
        }
        Ok(self.balance)
    }

    fn within(&self, limit: State<Limit>) -> bool {
        self.balance <= limit.0
    }

    async fn later(&mut self, ctx: EntityContext) -> String {
        tokio::time::sleep(Duration::from_millis(1)).await;
        ctx.signal::<Self>("other")
            .after(Duration::from_secs(60))
            .add(7);
        let start = ctx
            .start_new_by_name("audit", 3)
            .version("2")
            .at(Utc::now());
        start.id().to_owned()
    }

    fn close(&mut self, ctx: EntityContext) {
        self.balance = -1;
        ctx.delete();
    }

    fn panic(&mut self) {
        self.balance = 1_000_000;
        panic!("out of order");
    }

    fn reach_nobody(&mut self, ctx: EntityContext) {
        self.balance = 5;
        ctx.signal_entity(EntityId::new("a@b", ""), "add", 1);
    }
}

fn account(balance: i64) -> TestEntity<Account> {
    TestEntity::new("a").with_state(Account { balance })
}

#[test]
fn operations_change_the_state_that_the_next_one_sees() {
    let mut account = TestEntity::<Account>::new("a");
    assert_eq!(account.call::<i64>("balance", ()).unwrap(), 0);
    // who only reads does not make a state
    assert_eq!(account.state_text(), None);
    assert_eq!(account.call::<i64>("ADD", 5).unwrap(), 5);
    assert_eq!(account.call::<i64>("add", ()).unwrap(), 6);
    assert_eq!(
        account.entity_state().unwrap(),
        Some(Account { balance: 6 })
    );
    let mut account = account.state(Limit(6));
    assert!(account.call::<bool>("within", ()).unwrap());
}

#[test]
fn what_a_failed_operation_did_is_taken_back() {
    let mut account = account(10);
    let outcomes = account.batch([
        ("withdraw", json!(4)),
        ("withdraw", json!(7)),
        ("add", json!(1)),
        ("panic", json!(null)),
        ("balance", json!(null)),
        ("reach_nobody", json!(null)),
    ]);
    assert_eq!(outcomes[0], Ok("6".into()));
    let failure = outcomes[1].as_ref().unwrap_err();
    assert_eq!(failure.message, "only 6 left");
    assert_eq!(failure.error_type, std::any::type_name::<TooMuch>());
    assert_eq!(outcomes[2], Ok("7".into()));
    let failure = outcomes[3].as_ref().unwrap_err();
    assert_eq!(failure.error_type, "Panic");
    assert!(failure.message.starts_with("out of order"), "{failure}");
    assert_eq!(outcomes[4], Ok("7".into()));
    assert_eq!(
        outcomes[5].as_ref().unwrap_err().error_type,
        "InvalidMessage"
    );
    assert_eq!(
        account.entity_state().unwrap(),
        Some(Account { balance: 7 })
    );
    let [signal] = account.signals() else {
        panic!("{:?}", account.signals())
    };
    assert_eq!(
        (signal.entity.to_string().as_str(), &signal.input),
        ("@account@log", &json!(4))
    );
    let [start] = account.started() else {
        panic!("{:?}", account.started())
    };
    assert_eq!(
        (start.name.as_str(), &start.input, start.instance_id.len()),
        ("audit", &json!(4), 32)
    );
}

#[test]
fn signals_and_starts_may_be_later() {
    let mut account = account(0);
    let id: String = account.call("later", ()).unwrap();
    let signal = &account.signals()[0];
    let away = signal.at.unwrap() - Utc::now();
    assert!((50..=60).contains(&away.num_seconds()), "{away}");
    let start = &account.started()[0];
    assert_eq!(
        (start.instance_id.clone(), start.version.as_deref()),
        (id, Some("2"))
    );
    assert!(start.at.is_some());
}

#[test]
fn entities_are_deleted() {
    let mut closed = account(10);
    closed.call::<()>("close", ()).unwrap();
    assert_eq!(closed.state_text(), None);
    assert_eq!(closed.call::<i64>("add", 2).unwrap(), 2);
    // the operation that every entity has
    closed.call::<()>("Delete", ()).unwrap();
    assert_eq!(closed.state_text(), None);
}

#[test]
fn mistakes_are_told() {
    let mut account = account(3);
    let failure = account.call::<i64>("multiply", 2).unwrap_err();
    assert_eq!(failure.error_type, "UnknownOperation");
    assert!(
        failure.message.contains("balance, add, withdraw"),
        "{failure}"
    );
    let failure = account.call::<i64>("add", "five").unwrap_err();
    assert_eq!(failure.error_type, "InvalidInput");
    assert!(failure.message.contains("operation 'add'"), "{failure}");
    let failure = account.call::<bool>("within", ()).unwrap_err();
    assert_eq!(failure.error_type, "MissingState");
    assert_eq!(account.state_text(), Some(r#"{"balance":3}"#));
    // a state that can't be read is kept until somebody deletes it
    let mut broken = TestEntity::<Account>::new("a").with_state_text(r#"{"total":1}"#);
    assert_eq!(
        broken.call::<i64>("add", 2).unwrap_err().error_type,
        "InvalidState"
    );
    assert_eq!(broken.state_text(), Some(r#"{"total":1}"#));
    broken.call::<()>("delete", ()).unwrap();
    assert_eq!(broken.call::<i64>("add", 2).unwrap(), 2);
}

#[orchestrator]
async fn transfer(ctx: OrchestrationContext, amount: i64) -> Result<String> {
    let (from, to) = (ctx.entity::<Account>("from"), ctx.entity::<Account>("to"));
    let _guard = ctx.lock([&from, &to]).await?;
    match from.withdraw(amount).await {
        Ok(_) => {}
        Err(error) if error.is::<TooMuch>() => return Ok(error.to_string()),
        Err(error) => return Err(error),
    }
    to.add(amount).await?;
    Ok(format!("sent, {} left", from.balance().await?))
}

fn transfers(
    amount: i64,
) -> TestOrchestration<impl durable_functions::macro_support::Orchestrator> {
    TestOrchestration::new(transfer)
        .input(amount)
        .entity::<Account>()
        .entity_state("from", Account { balance: 10 })
}

#[test]
fn orchestrations_call_signal_and_lock_real_entities() {
    let run = TestOrchestration::new(transfer)
        .input(4)
        .entity::<Account>()
        .entity_state("from", Account { balance: 10 })
        .run();
    assert_eq!(run.output().unwrap(), "sent, 6 left");
    let balance = |key: &str| run.entity_state::<Account>(key).unwrap().unwrap().balance;
    assert_eq!([balance("from"), balance("to"), balance("log")], [6, 4, 4]);
    let sent = run.events().iter().filter(|event| {
        use TestEventKind as Kind;
        let kinds = [Kind::LockRequested, Kind::EntityCalled, Kind::LockReleased];
        kinds.contains(&event.kind)
    });
    let sent: Vec<_> = sent
        .map(|event| format!("{} {}", event.name, event.payload))
        .collect();
    assert_eq!(
        sent,
        [
            "@account@from ",
            "withdraw of @account@from 4",
            "add of @account@to 4",
            "balance of @account@from ",
            "@account@from ",
            "@account@to ",
        ]
    );

    let run = transfers(11).run();
    assert!(format!("{run}").contains("only 10 left"), "{run}");
    assert_eq!(
        run.entity_state::<Account>("from")
            .unwrap()
            .unwrap()
            .balance,
        10
    );
    assert_eq!(run.entity_state::<Account>("to").unwrap(), None);
}

#[orchestrator]
async fn schedules(ctx: OrchestrationContext) -> Result<(i64, i64)> {
    let account = ctx.entity::<Account>("a");
    account.signal().after(Duration::from_secs(60)).add(5);
    let before = account.balance().await?;
    ctx.sleep(Duration::from_secs(120)).await;
    Ok((before, account.balance().await?))
}

#[test]
fn scheduled_signals_arrive_as_time_goes_by() {
    let run = TestOrchestration::new(schedules).entity::<Account>().run();
    assert_eq!(run.output().unwrap(), (0, 5));
}

#[orchestrator]
async fn asks(ctx: OrchestrationContext) -> Result<String> {
    let answer = ctx
        .call_entity::<String>(EntityId::new("oracle", "k"), "ask", "why")
        .await;
    match answer {
        Ok(answer) => Ok(answer),
        Err(error) => match error.task() {
            Some(TaskError::Entity { failure, .. }) => Ok(failure.message.clone()),
            _ => Err(error),
        },
    }
}

#[test]
fn entities_are_replaced_or_missed() {
    let answered = |answer: fn(&EntityId, &str, Value) -> Result<String>| {
        TestOrchestration::new(asks)
            .entity_answer("Oracle", answer)
            .run()
            .output()
            .unwrap()
    };
    assert_eq!(
        answered(|id, operation, input| Ok(format!("{id} {operation} {input}"))),
        "@oracle@k ask \"why\""
    );
    assert_eq!(answered(|_, _, _| Err(Error::msg("no idea"))), "no idea");
    let run = TestOrchestration::new(asks).run();
    let TestStatus::Stuck(reason) = run.status() else {
        panic!("{run}")
    };
    assert!(reason.contains(".entity_answer(\"oracle\""), "{reason}");
}

#[derive(Clone, Debug)]
enum Step {
    Balance,
    Add(i64),
    Withdraw(i64),
    Close,
    Delete,
    Panic,
    Unknown,
    WrongInput,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let amount = 0..50_i64;
    let step = prop_oneof![
        2 => Just(Step::Balance),
        4 => amount.clone().prop_map(Step::Add),
        4 => amount.prop_map(Step::Withdraw),
        1 => Just(Step::Close),
        1 => Just(Step::Delete),
        1 => Just(Step::Panic),
        1 => Just(Step::Unknown),
        1 => Just(Step::WrongInput),
    ];
    prop::collection::vec(step, 0..30)
}

fn request(step: &Step) -> (&'static str, Value) {
    match step {
        Step::Balance => ("balance", Value::Null),
        Step::Add(amount) => ("add", json!(amount)),
        Step::Withdraw(amount) => ("withdraw", json!(amount)),
        Step::Close => ("close", Value::Null),
        Step::Delete => ("delete", Value::Null),
        Step::Panic => ("panic", Value::Null),
        Step::Unknown => ("multiply", json!(2)),
        Step::WrongInput => ("add", json!("five")),
    }
}

/// What an operation does to a balance: its result, or none if it fails.
fn modelled(state: &mut Option<i64>, step: &Step) -> Option<Value> {
    let balance = state.unwrap_or_default();
    match step {
        Step::Balance => Some(json!(balance)),
        Step::Add(amount) => {
            *state = Some(balance + amount);
            Some(json!(balance + amount))
        }
        Step::Withdraw(amount) if balance >= *amount => {
            *state = Some(balance - amount);
            Some(json!(balance - amount))
        }
        Step::Close | Step::Delete => {
            *state = None;
            Some(Value::Null)
        }
        Step::Withdraw(_) | Step::Panic | Step::Unknown | Step::WrongInput => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However operations are put into batches, and whichever of them fail, results, state and
    /// signals are those of a simple model.
    #[test]
    fn entities_behave_like_a_model(steps in steps(), size in 1..10_usize) {
        let mut account = TestEntity::<Account>::new("a");
        let (mut state, mut signals) = (None, Vec::new());
        for batch in steps.chunks(size) {
            let outcomes = account.batch(batch.iter().map(request));
            prop_assert_eq!(outcomes.len(), batch.len());
            for (step, outcome) in batch.iter().zip(outcomes) {
                let expected = modelled(&mut state, step);
                if let (Step::Withdraw(amount), Some(_)) = (step, &expected) {
                    signals.push(json!(amount));
                }
                let result = outcome.ok().map(|text| serde_json::from_str::<Value>(&text).unwrap());
                prop_assert_eq!(result, expected, "{:?}", step);
            }
            let balance = account.entity_state().unwrap().map(|account| account.balance);
            prop_assert_eq!(balance, state);
        }
        let sent: Vec<_> = account.signals().iter().map(|signal| signal.input.clone()).collect();
        prop_assert_eq!(sent, signals);
    }
}
