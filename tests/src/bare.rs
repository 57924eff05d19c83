//! Core without a framework: a session handle for a test, and futures that are given up.

use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use auth_core::Auth;
use auth_core::http::{self, Begin, Header, RequestView};
use auth_core::session::Session;

use crate::accounts::Account;

/// A POST that presents nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl RequestView for Nothing {
    fn method(&self) -> &'static str {
        "POST"
    }

    fn target(&self) -> &'static str {
        "/"
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn peer(&self) -> Option<IpAddr> {
        None
    }

    fn values<'a>(&'a self, _: Header, _: &mut dyn FnMut(&'a [u8])) {}
}

/// The session handle of a request that presents nothing.
///
/// # Panics
/// If there is none.
pub fn session(auth: &Auth<Account>) -> Session<Account> {
    let Begin::Call(reading) = auth.begin(&Nothing) else { panic!("nothing is presented") };
    let mut frame = auth.frame(reading);
    frame.enter(|| http::session(&Nothing)).expect("the frame is around")
}

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
