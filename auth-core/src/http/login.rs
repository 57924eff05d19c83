//! What a login leads to.

use std::sync::Arc;

use super::Auth;
use super::refusal::Refusal;
use crate::User;

/// What became of a login: see [`Session::login`](crate::Session::login).
///
/// Today it is always done. Where a site asks for a second factor, a login may also be one that waits for it: answer by
/// [`answer`](Self::answer), which is right for each.
#[derive(Debug)]
#[must_use = "answer with it: what comes next may be another factor"]
#[non_exhaustive]
pub enum Login<U: User> {
    /// The user is signed in.
    Done(SignedIn<U>),
}

/// Somebody who was signed in just now.
#[derive(Debug)]
pub struct SignedIn<U: User> {
    user: Arc<U>,
    auth: Auth<U>,
    base: Box<str>,
}

impl<U: User> SignedIn<U> {
    pub(super) fn new(user: Arc<U>, auth: Auth<U>, base: &str) -> Self {
        Self { user, auth, base: base.into() }
    }

    /// The user.
    pub fn user(&self) -> &Arc<U> {
        &self.user
    }
}

impl<U: User> Login<U> {
    /// The user, if they are signed in.
    pub fn user(&self) -> Option<&Arc<U>> {
        match self {
            Self::Done(done) => Some(done.user()),
        }
    }

    /// What to answer to the form: a redirect (303) to `next`, if it stays on this site, and otherwise to `/`.
    ///
    /// Pass whatever the client sent, by the rules of [`Session::next_or`](crate::Session::next_or). The adapters' `Login`
    /// makes a response of it.
    pub fn answer(&self, next: Option<&str>) -> Refusal {
        match self {
            Self::Done(done) => Refusal::see_other(done.auth.0.http.next_or(&done.base, next, "/"), None),
        }
    }
}
