//! The client: starts and steers instances from outside an orchestrator.

mod entities;
mod error;
mod history;
mod links;
mod purge;
mod query;
mod start;
mod state;
mod steer;
mod target;
mod transport;
mod wait;

use std::sync::Arc;
use std::time::Duration;

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::http_api::url_encode;

pub use durable_functions_protocol::binding::DurableClientBinding;
pub use durable_functions_protocol::http_api::ManagementUrls;
pub use entities::{CleanedEntities, EntityQuery, EntityState, SignalEntity};
pub use error::ClientError;
pub use history::{HistoryEvent, HistoryEventKind, HistoryStream};
pub use purge::PurgeFilter;
pub use query::{InstanceQuery, Page, Pages};
pub use start::StartNew;
pub use state::{InstanceState, RuntimeStatus};
pub use target::{ByFunction, ByName, OrchestratorTarget};

use crate::argument::{Argument, Trigger};
use crate::input::{Encode, IntoInput};
use crate::invocation::Invocation;

/// Starts, watches and steers instances and entities. An activity or HTTP function that has it as an argument
/// gets one for the task hub of its binding; a program outside the Functions host
/// [connects](Self::connect).
///
/// It speaks to the host's gRPC endpoint where the binding names one, else to its HTTP management
/// API. What the latter can't do is [`ClientError::Unsupported`]: the table in `docs/guide/client.md`
/// has it all.
///
/// Reads are made again when the host can't be reached, with pauses that double; what changes
/// something is sent again only if there was no connection to send it over. Both end with the
/// client's [timeout](Self::with_timeout). Dropping a future ends the call.
///
/// Clones are cheap and share their connections; nothing is connected before the first call.
#[derive(Clone, Debug)]
pub struct DurableClient {
    binding: Arc<DurableClientBinding>,
    invocation_id: Option<Arc<str>>,
    timeout: Option<Duration>,
    /// What management URLs need beside the key.
    url_parameters: Vec<(&'static str, String)>,
}

/// The path of the webhook API below the address of an app.
const WEBHOOK_PATH: &str = "/runtime/webhooks/durabletask";

impl DurableClient {
    pub(crate) fn new(binding: DurableClientBinding) -> Self {
        Self {
            binding: Arc::new(binding),
            invocation_id: None,
            timeout: None,
            url_parameters: Vec::new(),
        }
    }

    /// A client for a program outside the Functions host that speaks to a gRPC endpoint, such as
    /// `http://127.0.0.1:4001`. Connects with the first call, which tells whether the URL is of use.
    ///
    /// ```no_run
    /// use durable_functions::DurableClient;
    ///
    /// # async fn example() -> Result<(), durable_functions::ClientError> {
    /// let client = DurableClient::connect("http://127.0.0.1:4001");
    /// let id = client.start_new("hello_orchestrator", "Seoul").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(url: impl Into<String>) -> Self {
        Self::new(DurableClientBinding {
            rpc_base_url: Some(url.into()),
            ..DurableClientBinding::default()
        })
    }

    /// A client for a program outside the Functions host that speaks to the HTTP management API.
    ///
    /// `base` is the address of the app, such as `https://shop.azurewebsites.net`, or the whole
    /// address of its webhooks, which ends in `/runtime/webhooks/durabletask`. `key` is the app's
    /// system key `durabletask_extension` or its master key; a host that asks for none takes an
    /// empty one.
    ///
    /// ```no_run
    /// use durable_functions::DurableClient;
    ///
    /// let client = DurableClient::http("http://localhost:7071", "");
    /// ```
    pub fn http(base: impl Into<String>, key: &str) -> Self {
        let mut base = base.into();
        let without_path = url::Url::parse(&base).is_ok_and(|url| matches!(url.path(), "" | "/"));
        if without_path {
            base.truncate(base.trim_end_matches('/').len());
            base.push_str(WEBHOOK_PATH);
        }
        Self::new(DurableClientBinding {
            http_base_url: Some(base),
            required_query_string_parameters: (!key.is_empty())
                .then(|| format!("code={}", url_encode(key))),
            ..DurableClientBinding::default()
        })
    }

    /// Takes the HTTP management API also where there is a gRPC endpoint.
    #[must_use]
    pub fn over_http(mut self) -> Self {
        Arc::make_mut(&mut self.binding).rpc_base_url = None;
        self
    }

    /// Works on another task hub than the host's own.
    #[must_use]
    pub fn with_task_hub(mut self, task_hub: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.binding).task_hub_name = Some(task_hub.into());
        self.in_urls()
    }

    /// Works on another storage connection than the host's own: `name` is that of an app setting.
    #[must_use]
    pub fn with_connection_name(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.binding).connection_name = Some(name.into());
        self.in_urls()
    }

    /// Lets management URLs say which task hub and connection they are for.
    pub(crate) fn in_urls(mut self) -> Self {
        let binding = &self.binding;
        let known = [
            ("connection", &binding.connection_name),
            ("taskHub", &binding.task_hub_name),
        ];
        self.url_parameters = known
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.clone()?)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        self
    }

    /// Sets how long one operation may take, all its attempts together, instead of the time that
    /// the host advises (100 seconds unless host.json says otherwise). Waiting and purging by
    /// filter have times of their own.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    pub(crate) fn for_invocation(mut self, invocation_id: &str) -> Self {
        self.invocation_id = Some(invocation_id.into());
        self
    }

    /// What the host says of the client: the value of the durableClient binding.
    pub fn binding(&self) -> &DurableClientBinding {
        &self.binding
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
mod tests;
