//! The error of everything that decodes.

use std::fmt;

/// How many characters of the offending text an error quotes at most.
const EXCERPT_CHARS: usize = 80;

/// What kind of trouble a [`DecodeError`] is, for callers that tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The text is not JSON at all.
    NotJson,
    /// The text is JSON of another shape than expected.
    WrongShape,
    /// A member or binding that has to be there is missing.
    Missing,
    /// The same name occurs more than once, so that it is unclear which one counts.
    Ambiguous,
    /// The text is not standard base64 with padding.
    NotBase64,
    /// The bytes are not the expected protobuf message.
    NotProtobuf,
    /// The text has the right shape but a value that is out of range.
    OutOfRange,
}

/// Something that came over the wire could not be decoded.
///
/// The text names what was being decoded, what was found (with an excerpt of at most 80
/// characters and its line and column where there is one) and what was expected.
///
/// ```
/// use durable_functions_protocol::{DecodeErrorKind, InvocationRequest};
///
/// let error = InvocationRequest::parse(br#"{"data":{}}"#).unwrap_err();
/// assert_eq!(error.kind(), DecodeErrorKind::Missing);
/// assert!(error.to_string().contains("it has no `Data`; its members are: data"));
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub struct DecodeError(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    kind: DecodeErrorKind,
    subject: String,
    problem: String,
    expected: String,
    excerpt: Option<String>,
    position: Option<(usize, usize)>,
}

impl DecodeError {
    pub(crate) fn new(
        kind: DecodeErrorKind,
        subject: impl Into<String>,
        problem: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self(Box::new(Parts {
            kind,
            subject: subject.into(),
            problem: problem.into(),
            expected: expected.into(),
            excerpt: None,
            position: None,
        }))
    }

    /// Tells apart text that is no JSON from JSON of the wrong shape, and quotes the place.
    pub(crate) fn from_json(
        subject: impl Into<String>,
        expected: impl Into<String>,
        text: &[u8],
        error: &serde_json::Error,
    ) -> Self {
        let kind = if error.is_data() {
            DecodeErrorKind::WrongShape
        } else {
            DecodeErrorKind::NotJson
        };
        let (line, column) = (error.line(), error.column());
        let mut problem = error.to_string();
        if let Some(at) = problem.rfind(" at line ") {
            problem.truncate(at);
        }
        let problem = match kind {
            DecodeErrorKind::NotJson if text.is_empty() => "it is empty".to_owned(),
            DecodeErrorKind::NotJson => format!("it is no JSON: {problem}"),
            _ => problem,
        };
        let mut this = Self::new(kind, subject, problem, expected);
        if line > 0 && !text.is_empty() {
            this.0.position = Some((line, column.max(1)));
        }
        this.0.excerpt = excerpt(around(text, line, column));
        this
    }

    pub(crate) fn with_excerpt(mut self, text: &[u8]) -> Self {
        self.0.excerpt = excerpt(text);
        self
    }

    /// What kind of trouble it is.
    pub fn kind(&self) -> DecodeErrorKind {
        self.0.kind
    }

    /// Line and column of the trouble, both counted from 1; the column counts bytes.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.0.position
    }

    /// The beginning of the offending text, at most 80 characters.
    pub fn excerpt(&self) -> Option<&str> {
        self.0.excerpt.as_deref()
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts {
            subject,
            problem,
            expected,
            excerpt,
            position,
            ..
        } = &*self.0;
        write!(f, "cannot read {subject}: {problem}")?;
        if let Some((line, column)) = position {
            write!(f, " at line {line} column {column}")?;
        }
        if let Some(excerpt) = excerpt {
            write!(f, ", near {excerpt:?}")?;
        }
        write!(f, "; expected {expected}")
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({:?}: {self})", self.0.kind)
    }
}

/// The text from a little before the given place; all of it when the place is unknown.
fn around(text: &[u8], line: usize, column: usize) -> &[u8] {
    let mut rest = text;
    for _ in 1..line {
        match rest.iter().position(|&byte| byte == b'\n') {
            Some(at) => rest = rest.get(at + 1..).unwrap_or_default(),
            None => break,
        }
    }
    let mut start = column.saturating_sub(EXCERPT_CHARS / 2).min(rest.len());
    // Not into the middle of a character.
    while start > 0 && rest.get(start).is_some_and(|byte| byte & 0xC0 == 0x80) {
        start -= 1;
    }
    rest.get(start..).unwrap_or_default()
}

fn excerpt(text: &[u8]) -> Option<String> {
    // No character takes more than 4 bytes.
    let head = text.get(..EXCERPT_CHARS * 4).unwrap_or(text);
    let lossy = String::from_utf8_lossy(head);
    let mut chars = lossy.chars();
    let mut out: String = chars.by_ref().take(EXCERPT_CHARS).collect();
    if chars.next().is_some() || head.len() < text.len() {
        if out.chars().count() == EXCERPT_CHARS {
            out.pop();
        }
        out.push('…');
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &[u8]) -> DecodeError {
        let error = serde_json::from_slice::<u8>(text).unwrap_err();
        DecodeError::from_json("the thing", "a number", text, &error)
    }

    #[test]
    fn says_what_where_and_what_was_expected() {
        assert_eq!(
            error_of(b"\n  {\"a\":1}").to_string(),
            "cannot read the thing: invalid type: map, expected u8 at line 2 column 2, near \
             \"  {\\\"a\\\":1}\"; expected a number"
        );
        assert_eq!(
            error_of(b"").to_string(),
            "cannot read the thing: it is empty; expected a number"
        );
        assert_eq!(error_of(b"").kind(), DecodeErrorKind::NotJson);
        assert_eq!(error_of(b"x").kind(), DecodeErrorKind::NotJson);
        assert_eq!(error_of(b"\"x\"").kind(), DecodeErrorKind::WrongShape);
        assert_eq!(error_of(b"[1").position(), Some((1, 1)));
    }

    #[test]
    fn excerpts_are_short_and_of_the_place() {
        let mut text = vec![b' '; 100_000];
        text.extend_from_slice("\"서울특별시\"".repeat(50).as_bytes());
        let error = error_of(&text);
        let excerpt = error.excerpt().unwrap();
        assert_eq!(excerpt.chars().count(), 80);
        assert!(
            excerpt.contains("서울") && excerpt.ends_with('…'),
            "{excerpt}"
        );
        assert!(!excerpt.contains('\u{fffd}'));

        let error = error_of(b"\xff\xfe\x80\x80");
        assert!(error.excerpt().unwrap().chars().count() <= 80);
        let short = DecodeError::new(DecodeErrorKind::Missing, "a", "b", "c");
        assert_eq!(short.excerpt(), None);
        assert_eq!(
            format!("{short:?}"),
            "DecodeError(Missing: cannot read a: b; expected c)"
        );
    }
}
