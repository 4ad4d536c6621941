//! What travels between the Azure Functions host and a Durable Functions custom handler.

pub mod proto;
