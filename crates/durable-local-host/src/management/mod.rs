//! The HTTP management API of the Durable Task extension.

mod actions;
mod entities;
mod history;
mod request;
mod routes;
mod status;

pub(crate) use request::{ManagementRequest, Reply};
pub(crate) use routes::Management;
pub(crate) use status::{status_by_name, status_name};
