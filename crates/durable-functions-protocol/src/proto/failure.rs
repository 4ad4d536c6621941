//! Failures and trace contexts, which many messages carry.

use std::collections::HashMap;

/// A failure with its cause.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TaskFailureDetails {
    /// What type of error it is, as its language names it.
    #[prost(string, tag = "1")]
    pub error_type: String,
    /// What happened, for people.
    #[prost(string, tag = "2")]
    pub error_message: String,
    /// Where it happened, in the form of its language.
    #[prost(message, optional, tag = "3")]
    pub stack_trace: Option<String>,
    /// What caused it.
    #[prost(message, optional, boxed, tag = "4")]
    pub inner_failure: Option<Box<TaskFailureDetails>>,
    /// Whether trying again is pointless.
    #[prost(bool, tag = "5")]
    pub is_non_retriable: bool,
    /// Further properties by name.
    #[prost(map = "string, message", tag = "6")]
    pub properties: HashMap<String, prost_types::Value>,
}

/// W3C trace context.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TraceContext {
    /// The `traceparent` header: `00-<trace id>-<span id>-<flags>`.
    #[prost(string, tag = "1")]
    pub trace_parent: String,
    /// Id of the span; the Functions host does not set it.
    #[prost(string, tag = "2")]
    pub span_id: String,
    /// The `tracestate` header.
    #[prost(message, optional, tag = "3")]
    pub trace_state: Option<String>,
}
