//! What a login leads to.

use std::sync::Arc;

use super::Auth;
use super::negotiate::Audience;
use super::refusal::Refusal;
use crate::User;
use crate::second_factor::{Enrolled, Missing, Need};

/// What became of a login: see [`Session::login`](crate::Session::login).
///
/// Answer by [`answer`](Self::answer), which is right for each.
#[derive(Debug)]
#[must_use = "answer with it: what comes next may be another factor"]
#[non_exhaustive]
pub enum Login<U: User> {
    /// The user is signed in.
    Done(SignedIn<U>),
    /// The login waits for what it [lacks](crate::second_factor): its user is nobody yet.
    Pending(Unfinished<U>),
}

/// Somebody who was signed in just now.
#[derive(Debug)]
pub struct SignedIn<U: User> {
    user: Option<Arc<U>>,
    auth: Auth<U>,
    base: Box<str>,
}

/// A login that waits for what it lacks.
#[derive(Debug)]
pub struct Unfinished<U: User> {
    missing: Missing,
    auth: Auth<U>,
    base: Box<str>,
    audience: Audience,
}

impl<U: User> SignedIn<U> {
    pub(super) fn new(user: Option<Arc<U>>, auth: Auth<U>, base: &str) -> Self {
        Self { user, auth, base: base.into() }
    }
}

impl<U: User> Unfinished<U> {
    pub(super) fn new(missing: Missing, auth: Auth<U>, base: &str, audience: Audience) -> Self {
        Self { missing, auth, base: base.into(), audience }
    }

    /// What it lacks, in the order in which that is to be given.
    pub fn needs(&self) -> &[Need] {
        &self.missing.needs
    }

    /// Which kinds of factors the user has, any of which would do.
    pub fn enrolled(&self) -> Enrolled {
        self.missing.enrolled
    }
}

impl<U: User> Login<U> {
    /// The user, if they are signed in.
    pub fn user(&self) -> Option<&Arc<U>> {
        match self {
            Self::Done(done) => done.user.as_ref(),
            Self::Pending(_) => None,
        }
    }

    /// What to answer to the form: a redirect (303) to `next`, if it stays on this site, and otherwise to `/`. While something is
    /// missing, a redirect to the [page](crate::second_factor::SecondFactor::page) that asks for it, which is told of `next`; and to a
    /// program a 401 whose problem names what is missing (`"needs": ["totp"]`).
    ///
    /// Pass whatever the client sent, by the rules of [`Session::next_or`](crate::Session::next_or). The adapters' `Login`
    /// makes a response of it.
    pub fn answer(&self, next: Option<&str>) -> Refusal {
        match self {
            Self::Done(done) => Refusal::see_other(done.auth.0.http.next_or(&done.base, next, "/"), None),
            Self::Pending(Unfinished { missing, auth, base, audience }) => {
                auth.ask_for_missing(missing, *audience, base, next)
            }
        }
    }
}
