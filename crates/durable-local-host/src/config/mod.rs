//! The configuration of an app: host.json, local.settings.json and the function.json files.

mod app;
mod arguments;
mod cors;
mod durable_options;
mod function;
mod function_json;
mod handler_description;
mod host_json;
mod json_file;
mod local_settings;
mod overrides;
mod reader;
mod versioning;

pub(crate) use app::AppConfig;
pub(crate) use cors::Cors;
pub(crate) use durable_options::DurableOptions;
#[cfg(test)]
pub(crate) use function::Direction;
pub(crate) use function::{AuthLevel, Binding, Function, Timer, Trigger};
pub(crate) use handler_description::HandlerDescription;
pub(crate) use host_json::{Forwarding, HostJson};
pub(crate) use local_settings::Settings;
pub(crate) use versioning::VersionFailure;
