//! Signing in by a passkey.

use std::fmt;

use auth_core::backend::{
    Accepted, Attempt, Backend, BackendError, DeclineReason, DenyReason, Health, Outcome, UserSource,
};
use auth_core::factors::{FactorError, FactorErrorKind, FactorOwner, FactorStore, OpenedPasskey};
use auth_core::grant::{Factor, Grant};
use auth_core::once::OnceStore;
use auth_core::provisioning::{FallenCounter, Report};
use auth_core::{Credentials, User, UserId};

use crate::error::{PasskeyError, PasskeyErrorKind};
use crate::kept::{Counter, Kept};
use crate::options::{self, UserVerification};
use crate::passkeys::{Begun, Open, Passkeys};
use crate::registration::proofs;
use crate::response::{Answer, Assertion};
use crate::state::{Ceremony, State};
use crate::verify::Signed;

/// How often the stored state is read again if others changed it meanwhile.
const MAX_TRIES: usize = 8;

/// A passkey's signature with the challenge that it answers: the [`Credentials`] for which [`Passkeys`] is the
/// backend. Made by [`Passkeys::assertion`].
pub struct PasskeyAssertion(Result<Box<Presented>, DeclineReason>);

struct Presented {
    answer: Answer,
    assertion: Assertion,
    open: Open,
}

impl Credentials for PasskeyAssertion {
    const KIND: &'static str = "passkey";
    const FACTOR: Factor = Factor::Passkey;

    /// Unknown before the passkey is found.
    fn subject(&self) -> Option<&str> {
        None
    }

    /// An answer that is too long, cannot be parsed, or answers no challenge of this browser reaches no backend and
    /// no store.
    fn check(&self) -> Result<(), DeclineReason> {
        self.0.as_ref().map(|_| ()).map_err(|reason| *reason)
    }
}

impl fmt::Debug for PasskeyAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasskeyAssertion").field("is_open", &self.0.is_ok()).finish_non_exhaustive()
    }
}

/// Why an assertion is not accepted.
enum Refused {
    Declined(DeclineReason),
    Failed(BackendError),
}

impl From<DeclineReason> for Refused {
    fn from(reason: DeclineReason) -> Self {
        Self::Declined(reason)
    }
}

impl From<FactorError> for Refused {
    fn from(error: FactorError) -> Self {
        Self::Failed(match error.kind() {
            FactorErrorKind::Unavailable => BackendError::unavailable(error),
            // This one cannot be verified; others can.
            _ => BackendError::undecided(error),
        })
    }
}

/// The client gets the same answer whatever is wrong.
const WRONG: Refused = Refused::Declined(DeclineReason::WrongSecret);
const UNKNOWN: Refused = Refused::Declined(DeclineReason::UnknownUser);

