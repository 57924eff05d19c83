//! Rules that a route states about its caller.

use std::time::Duration;

use super::Audience;
use crate::time::Timestamp;
use crate::{Access, User};

/// A rule that a route states about its caller: signed in, with permissions, freshly.
///
/// ```
/// use std::time::Duration;
/// use auth_core::Require;
///
/// let rule = Require::permission("billing").and_permission("refund").fresh(Duration::from_secs(300));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Require {
    permissions: Vec<Box<str>>,
    fresh: Option<Duration>,
    pub(crate) audience: Option<Audience>,
    pub(crate) login_page: Option<Box<str>>,
    pub(crate) next_field: Option<Box<str>>,
}

/// What a caller lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lacking {
    /// Nobody is signed in.
    Login,
    /// The proof is older than this.
    Freshness(Duration),
    /// Signed in, and not allowed.
    Permission,
}

impl Require {
    /// Somebody must be signed in.
    pub const fn login() -> Self {
        Self { permissions: Vec::new(), fresh: None, audience: None, login_page: None, next_field: None }
    }

    /// Somebody who holds this permission must be signed in.
    pub fn permission(permission: impl Into<Box<str>>) -> Self {
        Self::login().and_permission(permission)
    }

    /// The caller must hold this permission as well.
    pub fn and_permission(mut self, permission: impl Into<Box<str>>) -> Self {
        self.permissions.push(permission.into());
        self
    }

    /// The caller must have proven who they are within this time: by whatever began the session, by credentials of this
    /// request, or, for a token, by the login that it tells of. A token that tells of none is never fresh.
    pub fn fresh(mut self, within: Duration) -> Self {
        self.fresh = Some(within);
        self
    }

    /// Declares who reads this route's refusals, instead of looking at the request.
    pub fn audience(mut self, audience: Audience) -> Self {
        self.audience = Some(audience);
        self
    }

    /// This route's own login page.
    pub fn login_page(mut self, page: impl Into<Box<str>>) -> Self {
        self.login_page = Some(page.into());
        self
    }

    /// This route's own name of the `next` field.
    pub fn next_field(mut self, field: impl Into<Box<str>>) -> Self {
        self.next_field = Some(field.into());
        self
    }

    /// Within what time the caller must have proven who they are, if it matters.
    pub(crate) fn freshness(&self) -> Option<Duration> {
        self.fresh
    }

    pub(crate) fn check<U: User>(&self, access: Option<&Access<U>>, now: Timestamp) -> Result<(), Lacking> {
        let access = access.ok_or(Lacking::Login)?;
        let user = access.user();
        if !self.permissions.iter().all(|permission| user.has_permission(permission)) {
            return Err(Lacking::Permission);
        }
        match self.fresh {
            Some(within) if !is_fresh(access, within, now) => Err(Lacking::Freshness(within)),
            _ => Ok(()),
        }
    }
}

/// A caller is as fresh as the last proof that a person gave. A token is none: what it says of a login elsewhere is.
fn is_fresh<U>(access: &Access<U>, within: Duration, now: Timestamp) -> bool {
    access.proven().is_some_and(|proven| now.since(proven) <= within)
}
