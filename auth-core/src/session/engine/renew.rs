//! New ids in time: when a session's time or its key's has come.

use super::Engine;
use crate::User;
use crate::session::handle::Renewal;
use crate::session::{Session, SessionConfig, SessionRecord, SessionStore};

impl<S: SessionStore> Engine<S> {
    /// Gives the session a new id. The old one stays an alias for a while.
    ///
    /// This is done when the handler has answered, and not when it is found to be due: a request that is refused or given
    /// up in between would have used up the old id, and hand out no new one. What fails here is due again with the next
    /// request.
    pub(super) async fn renew_session<U: User>(&self, session: &Session<U>, renewal: Renewal) {
        let Some(live) = session.state().live.clone() else { return };
        if live.key != renewal.key {
            // The handler did it, or logged in or out.
            return;
        }
        let now = session.auth().now();
        let mut record = SessionRecord::clone(&live.record);
        record.stamp = renewal.stamp;
        self.renew(&mut record, now);
        let until = Some(now.plus(SessionConfig::ROTATION_GRACE));
        // A faster request may have done it already: then this one goes on as it is.
        if let Ok(Some(begun)) = self.move_to_new_key(session, &live, record, until, now).await {
            self.hand_out(session, begun, None);
        }
    }
}
