//! The HTTP management API of the Durable Task extension.

use std::sync::OnceLock;
use std::time::Duration;

use durable_functions_protocol::binding::DurableClientBinding;
use reqwest::header::CONTENT_TYPE;
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::ClientError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time that the host gives the clients of its gRPC endpoint.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(100);

/// What the API says of an error.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorBody {
    message: String,
    exception_message: Option<String>,
}

/// One client for the process: it keeps the connections.
fn http() -> Result<&'static reqwest::Client, ClientError> {
    static CLIENT: OnceLock<Result<reqwest::Client, String>> = OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        // another part of the app may have chosen a provider already, which is as good
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())
    });
    client.as_ref().map_err(|error| ClientError::Unavailable {
        url: String::new(),
        message: format!("no HTTP client can be made: {error}"),
        source: None,
    })
}

/// `POST orchestrators/{name}/{id}`.
pub(super) async fn start(
    binding: &DurableClientBinding,
    name: &str,
    instance_id: &str,
    version: Option<&str>,
    input: Option<String>,
) -> Result<(), ClientError> {
    let mut url = url(binding, &["orchestrators", name, instance_id])?;
    let shown = without_query(&url);
    if let Some(version) = version {
        url.query_pairs_mut().append_pair("version", version);
    }
    let mut request = http()?
        .post(url)
        .timeout(binding.grpc_http_client_timeout.unwrap_or(DEFAULT_TIMEOUT));
    if let Some(input) = input {
        request = request.header(CONTENT_TYPE, "application/json").body(input);
    }
    let unavailable = |error: reqwest::Error| ClientError::Unavailable {
        url: shown.clone(),
        message: error.without_url().to_string(),
        source: None,
    };
    let response = request.send().await.map_err(unavailable)?;
    let status = response.status();
    let body = response.text().await.map_err(unavailable)?;
    match status {
        StatusCode::ACCEPTED | StatusCode::OK => Ok(()),
        StatusCode::CONFLICT => Err(ClientError::AlreadyExists {
            instance_id: instance_id.to_owned(),
            message: message(&body),
        }),
        StatusCode::BAD_REQUEST => Err(ClientError::InvalidArgument {
            message: message(&body),
        }),
        StatusCode::NOT_FOUND => Err(ClientError::NotFound {
            message: format!("the host has no route {shown}"),
        }),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(ClientError::Unavailable {
            url: shown,
            message: format!("it refuses the key of the durableClient binding ({status})"),
            source: None,
        }),
        _ => Err(ClientError::Unavailable {
            url: shown,
            message: format!("{status}: {}", message(&body)),
            source: None,
        }),
    }
}

fn url(binding: &DurableClientBinding, path: &[&str]) -> Result<Url, ClientError> {
    let base = binding.http_base_url.as_deref().filter(|base| !base.is_empty()).ok_or_else(|| ClientError::Unsupported {
        message: "the durableClient binding has no httpBaseUrl; the host needs the setting WEBSITE_HOSTNAME for it".into(),
    })?;
    let invalid = |problem: &dyn std::fmt::Display| ClientError::Unsupported {
        message: format!(
            "the httpBaseUrl '{base}' of the durableClient binding is no URL: {problem}"
        ),
    };
    let mut url = Url::parse(base).map_err(|error| invalid(&error))?;
    url.path_segments_mut()
        .map_err(|()| invalid(&"it can't have a path"))?
        .pop_if_empty()
        .extend(path);
    let query = binding
        .required_query_string_parameters
        .as_deref()
        .filter(|query| !query.is_empty());
    url.set_query(query);
    Ok(url)
}

fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

fn message(body: &str) -> String {
    match serde_json::from_str::<ErrorBody>(body) {
        Ok(ErrorBody {
            message,
            exception_message: Some(exception),
        }) => format!("{message} {exception}"),
        Ok(ErrorBody {
            message,
            exception_message: None,
        }) => message,
        Err(_) => crate::invocation::excerpt(body),
    }
}

/// A webhook URL with the scheme and authority of the URL that a request came by.
pub(super) fn seen_from(webhook: &str, request: &str) -> String {
    let (Ok(webhook_url), Ok(request)) = (Url::parse(webhook), Url::parse(request)) else {
        return webhook.to_owned();
    };
    format!(
        "{}{}",
        request.origin().ascii_serialization(),
        webhook_url.path().trim_end_matches('/')
    )
}
