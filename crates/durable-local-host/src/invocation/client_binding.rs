//! The durableClient input binding.

use crate::newtonsoft::{Json, render};

/// What a durable client is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientBinding<'a> {
    /// Task hub: the binding's own or the app's.
    pub(crate) task_hub: &'a str,
    /// `connectionName` of the binding.
    pub(crate) connection: Option<&'a str>,
    /// Query of the management URLs.
    pub(crate) query: &'a str,
    /// The gRPC endpoint, when there is one.
    pub(crate) rpc_url: Option<&'a str>,
    /// Base of the management API.
    pub(crate) http_url: &'a str,
    /// Advice for the gRPC client.
    pub(crate) max_message_size: u32,
}

/// The binding's JSON, keys in the recorded order.
pub(crate) fn client_binding(binding: ClientBinding<'_>) -> String {
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
