//! Answers that tell a caller where to follow an instance.

use std::time::Duration;

use chrono::SecondsFormat;
use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::http_api::ManagementUrls;
use serde_json::{Value, json};
use url::Url;

use super::{ClientError, DurableClient, InstanceState, RuntimeStatus};
use crate::http::{HttpRequest, HttpResponse};

const JSON: &str = "application/json; charset=utf-8";

impl DurableClient {
    /// The URLs with which an instance is watched and steered over the host's HTTP management API.
    ///
    /// They begin with scheme and authority of the caller's own request and carry the key of the
    /// management API: give them only to callers that may steer the instance. Behind a proxy, set
    /// `extensions.durableTask.httpSettings.useForwardedHost` in host.json: then
    /// `X-Forwarded-Host` and `X-Forwarded-Proto` count, if the request has both.
    pub fn management_payload(&self, request: &HttpRequest, instance_id: &str) -> ManagementUrls {
        ManagementUrls::with_rewind(&self.base_for(request), instance_id, &self.url_query())
    }

    /// The answer that tells a caller where to follow an instance: 202 with the
    /// [management URLs](Self::management_payload) but that of rewinding, a `Location` header, and
    /// `Retry-After: 10`, as the official SDKs have it.
    pub fn check_status_response(&self, request: &HttpRequest, instance_id: &str) -> HttpResponse {
        let urls = ManagementUrls::new(&self.base_for(request), instance_id, &self.url_query());
        HttpResponse::new(202)
            .with_header("Content-Type", JSON)
            .with_header("Location", urls.status_query_get_uri.clone())
            .with_header("Retry-After", "10")
            .with_body(urls.to_json())
    }

    /// Waits for an instance, and answers as it has ended: 200 with its output if it completed, 500
    /// with its status and failure if it failed, 200 with its status if it was terminated, and
    /// [202](Self::check_status_response) if it has not ended in time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use durable_functions::prelude::*;
    ///
    /// #[orchestrator]
    /// async fn quote(ctx: OrchestrationContext, order: u32) -> u32 {
    ///     order * 2
    /// }
    ///
    /// #[http_trigger(route = "quotes/{order}", methods = ["get"])]
    /// async fn get_quote(req: HttpRequest, client: DurableClient) -> Result<HttpResponse> {
    ///     let order: u32 = req.route_param("order")?.parse()?;
    ///     let id = client.start_new(quote, order).await?;
    ///     let patience = Duration::from_secs(5);
    ///     Ok(client.wait_for_completion_or_check_status_response(&req, &id, patience).await?)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait_for_completion`](Self::wait_for_completion), but for the deadline.
    pub async fn wait_for_completion_or_check_status_response(
        &self,
        request: &HttpRequest,
        instance_id: &str,
        timeout: Duration,
    ) -> Result<HttpResponse, ClientError> {
        let state = match self.wait_for_completion(instance_id, timeout).await {
            Ok(state) => state,
            Err(ClientError::TimedOut { .. }) => {
                return Ok(self.check_status_response(request, instance_id));
            }
            Err(error) => return Err(error),
        };
        let (status, body) = match state.status {
            RuntimeStatus::Completed => (200, state.raw_output().unwrap_or("null").to_owned()),
            RuntimeStatus::Failed => (500, status_document(&state).to_string()),
            _ => (200, status_document(&state).to_string()),
        };
        Ok(HttpResponse::new(status)
            .with_header("Content-Type", JSON)
            .with_body(body))
    }

    fn url_query(&self) -> String {
        let required = self.binding.required_query_string_parameters.as_deref();
        let required = required.unwrap_or_default();
        let mut query = required.trim_start_matches(['?', '&']).to_owned();
        for (key, value) in &self.url_parameters {
            if !query.is_empty() {
                query.insert(0, '&');
            }
            query.insert_str(
                0,
                &format!(
                    "{key}={}",
                    durable_functions_protocol::http_api::url_encode(value)
                ),
            );
        }
        query
    }

    fn base_for(&self, request: &HttpRequest) -> String {
        let webhook = self.binding.http_base_url.as_deref().unwrap_or_default();
        let forwarded = self.binding.use_forwarded_host.unwrap_or(false);
        let origin = forwarded
            .then(|| forwarded_origin(request))
            .flatten()
            .or_else(|| {
                Some(
                    Url::parse(request.url())
                        .ok()?
                        .origin()
                        .ascii_serialization(),
                )
            });
        let (Ok(webhook_url), Some(origin)) = (Url::parse(webhook), origin) else {
            return webhook.to_owned();
        };
        format!("{origin}{}", webhook_url.path().trim_end_matches('/'))
    }
}

