//! .NET exceptions, as far as orchestrators and callers get to see them.

use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::TaskFailureDetails;

/// More characters than these are not for reading.
const LONGEST_LINE: usize = 1000;

/// An exception with its inner ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    /// Full name of the type.
    pub(crate) kind: String,
    /// Message.
    pub(crate) message: String,
    /// Cause.
    pub(crate) inner: Option<Box<Exception>>,
}

impl Exception {
    /// An exception without a cause.
    pub(crate) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            message: message.into(),
            inner: None,
        }
    }

    /// The same with a cause.
    pub(crate) fn because(mut self, inner: Self) -> Self {
        self.inner = Some(Box::new(inner));
        self
    }

    /// What the host makes of anything that goes wrong in an invocation.
    pub(crate) fn in_function(self, function: &str) -> Self {
        Self::new(
            "Microsoft.Azure.WebJobs.Host.FunctionInvocationException",
            format!("Exception while executing function: Functions.{function}"),
        )
        .because(self)
    }

    /// As the protocol carries it. There are no .NET stacks here, so none are made up.
    pub(crate) fn to_failure(&self) -> TaskFailureDetails {
        TaskFailureDetails {
            error_type: self.kind.clone(),
            error_message: self.message.clone(),
            stack_trace: None,
            inner_failure: self
                .inner
                .as_ref()
                .map(|inner| Box::new(inner.to_failure())),
            is_non_retriable: false,
            properties: Default::default(),
        }
    }

    /// As `ToString` gives it, without stacks.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{}: {}", self.kind, self.message);
        let mut depth = 0;
        let mut inner = &self.inner;
        while let Some(exception) = inner {
            text.push_str(&format!(
                "\n ---> {}: {}",
                exception.kind, exception.message
            ));
            inner = &exception.inner;
            depth += 1;
        }
        for _ in 0..depth {
            text.push_str("\n   --- End of inner exception stack trace ---");
        }
        text
    }

    /// The exceptions from the outermost to the innermost, on one line. A failure that the handler
    /// sent in the header that the exception quotes is shown as what it is.
    pub(crate) fn to_line(&self) -> String {
        let failure = Failure::from_activity(Some(&self.to_failure()));
        let chain: Vec<_> = failure.chain().map(ToString::to_string).collect();
        let mut line = chain.join(" <- ").replace(['\r', '\n'], " ");
        if let Some((end, _)) = line.char_indices().nth(LONGEST_LINE) {
            line.truncate(end);
            line.push_str(" ...");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_show_what_the_handler_sent() {
        let sent = Failure::new("CardDeclined", "card 4711 declined")
            .with_cause(Failure::new("Io", "no\nroute"));
        let quoted = format!(
            "Invalid HttpResponseMessage:\nHeaders:\n{{\n  durable-failure: {}\n}}",
            sent.to_header()
        );
        let exception = Exception::new("System.InvalidOperationException", quoted).because(
            Exception::new("System.Net.Http.UnsupportedMediaTypeException", "x"),
        );
        assert_eq!(
            exception.to_line(),
            "CardDeclined: card 4711 declined <- Io: no route"
        );
        let plain = Exception::new("A", "a".repeat(5000)).because(Exception::new("B", "b"));
        assert_eq!(plain.to_line().len(), LONGEST_LINE + 4);
    }

    #[test]
    fn text_and_failure_show_the_chain() {
        let exception = Exception::new("A", "a")
            .because(Exception::new("B", "b"))
            .in_function("f");
        assert_eq!(
            exception.to_text(),
            "Microsoft.Azure.WebJobs.Host.FunctionInvocationException: Exception while executing function: Functions.f\n ---> A: a\n ---> B: b\n   --- End of inner exception stack trace ---\n   --- End of inner exception stack trace ---"
        );
        let failure = exception.to_failure();
        let inner = failure.inner_failure.unwrap();
        assert_eq!(
            (
                inner.error_type.as_str(),
                inner.inner_failure.unwrap().error_message.as_str()
            ),
            ("A", "b")
        );
    }
}
