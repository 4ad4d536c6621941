//! Failures and trace contexts, which many messages carry.

use std::collections::HashMap;

/// A failure with its cause.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TaskFailureDetails {
    /// Error type.
    #[prost(string, tag = "1")]
    pub error_type: String,
    /// Error message.
    #[prost(string, tag = "2")]
    pub error_message: String,
    /// Stack trace.
    #[prost(message, optional, tag = "3")]
    pub stack_trace: Option<String>,
    /// Inner failure.
    #[prost(message, optional, boxed, tag = "4")]
    pub inner_failure: Option<Box<TaskFailureDetails>>,
    /// Is non retriable.
    #[prost(bool, tag = "5")]
    pub is_non_retriable: bool,
    /// Further properties by name.
    #[prost(map = "string, message", tag = "6")]
    pub properties: HashMap<String, prost_types::Value>,
}

/// Trace context.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TraceContext {
    /// Trace parent.
    #[prost(string, tag = "1")]
    pub trace_parent: String,
    /// Span id.
    #[prost(string, tag = "2")]
    pub span_id: String,
    /// Trace state.
    #[prost(message, optional, tag = "3")]
    pub trace_state: Option<String>,
}