/// Scheme and authority by which the outermost proxy was asked.
fn forwarded_origin(request: &HttpRequest) -> Option<String> {
    let first = |name| {
        let value = request.header(name)?.split(',').next()?.trim();
        (!value.is_empty()).then_some(value)
    };
    let proto = first("X-Forwarded-Proto")?;
    let host = first("X-Forwarded-Host")?;
    let url = Url::parse(&format!("{proto}://{host}")).ok()?;
    Some(url.origin().ascii_serialization()).filter(|origin| origin != "null")
}

/// The status document of the management API, and the failure with its causes.
fn status_document(state: &InstanceState) -> Value {
    let time = |time: Option<chrono::DateTime<chrono::Utc>>| {
        time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
    };
    let value = |text: Option<&str>| {
        text.map(|text| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)))
    };
    let mut document = json!({
        "name": state.name,
        "instanceId": state.instance_id,
        "runtimeStatus": state.status.as_str(),
        "input": value(state.raw_input()),
        "customStatus": value(state.raw_custom_status()),
        "output": value(state.raw_output()),
        "createdTime": time(state.created_at),
        "lastUpdatedTime": time(state.last_updated_at),
    });
    if let (Some(failure), Some(document)) = (&state.failure, document.as_object_mut()) {
        let chain: Vec<_> = failure.chain().map(cause).collect();
        document.insert("failure".into(), Value::from(chain));
    }
    document
}

/// One link of a failure's chain; stack traces are not for callers.
fn cause(failure: &Failure) -> Value {
    json!({ "type": failure.error_type, "message": failure.message })
}

#[cfg(test)]
mod tests {
    use durable_functions_protocol::binding::DurableClientBinding;

    use super::*;

    fn client(forwarded: bool) -> DurableClient {
        DurableClient::new(DurableClientBinding {
            http_base_url: Some("http://internal:80/runtime/webhooks/durabletask".into()),
            required_query_string_parameters: Some("code=KEY".into()),
            use_forwarded_host: Some(forwarded),
            ..DurableClientBinding::default()
        })
    }

    #[test]
    fn check_status_urls_begin_as_the_request_did() {
        let request = HttpRequest::new("POST", "https://shop.example:8443/api/orders?x=1");
        let response = client(false).check_status_response(&request, "order 42");
        let status =
            "https://shop.example:8443/runtime/webhooks/durabletask/instances/order+42?code=KEY";
        assert_eq!(response.status(), 202);
        assert_eq!(response.header("Location"), Some(status));
        assert_eq!(response.header("Retry-After"), Some("10"));
        let body: Value = serde_json::from_str(response.body().unwrap()).unwrap();
        assert_eq!(body["id"], "order 42");
        assert_eq!(body["statusQueryGetUri"], status);
        assert!(body.get("rewindPostUri").is_none());
    }

    #[test]
    fn forwarded_headers_count_when_the_host_says_so_and_both_are_there() {
        let request = HttpRequest::new("GET", "http://10.0.0.1/api/x");
        let both = request
            .clone()
            .with_header("X-Forwarded-Host", "shop.example:8443, inner")
            .with_header("X-Forwarded-Proto", "https");
        let one = request.with_header("X-Forwarded-Host", "shop.example");
        let begins = |client: DurableClient, request: &HttpRequest| {
            let uri = client.management_payload(request, "a").restart_post_uri;
            uri.split("/runtime").next().unwrap().to_owned()
        };
        assert_eq!(begins(client(true), &both), "https://shop.example:8443");
        assert_eq!(begins(client(false), &both), "http://10.0.0.1");
        assert_eq!(begins(client(true), &one), "http://10.0.0.1");
    }

    #[test]
    fn the_management_payload_has_every_key() {
        let request = HttpRequest::new("GET", "http://h/api/x");
        let urls = client(false).management_payload(&request, "a");
        let rewind =
            "http://h/runtime/webhooks/durabletask/instances/a/rewind?reason={text}&code=KEY";
        assert_eq!(urls.rewind_post_uri.as_deref(), Some(rewind));
    }
}
