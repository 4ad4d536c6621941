//! Going on with another input and an empty history.

/// What an orchestrator returns as its error when it continues as new: `return
/// ctx.continue_as_new(next)`.
///
/// It is an error like others, so `anyhow` and error types of one's own can carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the orchestration continues as new")]
pub struct ContinueAsNew(());

impl ContinueAsNew {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

/// How an orchestration continues as new.
///
/// ```
/// use durable_functions::ContinueAsNewOptions;
///
/// let options = ContinueAsNewOptions::new().discard_events().version("2");
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
pub struct ContinueAsNewOptions {
    pub(super) version: Option<String>,
    pub(super) discard_events: bool,
}

impl ContinueAsNewOptions {
    /// The usual way: same version, and events that nobody has taken go along.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves events that nobody has taken behind.
    #[must_use]
    pub fn discard_events(mut self) -> Self {
        self.discard_events = true;
        self
    }

    /// Goes on as another version.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }
}
