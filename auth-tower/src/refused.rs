//! The answer to a request that is refused while its client may still be sending it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf as _;
use http::header::EXPECT;
use http::{Request, Version};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::{Timeout, timeout};

/// How much of a refused request is read at most, in bytes.
const MAX_LEN: u64 = 64 * 1024 * 1024;
/// For how long it is read at most.
const MAX_TIME: Duration = Duration::from_secs(30);

/// An answer that waits until its request has been read.
///
/// A server of HTTP/1 that answers in the middle of an upload closes the connection, which the system resets if there is
/// more to read: the client, or a proxy that makes a 502 of it, may never see the answer (RFC 9112 §9.6). So what is left of a
/// refused request is read and thrown away, within bounds. One that is not being sent yet, as its client waits for a 100, is
/// not asked for.
pub(crate) struct Refused<B, R> {
    /// Boxed: few requests that are refused have a body.
    rest: Option<Pin<Box<Timeout<Rest<B>>>>>,
    response: Option<R>,
}

pin_project! {
    struct Rest<B> {
        #[pin]
        body: B,
        left: u64,
    }
}

impl<B: Body, R> Refused<B, R> {
    pub(crate) fn new(request: Request<B>, response: R) -> Self {
        let is_sent = request.version() <= Version::HTTP_11 && !request.headers().contains_key(EXPECT);
        let body = request.into_body();
        let is_small = !body.is_end_stream() && body.size_hint().lower() <= MAX_LEN;
        let rest = (is_sent && is_small).then(|| Box::pin(timeout(MAX_TIME, Rest { body, left: MAX_LEN })));
        Self { rest, response: Some(response) }
    }
}

/// The response is moved, and never pinned.
impl<B, R> Unpin for Refused<B, R> {}

impl<B: Body, R> Future for Refused<B, R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        if let Some(rest) = &mut self.rest {
            // Whether it ended or its time did.
            _ = ready!(rest.as_mut().poll(cx));
            self.rest = None;
        }
        Poll::Ready(self.response.take().expect("`Refused` polled after completion"))
    }
}

impl<B: Body> Future for Rest<B> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut rest = self.project();
        while let Some(Ok(frame)) = ready!(rest.body.as_mut().poll_frame(cx)) {
            let len = frame.data_ref().map_or(0, |data| data.remaining() as u64);
            match rest.left.checked_sub(len) {
                Some(left) => *rest.left = left,
                None => break,
            }
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http_body::{Frame, SizeHint};
    use tokio::time::Instant;

    use super::*;

    /// So many chunks of a megabyte, and then nothing more, or the end.
    struct Upload {
        chunks: usize,
        ends: bool,
        hint: SizeHint,
    }

    impl Body for Upload {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.chunks.checked_sub(1) {
                Some(left) => {
                    self.chunks = left;
                    Poll::Ready(Some(Ok(Frame::data(vec![0; 1024 * 1024].into()))))
                }
                None if self.ends => Poll::Ready(None),
                None => Poll::Pending,
            }
        }

        fn size_hint(&self) -> SizeHint {
            self.hint
        }
    }

    fn upload(chunks: usize, ends: bool) -> Request<Upload> {
        Request::new(Upload { chunks, ends, hint: SizeHint::new() })
    }

    /// How long the answer waits.
    async fn waits(request: Request<Upload>) -> Duration {
        let start = Instant::now();
        let answer = timeout(MAX_TIME * 2, Refused::new(request, "refused")).await;
        assert_eq!(answer, Ok("refused"));
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_is_read_within_bounds() {
        assert_eq!(waits(upload(60, true)).await, Duration::ZERO, "to its end");
        assert_eq!(waits(upload(1_000_000, false)).await, Duration::ZERO, "as far as is sensible");
        assert!(waits(upload(1, false)).await >= MAX_TIME, "for as long as is sensible");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_sent_or_too_large_is_not_waited_for() {
        let mut waiting = upload(0, false);
        waiting.headers_mut().insert(EXPECT, http::HeaderValue::from_static("100-continue"));
        assert_eq!(waits(waiting).await, Duration::ZERO, "a client that waits for a 100");
        let mut stream = upload(0, false);
        *stream.version_mut() = Version::HTTP_2;
        assert_eq!(waits(stream).await, Duration::ZERO, "HTTP/2 resets one stream");
        let mut large = upload(0, false);
        large.body_mut().hint.set_lower(MAX_LEN + 1);
        assert_eq!(waits(large).await, Duration::ZERO, "too large");
    }
}
