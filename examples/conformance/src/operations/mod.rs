//! One operation of the client a request: `POST ops/{op}/{instanceId}`.

mod answer;

use std::time::Duration;

use durable_functions::prelude::*;
use durable_functions::{
    ClientError, EntityId, EntityQuery, InstanceQuery, InvalidEntityId, Json, PurgeFilter,
    RuntimeStatus,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Parameters {
    name: String,
    op: String,
    delay_seconds: Option<Number>,
    input: Value,
    reason: String,
    new_id: Flag,
    prefix: Option<String>,
    status: Option<String>,
    size: Option<Number>,
    token: Option<String>,
    timeout: Option<Number>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            name: "E".into(),
            op: String::new(),
            delay_seconds: None,
            input: Value::Null,
            reason: String::new(),
            new_id: Flag::Given(true),
            prefix: None,
            status: None,
            size: None,
            token: None,
            timeout: None,
        }
    }
}

/// The recorded requests write flags and numbers as texts.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Flag {
    Given(bool),
    Text(#[serde(with = "text")] bool),
}

impl From<Flag> for bool {
    fn from(flag: Flag) -> Self {
        let (Flag::Given(flag) | Flag::Text(flag)) = flag;
        flag
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Number {
    Given(u32),
    Text(#[serde(with = "text")] u32),
}

impl From<Number> for u32 {
    fn from(number: Number) -> Self {
        let (Number::Given(number) | Number::Text(number)) = number;
        number
    }
}

mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, de::Error as _};

    pub(super) fn deserialize<'de, D, T>(deserializer: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: Display>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl Parameters {
    /// The output of what is terminated: the reason as JSON, for the .NET client sends a value.
    fn output(&self) -> String {
        match self.reason.as_str() {
            "" => String::new(),
            reason => Value::from(reason).to_string(),
        }
    }

    fn statuses(&self) -> Result<Vec<RuntimeStatus>, ClientError> {
        let names = self.status.as_deref().unwrap_or_default().split(',');
        let names = names.map(str::trim).filter(|name| !name.is_empty());
        names.map(str::parse).collect()
    }

    fn query(&self) -> Result<InstanceQuery, ClientError> {
        let mut query = InstanceQuery::new().payloads();
        for status in self.statuses()? {
            query = query.status(status);
        }
        if let Some(prefix) = &self.prefix {
            query = query.prefix(prefix);
        }
        if let Some(size) = self.size {
            query = query.page_size(size.into());
        }
        if let Some(token) = &self.token {
            query = query.continue_from(token);
        }
        Ok(query)
    }
}

impl Parameters {
    fn entities(&self) -> EntityQuery {
        let mut query = EntityQuery::new().states();
        if let Some(name) = &self.prefix {
            query = query.name(name);
        }
        if let Some(size) = self.size {
            query = query.page_size(size.into());
        }
        if let Some(token) = &self.token {
            query = query.continue_from(token);
        }
        query
    }
}

/// The answer is `{"ok":true,"result":..}` in the form of the gRPC answer, or
/// `{"ok":false,"grpcStatus":..,"detail":..}`. `?transport=http` takes the HTTP management API.
#[http_trigger(
    route = "ops/{op}/{instanceId}",
    methods = ["post"],
    auth_level = "anonymous"
)]
pub async fn client_ops(req: HttpRequest, client: DurableClient) -> Result<Json<Value>> {
    let parameters = match req.body() {
        Some(body) if !body.trim().is_empty() => serde_json::from_str(body)?,
        _ => Parameters::default(),
    };
    let client = match req.query("transport") {
        Some("http") => client.over_http(),
        _ => client,
    };
    let op = req.route_param("op")?;
    let instance_id = req.route_param("instanceId")?;
    let outcome = call(&client, op, instance_id, &parameters).await;
    Ok(Json(match outcome {
        Ok(result) => json!({ "ok": true, "result": result }),
        Err(error) => json!({
            "ok": false,
            "grpcStatus": answer::status(&error),
            "detail": error.to_string(),
        }),
    }))
}

fn entity(id: &str) -> Result<EntityId, ClientError> {
    id.parse()
        .map_err(|error: InvalidEntityId| ClientError::InvalidArgument {
            message: error.to_string(),
        })
}

async fn call(
    client: &DurableClient,
    op: &str,
    id: &str,
    with: &Parameters,
) -> Result<Value, ClientError> {
    let patience = Duration::from_secs(with.timeout.map_or(30, u32::from).into());
    let done = |()| json!({});
    match op {
        "get" => Ok(answer::found(client.get(id).await?, true)),
        "metadata" => Ok(answer::found(client.get_metadata(id).await?, false)),
        "wait" => {
            let state = client.wait_for_completion(id, patience).await?;
            Ok(answer::found(Some(state), true))
        }
        "wait_start" => {
            let state = client.wait_for_start(id, patience).await?;
            Ok(answer::found(Some(state), true))
        }
        "history" => Ok(answer::history(client.history(id).await?)),
        "raise" => client
            .raise_event(id, &with.name, &with.input)
            .await
            .map(done),
        "terminate" => client.terminate(id, &with.output()).await.map(done),
        "suspend" => client.suspend(id, &with.reason).await.map(done),
        "resume" => client.resume(id, &with.reason).await.map(done),
        "rewind" => client.rewind(id, &with.reason).await.map(done),
        "restart" if with.new_id.into() => Ok(json!({ "instanceId": client.restart(id).await? })),
        "restart" => {
            client.restart_in_place(id).await?;
            Ok(json!({ "instanceId": id }))
        }
        "purge" => Ok(answer::purged(client.purge(id).await?)),
        "purge_filter" => {
            let statuses = with.statuses()?.into_iter();
            let filter = statuses.fold(PurgeFilter::new(), PurgeFilter::status);
            Ok(answer::purged(client.purge_where(filter, |_| {}).await?))
        }
        "query" => Ok(answer::page(client.query(with.query()?).next_page().await?)),
        "list_ids" => {
            let ids = client.list_ids(with.query()?).collect_all().await?;
            Ok(json!({ "instanceIds": ids }))
        }
        "signal" => {
            let signal = client.signal_entity(entity(id)?, &with.op, &with.input);
            match with.delay_seconds {
                Some(seconds) => {
                    let delay = Duration::from_secs(u32::from(seconds).into());
                    signal.after(delay).await.map(done)
                }
                None => signal.await.map(done),
            }
        }
        "delete_entity" => client.delete_entity(entity(id)?).await.map(done),
        "get_entity" => Ok(answer::entity(client.get_entity(entity(id)?).await?)),
        "query_entities" => {
            let query = with.entities();
            let page = client.query_entities(query).next_page().await?;
            Ok(answer::entities(page))
        }
        "clean_entities" => Ok(answer::cleaned(client.clean_entity_storage().await?)),
        // an answer to any question says that the host is there
        "hello" => {
            let one = InstanceQuery::new().page_size(1);
            client.list_ids(one).next_page().await.map(|_| json!({}))
        }
        "binding" => Ok(answer::binding(client)),
        _ => Err(ClientError::NotFound {
            message: format!("there is no operation '{op}'"),
        }),
    }
}
