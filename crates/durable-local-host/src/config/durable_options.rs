//! The section of the Durable Task extension.

use std::time::Duration;

use super::reader::Reader;
use super::versioning::{VersionFailure, VersionMatch};
use crate::error::Error;

/// `extensions.durableTask`.
#[derive(Clone, Debug)]
pub(crate) struct DurableOptions {
    /// Name of the task hub.
    pub(crate) hub_name: String,
    /// Whether the real host would keep it on Azure Storage.
    pub(crate) azure_storage: bool,
    /// Control queues of the task hub.
    pub(crate) partition_count: u32,
    /// How many activities run at once.
    pub(crate) max_activities: usize,
    /// How many turns run at once.
    pub(crate) max_orchestrators: usize,
    /// How many entities run at once.
    pub(crate) max_entities: usize,
    /// How many operations a batch has at most.
    pub(crate) max_entity_batch: usize,
    /// Whether a start replaces an instance of the same id that has not ended.
    pub(crate) overrides_any_state: bool,
    /// Whether inputs of tasks stay in the history.
    pub(crate) store_inputs: bool,
    /// Version of orchestrations that are started without one.
    pub(crate) default_version: Option<String>,
    /// Which versions run.
    pub(crate) version_match: VersionMatch,
    /// What becomes of the others.
    pub(crate) version_failure: VersionFailure,
    /// Passed on to the handler.
    pub(crate) async_sleep_milliseconds: u32,
    /// How long messages to entities wait for those that were sent before; 0 for not at all.
    pub(crate) entity_reorder_window: Duration,
    /// Advice for the handler's gRPC client.
    pub(crate) max_grpc_message_size: u32,
}

impl DurableOptions {
    /// Reads the section.
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, Error> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let path = |name| ["extensions", "durableTask", name];
        let http = [
            "extensions",
            "durableTask",
            "httpSettings",
            "defaultAsyncRequestSleepTimeMilliseconds",
        ];
        let window = reader.number(&path("entityMessageReorderWindowInMinutes"), 0)?;
        if reader.flag(&path("extendedSessionsEnabled"))? {
            return Err(reader.fault(
                &path("extendedSessionsEnabled"),
                "extended sessions do not exist for custom handlers: leave the setting out, the real host refuses to start with it",
            ));
        }
        Ok(Self {
            hub_name: reader
                .text(&path("hubName"))?
                .unwrap_or_else(|| "TestHubName".to_owned()),
            azure_storage: reader
                .text(&["extensions", "durableTask", "storageProvider", "type"])?
                .is_none_or(|kind| kind.eq_ignore_ascii_case("AzureStorage")),
            partition_count: partition_count(reader)?,
            max_activities: reader
                .number(&path("maxConcurrentActivityFunctions"), 1)?
                .map_or(10 * cores, |n| n as usize),
            max_orchestrators: reader
                .number(&path("maxConcurrentOrchestratorFunctions"), 1)?
                .map_or(10 * cores, |n| n as usize),
            max_entities: reader
                .number(&path("maxConcurrentEntityFunctions"), 1)?
                .map_or(10 * cores, |n| n as usize),
            max_entity_batch: reader
                .number(&path("maxEntityOperationBatchSize"), 1)?
                .map_or(5000, |n| n as usize),
            overrides_any_state: reader.choice(
                &path("overridableExistingInstanceStates"),
                &[("NonRunningStates", false), ("AnyState", true)],
            )?,
            store_inputs: reader.flag(&path("storeInputsInOrchestrationHistory"))?,
            default_version: reader.text(&path("defaultVersion"))?,
            version_match: reader.choice(
                &path("versionMatchStrategy"),
                &[
                    ("None", VersionMatch::None),
                    ("Strict", VersionMatch::Strict),
                    ("CurrentOrOlder", VersionMatch::CurrentOrOlder),
                ],
            )?,
            version_failure: reader.choice(
                &path("versionFailureStrategy"),
                &[
                    ("Reject", VersionFailure::Reject),
                    ("Fail", VersionFailure::Fail),
                ],
            )?,
            async_sleep_milliseconds: reader.number(&http, 0)?.unwrap_or(30_000),
            entity_reorder_window: Duration::from_secs(60 * u64::from(window.unwrap_or(30))),
            max_grpc_message_size: reader
                .number(&path("maxGrpcMessageSizeInBytes"), 1)?
                .unwrap_or(4_194_304),
        })
    }
}

fn partition_count(reader: &Reader<'_>) -> Result<u32, Error> {
    let path = [
        "extensions",
        "durableTask",
        "storageProvider",
        "partitionCount",
    ];
    Ok(reader.number(&path, 1)?.unwrap_or(4))
}
