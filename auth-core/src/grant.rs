//! What an accepted proof is worth: its factors, its scopes, and its expiry.

mod enrolled;
mod kind;
mod proofs;
mod scopes;

use std::fmt;

use crate::hidden;
use crate::time::Timestamp;
pub use enrolled::Enrolled;
pub use kind::FactorKind;
pub(crate) use proofs::Proofs;
pub use scopes::{InvalidScopes, Scopes};

/// A kind of proof of a user's identity.
///
/// ```
/// use auth_core::grant::Factor;
///
/// assert!(Factor::Password.is_personal() && !Factor::Token.is_personal());
/// assert_eq!(Factor::Totp.amr(), Some("otp"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Factor {
    /// A password.
    Password,
    /// A time-based one-time code (RFC 6238).
    Totp,
    /// A code for users who lost the other factors; it can be used once.
    RecoveryCode,
    /// A passkey or a security key (`WebAuthn`).
    Passkey,
    /// A link that was sent to the person's e-mail address.
    EmailLink,
    /// The word of another system, such as an `OpenID` provider. It may name the factors that it required as well.
    Federated,
    /// A trusted proxy's word.
    RemoteUser,
    /// A client certificate (mutual TLS).
    ClientCertificate,
    /// A token: whoever presents it, it does not prove that a person is there.
    Token,
    /// The signing device verified its owner by a PIN, a fingerprint or a face: a factor in addition to the
    /// [`Passkey`](Self::Passkey) that it signed with.
    UserVerification,
}

impl Factor {
    /// Its number in stored sessions, which is never reused.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Password => 1,
            Self::Totp => 2,
            Self::RecoveryCode => 3,
            Self::Passkey => 4,
            Self::EmailLink => 5,
            Self::Federated => 6,
            Self::RemoteUser => 7,
            Self::ClientCertificate => 8,
            Self::Token => 9,
            Self::UserVerification => 10,
        }
    }

    /// The factor with this number, if this version knows it.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Password,
            2 => Self::Totp,
            3 => Self::RecoveryCode,
            4 => Self::Passkey,
            5 => Self::EmailLink,
            6 => Self::Federated,
            7 => Self::RemoteUser,
            8 => Self::ClientCertificate,
            9 => Self::Token,
            10 => Self::UserVerification,
            _ => return None,
        })
    }

    /// Its name for other systems, as an authentication method reference (RFC 8176 §2), if there is one.
    ///
    /// ```
    /// use auth_core::grant::Factor;
    ///
    /// assert_eq!(Factor::Password.amr(), Some("pwd"));
    /// ```
    pub fn amr(self) -> Option<&'static str> {
        match self {
            Self::Password => Some("pwd"),
            Self::Totp | Self::RecoveryCode => Some("otp"),
            Self::Passkey | Self::ClientCertificate => Some("pop"),
            Self::EmailLink => Some("mca"),
            Self::UserVerification => Some("user"),
            Self::Federated | Self::RemoteUser | Self::Token => None,
        }
    }

    /// Whether a person provides it. A program that holds a token does not.
    ///
    /// ```
    /// use auth_core::grant::Factor;
    ///
    /// assert!(Factor::Passkey.is_personal() && !Factor::Token.is_personal());
    /// ```
    pub fn is_personal(self) -> bool {
        self != Self::Token
    }
}

/// A factor, and when it was proven.
///
/// ```
/// use auth_core::grant::{Factor, Proof};
/// use auth_core::time::{Clock, SystemClock};
///
/// let proof = Proof::new(Factor::Federated, SystemClock.now());
/// assert_eq!(proof.factor, Factor::Federated);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proof {
    /// The factor.
    pub factor: Factor,
    /// When it was proven.
    pub at: Timestamp,
}

impl Proof {
    /// A proof that was given at this time.
    pub fn new(factor: Factor, at: Timestamp) -> Self {
        Self { factor, at }
    }
}

