//! One step after another, or side by side.

use durable_functions::prelude::*;
use serde_json::{Value, json};

use crate::activities::{hello, square};
use crate::failing::OrderError;
use crate::input::{flag, int, text};

#[orchestrator]
pub async fn hello_orchestrator(ctx: OrchestrationContext, name: Option<String>) -> Result<String> {
    ctx.call(hello, json!(name.unwrap_or_else(|| "Seoul".into())))
        .await
}

#[orchestrator]
pub async fn chain_n(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let n = int(&input, "n", 3);
    let mut last = String::new();
    for i in 0..n {
        last = ctx.call(hello, json!(i.to_string())).await?;
    }
    Ok(json!({ "count": n, "last": last }))
}

#[orchestrator]
pub async fn fan_out(ctx: OrchestrationContext, input: Value) -> Result<i64> {
    let squares: Vec<_> = (0..int(&input, "n", 5))
        .map(|i| ctx.call(square, i))
        .collect();
    let mut sum = 0;
    for square in squares {
        sum += square.await?;
    }
    Ok(sum)
}

#[orchestrator]
pub async fn sub_parent(ctx: OrchestrationContext, input: Value) -> Result<Vec<Value>> {
    let mut results = Vec::new();
    let mut children = Vec::new();
    for i in 0..int(&input, "n", 2) {
        let child = ctx.call_sub_orchestrator(
            sub_child,
            json!({ "i": i, "fail": flag(&input, "fail", false) }),
        );
        let child = match flag(&input, "ids", false) {
            true => child.instance_id(format!("{}-child{i}", ctx.instance_id())),
            false => child,
        };
        if flag(&input, "parallel", false) {
            children.push(child);
            continue;
        }
        match child.await {
            Ok(result) => results.push(result),
            Err(error) if flag(&input, "catch", true) => results.push(json!(error.to_string())),
            Err(error) => return Err(error),
        }
    }
    for child in children {
        results.push(child.await?);
    }
    Ok(results)
}

#[orchestrator]
pub async fn sub_child(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let i = text(&input, "i").unwrap_or_default();
    if flag(&input, "fail", false) {
        let parent = ctx.parent_instance_id().unwrap_or_default();
        return Err(OrderError::Rejected(format!("child {i} of {parent} fails on purpose")).into());
    }
    let greeting = ctx.call(hello, json!(format!("child {i}"))).await?;
    Ok(json!({
        "greeting": greeting,
        "parent": ctx.parent_instance_id(),
        "parentName": ctx.parent_name(),
        "version": ctx.version().unwrap_or_default(),
    }))
}
