//! What is known of an instance.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

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

    /// The name that the host has for it, such as `Running`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::ContinuedAsNew => "ContinuedAsNew",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
            Self::Terminated => "Terminated",
            Self::Pending => "Pending",
            Self::Suspended => "Suspended",
        }
    }

    const ALL: [Self; 8] = [
        Self::Running,
        Self::Completed,
        Self::ContinuedAsNew,
        Self::Failed,
        Self::Canceled,
        Self::Terminated,
        Self::Pending,
        Self::Suspended,
    ];

    pub(super) fn to_proto(self) -> OrchestrationStatus {
        match self {
            Self::Running => OrchestrationStatus::Running,
            Self::Completed => OrchestrationStatus::Completed,
            Self::ContinuedAsNew => OrchestrationStatus::ContinuedAsNew,
            Self::Failed => OrchestrationStatus::Failed,
            Self::Canceled => OrchestrationStatus::Canceled,
            Self::Terminated => OrchestrationStatus::Terminated,
            Self::Pending => OrchestrationStatus::Pending,
            Self::Suspended => OrchestrationStatus::Suspended,
        }
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

impl fmt::Display for RuntimeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads the name that the host has for a status; upper and lower case are the same.
///
/// ```
/// use durable_functions::RuntimeStatus;
///
/// assert_eq!("running".parse::<RuntimeStatus>()?, RuntimeStatus::Running);
/// # Ok::<(), durable_functions::ClientError>(())
/// ```
impl FromStr for RuntimeStatus {
    type Err = ClientError;

    fn from_str(name: &str) -> Result<Self, ClientError> {
        let known = Self::ALL
            .into_iter()
            .find(|status| status.as_str().eq_ignore_ascii_case(name));
        known.ok_or_else(|| ClientError::Decode {
            message: format!("'{name}' is no runtime status; there are {:?}", Self::ALL),
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
    /// The id of the orchestration that called it, if one did and the host tells.
    pub parent_instance_id: Option<String>,
    /// The state that it is in.
    pub status: RuntimeStatus,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// When it changed last.
    pub last_updated_at: Option<DateTime<Utc>>,
    /// When it is to begin, if it was started for later and the host tells.
    pub scheduled_start_at: Option<DateTime<Utc>>,
    /// Its tags, if the host tells.
    pub tags: HashMap<String, String>,
    /// Why it failed, if it did and payloads were asked for: with its causes where the host keeps
    /// them.
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

    /// The input as JSON text; `None` as for [`input`](Self::input).
    pub fn raw_input(&self) -> Option<&str> {
        self.input.as_deref()
    }

    /// The custom status as JSON text; `None` as for [`custom_status`](Self::custom_status).
    pub fn raw_custom_status(&self) -> Option<&str> {
        self.custom_status.as_deref()
    }

    /// The custom status; `None` if none is set or payloads were not asked for.
    ///
    /// # Errors
    ///
    /// [`ClientError::Decode`] when it is no `T`.
    pub fn custom_status<T: DeserializeOwned>(&self) -> Result<Option<T>, ClientError> {
        self.decode("custom status", self.custom_status.as_deref())
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
            parent_instance_id: state.parent_instance_id.filter(|id| !id.is_empty()),
            status,
            scheduled_start_at: instant(state.scheduled_start_timestamp)?,
            tags: state.tags,
            created_at: instant(state.created_timestamp)?,
            last_updated_at: instant(state.last_updated_timestamp)?,
            failure,
            input: state.input,
            output: state.output,
            // the host has `null` where none is set
            custom_status: state.custom_status.filter(|text| text != "null"),
        })
    }
}

pub(super) fn instant(
    stamp: Option<proto::Timestamp>,
) -> Result<Option<DateTime<Utc>>, ClientError> {
    let Some(stamp) = stamp else {
        return Ok(None);
    };
    let time = time::to_system_time(&stamp).map_err(|error| ClientError::Decode {
        message: format!("a time in the host's answer: {error}"),
    })?;
    Ok(Some(time.into()))
}

/// The host writes a failure as `Type: message`, or as `{"message": .., "details": ..}` if it is
/// one of its own.
pub(super) fn failure_of_text(text: &str) -> Failure {
    #[derive(serde::Deserialize)]
    struct OfTheHost {
        message: String,
    }
    if let Ok(failure) = serde_json::from_str::<OfTheHost>(text) {
        return Failure::new("OrchestrationFailed", failure.message);
    }
    match text.split_once(": ") {
        Some((error_type, message)) if !error_type.contains(char::is_whitespace) => {
            Failure::new(error_type, message)
        }
        _ => Failure::new("OrchestrationFailed", text),
    }
}