/// What an acceptance is worth.
///
/// A backend that says nothing vouches for the credentials that were just presented: the chain adds the proof that
/// the [credentials](crate::Credentials::FACTOR) are. Nothing else is granted by default.
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::grant::{Factor, Grant, Proof, Scopes};
/// use auth_core::time::{Clock, SystemClock};
///
/// let now = SystemClock.now();
/// let grant = Grant::new()
///     .with_proof(Proof::new(Factor::Federated, now))
///     .with_scopes(Scopes::parse("orders:read")?)
///     .with_expiry(now.plus(Duration::from_secs(3600)));
/// assert_eq!(grant.proven(), Some(now));
/// # Ok::<(), auth_core::grant::InvalidScopes>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    proofs: Proofs,
    scopes: Option<Scopes>,
    expires: Option<Timestamp>,
    external: Option<Box<ExternalSession>>,
    asked_each_time: bool,
    /// The identity of the accepted person, as bytes, if a session will store it.
    identity: Option<Box<[u8]>>,
    made_by: Option<MadeBy>,
}

/// Who created credentials that prove nothing by themselves: an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MadeBy {
    /// A session with these proofs, of a user who had these factors enrolled.
    Session(Proofs, Enrolled),
    /// The application, which vouches for the owner.
    Application,
}

/// A session of the person at the system that vouched for them, by which that system can end this one (`OpenID`
/// Connect Back-Channel Logout 1.0 §2.4).
///
/// ```
/// use auth_core::grant::Grant;
///
/// let grant = Grant::new().with_external_session("https://id.example.com", "08a5019c");
/// assert_eq!(grant.external_session().map(|session| session.sid.as_ref()), Some("08a5019c"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExternalSession {
    /// The system.
    pub issuer: Box<str>,
    /// Its id of the session.
    pub sid: Box<str>,
}

impl Grant {
    /// How many proofs are stored at most.
    pub const MAX_PROOFS: usize = 8;
    /// How long the issuer and the id of an external session may be, each in bytes.
    pub const MAX_EXTERNAL_LEN: usize = 255;

    /// The grant of every session: only a person's proof begins one.
    pub(crate) const OF_SESSIONS: Self = Self {
        proofs: Proofs::None,
        scopes: Some(Scopes::all()),
        expires: None,
        external: None,
        asked_each_time: false,
        identity: None,
        made_by: None,
    };

    /// A grant without any statement.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a proof that the backend vouches for, such as a login elsewhere with its time. The chain then adds none.
    /// Of each factor the latest counts; beyond [`MAX_PROOFS`](Self::MAX_PROOFS) the oldest are dropped.
    ///
    /// ```
    /// # use auth_core::grant::{Factor, Grant, Proof};
    /// # use auth_core::time::Timestamp;
    /// # let auth_time = Timestamp::from_secs(1_800_000_000);
    /// let grant = Grant::new().with_proof(Proof::new(Factor::Federated, auth_time));
    /// assert_eq!(grant.proven(), Some(auth_time));
    /// ```
    #[must_use]
    pub fn with_proof(mut self, proof: Proof) -> Self {
        self.proofs.add(proof);
        self
    }

    /// Sets what the credentials may be used for.
    ///
    /// ```
    /// # use auth_core::grant::{Grant, Scopes};
    /// let grant = Grant::new().with_scopes(Scopes::parse("orders:read")?);
    /// assert!(grant.scopes().contains("orders:read"));
    /// # Ok::<(), auth_core::grant::InvalidScopes>(())
    /// ```
    #[must_use]
    pub fn with_scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// Sets when the credentials expire. Memories of them end then, too.
    ///
    /// ```
    /// # use auth_core::grant::Grant;
    /// # use auth_core::time::Timestamp;
    /// let exp = Timestamp::from_secs(1_800_000_000);
    /// assert_eq!(Grant::new().with_expiry(exp).expires(), Some(exp));
    /// ```
    #[must_use]
    pub fn with_expiry(mut self, expires: Timestamp) -> Self {
        self.expires = Some(expires);
        self
    }

