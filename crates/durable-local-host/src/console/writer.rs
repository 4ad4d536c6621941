//! Writes lines on a thread of its own: who has something to say waits for no terminal.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;

use uuid::Uuid;

use super::invocation::Watched;
use super::running::{Begun, Running};
use super::summary::Summary;
use super::{ConsoleLine, ConsoleSource, Executed, Form, Invocation};
use crate::sync::lock;
use crate::time::Ticks;

/// How long lines gather before they are written together.
const GATHER: Duration = Duration::from_millis(10);
/// When what was counted is told although nothing else happens.
const SECOND: Duration = Duration::from_secs(1);
/// How long the end waits for whoever reads.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Lines that wait at most when whoever reads is too slow; beyond it invocations are left out, and
/// far beyond it the handler's output too.
const ENOUGH: usize = 20_000;
const FAR_TOO_MANY: usize = 200_000;
/// Room for so many lines, and bytes, is kept when they are written.
const KEPT: usize = 1024;
const PAGE: usize = 64 * 1024;

/// How to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// The form of a line.
    pub(crate) form: Form,
    /// Whether each call is told when it begins, too.
    pub(crate) begins: bool,
    /// Whether calls that worked are counted when there are more than anybody can read.
    pub(crate) summarise: bool,
}

/// The lines on their way.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    queue: Mutex<Queue>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    items: Vec<(Ticks, Item)>,
    missing: Missing,
    /// Whether the thread sleeps until it is woken.
    idle: bool,
    closed: bool,
}

/// What did not get into the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Missing {
    lines: usize,
    /// Whether beginnings or ends of calls were among it.
    calls: bool,
}

#[derive(Debug)]
enum Item {
    Line(ConsoleLine),
    Begun(Begun),
    Abandoned(Uuid),
    Executed(Executed),
}

/// The thread that writes. Dropping it waits until everything is written, as long as somebody reads.
#[derive(Debug)]
pub(crate) struct Writing {
    writer: Arc<Writer>,
    /// Hangs up when the thread ends.
    ended: mpsc::Receiver<()>,
}

impl Writer {
    /// Begins to write to standard output and standard error.
    pub(crate) fn start(options: Options) -> std::io::Result<Writing> {
        let writer = Arc::new(Self::default());
        let own = Arc::clone(&writer);
        let (ends, ended) = mpsc::channel();
        std::thread::Builder::new()
            .name("console".to_owned())
            .spawn(move || {
                own.work(options);
                drop(ends);
            })?;
        Ok(Writing { writer, ended })
    }

    /// A line to be written.
    pub(super) fn line(&self, line: ConsoleLine) {
        let most = match line.source {
            ConsoleSource::Host | ConsoleSource::Problem | ConsoleSource::Fatal => usize::MAX,
            ConsoleSource::HandlerOut | ConsoleSource::HandlerError | ConsoleSource::Invocation => {
                FAR_TOO_MANY
            }
            ConsoleSource::Detail | ConsoleSource::Executed => ENOUGH,
        };
        self.push(Item::Line(line), most);
    }

    /// A call that begins.
    pub(super) fn begun(self: &Arc<Self>, invocation: &mut Invocation) {
        invocation.watched = Some(Watched {
            id: invocation.id,
            writer: Arc::clone(self),
            told: false,
        });
        self.push(Item::Begun(Begun::of(invocation)), ENOUGH);
    }

    /// A call whose end nobody waits for any more.
    pub(super) fn abandoned(&self, id: Uuid) {
        self.push(Item::Abandoned(id), ENOUGH);
    }

    /// A call that is over.
    pub(super) fn executed(&self, executed: Executed) {
        self.push(Item::Executed(executed), ENOUGH);
    }

    fn push(&self, item: Item, most: usize) {
        let now = Ticks::of_system();
        let mut queue = lock(&self.queue);
        if queue.items.len() >= most {
            match item {
                Item::Line(_) => queue.missing.lines += 1,
                Item::Executed(_) => {
                    queue.missing.lines += 1;
                    queue.missing.calls = true;
                }
                Item::Begun(_) | Item::Abandoned(_) => queue.missing.calls = true,
            }
            return;
        }
        queue.items.push((now, item));
        if std::mem::take(&mut queue.idle) {
            self.ready.notify_one();
        }
    }

