//! A future with a time limit that contains its panics.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};

use crate::error::{BackendError, BackendErrorKind};

/// Why a guarded future has no output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupted {
    TimedOut,
    Panicked,
}

impl From<Interrupted> for BackendError {
    fn from(why: Interrupted) -> Self {
        Self::of(match why {
            Interrupted::TimedOut => BackendErrorKind::TimedOut,
            Interrupted::Panicked => BackendErrorKind::Panicked,
        })
    }
}

/// The answer of a backend that was interrupted.
pub(crate) fn interrupted<T>(why: Interrupted) -> Result<T, BackendError> {
    Err(why.into())
}

/// Runs `future` for at most `limit`. A future that is ready at once needs no timer.
pub(crate) fn guarded<F: Future>(limit: Duration, future: F) -> Guarded<F, fn() -> bool> {
    guarded_unless(limit, || false, future)
}

/// As [`guarded`], but starts to count again if the time is over while `excused`.
pub(crate) fn guarded_unless<F: Future, E: Fn() -> bool>(
    limit: Duration,
    excused: E,
    future: F,
) -> Guarded<F, E> {
    Guarded { future, limit, excused, timer: None }
}

pin_project! {
    /// A future with a limit. It is written by hand: an `async fn` would contain the other future several times, and
    /// every caller would move all of them.
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct Guarded<F, E> {
        #[pin]
        future: F,
        limit: Duration,
        excused: E,
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<F: Future, E: Fn() -> bool> Future for Guarded<F, E> {
    type Output = Result<F::Output, Interrupted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = poll_caught(this.future, cx);
        if answer.is_ready() {
            return answer;
        }
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(*this.limit)));
        while timer.as_mut().poll(cx).is_ready() {
            if !(this.excused)() {
                return Poll::Ready(Err(Interrupted::TimedOut));
            }
            timer.as_mut().reset(Instant::now() + *this.limit);
        }
        Poll::Pending
    }
}

fn poll_caught<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Interrupted>> {
    match caught(|| future.poll(cx)) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(interrupted) => Poll::Ready(Err(interrupted)),
    }
}

/// Calls foreign code that may panic. It shares data with this crate only behind `&`, which a panic cannot leave
/// torn.
pub(crate) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, Interrupted> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Interrupted::Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn limits_and_panics_become_values() {
        let limit = Duration::from_secs(5);
        assert_eq!(guarded(limit, async { 7 }).await, Ok(7));
        assert_eq!(guarded(limit, std::future::pending::<()>()).await, Err(Interrupted::TimedOut));
        let excused = std::cell::Cell::new(3);
        let thrice = || excused.replace(excused.get() - 1) > 0;
        let start = Instant::now();
        let late = guarded_unless(limit, thrice, std::future::pending::<()>()).await;
        assert_eq!((late, start.elapsed().as_secs()), (Err(Interrupted::TimedOut), 20));
        assert_eq!(guarded(limit, async { panic!("inside") }).await, Err::<(), _>(Interrupted::Panicked));
    }
}
