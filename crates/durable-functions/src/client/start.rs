//! Starting an instance.

use std::borrow::Cow;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use durable_functions_protocol::id;

use super::{ClientError, DurableClient, webhook};

/// A start of an instance, to be awaited. Gives the instance's id.
#[derive(Debug)]
#[must_use = "nothing is started before this is awaited"]
pub struct StartNew {
    client: DurableClient,
    name: Cow<'static, str>,
    input: Result<String, serde_json::Error>,
    instance_id: Option<String>,
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
        }
    }

    /// Sets the instance's id, instead of a new GUID. It can't begin with `@`, nor contain `/`,
    /// `\`, `#`, `?` or control characters.
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.instance_id = Some(id.into());
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
        webhook::start(&self.client.binding, &self.name, &instance_id, input).await?;
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
