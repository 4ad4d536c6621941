//! Functions as the services that tonic calls.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use hyper::HeaderMap;
use tokio_stream::Iter;
use tonic::server::{ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};

type Outcome<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send>>;

/// A function that answers one message with one.
pub(super) struct Unary<F>(pub(super) F);

impl<F, W, Q, A> UnaryService<Q> for Unary<F>
where
    F: FnMut(Q) -> W,
    W: Future<Output = Result<A, Status>> + Send + 'static,
{
    type Response = A;
    type Future = Outcome<A>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let answer = (self.0)(request.into_inner());
        Box::pin(async move { answer.await.map(Response::new) })
    }
}

/// A function that answers one message with many.
pub(super) struct Streaming<F>(pub(super) F);

impl<F, W, Q, A> ServerStreamingService<Q> for Streaming<F>
where
    F: FnMut(Q) -> W,
    W: Future<Output = Result<Vec<A>, Status>> + Send + 'static,
{
    type Response = A;
    type ResponseStream = Iter<std::vec::IntoIter<Result<A, Status>>>;
    type Future = Outcome<Self::ResponseStream>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let answers = (self.0)(request.into_inner());
        Box::pin(async move {
            let answers: Vec<Result<A, Status>> = answers.await?.into_iter().map(Ok).collect();
            Ok(Response::new(tokio_stream::iter(answers)))
        })
    }
}

/// How long the caller waits, as `grpc-timeout` says: up to eight digits and a unit.
pub(super) fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            deadline(&headers)
        };
        assert_eq!(read("100m"), Some(Duration::from_millis(100)));
        assert_eq!(
            read("99999999H"),
            Some(Duration::from_secs(99_999_999 * 3600))
        );
        assert_eq!(read("7S"), Some(Duration::from_secs(7)));
        for text in ["", "S", "1", "1s", "-1S", "123456789S", "é"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(deadline(&HeaderMap::new()), None);
    }
}
