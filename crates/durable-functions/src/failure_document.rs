//! Failures as the histories of the HTTP management API show them.

use durable_functions_protocol::proto::TaskFailureDetails;
use serde::Deserialize;

/// A failure with its causes.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FailureDocument {
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error_message: String,
    stack_trace: Option<String>,
    inner_failure: Option<Box<FailureDocument>>,
    #[serde(default)]
    is_non_retriable: bool,
}

impl FailureDocument {
    pub(crate) fn into_proto(self) -> TaskFailureDetails {
        TaskFailureDetails {
            error_type: self.error_type,
            error_message: self.error_message,
            stack_trace: self.stack_trace,
            inner_failure: self.inner_failure.map(|inner| Box::new(inner.into_proto())),
            is_non_retriable: self.is_non_retriable,
            ..TaskFailureDetails::default()
        }
    }
}
