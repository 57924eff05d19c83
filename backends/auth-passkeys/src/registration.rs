//! Registering a passkey.

use auth_core::User;
use auth_core::factors::{FactorId, FactorOwner, FactorStore};
use auth_core::grant::{Factor, Proof};
use auth_core::once::OnceStore;
use auth_core::time::Timestamp;

use crate::error::{PasskeyError, PasskeyErrorKind};
use crate::options::{self, Person};
use crate::passkeys::{Begun, Passkeys};
use crate::response::Answer;
use crate::state::{Ceremony, State};

/// The longest user name that is handed to a device, in bytes. Many devices show 64 of them.
const MAX_NAME_LEN: usize = 255;

/// A passkey that was just registered.
///
/// ```
/// use auth_core::grant::Factor;
/// use auth_passkeys::Registered;
///
/// fn is_sufficient_alone(registered: &Registered) -> bool {
///     registered.proofs.iter().any(|proof| proof.factor == Factor::UserVerification)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registered {
    /// The id of the factor.
    pub id: FactorId,
    /// What the registration proved: that the passkey is there, and that the device verified its user, if it did.
    pub proofs: Vec<Proof>,
}

/// What a signature proves, depending on whether the device verified its user.
pub(crate) fn proofs(is_verified: bool, now: Timestamp) -> Vec<Proof> {
    let verified = is_verified.then_some(Factor::UserVerification);
    [Some(Factor::Passkey), verified].into_iter().flatten().map(|factor| Proof::new(factor, now)).collect()
}

