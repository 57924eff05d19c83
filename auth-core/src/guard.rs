//! A future with a time limit whose panic stays inside.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// Why a guarded future has no output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupted {
    TimedOut,
    Panicked,
}

/// Runs `future` for at most `limit`. No timer is made for a future that is ready at once.
pub(crate) async fn guarded<F: Future>(limit: Duration, future: F) -> Result<F::Output, Interrupted> {
    let mut future = pin!(future);
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    poll_fn(move |cx| match poll_caught(future.as_mut(), cx) {
        Poll::Ready(output) => Poll::Ready(output),
        Poll::Pending => {
            let timer = timer.get_or_insert_with(|| Box::pin(sleep(limit)));
            timer.as_mut().poll(cx).map(|()| Err(Interrupted::TimedOut))
        }
    })
    .await
}

fn poll_caught<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Interrupted>> {
    match caught(|| future.poll(cx)) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(interrupted) => Poll::Ready(Err(interrupted)),
    }
}

/// Calls foreign code that may panic. What it shares with us is behind `&`: a panic cannot leave it torn.
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
        assert_eq!(guarded(limit, async { panic!("inside") }).await, Err::<(), _>(Interrupted::Panicked));
    }
}
