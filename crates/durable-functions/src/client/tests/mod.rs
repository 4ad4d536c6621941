//! The client against servers that follow a script.

mod capabilities;
mod grpc;
mod http;
mod network;
