//! The way of a header in which a trusted proxy names the user.

use super::{RequestView, facts_of};
use crate::event::EventKind;
use crate::remote_user::{Ambiguous, RemoteUser, RemoteUserHeader};
use crate::session::{Failure, SessionRecord};
use crate::{Auth, User};

impl<U: User> Auth<U> {
    /// The names of the headers that an adapter removes from the request before anything else looks at it: those of a
    /// [trusted proxy](crate::AuthBuilder::remote_user), where somebody else sends them. They would not count, but a
    /// handler may read them by hand.
    #[inline]
    pub fn forged_headers(&self, view: &impl RequestView) -> Vec<Box<str>> {
        if self.0.http.remote_user.is_some() { self.find_forged_headers(view) } else { Vec::new() }
    }

    fn find_forged_headers(&self, view: &dyn RequestView) -> Vec<Box<str>> {
        let forged = self.0.http.remote_user.as_ref().map(|header| header.forged(view)).unwrap_or_default();
        if !forged.is_empty() {
            self.emit(EventKind::UntrustedHeader, None, None, &facts_of(view));
        }
        forged
    }

    /// Whom a trusted proxy names.
    pub(super) fn read_remote_user(&self, view: &dyn RequestView) -> Result<Option<RemoteUser>, Failure> {
        let Some(header) = &self.0.http.remote_user else { return Ok(None) };
        header.read(view).map_err(|Ambiguous| {
            self.emit(EventKind::AmbiguousHeader, None, None, &facts_of(view));
            Failure::Malformed
        })
    }

    /// Whether a session may go on in a request without the header.
    pub(crate) fn goes_on_without_header(&self, record: &SessionRecord) -> bool {
        let is_persistent = || self.0.http.remote_user.as_ref().is_some_and(RemoteUserHeader::is_persistent);
        record.remote_user.is_none() || is_persistent()
    }
}