    /// Makes the chain ask the backend on every request, even if the [scheme](crate::http::Scheme::remember)
    /// remembers acceptances: for credentials that can be revoked, if the backend checks that itself.
    ///
    /// ```
    /// # use auth_core::grant::Grant;
    /// assert!(Grant::new().asked_each_time().is_asked_each_time());
    /// ```
    #[must_use]
    pub fn asked_each_time(mut self) -> Self {
        self.asked_each_time = true;
        self
    }

    /// Makes a session that begins with it store this identity.
    pub(crate) fn keeping(mut self, identity: Box<[u8]>) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Sets who created the credentials.
    pub(crate) fn made_by(mut self, made_by: MadeBy) -> Self {
        self.made_by = Some(made_by);
        self
    }

    /// Who created the credentials, if known.
    pub(crate) fn maker(&self) -> Option<&MadeBy> {
        self.made_by.as_ref()
    }

    /// Sets the session at the system that vouched. If one of the names is empty or too long, it is left out.
    ///
    /// ```
    /// # use auth_core::grant::Grant;
    /// let grant = Grant::new().with_external_session("https://id.example.com", "08a5019c");
    /// assert!(grant.external_session().is_some());
    /// ```
    #[must_use]
    pub fn with_external_session(mut self, issuer: &str, sid: &str) -> Self {
        let fits = |text: &str| (1..=Self::MAX_EXTERNAL_LEN).contains(&text.len());
        let session = || Box::new(ExternalSession { issuer: issuer.into(), sid: sid.into() });
        self.external = (fits(issuer) && fits(sid)).then(session);
        self
    }

    /// The proofs, unordered.
    pub fn proofs(&self) -> &[Proof] {
        self.proofs.as_slice()
    }

    /// What the credentials may be used for: nothing, unless set.
    pub fn scopes(&self) -> &Scopes {
        static NONE: Scopes = Scopes::none();
        self.scopes.as_ref().unwrap_or(&NONE)
    }