    fn work(&self, options: Options) {
        let mut page = Page::new(options);
        let mut items = Vec::new();
        loop {
            let (missing, closed) = self.next(&mut items, page.waits());
            for (at, item) in items.drain(..) {
                page.add(at, item);
            }
            items.shrink_to(KEPT);
            page.turn(missing, closed);
            page.flush();
            if closed {
                return;
            }
            // Meanwhile nobody has to wake this thread: a busy host pays for one wake-up in a while.
            let queue = lock(&self.queue);
            drop(
                self.ready
                    .wait_timeout_while(queue, GATHER, |queue| !queue.closed)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
    }

    /// Waits for something to do: lines, the end, or a second that is over.
    fn next(&self, items: &mut Vec<(Ticks, Item)>, hurry: bool) -> (Missing, bool) {
        let mut queue = lock(&self.queue);
        let nothing = |queue: &mut Queue| {
            queue.idle = queue.items.is_empty() && !queue.closed;
            queue.idle
        };
        if hurry {
            queue = self
                .ready
                .wait_timeout_while(queue, SECOND, nothing)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            queue.idle = false;
        } else {
            queue = self
                .ready
                .wait_while(queue, nothing)
                .unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut queue.items, items);
        (std::mem::take(&mut queue.missing), queue.closed)
    }
}

impl Writing {
    /// Where lines go in.
    pub(crate) fn writer(&self) -> Arc<Writer> {
        Arc::clone(&self.writer)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        lock(&self.writer.queue).closed = true;
        self.writer.ready.notify_one();
        // A terminal that was stopped, or a pipe that nobody reads, must not keep the host.
        let _ = self.ended.recv_timeout(LAST_WORDS);
    }
}

/// Lines that are written together.
struct Page {
    options: Options,
    summary: Summary,
    running: Running,
    text: String,
    /// Whether the text is for standard error.
    error: bool,
}

impl Page {
    fn new(options: Options) -> Self {
        Self {
            options,
            summary: Summary::default(),
            running: Running::default(),
            text: String::new(),
            error: false,
        }
    }

    fn add(&mut self, at: Ticks, item: Item) {
        if self.options.summarise
            && let Some(text) = self.summary.turn(at)
        {
            self.line(at, &ConsoleLine::new(ConsoleSource::Invocation, text));
        }
        if self.text.len() > PAGE {
            self.flush();
        }
        match item {
            Item::Line(line) => self.line(at, &line),
            Item::Begun(begun) => {
                if self.options.begins {
                    self.line(at, &begun.line());
                }
                self.running.begin(at, begun);
            }
            Item::Abandoned(id) => self.running.end(id),
            Item::Executed(executed) => {
                self.running.end(executed.invocation.id);
                if !self.options.summarise || self.summary.tells(&executed) {
                    self.choose(false);
                    self.options.form.executed(&mut self.text, at, &executed);
                }
            }
        }
    }

    /// Whether there is something to say in a while although nothing happens.
    fn waits(&self) -> bool {
        self.summary.has_counted() || !self.running.is_empty()
    }

    /// What there is to say besides: what was counted, what takes long, and what was left out.
    fn turn(&mut self, missing: Missing, closed: bool) {
        let now = Ticks::of_system();
        let counted = if closed {
            self.summary.take()
        } else {
            self.summary.turn(now)
        };
        if let Some(text) = counted {
            self.line(now, &ConsoleLine::new(ConsoleSource::Invocation, text));
        }
        for line in self.running.long(now) {
            self.line(now, &line);
        }
        if missing.calls {
            self.running.forget();
        }
        if missing.lines > 0 {
            let text = format!(
                "{} lines were left out: whoever reads this output is too slow for them",
                missing.lines
            );
            self.line(now, &ConsoleLine::new(ConsoleSource::Problem, text));
        }
    }

    fn line(&mut self, at: Ticks, line: &ConsoleLine) {
        self.choose(self.options.form.is_error(line.source));
        self.options.form.line(&mut self.text, at, line);
    }

    /// Lines of both outputs are written in their order.
    fn choose(&mut self, error: bool) {
        if self.error != error {
            self.flush();
            self.error = error;
        }
    }

    // A closed terminal is no reason to stop, so write errors are left alone.
    fn flush(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let text = self.text.as_bytes();
        if self.error {
            drop(std::io::stderr().lock().write_all(text));
        } else {
            let mut out = std::io::stdout().lock();
            drop(out.write_all(text));
            drop(out.flush());
        }
        self.text.clear();
        self.text.shrink_to(PAGE);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::super::invocation::sample;
    use super::*;

    #[test]
    fn what_nobody_reads_does_not_pile_up() {
        // Nobody writes what goes in here.
        let writer = Writer::default();
        let line = |source| ConsoleLine::new(source, "x");
        for _ in 0..ENOUGH + 5 {
            writer.executed(sample("hello", Outcome::GOOD));
        }
        writer.line(line(ConsoleSource::Detail));
        writer.line(line(ConsoleSource::HandlerOut));
        writer.line(line(ConsoleSource::Problem));
        let mut items = Vec::new();
        let (missing, closed) = writer.next(&mut items, false);
        let expected = Missing {
            lines: 6,
            calls: true,
        };
        assert_eq!(
            (items.len(), missing, closed),
            (ENOUGH + 2, expected, false)
        );
        for _ in 0..FAR_TOO_MANY + 1 {
            writer.line(line(ConsoleSource::HandlerError));
        }
        writer.line(line(ConsoleSource::Problem));
        items.clear();
        let (missing, _) = writer.next(&mut items, false);
        let expected = Missing {
            lines: 1,
            calls: false,
        };
        assert_eq!((items.len(), missing), (FAR_TOO_MANY + 1, expected));
    }

    #[test]
    fn calls_that_nobody_waits_for_are_forgotten() {
        let writer = Arc::new(Writer::default());
        let console = super::super::Console::writer(Arc::clone(&writer), false);
        let begin = || console.begin(super::super::Kind::Activity, "hello", None);
        let (first, second, third) = (begin(), begin(), begin());
        console.executed(first, Outcome::GOOD);
        drop(second);
        let mut items = Vec::new();
        writer.next(&mut items, false);
        let mut page = Page::new(Options {
            form: Form::Json,
            begins: true,
            summarise: false,
        });
        for (at, item) in items {
            page.add(at, item);
        }
        assert!(page.waits(), "the third goes on");
        drop(third);
        let mut items = Vec::new();
        writer.next(&mut items, false);
        for (at, item) in items {
            page.add(at, item);
        }
        assert!(!page.waits());
        assert_eq!(page.text.matches("begins").count(), 3, "{}", page.text);
        let begins: serde_json::Value =
            serde_json::from_str(page.text.lines().next().unwrap()).unwrap();
        assert_eq!(begins["function"], "hello");
        assert_eq!(begins["invocationId"].as_str().unwrap().len(), 36);
        assert_eq!(page.text.matches("ok  ").count(), 1, "{}", page.text);
    }

    #[test]
    fn a_page_keeps_the_order_and_tells_what_is_missing() {
        let mut page = Page::new(Options {
            form: Form::Json,
            begins: false,
            summarise: true,
        });
        let second = |second: i64| Ticks(second * 10_000_000);
        for _ in 0..103 {
            page.add(second(1), Item::Executed(sample("hello", Outcome::GOOD)));
        }
        page.add(
            second(2),
            Item::Line(ConsoleLine::new(ConsoleSource::HandlerOut, "next")),
        );
        let missing = Missing {
            lines: 7,
            calls: false,
        };
        page.turn(missing, true);
        let messages: Vec<String> = page
            .text
            .lines()
            .skip(100)
            .map(|line| {
                let entry: serde_json::Value = serde_json::from_str(line).unwrap();
                entry["message"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert!(messages[0].starts_with("... and 3 more calls that worked: hello 3"));
        assert_eq!(messages[1], "next");
        assert!(messages[2].starts_with("7 lines were left out"));
    }
}
