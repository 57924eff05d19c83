//! Core without a framework: a session handle for a test, and futures that are given up.

use std::pin::Pin;
use std::task::{Context, Poll};

pub use auth_core::conformance::client::session;

/// A future that is dropped when it was polled this often.
#[derive(Debug)]
pub struct Abandoned<F> {
    future: Option<Pin<Box<F>>>,
    polls: usize,
}

impl<F> Abandoned<F> {
    /// Gives `future` up after this many polls.
    pub fn after(polls: usize, future: F) -> Self {
        Self { future: Some(Box::pin(future)), polls }
    }
}

impl<F: Future> Future for Abandoned<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(left) = self.polls.checked_sub(1) else {
            self.future = None;
            return Poll::Ready(None);
        };
        self.polls = left;
        let Some(future) = &mut self.future else { return Poll::Ready(None) };
        let polled = future.as_mut().poll(cx).map(Some);
        if polled.is_pending() && left == 0 {
            self.future = None;
            return Poll::Ready(None);
        }
        polled
    }
}
