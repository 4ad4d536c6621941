//! Remembers the bytes of a request's head. hyper gives header names in lower case only, but
//! functions see them as the caller wrote them.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::sync::lock;

/// Heads longer than this are not remembered as a whole.
const LIMIT: usize = 64 * 1024;

/// The head of the request that is being read on a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct HeadRecorder(Arc<Mutex<Head>>);

#[derive(Debug, Default)]
struct Head {
    bytes: Vec<u8>,
    complete: bool,
}

impl HeadRecorder {
    /// The name as it was written in the head; as given when it is not found.
    pub(super) fn written_names(&self) -> Vec<String> {
        let head = lock(&self.0);
        let text = String::from_utf8_lossy(&head.bytes);
        text.split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// The request is done; what comes is another one.
    pub(super) fn reset(&self) {
        *lock(&self.0) = Head::default();
    }

    fn record(&self, bytes: &[u8]) {
        let mut head = lock(&self.0);
        if head.complete {
            return;
        }
        let seen = head.bytes.len().saturating_sub(3);
        head.bytes.extend_from_slice(bytes);
        let tail = head.bytes.get(seen..).unwrap_or_default();
        if let Some(end) = tail.windows(4).position(|window| window == b"\r\n\r\n") {
            head.bytes.truncate(seen + end);
            head.complete = true;
        } else if head.bytes.len() > LIMIT {
            head.complete = true;
        }
    }
}

/// A stream that tells a recorder what is read from it.
#[derive(Debug)]
pub(super) struct Recorded {
    stream: TcpStream,
    recorder: HeadRecorder,
}

impl Recorded {
    /// Records what is read.
    pub(super) fn new(stream: TcpStream, recorder: HeadRecorder) -> Self {
        Self { stream, recorder }
    }
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        if outcome.is_ready() {
            self.recorder
                .record(buffer.filled().get(before..).unwrap_or_default());
        }
        outcome
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_as_written() {
        let recorder = HeadRecorder::default();
        recorder.record(b"GET / HTTP/1.1\r\nX-aB: 1\r");
        recorder.record(b"\nhost: x\r\n\r\nbody: no\r\n");
        recorder.record(b"more: no\r\n");
        assert_eq!(recorder.written_names(), ["X-aB", "host"]);
        recorder.reset();
        assert!(recorder.written_names().is_empty());
    }
}
