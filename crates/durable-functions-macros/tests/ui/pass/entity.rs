//! Entities in all their shapes.

use std::collections::BTreeMap;
use std::time::Duration;

use durable_functions::prelude::*;
use durable_functions::{CallsOf, Entity, EntityId};
use serde::{Deserialize, Serialize};

struct Rates(f64);

#[derive(Clone, Default, Serialize, Deserialize)]
struct Money {
    cents: i64,
}

#[derive(Default, Serialize, Deserialize)]
struct BankAccount {
    balance: Money,
    seen: BTreeMap<String, u32>,
}

#[entity(binding = "ctx")]
impl BankAccount {
    const LIMIT: i64 = 10;

    fn new() -> Self {
        Self::default()
    }

    /// What is there.
    fn balance(&self) -> Money {
        self.balance.clone()
    }

    async fn convert(&self, rates: State<Rates>, into: String) -> Result<f64, String> {
        std::future::ready(()).await;
        match into.as_str() {
            "euro" => Ok(self.balance.cents as f64 * rates.0),
            _ => Err(Self::LIMIT.to_string()),
        }
    }

    fn set(&mut self, other: Self) {
        *self = other;
    }

    fn add(&mut self, Money { cents }: Money, ctx: EntityContext) -> anyhow::Result<Option<Self>> {
        self.balance.cents += cents;
        self.count("add");
        ctx.signal::<Self>("log")
            .after(Duration::from_secs(1))
            .add(Money { cents });
        ctx.signal_entity(EntityId::new("other", "k"), "op", ());
        let id = ctx
            .start_new(watch, "k")
            .after(Duration::from_secs(1))
            .id()
            .to_owned();
        ctx.start_new_by_name("watch", id)
            .instance_id("w")
            .version("2");
        Ok(None)
    }

    #[operation(name = "signal")]
    fn signal_all(&self) {}

    fn r#type(&self) -> String {
        "account".into()
    }

    #[operation(skip)]
    fn count(&mut self, name: &str) {
        *self.seen.entry(name.into()).or_default() += 1;
    }
}

#[orchestrator]
async fn watch(ctx: OrchestrationContext, key: String) -> Result<i64> {
    let account: CallsOf<BankAccount> = ctx.entity::<BankAccount>(key);
    account.signal().add(Money { cents: 1 });
    account
        .signal()
        .after(Duration::from_secs(1))
        .set(BankAccount::new());
    account.signal().at(ctx.now()).signal_all();
    let id: &EntityId = account.id();
    let guard = ctx.lock([id]).await?;
    drop(guard);
    let others = [
        ctx.entity::<BankAccount>("a"),
        ctx.entity::<BankAccount>("b"),
    ];
    {
        let _guard = ctx.lock(&others).await?;
        let [a, b] = &others;
        ctx.all([a.balance(), b.balance()]).await?;
    }
    let euros: f64 = account.convert("euro").await?;
    let by_name: Money = account.call("balance", ()).await?;
    let _: Money = ctx
        .call_entity(EntityId::new("bank_account", "x"), "balance", ())
        .await?;
    ctx.signal_entity(&account, "add", Money::default());
    Ok(by_name.cents + euros as i64)
}

mod inner {
    use super::*;

    #[derive(Default, Serialize, Deserialize)]
    pub struct Public(pub u8);

    #[entity(name = "other-name")]
    impl Public {
        pub fn get(&self) -> u8 {
            self.0
        }
    }
}

fn generic<E: Entity>(ctx: &OrchestrationContext) -> CallsOf<E> {
    ctx.entity::<E>("k")
}

fn main() {
    assert_eq!(BankAccount::NAME, "bank_account");
    assert_eq!(BankAccount::BINDING, "ctx");
    assert_eq!(inner::Public::NAME, "other-name");
    let operations = ["balance", "convert", "set", "add", "signal", "type"];
    assert_eq!(BankAccount::OPERATIONS, operations);
    let app = FunctionApp::new()
        .state(Rates(1.0))
        .register(watch)
        .register_entity::<BankAccount>()
        .register_entity::<inner::Public>();
    let _ = (app, generic::<BankAccount>);
    let mut account = BankAccount::new();
    account.count("x");
}
