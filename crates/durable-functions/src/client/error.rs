//! Why the client could not do something.

/// Why an operation of the [`DurableClient`](crate::DurableClient) failed, by what the caller can
/// do about it. Both transports report the same thing in the same way.
///
/// An HTTP function that returns it answers with [`http_status`](Self::http_status).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Something that was handed in can't be used, such as an instance id with a slash. Sending it
    /// again is of no use.
    #[error("invalid argument: {message}")]
    InvalidArgument {
        /// What is wrong.
        message: String,
    },
    /// There is no such instance or entity.
    #[error("not found: {message}")]
    NotFound {
        /// What is missing.
        message: String,
    },
    /// An instance of this id exists and is not to be replaced.
    #[error("instance '{instance_id}' already exists: {message}")]
    AlreadyExists {
        /// The id.
        instance_id: String,
        /// The host's words.
        message: String,
    },
    /// The instance's state does not allow the operation: it runs and is to be purged, or it has
    /// ended and is to get an event.
    #[error("instance '{instance_id}' is in the wrong state: {message}")]
    WrongState {
        /// The id.
        instance_id: String,
        /// The host's words.
        message: String,
    },
    /// The deadline passed. Whether the operation took place is unknown.
    #[error("timed out: {message}")]
    TimedOut {
        /// What was waited for.
        message: String,
    },
    /// A message is larger than the transport takes.
    #[error("beyond the limit of {limit} bytes: {message}")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
        /// What is too large, and what to do.
        message: String,
    },
    /// A payload is not what the caller wants to read it as, or the host's answer is malformed.
    #[error("can't be decoded: {message}")]
    Decode {
        /// What was read, and what is wrong with it.
        message: String,
    },
    /// The host, the binding or the transport lacks what the operation needs.
    #[error("unsupported: {message}")]
    Unsupported {
        /// What is missing.
        message: String,
    },
    /// The host refuses the key of the management API.
    #[error("unauthorized: {message}")]
    Unauthorized {
        /// Who refuses it.
        message: String,
    },
    /// The host can't be reached, or failed. Trying again may help; whether the operation took
    /// place is unknown.
    #[error("the host at {url} is unavailable: {message}")]
    Unavailable {
        /// The address, without keys.
        url: String,
        /// What happened.
        message: String,
        /// The cause, if there is one.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl ClientError {
    /// Whether the same call may succeed later without anybody changing anything. Of a call that is
    /// not safe to repeat, find out first whether it took place.
    ///
    /// ```
    /// # use durable_functions::ClientError;
    /// let late = ClientError::TimedOut { message: "no answer".into() };
    /// assert!(late.is_transient());
    /// ```
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Unavailable { .. })
    }

    /// The HTTP status that says the same, for functions that hand the error on to their caller.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::InvalidArgument { .. } => 400,
            Self::NotFound { .. } => 404,
            Self::AlreadyExists { .. } | Self::WrongState { .. } => 409,
            // the caller of the function has no part in these
            Self::TooLarge { .. } | Self::Decode { .. } | Self::Unauthorized { .. } => 500,
            Self::Unsupported { .. } => 501,
            Self::Unavailable { .. } => 503,
            Self::TimedOut { .. } => 504,
        }
    }

    pub(crate) fn invalid(message: impl std::fmt::Display) -> Self {
        Self::InvalidArgument {
            message: message.to_string(),
        }
    }

    pub(crate) fn no_instance(instance_id: &str) -> Self {
        Self::NotFound {
            message: format!("there is no instance '{instance_id}'"),
        }
    }
}
