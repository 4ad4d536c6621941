//! Why a client operation failed, by what the caller can do about it.

/// Why an operation of the [`DurableClient`](crate::DurableClient) failed.
///
/// An HTTP function that returns it answers with the matching status: 400, 404, 409, 500, 501, 503 or 504.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// An instance of this id exists and is not finished.
    #[error("instance '{instance_id}' exists already: {message}")]
    AlreadyExists {
        /// The id.
        instance_id: String,
        /// The host's words.
        message: String,
    },
    /// There is no such instance.
    #[error("not found: {message}")]
    NotFound {
        /// The host's words.
        message: String,
    },
    /// The host or this client refuses the arguments: an unknown orchestrator, an instance id with
    /// forbidden characters, an input that is no JSON.
    #[error("invalid argument: {message}")]
    InvalidArgument {
        /// What is wrong.
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
    /// The host's answer is larger than the client accepts; ask without payloads or for smaller
    /// pages, or raise `maxGrpcMessageSizeInBytes` in host.json.
    #[error("the host's answer exceeds the limit of {limit} bytes: {message}")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
        /// The transport's words.
        message: String,
    },
    /// A payload is not what the caller wants to read it as, or the host's answer is malformed.
    #[error("can't be decoded: {message}")]
    Decode {
        /// What was read, and what is wrong with it.
        message: String,
    },
    /// The binding or the transport lacks what the operation needs.
    #[error("unsupported: {message}")]
    Unsupported {
        /// What is missing.
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
        /// The transport's error.
        #[source]
        source: Option<reqwest::Error>,
    },
}

impl ClientError {
    /// The HTTP status that tells a caller the same.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::InvalidArgument { .. } => 400,
            Self::NotFound { .. } => 404,
            Self::AlreadyExists { .. } | Self::WrongState { .. } => 409,
            Self::TooLarge { .. } | Self::Decode { .. } => 500,
            Self::TimedOut { .. } => 504,
            Self::Unsupported { .. } => 501,
            Self::Unavailable { .. } => 503,
        }
    }

    pub(crate) fn invalid(message: impl std::fmt::Display) -> Self {
        Self::InvalidArgument {
            message: message.to_string(),
        }
    }
}
