//! What is known of an instance.

use chrono::{DateTime, Utc};
use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{self, OrchestrationStatus};
use durable_functions_protocol::time;
use serde::de::DeserializeOwned;

use super::ClientError;

/// The state that an instance is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RuntimeStatus {
    /// It runs, or waits for something.
    Running,
    /// It has ended well.
    Completed,
    /// It begins anew with a new input.
    ContinuedAsNew,
    /// It has ended with a failure.
    Failed,
    /// It was cancelled.
    Canceled,
    /// It was terminated.
    Terminated,
    /// It has not begun yet.
    Pending,
    /// It is suspended until it is resumed.
    Suspended,
}

impl RuntimeStatus {
    /// Whether the instance has ended.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Canceled | Self::Terminated
        )
    }

    pub(super) fn from_proto(status: i32) -> Result<Self, ClientError> {
        let status = OrchestrationStatus::try_from(status).map_err(|_| ClientError::Decode {
            message: format!("the host reports status {status}, which no instance has"),
        })?;
        Ok(match status {
            OrchestrationStatus::Running => Self::Running,
            OrchestrationStatus::Completed => Self::Completed,
            OrchestrationStatus::ContinuedAsNew => Self::ContinuedAsNew,
            OrchestrationStatus::Failed => Self::Failed,
            OrchestrationStatus::Canceled => Self::Canceled,
            OrchestrationStatus::Terminated => Self::Terminated,
            OrchestrationStatus::Pending => Self::Pending,
            OrchestrationStatus::Suspended => Self::Suspended,
        })
    }
}

/// What is known of an instance. Payloads are there only if they were asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InstanceState {
    /// The id.
    pub instance_id: String,
    /// The orchestrator's name.
    pub name: String,
    /// The version, if it has one and the host tells.
    pub version: Option<String>,
    /// The state that it is in.
    pub status: RuntimeStatus,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// When it changed last.
    pub last_updated_at: Option<DateTime<Utc>>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
    pub(super) custom_status: Option<String>,
}

impl InstanceState {
    /// The input; `None` if there is none or payloads were not asked for.
    ///
    /// # Errors
    ///
    /// [`ClientError::Decode`] when it is no `T`.
    pub fn input<T: DeserializeOwned>(&self) -> Result<Option<T>, ClientError> {
        self.decode("input", self.input.as_deref())
    }

    /// The output of an instance that is [`Completed`](RuntimeStatus::Completed); `None` in every
    /// other state, where the host keeps a text that is no JSON: see [`raw_output`](Self::raw_output).
    ///
    /// # Errors
    ///
    /// [`ClientError::Decode`] when it is no `T`.
    pub fn output<T: DeserializeOwned>(&self) -> Result<Option<T>, ClientError> {
        if self.status != RuntimeStatus::Completed {
            return Ok(None);
        }
        self.decode("output", self.output.as_deref())
    }

    /// The output as the host keeps it: JSON of a completed instance, the failure's text of a
    /// failed one, the reason of a terminated one.
    pub fn raw_output(&self) -> Option<&str> {
        self.output.as_deref()
    }

    /// The custom status; `None` if none is set or payloads were not asked for.
    ///
    /// # Errors
    ///
    /// [`ClientError::Decode`] when it is no `T`.
    pub fn custom_status<T: DeserializeOwned>(&self) -> Result<Option<T>, ClientError> {
        let text = self.custom_status.as_deref();
        // the host has `null` where none is set
        self.decode("custom status", text.filter(|text| *text != "null"))
    }

    fn decode<T: DeserializeOwned>(
        &self,
        what: &str,
        text: Option<&str>,
    ) -> Result<Option<T>, ClientError> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let value = serde_json::from_str(text).map_err(|error| ClientError::Decode {
            message: format!("the {what} of instance '{}': {error}", self.instance_id),
        })?;
        Ok(Some(value))
    }

    pub(super) fn from_proto(state: proto::OrchestrationState) -> Result<Self, ClientError> {
        let status = RuntimeStatus::from_proto(state.orchestration_status)?;
        let failure = state.failure_details.as_ref().map(Failure::from_proto);
        Ok(Self {
            instance_id: state.instance_id,
            name: state.name,
            version: state.version.filter(|version| !version.is_empty()),
            status,
            created_at: instant(state.created_timestamp)?,
            last_updated_at: instant(state.last_updated_timestamp)?,
            failure,
            input: state.input,
            output: state.output,
            custom_status: state.custom_status,
        })
    }
}

fn instant(stamp: Option<proto::Timestamp>) -> Result<Option<DateTime<Utc>>, ClientError> {
    let Some(stamp) = stamp else {
        return Ok(None);
    };
    let time = time::to_system_time(&stamp).map_err(|error| ClientError::Decode {
        message: format!("a time in the host's answer: {error}"),
    })?;
    Ok(Some(time.into()))
}
