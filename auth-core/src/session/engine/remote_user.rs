//! Requests on which a trusted proxy says who is calling.

use std::sync::Arc;

use super::Engine;
use crate::User;
use crate::event::SessionEnd;
use crate::session::handle::Live;
use crate::session::{Failure, Session, SessionStore};

impl<S: SessionStore> Engine<S> {
    /// The session goes on if this very name began it. Otherwise the backends say who that is, a new session begins,
    /// and whatever there was ends: nobody goes on as somebody else (CVE-2014-0482).
    pub(super) async fn resolve_named<U: User>(
        self: &Arc<Self>,
        session: &Session<U>,
    ) -> Result<(), Failure> {
        let Some(named) = session.presented().remote_user() else { return Ok(()) };
        let now = session.auth().now();
        let mut current = self.find_session(session, now).await?;
        if let Some(live) =
            current.take_if(|live| live.record.remote_user.as_deref() == Some(named.username()))
        {
            self.resolve_user(session, live, now).await?;
            if session.access().is_some() {
                return Ok(());
            }
        }
        Box::pin(self.start_named(session, current)).await
    }

    async fn start_named<U: User>(&self, session: &Session<U>, current: Option<Live>) -> Result<(), Failure> {
        let Some(named) = session.presented().remote_user() else { return Ok(()) };
        let done = match session.auth().judge(named, session.facts()).await {
            Ok(done) => done,
            Err(denied) if denied.is_unavailable() => return Err(Failure::Unavailable),
            Err(_) => {
                session.state().is_turned_away = true;
                if let Some(live) = &current {
                    self.end(session, live, SessionEnd::RemoteUserChanged).await;
                }
                return Ok(());
            }
        };
        let name = Some(named.username().into());
        self.start_session(session, done, current, name).await.map_err(|_| Failure::Unavailable)
    }
}
