//! Signing in a user who has just registered.

use std::sync::Arc;

use super::Session;
use crate::backend::Registered;
use crate::grant::{Grant, Proof, Scopes};
use crate::http::login::Login;
use crate::session::{SessionError, SessionErrorKind};
use crate::{Authenticated, User};

impl<U: User> Session<U> {
    /// Signs in a user who has just registered, like [`login`](Self::login), by the store's proof: the password is not asked for, or
    /// hashed, again.
    ///
    /// `backend` is the name of that store in the chain. The chain loads the user from it by id, and the security stamp must match.
    ///
    /// ```
    /// use auth_core::backend::Registered;
    /// use auth_core::session::SessionError;
    /// use auth_core::{Session, User};
    ///
    /// // `registered` comes from the store that created the user, such as `SqlUsers::register`.
    /// async fn welcome<U: User>(session: &Session<U>, registered: Registered<U>) -> Result<(), SessionError> {
    ///     let login = session.login_registered("local", registered).await?;
    ///     // `login.answer(next)` redirects to where the visitor wanted to go.
    ///     # drop(login);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`SessionError`] as of [`login`](Self::login), or of kind [`NotRegistered`](SessionErrorKind::NotRegistered) if that backend
    /// does not know the user, or knows them as inactive.
    pub async fn login_registered(
        &self,
        backend: &str,
        registered: Registered<U>,
    ) -> Result<Login<U>, SessionError> {
        // Before the store is asked: a page of another site must not sign its visitor in as somebody else.
        if self.refuses_other_site() {
            return Err(SessionErrorKind::CrossOrigin.into());
        }
        let vouched = self.vouch(backend, registered).await?;
        self.login(vouched).await
    }

    async fn vouch(
        &self,
        backend: &str,
        registered: Registered<U>,
    ) -> Result<Authenticated<U>, SessionError> {
        let unknown = || SessionError::from(SessionErrorKind::NotRegistered);
        let environment = self.auth().environment();
        let source = environment.sources.iter().find(|source| source.name.as_str() == backend);
        let name = source.ok_or_else(unknown)?.name.clone();
        let Registered { user, factor, name: typed } = registered;
        let at = self.auth().now();
        let grant = Grant::new().with_proof(Proof::new(factor, at)).with_scopes(Scopes::all());
        // Which table a store writes to is not known here. A user of another would be signed out by the next request, or be
        // somebody else's id.
        let known = environment.reload(&name, &user.id(), &grant, self.facts()).await?;
        let is_same = |known: &Arc<U>| known.security_stamp() == user.security_stamp();
        let user = known.filter(is_same).ok_or_else(unknown)?;
        Ok(Authenticated {
            user,
            backend: name,
            at,
            by: self.auth().id(),
            grant: Arc::new(grant),
            name: typed,
        })
    }
}
