//! Errors that say what the caller of an HTTP function is to see.

/// An error with an HTTP status and a message for the caller. Return it from an HTTP function.
///
/// Any other error is answered with 500 and no detail, which goes to the log instead.
///
/// ```
/// use durable_functions::HttpError;
/// use durable_functions::prelude::*;
///
/// #[http_trigger(route = "orders/{id}", methods = ["get"])]
/// async fn order(req: HttpRequest) -> Result<String> {
///     let id: u32 = req
///         .route_param("id")?
///         .parse()
///         .map_err(|_| HttpError::bad_request("the order id is a number"))?;
///     Ok(format!("order {id}"))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HttpError {
    status: u16,
    message: String,
}

impl HttpError {
    /// An error with any status from 400 to 599; other numbers become 500.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        let status = if (400..600).contains(&status) {
            status
        } else {
            500
        };
        Self {
            status,
            message: message.into(),
        }
    }

    /// 400 Bad Request.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// 404 Not Found.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    /// 409 Conflict.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, message)
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }
}
