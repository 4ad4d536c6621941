//! What travels between the Azure Functions host and a Durable Functions custom handler.
//!
//! The Functions host calls a custom handler over HTTP, one request per invocation. This crate
//! knows the shape of those requests and answers and nothing else: no I/O, no clock of its own, no
//! opinion about what a function does.
//!
//! | module | what it holds |
//! |---|---|
//! | [`envelope`] | the JSON object that the host posts: `{"Data":{..},"Metadata":{..}}` |
//! | [`binding`] | what one member of `Data` holds: a protobuf message, an activity's input, an HTTP request, a durable client |
//! | [`reply`] | the bytes, content type and headers of the answers |
//! | [`value`] | how values keep their exact text although the host re-renders JSON |
//! | [`failure`] | failures with their cause chain, and how they survive the way through the host |
//! | [`entity`] | ids of entities, and the messages between orchestrations and entities |
//! | [`id`] | instance ids and the deterministic GUIDs of orchestrations |
//! | [`time`] | protobuf timestamps as .NET prints and parses them |
//! | [`time_span`] | durations as .NET writes them |
//! | [`http_api`] | the URLs of the HTTP management API |
//! | [`error`] | the error of everything that decodes |
//! | [`proto`] | the protobuf messages |
//!
//! An activity's invocation, from the body of the request to that of the answer:
//!
//! ```
//! use durable_functions_protocol::{InvocationRequest, Reply, value};
//!
//! let body = br#"{"Data":{"name":"\"\\\"Seoul\\\"\""},"Metadata":{}}"#;
//! let request = InvocationRequest::parse(body)?;
//! let input = request.only_data()?.json()?.unwrap_or_default();
//! assert_eq!(value::unwrap(&input)?, "\"Seoul\"");
//!
//! let result = value::to_result("\"Hello Seoul!\"".to_owned());
//! let reply = Reply::activity(Some(&result), &[]);
//! assert!(reply.body.ends_with(br#""ReturnValue":"Hello Seoul!"}"#));
//! # Ok::<(), durable_functions_protocol::DecodeError>(())
//! ```
//!
//! Nothing here panics, whatever the input; what cannot be decoded is a [`DecodeError`] that says
//! what was there, where, and what was expected.

pub mod binding;
pub mod entity;
pub mod envelope;
pub mod error;
pub mod failure;
pub mod http_api;
mod http_request;
pub mod id;
pub mod proto;
pub mod reply;
mod scan;
pub mod time;
pub mod time_span;
pub mod value;

pub use binding::{BindingValue, DurableClientBinding, HttpRequestData};
pub use envelope::InvocationRequest;
pub use error::{DecodeError, DecodeErrorKind};
pub use failure::Failure;
pub use reply::{HttpResponseData, Reply};
