//! A user gets a passkey.

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

/// The longest name of a user that is handed to a device, in bytes. Many show 64 of them.
const MAX_NAME_LEN: usize = 255;

/// A passkey that was registered just now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registered {
    /// The factor that it is.
    pub id: FactorId,
    /// What its making proved: that it is there, and that its user was verified, if they were.
    pub proofs: Vec<Proof>,
}

/// What a device proves that signs, and says whether it verified its user.
pub(crate) fn proofs(is_verified: bool, now: Timestamp) -> Vec<Proof> {
    let verified = is_verified.then_some(Factor::UserVerification);
    [Some(Factor::Passkey), verified].into_iter().flatten().map(|factor| Proof::new(factor, now)).collect()
}

impl<S: FactorStore, O: OnceStore, U: User> Passkeys<S, O, U> {
    /// Asks a user's browser for a new passkey, whoever they are: for what has no session. A handler calls
    /// [`begin_enrolment`](Self::begin_enrolment), which asks for a recent proof: whoever finds an open session could stay for good.
    ///
    /// The names are what the device shows when it offers the passkey: the name that the user signs in with, and the one that they are
    /// called by. To the device they are nothing else; what it tells the site later is a random handle, the same for all passkeys of
    /// the user. A device that has a passkey of theirs makes no second one (the script then says `registered`).
    ///
    /// `cookies` are the values of the request's `Cookie` headers: `headers.get_all(COOKIE)` on axum and actix-web.
    ///
    /// # Errors
    /// [`PasskeyError`] of kind [`InvalidName`](PasskeyErrorKind::InvalidName), [`UnknownOwner`](PasskeyErrorKind::UnknownOwner) or
    /// [`Unavailable`](PasskeyErrorKind::Unavailable).
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
            // Whoever's passkeys are all lost with a key makes new ones.
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

    /// Keeps the passkey that the browser made, under a name that its owner gives it. That it signed is the proof that they have it:
    /// it is confirmed from here on. Their sessions are not told: see [`finish_enrolment`](Self::finish_enrolment).
    ///
    /// # Errors
    /// [`PasskeyError`] of kind
    /// * [`AlreadyRegistered`](PasskeyErrorKind::AlreadyRegistered) if it is there. Tell the user that they can sign in with it, not
    ///   that something went wrong;
    /// * [`NoChallenge`](PasskeyErrorKind::NoChallenge) if nothing that this user's browser was asked is answered by it: begin again;
    /// * [`Refused`](PasskeyErrorKind::Refused) if it is no right answer;
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
        // Whoever signed in as somebody else meanwhile would give them this passkey.
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
