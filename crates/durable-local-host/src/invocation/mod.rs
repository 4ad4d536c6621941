//! What goes to the handler and what comes back: the JSON envelope around every call.

mod altered;
mod answer;
mod client_binding;
mod client_output;
mod envelope;
mod exception;
mod http_request;
mod http_response;
mod timer;

pub(crate) use altered::altered;
pub(crate) use answer::{Answer, call_exception, is_content_header};
pub(crate) use client_binding::ClientSettings;
pub(crate) use client_output::{BoundStart, ClientOutputs};
pub(crate) use envelope::{activity_envelope, orchestrator_envelope};
pub(crate) use exception::Exception;
pub(crate) use http_request::{IncomingRequest, http_envelope, joined_query};
pub(crate) use http_response::{HttpReply, decode_base64, http_reply};
pub(crate) use timer::{TimerRun, timer_envelope};