impl<S: FactorStore, O: OnceStore, U: User> Passkeys<S, O, U> {
    /// Asks a browser for any passkey, before the user is known: for a page with a button, and for one that offers
    /// passkeys in its name field (`autocomplete="username webauthn"`). The challenge is the same for every visitor,
    /// so it reveals no accounts.
    ///
    /// `cookies` are the values of the request's `Cookie` headers.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_core::factors::{Factors, MemoryFactors};
    /// # use auth_core::once::MemoryOnce;
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::{MemoryBackend, Passwords, User, UserId};
    /// # use auth_passkeys::{Passkeys, UserVerification};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys)?);
    /// # let origins = ["https://example.com"];
    /// # let passkeys = Passkeys::<_, _, Account>::new("example.com", origins, factors, MemoryOnce::new(10), &keys)?;
    /// let begun = passkeys.begin_login([b"theme=dark"])?;
    /// assert!(begun.options.contains("challenge"));
    /// assert_eq!(begun.cookies.into_iter().count(), 1); // one `Set-Cookie` header
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PasskeyError`] of kind [`Unavailable`](PasskeyErrorKind::Unavailable) if the random source fails.
    pub fn begin_login<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        cookies: impl IntoIterator<Item = &'a L>,
    ) -> Result<Begun, PasskeyError> {
        self.ask(cookies, None, &[], self.login)
    }

    /// Asks the browser of a user who has given a first proof for one of their passkeys. **Call it only for that
    /// user**: otherwise it would reveal which passkeys a user has to everybody who types their name.
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
    /// async fn options(session: &Session<Account>, passkeys: &SitePasskeys, cookies: &[&[u8]]) -> Result<Begun, Error> {
    ///     let owner = session.factor_owner().await?;
    ///     Ok(passkeys.begin_second_factor(cookies.iter().copied(), &owner).await?)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`PasskeyError`] of kind [`NoPasskey`](PasskeyErrorKind::NoPasskey),
    /// [`Unreadable`](PasskeyErrorKind::Unreadable) or [`Unavailable`](PasskeyErrorKind::Unavailable).
    pub async fn begin_second_factor<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        cookies: impl IntoIterator<Item = &'a L>,
        owner: &FactorOwner,
    ) -> Result<Begun, PasskeyError> {
        let allowed = self.kept_of(owner).await?;
        if allowed.is_empty() {
            return Err(PasskeyErrorKind::NoPasskey.into());
        }
        self.ask(cookies, Some(owner.clone()), &allowed, self.second_factor)
    }

    fn ask<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        cookies: impl IntoIterator<Item = &'a L>,
        owner: Option<FactorOwner>,
        allowed: &[Kept],
        verification: UserVerification,
    ) -> Result<Begun, PasskeyError> {
        let (ceremony, challenge) = (Ceremony::Assertion, self.challenge()?);
        let options = options::request(&self.site.id, &challenge, allowed, verification, self.lifetime);
        let must_verify = verification == UserVerification::Required;
        let state = State { ceremony, challenge, must_verify, owner, handle: Vec::new() };
        self.begin(cookies, &state, options)
    }

    /// The browser's answer, as credentials for [`Session::authenticate`](auth_core::Session::authenticate).
    /// `response` is the result of its `toJSON()`, `cookies` are the values of the request's `Cookie` headers. If
    /// something is wrong with the answer, the chain reports it as for any other credentials.
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
    /// async fn login(session: &Session<Account>, passkeys: &SitePasskeys, cookies: &[&[u8]], response: &str) -> Result<Login<Account>, Error> {
    ///     let assertion = passkeys.assertion(cookies.iter().copied(), response);
    ///     let authenticated = session.authenticate(assertion).await?;
    ///     Ok(session.login(authenticated).await?)
    /// }
    /// ```
    pub fn assertion<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        cookies: impl IntoIterator<Item = &'a L>,
        response: &str,
    ) -> PasskeyAssertion {
        let read = Answer::read(response).and_then(|answer| Some((answer.assertion()?, answer)));
        let Some((assertion, answer)) = read else {
            return PasskeyAssertion(Err(DeclineReason::Malformed));
        };
        let open = self.opened(cookies, Ceremony::Assertion, &answer).ok_or(DeclineReason::WrongSecret);
        PasskeyAssertion(open.map(|open| Box::new(Presented { answer, assertion, open })))
    }

    async fn judge(
        &self,
        presented: &Presented,
        attempt: &Attempt<'_, PasskeyAssertion>,
    ) -> Result<(OpenedPasskey, Signed), Refused> {
        let Presented { answer, open, .. } = presented;
        let is_first = self.is_first(open).await;
        if !is_first.map_err(|error| Refused::Failed(BackendError::unavailable(error)))? {
            return Err(WRONG);
        }
        if !self.is_of_our_pages(answer) {
            return Err(WRONG);
        }
        let passkey = self.factors.passkey(&answer.id).await?.ok_or(UNKNOWN)?;
        let kept = read(&passkey)?;
        check_owner(presented, &passkey, &kept)?;
        let signed = self.verifier.assert(answer, &presented.assertion, &open.state, &kept);
        let signed = signed.map_err(|why| {
            tracing::debug!(target: "auth", "a passkey was refused: {why}");
            WRONG
        })?;
        let passkey = self.note(passkey, &signed, attempt).await?;
        Ok((passkey, signed))
    }

    /// Stores the new counter, if there is one, and that the passkey was used. If several answers with the same
    /// counter arrive at once, one of them gets past this.
    async fn note(
        &self,
        mut passkey: OpenedPasskey,
        signed: &Signed,
        attempt: &Attempt<'_, PasskeyAssertion>,
    ) -> Result<OpenedPasskey, Refused> {
        let mut has_fallen = false;
        for _ in 0..MAX_TRIES {
            let kept = read(&passkey)?;
            let mut new = kept.clone();
            new.backed_up = signed.backed_up;
            match Counter::judge(kept.counter, signed.counter) {
                Counter::None => {}
                Counter::Rose => new.counter = signed.counter,
                Counter::Fell if has_fallen => {}
                Counter::Fell => {
                    has_fallen = true;
                    tell_fallen(&passkey, &kept, attempt);
                    if !kept.backup_eligible {
                        return Err(WRONG);
                    }
                }
            }
            let is_kept = new == kept && passkey.is_current();
            if is_kept || self.factors.replace_passkey(&passkey, &new.to_bytes()).await? {
                let is_there = self.factors.note_passkey_use(&passkey).await?;
                return if is_there { Ok(passkey) } else { Err(UNKNOWN) };
            }
            // If another passkey with the same credential id took its place, nothing of that one was verified.
            let again = self.factors.passkey(&kept.id).await?;
            passkey = again.filter(|again| again.id() == passkey.id()).ok_or(UNKNOWN)?;
        }
        Err(Refused::Failed(BackendError::undecided("a passkey is used too often at once")))
    }
}

