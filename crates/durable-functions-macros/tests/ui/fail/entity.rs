//! Mistakes with entities.

use durable_functions::prelude::*;
use serde::{Deserialize, Serialize};

#[entity]
struct Nothing;

#[derive(Default, Serialize, Deserialize)]
struct Shapes(i64);

#[entity(nam = "x")]
impl Shapes {
    fn get(self) -> i64 {
        self.0
    }

    fn text(&self, x: &str) {}

    fn two(&self, a: u8, b: u8) {}

    fn signal(&self) {}

    fn client(&self, client: DurableClient) {}
}

struct NoState;

#[entity]
impl NoState {
    fn get(&self) {}
}

#[derive(Default, Serialize, Deserialize)]
struct Counter(i64);

#[entity]
impl Counter {
    fn add(&mut self, n: i64) -> i64 {
        n
    }
}

#[activity]
async fn stray(ctx: EntityContext) {}

#[orchestrator]
async fn callers(ctx: OrchestrationContext) -> Result<()> {
    ctx.entity::<Counter>("k").add("five").await?;
    ctx.entity::<Counter>("k").subtract(5).await?;
    ctx.entity::<String>("k");
    Ok(())
}

fn main() {
    FunctionApp::new().register_entity::<String>().register_entity::<Counter>();
}
