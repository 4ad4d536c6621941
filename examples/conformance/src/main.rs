//! The functions behind the recordings of the real host: same names, same logic, same outputs.

mod activities;
mod entities;
mod failing;
mod input;
mod operations;
mod steps;
mod values;
mod waiting;

use std::process::ExitCode;
use std::time::Duration;

use durable_functions::prelude::*;
use serde_json::Value;

use activities::{Attempts, big, echo, fail_activity, flaky, hello, raw_result, slow, square};
use entities::{Counter, call_entity_orch, lock_orch};
use failing::{
    catch_activity_orch, fail_activity_orch, fail_orch, nondet_orch, retry_orch, unknown_orch,
};
use operations::client_ops;
use steps::{chain_n, fan_out, hello_orchestrator, sub_child, sub_parent};
use values::{big_orch, echo_orch, raw_result_orch, version_tags_orch};
use waiting::{
    custom_status_orch, eternal, long_timer, send_event_orch, suspend_orch, timer_orch,
    wait_all_orch, wait_event,
};

fn from_now(seconds: &str) -> Result<Duration> {
    Ok(Duration::try_from_secs_f64(seconds.parse()?)?)
}

#[http_trigger(route = "orchestrators/{functionName}", methods = ["post"], auth_level = "anonymous")]
async fn http_start(req: HttpRequest, client: DurableClient) -> Result<HttpResponse> {
    let start = client.start_new(req.route_param("functionName")?, req.json::<Value>()?);
    let start = match req.query("instanceId") {
        Some(id) => start.instance_id(id),
        None => start,
    };
    let start = match req.query("version") {
        Some(version) => start.version(version),
        None => start,
    };
    let start = match req.query("startIn") {
        Some(seconds) => start.start_at(chrono::Utc::now() + from_now(seconds)?),
        None => start,
    };
    let tags = req.query("tags").unwrap_or_default();
    let start = tags
        .split(',')
        .filter_map(|tag| tag.split_once(['=', ':']))
        .fold(start, |start, (key, value)| start.tag(key, value));
    let instance_id = start.await?;
    Ok(client.check_status_response(&req, &instance_id))
}

fn main() -> ExitCode {
    FunctionApp::new()
        .state(Attempts::default())
        .register(http_start)
        .register(client_ops)
        .register(hello)
        .register(square)
        .register(echo)
        .register(raw_result)
        .register(big)
        .register(slow)
        .register(flaky)
        .register(fail_activity)
        .register(retry_orch)
        .register(fail_activity_orch)
        .register(catch_activity_orch)
        .register(nondet_orch)
        .register(echo_orch)
        .register(raw_result_orch)
        .register(big_orch)
        .register(version_tags_orch)
        .register(hello_orchestrator)
        .register(chain_n)
        .register(fan_out)
        .register(sub_parent)
        .register(sub_child)
        .register(timer_orch)
        .register(long_timer)
        .register(wait_event)
        .register(wait_all_orch)
        .register(eternal)
        .register(custom_status_orch)
        .register(suspend_orch)
        .register(send_event_orch)
        .register(fail_orch)
        .register(unknown_orch)
        .register_entity::<Counter>()
        .register(call_entity_orch)
        .register(lock_orch)
        .run()
}
