//! Routes of HTTP functions, as ASP.NET Core understands them.

mod constraint;
mod table;
mod template;

pub(crate) use table::{Match, RouteTable};
pub(crate) use template::RouteTemplate;
