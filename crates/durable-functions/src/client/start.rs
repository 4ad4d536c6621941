//! Starting an instance.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use chrono::{DateTime, Utc};
use durable_functions_protocol::id;
use durable_functions_protocol::proto::{CreateInstanceRequest, CreateInstanceResponse, Timestamp};

use super::grpc::Repeat;
use super::{ClientError, DurableClient, webhook};

/// A start of an instance, to be awaited. Gives the instance's id.
#[derive(Debug)]
#[must_use = "nothing is started before this is awaited"]
pub struct StartNew {
    client: DurableClient,
    name: Cow<'static, str>,
    input: Result<String, serde_json::Error>,
    instance_id: Option<String>,
    version: Option<String>,
    start_at: Option<Timestamp>,
    tags: HashMap<String, String>,
}

impl StartNew {
    pub(super) fn new(
        client: DurableClient,
        name: Cow<'static, str>,
        input: Result<String, serde_json::Error>,
    ) -> Self {
        Self {
            client,
            name,
            input,
            instance_id: None,
            version: None,
            start_at: None,
            tags: HashMap::new(),
        }
    }

    /// Sets the instance's id, instead of a new GUID. It can't begin with `@`, nor contain `/`,
    /// `\`, `#`, `?` or control characters.
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.instance_id = Some(id.into());
        self
    }

    /// Sets the instance's version, instead of `defaultVersion` of host.json. If host.json has no
    /// `defaultVersion`, the real host never starts an instance that has a version.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Lets the instance begin at this time. Until then it is `Pending`. Only the host's gRPC
    /// endpoint can do that.
    pub fn start_at(mut self, time: DateTime<Utc>) -> Self {
        self.start_at = Some(Timestamp {
            seconds: time.timestamp(),
            nanos: time.timestamp_subsec_nanos().min(999_999_999).cast_signed(),
        });
        self
    }

    /// Adds a tag to the instance. Only the host's gRPC endpoint can do that.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    async fn send(self) -> Result<String, ClientError> {
        let input = self.input.map_err(|error| {
            ClientError::invalid(format!("the input can't be written as JSON: {error}"))
        })?;
        let instance_id = self.instance_id.unwrap_or_else(id::new_instance_id);
        id::validate_instance_id(&instance_id).map_err(ClientError::invalid)?;
        if self.name.is_empty() {
            return Err(ClientError::invalid("the orchestrator's name is empty"));
        }
        // the host reads a missing body as no input
        let input = (input != "null").then_some(input);
        let binding = &self.client.binding;
        let over_http = binding.http_base_url.is_some() || self.client.rpc_address().is_none();
        if over_http && self.start_at.is_none() && self.tags.is_empty() {
            let version = self.version.as_deref();
            webhook::start(binding, &self.name, &instance_id, version, input).await?;
            return Ok(instance_id);
        }
        let start = CreateInstanceRequest {
            instance_id: instance_id.clone(),
            name: self.name.into_owned(),
            version: self.version,
            input,
            scheduled_start_timestamp: self.start_at,
            tags: self.tags,
            ..CreateInstanceRequest::default()
        };
        let call = self
            .client
            .call(&instance_id, "/TaskHubSidecarService/StartInstance")?;
        let answer = call.unary(start, Repeat::Never).await;
        let _: CreateInstanceResponse = answer.map_err(|refusal| call.error(refusal))?;
        Ok(instance_id)
    }
}

impl IntoFuture for StartNew {
    type Output = Result<String, ClientError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
