//! Connections that outlive their request: when to close them.

use std::time::Duration;

use super::Session;
use crate::http::resolve::is_same;
use crate::session::ResolveError;
use crate::{Access, User};

/// Why to close a long connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum Ended {
    /// The caller may no longer be served: the session was logged out, has expired or needs another factor; the user was disabled or
    /// deleted, or the credentials have expired. Close a WebSocket with a code of the application's, such as 4001.
    SignedOut,
    /// An outage: whether the caller may still be served could not be determined. Close a WebSocket with 1013 (try again later).
    Unknown(ResolveError),
}

impl<U: User> Session<U> {
    /// Completes when the caller of a long connection may no longer be served: race it against a WebSocket, a stream of events or a
    /// gRPC stream.
    ///
    /// It checks at once and then at this interval, of a second at least: the session, its user, and what the backend says of that
    /// user. A session that continues under a new id is followed. Checking does not count as using the session, so an idle session
    /// ends and closes the connection; [`find_caller_again`](Self::find_caller_again) does count. Credentials of the request itself,
    /// such as an API key, end with their user and when they expire; revoking them is not noticed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use auth_core::{Session, User};
    ///
    /// async fn stream<U: User>(session: Session<U>) {
    ///     let ended = session.ended(Duration::from_secs(30));
    ///     tokio::select! {
    ///         why = ended => println!("closing: {why:?}"),
    ///         () = serve() => {}
    ///     }
    /// }
    /// # async fn serve() {}
    /// ```
    pub async fn ended(&self, every: Duration) -> Ended {
        let every = every.max(Duration::from_secs(1));
        let first = match self.find_caller().await {
            Ok(Some(caller)) => caller,
            Ok(None) => return Ended::SignedOut,
            Err(error) => return Ended::Unknown(error),
        };
        loop {
            // An outage closes it, too: what cannot be looked at may have ended.
            match self.watch().await {
                Ok(Some(now)) if is_same(&first, &now) && !self.is_over(&now) => {}
                Ok(_) => return Ended::SignedOut,
                Err(error) => return Ended::Unknown(error),
            }
            tokio::time::sleep(every.min(self.remaining(&first))).await;
        }
    }

    fn is_over(&self, caller: &Access<U>) -> bool {
        caller.grant().expires().is_some_and(|expires| self.auth().now() >= expires)
    }

    /// Until the credentials expire.
    fn remaining(&self, caller: &Access<U>) -> Duration {
        let expires = caller.grant().expires();
        let left = expires.map_or(Duration::MAX, |expires| expires.since(self.auth().now()));
        left.max(Duration::from_secs(1))
    }
}
