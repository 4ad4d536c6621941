//! Invocations as the console tells them.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{About, ConsoleLine, ConsoleSource, Writer};
use crate::display::duration;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An HTTP function.
    Http,
    /// A turn of an orchestration.
    Turn,
    /// An activity.
    Activity,
    /// A batch of operations on an entity.
    Batch,
    /// A run of a timer function.
    Timer,
}

impl Kind {
    /// As JSON logs name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Turn => "orchestration",
            Self::Activity => "activity",
            Self::Batch => "entity",
            Self::Timer => "timer",
        }
    }
}

/// A call of a function, which begins when this is made.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(super) kind: Kind,
    pub(super) function: Arc<str>,
    pub(super) instance: Option<Arc<str>>,
    pub(super) id: Uuid,
    begun: Instant,
    /// Tells whoever writes that the call is over, also when nobody waits for its end any more.
    pub(super) watched: Option<Watched>,
}

/// The end of a call that somebody wants to know of.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) id: Uuid,
    pub(super) writer: Arc<Writer>,
    /// Whether it was told.
    pub(super) told: bool,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.told {
            self.writer.abandoned(self.id);
        }
    }
}

impl Invocation {
    /// Begins a call under a new id.
    pub(super) fn begin(kind: Kind, function: &str, instance: Option<&Arc<str>>) -> Self {
        Self {
            kind,
            function: function.into(),
            instance: instance.cloned(),
            id: Uuid::new_v4(),
            begun: Instant::now(),
            watched: None,
        }
    }

    /// The id that the handler is told.
    pub(crate) fn id(&self) -> String {
        self.id.to_string()
    }
}

/// The beginning of an id, enough to find it.
pub(super) fn short(id: Uuid) -> String {
    let (first, ..) = id.as_fields();
    format!("{first:08x}")
}

/// How a call came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It worked; what is to be said about it, if anything.
    Good(Cow<'static, str>),
    /// It failed; what is to be said about it, if that is not said elsewhere.
    Failed(Cow<'static, str>),
    /// It came to nothing and is made again; why.
    Again(Cow<'static, str>),
}

impl Outcome {
    /// It worked, and nothing more.
    pub(crate) const GOOD: Self = Self::Good(Cow::Borrowed(""));
    /// It failed, and why is said elsewhere.
    pub(crate) const FAILED: Self = Self::Failed(Cow::Borrowed(""));

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Good(_) => "ok",
            Self::Failed(_) => "FAILED",
            Self::Again(_) => "again",
        }
    }

    /// As JSON logs name it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Good(_) => "ok",
            Self::Failed(_) => "failed",
            Self::Again(_) => "again",
        }
    }

    fn note(&self) -> &str {
        let (Self::Good(note) | Self::Failed(note) | Self::Again(note)) = self;
        note
    }
}

/// A call that is over.
#[derive(Debug)]
pub(crate) struct Executed {
    pub(super) invocation: Invocation,
    pub(super) took: Duration,
    pub(super) outcome: Outcome,
}

impl Executed {
    /// A call that ends now.
    pub(super) fn now(mut invocation: Invocation, outcome: Outcome) -> Self {
        // This says that it is over.
        if let Some(watched) = &mut invocation.watched {
            watched.told = true;
        }
        Self {
            took: invocation.begun.elapsed(),
            invocation,
            outcome,
        }
    }

    /// Without outcome, as far as what was called tells: function, instance, note, id in short.
    pub(super) fn rest(&self) -> String {
        let invocation = &self.invocation;
        let mut text = invocation.function.to_string();
        let parts = [
            invocation.instance.as_deref().unwrap_or_default(),
            self.outcome.note(),
        ];
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            text.push_str("  ");
            text.push_str(&crate::display::one_line(part));
        }
        // Writing to a string can't fail.
        let _ = write!(text, "  ({})", short(invocation.id));
        text
    }

    /// How long it took, readable.
    pub(super) fn duration(&self) -> String {
        duration(self.took)
    }

    /// As a line of text.
    pub(super) fn line(&self) -> ConsoleLine {
        let text = format!(
            "{:<6} {:>8}  {}",
            self.outcome.word(),
            self.duration(),
            self.rest()
        );
        let about = About::invocation(&self.invocation);
        ConsoleLine::about(about, ConsoleSource::Executed, text)
    }
}

#[cfg(test)]
pub(super) fn sample(function: &str, outcome: Outcome) -> Executed {
    Executed {
        invocation: Invocation {
            kind: Kind::Activity,
            function: function.into(),
            instance: Some("order-7".into()),
            id: Uuid::from_u128(0x4f6a_c1d2_0000_4000_8000_0000_0000_0001),
            begun: Instant::now(),
            watched: None,
        },
        took: Duration::from_micros(2_140),
        outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_was_called_and_how_it_came_out() {
        assert_eq!(
            sample("pay", Outcome::GOOD).line().to_string(),
            "ok       2.1 ms  pay  order-7  (4f6ac1d2)"
        );
        let failed = sample("pay", Outcome::Failed("no\u{1b}[2J money".into()));
        assert_eq!(
            failed.line().to_string(),
            "FAILED   2.1 ms  pay  order-7  no\\u{1b}[2J money  (4f6ac1d2)"
        );
        let line = failed.line();
        assert_eq!(line.function.as_deref(), Some("pay"));
        assert_eq!(line.instance_id.as_deref(), Some("order-7"));
        assert_eq!(
            line.invocation_id.as_deref(),
            Some("4f6ac1d2-0000-4000-8000-000000000001")
        );
    }
}
