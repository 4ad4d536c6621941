//! The client against servers that follow a script.

mod grpc;
mod http;
mod network;
