//! The client: starts and steers instances from outside an orchestrator.

mod error;
mod grpc;
mod operations;
mod start;
mod state;
mod target;
mod webhook;

use std::sync::Arc;

use durable_functions_protocol::binding::DurableClientBinding;
use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::http_api::ManagementUrls;

pub use error::ClientError;
pub use start::StartNew;
pub use state::{InstanceState, RuntimeStatus};
pub use target::{ByFunction, ByName, OrchestratorTarget};

use crate::argument::{Argument, Trigger};
use crate::http::{HttpRequest, HttpResponse};
use crate::input::{Encode, IntoInput};
use crate::invocation::Invocation;

/// Starts and steers orchestrations. An activity or HTTP function that has it as an argument gets
/// one for the app's own task hub.
///
/// It starts instances over the host's HTTP management API where that can, and does everything else
/// over its gRPC endpoint. Clones are cheap and share their connections; nothing is connected before
/// the first call.
#[derive(Clone, Debug)]
pub struct DurableClient {
    binding: Arc<DurableClientBinding>,
    invocation_id: Option<Arc<str>>,
}

impl DurableClient {
    pub(crate) fn new(binding: DurableClientBinding) -> Self {
        Self {
            binding: Arc::new(binding),
            invocation_id: None,
        }
    }

    /// The same client for a program outside the Functions host: `url` is that of a gRPC endpoint,
    /// such as `http://127.0.0.1:4001`. Connects with the first call, which tells whether the URL
    /// is of use.
    pub fn connect(url: impl Into<String>) -> Self {
        Self::new(DurableClientBinding {
            rpc_base_url: Some(url.into()),
            ..DurableClientBinding::default()
        })
    }

    pub(crate) fn for_invocation(mut self, invocation_id: &str) -> Self {
        self.invocation_id = Some(invocation_id.into());
        self
    }

    /// Starts a new instance of an orchestrator, which is given as a function or by its name. Await
    /// what this returns to start it; it gives the instance's id.
    ///
    /// ```
    /// use durable_functions::prelude::*;
    ///
    /// #[orchestrator]
    /// async fn order(ctx: OrchestrationContext, number: u32) -> u32 {
    ///     number
    /// }
    ///
    /// #[http_trigger(route = "orders", methods = ["post"])]
    /// async fn place_order(req: HttpRequest, client: DurableClient) -> Result<HttpResponse> {
    ///     let id = client.start_new(order, 42).instance_id("order-42").await?;
    ///     Ok(client.check_status_response(&req, &id))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`ClientError::InvalidArgument`]: the host knows no such orchestrator, the instance id has
    ///   characters that are not allowed, or the input can't be written as JSON;
    /// - [`ClientError::AlreadyExists`]: an instance of this id is not finished yet;
    /// - [`ClientError::Unavailable`]: the host can't be reached or failed.
    pub fn start_new<Marker, T: OrchestratorTarget<Marker>>(
        &self,
        orchestrator: T,
        input: impl IntoInput<T::Input>,
    ) -> StartNew {
        StartNew::new(
            self.clone(),
            orchestrator.name(),
            input.into_input().encode(),
        )
    }

    /// The answer that tells a caller where to follow an instance: 202 with the management URLs, a
    /// `Location` header, and `Retry-After: 10`.
    ///
    /// The URLs begin with scheme and authority of the caller's own request and carry the key of
    /// the management API: give them only to callers that may steer the instance.
    pub fn check_status_response(&self, request: &HttpRequest, instance_id: &str) -> HttpResponse {
        let webhook = self.binding.http_base_url.as_deref().unwrap_or_default();
        let base = webhook::seen_from(webhook, request.url());
        let query = self
            .binding
            .required_query_string_parameters
            .as_deref()
            .unwrap_or_default();
        let urls = ManagementUrls::new(&base, instance_id, query);
        HttpResponse::new(202)
            .with_header("Content-Type", "application/json; charset=utf-8")
            .with_header("Location", urls.status_query_get_uri.clone())
            .with_header("Retry-After", "10")
            .with_body(urls.to_json())
    }
}

impl<K: Trigger> Argument<K> for DurableClient {
    type Payload<Rest> = Rest;
    const CLIENT: bool = true;

    fn extract(invocation: &Invocation) -> Result<Self, Failure> {
        invocation
            .client
            .clone()
            .ok_or_else(|| invocation.lacks("durable client", "durableClient"))
    }
}

#[cfg(test)]
mod grpc_tests;
#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> DurableClient {
        DurableClient::new(DurableClientBinding {
            http_base_url: Some("http://internal:80/runtime/webhooks/durabletask".into()),
            required_query_string_parameters: Some("code=KEY".into()),
            ..DurableClientBinding::default()
        })
    }

    #[test]
    fn check_status_urls_begin_as_the_request_did() {
        let request = HttpRequest::new("POST", "https://shop.example:8443/api/orders?x=1");
        let response = client().check_status_response(&request, "order 42");
        let status =
            "https://shop.example:8443/runtime/webhooks/durabletask/instances/order+42?code=KEY";
        assert_eq!(response.status(), 202);
        assert_eq!(response.header("Location"), Some(status));
        assert_eq!(response.header("Retry-After"), Some("10"));
        let body: serde_json::Value = serde_json::from_str(response.body().unwrap()).unwrap();
        assert_eq!(body["id"], "order 42");
        assert_eq!(body["statusQueryGetUri"], status);
    }
}
