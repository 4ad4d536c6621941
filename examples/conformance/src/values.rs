//! Values on their way through the host.

use durable_functions::prelude::*;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::activities::{big, echo, raw_result};
use crate::input::number;
use crate::steps::sub_child;

/// A value as its JSON text.
pub fn raw(value: &impl Serialize) -> Result<Box<RawValue>> {
    Ok(serde_json::value::to_raw_value(value)?)
}

#[orchestrator]
pub async fn echo_orch(ctx: OrchestrationContext, input: Box<RawValue>) -> Result<Box<RawValue>> {
    ctx.call(echo, input).await
}

#[orchestrator]
pub async fn raw_result_orch(ctx: OrchestrationContext, input: Value) -> Result<Box<RawValue>> {
    ctx.call(raw_result, input).await
}

#[orchestrator]
pub async fn big_orch(ctx: OrchestrationContext, input: Value) -> Result<Value> {
    let length = |name| number(&input, name).map(|length| length as usize);
    if let Some(length) = length("statusBytes") {
        ctx.set_custom_status("s".repeat(length));
    }
    let result = match length("activityBytes") {
        Some(length) => Some(ctx.call(big, length).await?),
        None => None,
    };
    Ok(json!({
        "activityLength": result.map(|text| text.len()),
        "output": "o".repeat(length("outputBytes").unwrap_or(10)),
    }))
}

#[orchestrator]
pub async fn version_tags_orch(ctx: OrchestrationContext) -> Result<Value> {
    let tagged = ctx
        .call(echo, raw(&"tagged")?)
        .tag("k1", "v1")
        .tag("k2", "ü");
    let echoed = tagged.await?;
    let versioned = ctx.call(echo, raw(&"versioned")?).version("9.9").await?;
    let child = ctx.call_sub_orchestrator(sub_child, json!({ "i": 0 }));
    let child = child.tag("sub", "yes").version("2.5").await?;
    Ok(json!({
        "name": ctx.name(),
        "version": ctx.version().unwrap_or_default(),
        "echoed": echoed,
        "versioned": versioned,
        "child": child,
    }))
}