/// `WebAuthn` Level 3, §7.2 steps 5 and 6: the owner of the passkey must be the user who was asked, and the one whom
/// the device names.
fn check_owner(presented: &Presented, passkey: &OpenedPasskey, kept: &Kept) -> Result<(), Refused> {
    let is_asked = presented.open.state.owner.as_ref().is_none_or(|owner| owner == passkey.owner());
    let is_theirs = match &presented.assertion.user_handle {
        Some(handle) => *handle == kept.handle,
        // Small security keys store no handle. The user who was asked must then be known.
        None => presented.open.state.owner.is_some(),
    };
    if is_asked && is_theirs { Ok(()) } else { Err(WRONG) }
}

fn read(passkey: &OpenedPasskey) -> Result<Kept, Refused> {
    let unreadable =
        || Refused::Failed(BackendError::undecided("the stored state of a passkey cannot be read"));
    Kept::from_bytes(passkey.secret()).ok_or_else(unreadable)
}

/// Devices that share a passkey do not share its counter. There, a counter that did not rise says little, and is no
/// reason to refuse the owner.
fn tell_fallen(passkey: &OpenedPasskey, kept: &Kept, attempt: &Attempt<'_, PasskeyAssertion>) {
    let owner = passkey.owner();
    let fallen = FallenCounter::new(owner.backend.clone(), passkey.id().to_string(), kept.backup_eligible);
    let mut report = Report::new(owner.user.clone());
    report.passkey = Some(fallen);
    attempt.reports().add(report);
}

impl<S: FactorStore, O: OnceStore, U: User> UserSource for Passkeys<S, O, U> {
    type User = U;

    /// No user: users and their sessions belong to the owners' backends.
    async fn get_user(&self, _: &UserId) -> Result<Option<U>, BackendError> {
        Ok(None)
    }
}

impl<S: FactorStore, O: OnceStore, U: User> Backend<PasskeyAssertion> for Passkeys<S, O, U> {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, PasskeyAssertion>,
    ) -> Result<Outcome<Accepted<U>>, BackendError> {
        let presented = match &attempt.credentials().0 {
            Ok(presented) => presented,
            Err(reason) => return Ok(Outcome::Decline(*reason)),
        };
        let (passkey, signed) = match self.judge(presented, attempt).await {
            Ok(judged) => judged,
            Err(Refused::Declined(reason)) => return Ok(Outcome::Decline(reason)),
            Err(Refused::Failed(error)) => return Err(error),
        };
        let owner = passkey.owner();
        let Some(users) = self.users_of(&owner.backend) else {
            tracing::error!(
                target: "auth",
                "passkeys of users of {:?} are refused: add `.owners({:?}, …)` to the passkeys",
                owner.backend.as_str(),
                owner.backend.as_str()
            );
            return Ok(Outcome::Deny(DenyReason::NotPermitted));
        };
        let Some(user) = users.find(&owner.user).await? else {
            return Ok(Outcome::Deny(DenyReason::Disabled));
        };
        let proofs = proofs(signed.user_verified, self.clock.now());
        let grant = proofs.into_iter().fold(Grant::new(), Grant::with_proof);
        Ok(Outcome::Accept(Accepted::new(user, grant).of_backend(owner.backend.clone())))
    }

    /// Attempts use the stores and the owners' backends, so they report their health.
    async fn health(&self) -> Health {
        Health::Unknown
    }
}
