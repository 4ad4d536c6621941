//! The configuration of an app: host.json, local.settings.json and the function.json files.

mod app;
mod arguments;
mod cors;
mod function_json;
mod host_json;
mod json_file;
mod local_settings;
mod overrides;
mod versioning;

pub(crate) use app::AppConfig;
pub(crate) use cors::Cors;
#[cfg(test)]
pub(crate) use function_json::Direction;
pub(crate) use function_json::{AuthLevel, Binding, Function, Timer, Trigger};
pub(crate) use host_json::Forwarding;
pub(crate) use host_json::{DurableOptions, HandlerDescription, HostJson};
pub(crate) use local_settings::Settings;
pub(crate) use versioning::VersionFailure;
