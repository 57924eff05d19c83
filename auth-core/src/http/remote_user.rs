//! The way of a header in which a trusted proxy names the user.

use super::{RequestView, facts_of};
use crate::event::EventKind;
use crate::remote_user::{RemoteUser, RemoteUserHeader, Unreadable};
use crate::session::{Failure, SessionRecord};
use crate::{Auth, User};

impl<U: User> Auth<U> {
    /// Whom a trusted proxy names.
    pub(super) fn read_remote_user(&self, view: &dyn RequestView) -> Result<Option<RemoteUser>, Failure> {
        let Some(header) = &self.0.http.remote_user else { return Ok(None) };
        header.read(view).map_err(|why| {
            let kind = match why {
                Unreadable::Untrusted => EventKind::UntrustedHeader,
                Unreadable::Ambiguous => EventKind::AmbiguousHeader,
            };
            self.emit(kind, None, None, &facts_of(&self.0.http, view));
            Failure::Malformed
        })
    }

    /// Whether a session may go on in a request without the header.
    pub(crate) fn goes_on_without_header(&self, record: &SessionRecord) -> bool {
        let is_persistent = || self.0.http.remote_user.as_ref().is_some_and(RemoteUserHeader::is_persistent);
        record.remote_user.is_none() || is_persistent()
    }
}