    /// Whether the credentials cover this permission. Unless limited, they cover everything that their user may do.
    pub(crate) fn covers(&self, permission: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.contains(permission))
    }

    /// When the credentials expire, if they do.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// The session at the system that vouched, if named.
    pub fn external_session(&self) -> Option<&ExternalSession> {
        self.external.as_deref()
    }

    /// The identity that a session stores, as bytes.
    pub(crate) fn identity(&self) -> Option<&[u8]> {
        self.identity.as_deref()
    }

    /// Whether no scheme may remember the acceptance.
    pub fn is_asked_each_time(&self) -> bool {
        self.asked_each_time
    }

    /// When a person last authenticated; `None` if only tokens were presented.
    pub fn proven(&self) -> Option<Timestamp> {
        let personal = self.proofs().iter().filter(|proof| proof.factor.is_personal());
        personal.map(|proof| proof.at).max()
    }

    /// Whether a token was presented.
    pub(crate) fn is_by_token(&self) -> bool {
        self.proofs().iter().any(|proof| proof.factor == Factor::Token)
    }

    /// Whether a session may begin with it. A session may do everything, so the grant must be unlimited, and based on
    /// more than a token.
    pub(crate) fn begins_session(&self) -> bool {
        let is_personal = self.proofs().is_empty() || self.proven().is_some();
        is_personal && self.scopes().is_all()
    }

    /// The grant as the chain uses it. If the backend names no proof, the presented credentials are the proof, now; a
    /// token is added in any case. A person's proof is good for everything, unless limited. No proof is later than
    /// now.
    pub(crate) fn completed(mut self, factor: Factor, now: Timestamp) -> Self {
        if self.proofs().is_empty() || !factor.is_personal() {
            self = self.with_proof(Proof::new(factor, now));
        }
        if factor.is_personal() {
            self.scopes.get_or_insert(Scopes::all());
        }
        self.proofs.at_latest(now);
        self
    }

    /// The grant on the application's word: nothing was presented that would add to the proofs that it names.
    pub(crate) fn by_word(mut self, now: Timestamp) -> Self {
        self.scopes.get_or_insert(Scopes::all());
        self.proofs.at_latest(now);
        self
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("proofs", &self.proofs())
            .field("scopes", &self.scopes)
            .field("expires", &self.expires)
            .field("has_external_session", &self.external.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ExternalSession {
    /// The id is a secret between the two systems.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalSession")
            .field("issuer", &self.issuer)
            .field("sid", &hidden::text(&*self.sid))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn what_is_not_said_is_what_was_presented() {
        let silent = Grant::new().completed(Factor::Password, at(9));
        assert_eq!(silent.proofs(), [Proof::new(Factor::Password, at(9))]);
        assert_eq!((silent.proven(), silent.expires()), (Some(at(9)), None));
        assert!(silent.scopes().is_all(), "a person may do what they may");
        assert!(silent.begins_session());
        let nothing = Grant::new().with_scopes(Scopes::none()).completed(Factor::Password, at(9));
        assert!(nothing.scopes().is_none() && !nothing.begins_session(), "what is said is no silence");
        let token = Grant::new().completed(Factor::Token, at(9));
        assert!(token.scopes().is_none(), "nothing is granted by silence");
        assert!(!token.begins_session());
        assert!(!Grant::new().with_scopes(Scopes::all()).completed(Factor::Token, at(9)).begins_session());
        let told =
            Grant::new().with_proof(Proof::new(Factor::Federated, at(3))).completed(Factor::Token, at(9));
        assert!(!told.begins_session(), "it would be good for more than the token");

        let said = Grant::new().with_proof(Proof::new(Factor::Federated, at(3)));
        let said = said.completed(Factor::Token, at(9));
        assert_eq!(said.proven(), Some(at(3)), "the token is no younger proof");
        assert!(said.proofs().contains(&Proof::new(Factor::Token, at(9))), "and is told");
    }

    #[test]
    fn no_proof_is_of_tomorrow() {
        let early = Grant::new().with_proof(Proof::new(Factor::Federated, at(100)));
        assert_eq!(early.completed(Factor::Token, at(9)).proven(), Some(at(9)));
    }

    #[test]
    fn a_token_proves_no_person() {
        let token = Grant::new().completed(Factor::Token, at(9));
        assert_eq!(token.proven(), None);
        let both = Grant::new()
            .with_proof(Proof::new(Factor::Token, at(9)))
            .with_proof(Proof::new(Factor::Federated, at(3)))
            .completed(Factor::Token, at(9));
        assert_eq!(both.proven(), Some(at(3)));
    }

    #[test]
    fn codes_lead_back() {
        let known: Vec<_> = (0..=u8::MAX).filter_map(|code| Some((code, Factor::from_code(code)?))).collect();
        assert_eq!(known.len(), 10);
        assert!(known.iter().all(|(code, factor)| factor.code() == *code));
    }

    #[test]
    fn proofs_are_bounded() {
        let all = [
            Factor::Password,
            Factor::Totp,
            Factor::RecoveryCode,
            Factor::Passkey,
            Factor::EmailLink,
            Factor::Federated,
            Factor::RemoteUser,
            Factor::ClientCertificate,
            Factor::Token,
            Factor::UserVerification,
        ];
        let twice = (0..2).flat_map(|round| all.map(|factor| Proof::new(factor, at(round))));
        let grant = twice.fold(Grant::new(), Grant::with_proof);
        assert_eq!(grant.proofs().len(), Grant::MAX_PROOFS);
        assert_eq!(grant.proven(), Some(at(1)), "the latest of each counts");
    }

    #[test]
    fn external_sessions_are_bounded_and_hidden() {
        let long = "x".repeat(256);
        for (issuer, sid) in [("", "s"), ("i", ""), (&*long, "s"), ("i", &*long)] {
            assert!(Grant::new().with_external_session(issuer, sid).external_session().is_none());
        }
        let grant = Grant::new().with_external_session("https://id.example", "canary");
        let external = grant.external_session().unwrap();
        assert_eq!((&*external.issuer, &*external.sid), ("https://id.example", "canary"));
        assert!(!format!("{grant:?} {external:?}").contains("canary"));
    }
}
