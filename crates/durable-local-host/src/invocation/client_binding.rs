//! The durableClient input binding.

use crate::authority::Authority;
use crate::config::Function;
use crate::newtonsoft::{Json, render};
use crate::urls::MANAGEMENT_PATH;

/// What durable clients of the app are told.
#[derive(Clone, Debug)]
pub(crate) struct ClientSettings {
    /// The app's task hub.
    pub(crate) task_hub: String,
    /// The key in management URLs.
    pub(crate) key: String,
    /// Where this host is reached.
    pub(crate) authority: Authority,
    /// The gRPC endpoint.
    pub(crate) rpc_url: String,
    /// Advice for gRPC clients.
    pub(crate) max_message_size: u32,
}

impl ClientSettings {
    /// The durable clients among the inputs of a function: their names and values.
    pub(crate) fn inputs(&self, function: &Function) -> Vec<(String, String)> {
        let http_url = format!("{}{MANAGEMENT_PATH}", self.authority.url());
        let query = format!("code={}", self.key);
        let clients = function
            .inputs()
            .filter(|binding| binding.is_durable_client());
        clients
            .map(|binding| {
                let json = client_binding(ClientBinding {
                    task_hub: binding.task_hub.as_deref().unwrap_or(&self.task_hub),
                    connection: binding.connection_name.as_deref(),
                    query: &query,
                    rpc_url: Some(&self.rpc_url),
                    http_url: &http_url,
                    max_message_size: self.max_message_size,
                });
                (binding.name.clone(), json)
            })
            .collect()
    }
}

/// What a durable client is told.
#[derive(Clone, Copy, Debug)]
struct ClientBinding<'a> {
    /// Task hub: the binding's own or the app's.
    task_hub: &'a str,
    /// `connectionName` of the binding.
    connection: Option<&'a str>,
    /// Query of the management URLs.
    query: &'a str,
    /// The gRPC endpoint, when there is one.
    rpc_url: Option<&'a str>,
    /// Base of the management API.
    http_url: &'a str,
    /// Advice for the gRPC client.
    max_message_size: u32,
}

/// The binding's JSON, keys in the recorded order.
fn client_binding(binding: ClientBinding<'_>) -> String {
    let text = |text: &str| Json::String(text.to_owned());
    let optional = |value: Option<&str>| value.map_or(Json::Null, text);
    let members = [
        ("taskHubName", text(binding.task_hub)),
        ("connectionName", optional(binding.connection)),
        ("creationUrls", Json::Null),
        ("managementUrls", Json::Null),
        ("baseUrl", Json::Null),
        ("requiredQueryStringParameters", text(binding.query)),
        ("rpcBaseUrl", optional(binding.rpc_url)),
        ("httpBaseUrl", text(binding.http_url)),
        (
            "maxGrpcMessageSizeInBytes",
            Json::Number(binding.max_message_size.to_string()),
        ),
        // The real host sends a text with quotes in it.
        ("grpcHttpClientTimeout", text("\"00:01:40\"")),
    ];
    render(&Json::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_recorded() {
        let json = client_binding(ClientBinding {
            task_hub: "RefHub",
            connection: None,
            query: "code=KEY",
            rpc_url: Some("http://127.0.0.1:34317"),
            http_url: "http://localhost:7071/runtime/webhooks/durabletask",
            max_message_size: 4_194_304,
        });
        assert_eq!(
            json,
            r#"{"taskHubName":"RefHub","connectionName":null,"creationUrls":null,"managementUrls":null,"baseUrl":null,"requiredQueryStringParameters":"code=KEY","rpcBaseUrl":"http://127.0.0.1:34317","httpBaseUrl":"http://localhost:7071/runtime/webhooks/durabletask","maxGrpcMessageSizeInBytes":4194304,"grpcHttpClientTimeout":"\"00:01:40\""}"#
        );
    }
}
