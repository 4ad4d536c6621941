//! Why a command could not do what it was asked for.

/// A message for people, and whose fault it is.
#[derive(Debug)]
pub(super) enum Fault {
    /// The request failed, or what was asked for is not there.
    Failed(String),
    /// The command line can't be used.
    Usage(String),
}

impl Fault {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// The same, and what it is about.
    pub(super) fn about(self, what: &str) -> Self {
        let with = |message: String| match message.contains(what) {
            true => message,
            false => format!("{what}: {message}"),
        };
        match self {
            Self::Failed(message) => Self::Failed(with(message)),
            Self::Usage(message) => Self::Usage(with(message)),
        }
    }

    pub(super) fn message(&self) -> &str {
        let (Self::Failed(message) | Self::Usage(message)) = self;
        message
    }

    /// 1 for what failed, 2 for what can't be asked: as clap ends for usage errors.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
        }
    }
}