impl<S: FactorStore, O: OnceStore, U: User> Passkeys<S, O, U> {
    /// Asks a user's browser for a new passkey, without a session and its checks. Handlers call
    /// [`begin_enrolment`](Self::begin_enrolment) instead, which requires a recent proof: otherwise a stranger at an
    /// open session could give themselves permanent access.
    ///
    /// The device shows the names when it offers the passkey: the name that the user signs in with, and their display
    /// name. It uses them for nothing else. Later it identifies the user to the site by a random handle, the same for
    /// all passkeys of the user. A device that has a passkey of the user does not create a second one (the script
    /// then reports `registered`).
    ///
    /// `cookies` are the values of the request's `Cookie` headers: `headers.get_all(COOKIE)` on axum and actix-web.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, MemoryFactors};
    /// # use auth_core::http::Login;
    /// # use auth_core::once::MemoryOnce;
    /// # use auth_core::{Session, User, UserId};
    /// # use auth_passkeys::{Begun, Passkeys, PasskeyError};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # type SitePasskeys = Passkeys<MemoryFactors, MemoryOnce, Account>;
    /// # type Error = Box<dyn std::error::Error>;
    /// // In a program that sends invitations: the owner is known from the invitation.
    /// async fn options(passkeys: &SitePasskeys, owner: &FactorOwner, cookies: &[&[u8]]) -> Result<Begun, PasskeyError> {
    ///     passkeys.begin_registration(cookies.iter().copied(), owner, "alice@example.com", "Alice").await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`PasskeyError`] of kind [`InvalidName`](PasskeyErrorKind::InvalidName),
    /// [`UnknownOwner`](PasskeyErrorKind::UnknownOwner) or [`Unavailable`](PasskeyErrorKind::Unavailable).
    pub async fn begin_registration<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        cookies: impl IntoIterator<Item = &'a L>,
        owner: &FactorOwner,
        user_name: &str,
        display_name: &str,
    ) -> Result<Begun, PasskeyError> {
        let fits = |name: &str| {
            let has_len = !name.trim().is_empty() && name.len() <= MAX_NAME_LEN;
            has_len && !name.chars().any(char::is_control)
        };
        if !fits(user_name) || !fits(display_name) {
            return Err(PasskeyErrorKind::InvalidName.into());
        }
        if self.users_of(&owner.backend).is_none() {
            return Err(PasskeyErrorKind::UnknownOwner.into());
        }
        let existing = match self.kept_of(owner).await {
            // A user whose passkeys were lost with a key creates new ones.
            Err(error) if error.kind() == PasskeyErrorKind::Unreadable => Vec::new(),
            existing => existing?,
        };
        let handle = match existing.first() {
            Some(kept) => kept.handle.clone(),
            None => self.draw::<64>()?.to_vec(),
        };
        let challenge = self.challenge()?;
        let person = Person { handle: &handle, name: user_name, display_name };
        let site = [&*self.site.id, self.factors.issuer()];
        let options =
            options::creation(site, &person, &challenge, &existing, self.is_discoverable, self.lifetime);
        let ceremony = Ceremony::Registration;
        let state = State { ceremony, challenge, must_verify: false, owner: Some(owner.clone()), handle };
        self.begin(cookies, &state, options)
    }

    /// Stores the passkey that the browser created, under a name that its owner chooses. The signature proves that
    /// they have it, so it is confirmed from here on. The user's sessions do not learn of it: see
    /// [`finish_enrolment`](Self::finish_enrolment).
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, MemoryFactors};
    /// # use auth_core::http::Login;
    /// # use auth_core::once::MemoryOnce;
    /// # use auth_core::{Session, User, UserId};
    /// # use auth_passkeys::{Begun, Passkeys, PasskeyError};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # type SitePasskeys = Passkeys<MemoryFactors, MemoryOnce, Account>;
    /// # type Error = Box<dyn std::error::Error>;
    /// async fn register(passkeys: &SitePasskeys, owner: &FactorOwner, cookies: &[&[u8]], response: &str) -> Result<(), PasskeyError> {
    ///     let registered = passkeys.finish_registration(cookies.iter().copied(), owner, "My phone", response).await?;
    ///     println!("{:?} proved {:?}", registered.id, registered.proofs);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`PasskeyError`] of kind
    /// * [`AlreadyRegistered`](PasskeyErrorKind::AlreadyRegistered) if it is registered. Tell the user that they can
    ///   sign in with it, not that something went wrong;
    /// * [`NoChallenge`](PasskeyErrorKind::NoChallenge) if it answers no open challenge of this user's browser: begin
    ///   again;
    /// * [`Refused`](PasskeyErrorKind::Refused) if the answer is wrong;
    /// * [`InvalidName`](PasskeyErrorKind::InvalidName), [`TooMany`](PasskeyErrorKind::TooMany) or
    ///   [`Unavailable`](PasskeyErrorKind::Unavailable).
    pub async fn finish_registration<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        cookies: impl IntoIterator<Item = &'a L>,
        owner: &FactorOwner,
        name: &str,
        response: &str,
    ) -> Result<Registered, PasskeyError> {
        let answer = Answer::read(response).ok_or(PasskeyErrorKind::Refused)?;
        let attestation = answer.attestation().ok_or(PasskeyErrorKind::Refused)?;
        let open = self.opened(cookies, Ceremony::Registration, &answer);
        // Somebody who signed in as another user meanwhile would give that user this passkey.
        let open = open.filter(|open| open.state.owner.as_ref() == Some(owner));
        let open = open.ok_or(PasskeyErrorKind::NoChallenge)?;
        if !self.is_first(&open).await? {
            return Err(PasskeyErrorKind::NoChallenge.into());
        }
        if !self.is_of_our_pages(&answer) {
            return Err(PasskeyErrorKind::Refused.into());
        }
        let (kept, is_verified) =
            self.verifier.register(&answer, attestation, &open.state).map_err(|why| {
                tracing::debug!(target: "auth", "a passkey was not registered: {why}");
                PasskeyErrorKind::Refused
            })?;
        let id = self.factors.add_passkey(owner, name, &kept.id, &kept.to_bytes()).await?;
        Ok(Registered { id, proofs: proofs(is_verified, self.clock.now()) })
    }
}
