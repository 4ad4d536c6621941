//! Starting an instance.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use chrono::{DateTime, Utc};
use durable_functions_protocol::id;
use durable_functions_protocol::proto::Timestamp;

use super::transport::Start;
use super::{ClientError, DurableClient, RuntimeStatus};
use crate::orchestrator::timer::timestamp;

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
    replaceable: Option<Vec<RuntimeStatus>>,
    only_once: bool,
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
            replaceable: None,
            only_once: false,
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
        self.start_at = Some(timestamp(time));
        self
    }

    /// Adds a tag to the instance. Only the host's gRPC endpoint can do that.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// Says in which states an instance of the same id is replaced; in all others the start fails
    /// with [`ClientError::AlreadyExists`]. Without this the host replaces what has ended. The host
    /// replaces none that runs unless `overridableExistingInstanceStates` of host.json allows it.
    /// Only the host's gRPC endpoint can do that.
    pub fn replace_if(mut self, states: impl IntoIterator<Item = RuntimeStatus>) -> Self {
        self.replaceable = Some(states.into_iter().collect());
        self
    }

    /// Starts only if there is no instance of this id in any state, and gives the id either way: a
    /// start that may safely be repeated. It needs an [`instance_id`](Self::instance_id). Only the
    /// host's gRPC endpoint can do that.
    pub fn only_once(mut self) -> Self {
        self.replaceable = Some(Vec::new());
        self.only_once = true;
        self
    }

    async fn send(self) -> Result<String, ClientError> {
        let input = self.input.map_err(|error| {
            ClientError::invalid(format!("the input can't be written as JSON: {error}"))
        })?;
        if self.only_once && self.instance_id.is_none() {
            return Err(ClientError::invalid(
                "`only_once` needs an instance id: a new one is in nobody's way",
            ));
        }
        let instance_id = self.instance_id.unwrap_or_else(id::new_instance_id);
        id::validate_instance_id(&instance_id).map_err(ClientError::invalid)?;
        check_name(&self.name)?;
        let start = Start {
            name: self.name.into_owned(),
            instance_id: instance_id.clone(),
            // the host reads a missing input as none
            input: (input != "null").then_some(input),
            version: self.version,
            start_at: self.start_at,
            tags: self.tags,
            replaceable: self.replaceable,
        };
        match self.client.transport()?.start(start).await {
            Err(ClientError::AlreadyExists { .. }) if self.only_once => Ok(instance_id),
            outcome => outcome.map(|()| instance_id),
        }
    }
}

fn check_name(name: &str) -> Result<(), ClientError> {
    if name.is_empty() {
        return Err(ClientError::invalid("the orchestrator's name is empty"));
    }
    if name.starts_with('@') {
        return Err(ClientError::invalid(format!(
            "'{name}' can't be an orchestrator: names that begin with '@' are those of entities"
        )));
    }
    match name
        .chars()
        .find(|c| c.is_control() || matches!(c, '/' | '\\' | '#' | '?'))
    {
        None => Ok(()),
        Some(character) => Err(ClientError::invalid(format!(
            "the orchestrator's name {name:?} must not contain {character:?}"
        ))),
    }
}

impl IntoFuture for StartNew {
    type Output = Result<String, ClientError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
