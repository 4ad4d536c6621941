//! The function app that people start from: an HTTP function that starts orchestrations, an
//! orchestration, and an activity.

use std::process::ExitCode;

use durable_functions::prelude::*;

#[http_trigger(route = "orchestrators/{functionName}", methods = ["post"], auth_level = "anonymous")]
async fn http_start(req: HttpRequest, client: DurableClient) -> Result<HttpResponse> {
    let instance_id = client
        .start_new(req.route_param("functionName")?, ())
        .await?;
    Ok(client.check_status_response(&req, &instance_id))
}

#[orchestrator]
async fn hello_orchestrator(ctx: OrchestrationContext) -> Result<String> {
    ctx.call(hello, "Seoul").await
}

#[activity]
async fn hello(name: String) -> String {
    format!("Hello {name}!")
}

fn main() -> ExitCode {
    FunctionApp::new()
        .register(http_start)
        .register(hello_orchestrator)
        .register(hello)
        .run()
}

#[cfg(test)]
mod tests;
