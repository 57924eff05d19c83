//! What an accepted proof is worth: by which factors it was given, what it is for, and until when.

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

/// One way in which somebody proves who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Factor {
    /// A password.
    Password,
    /// A time-based one-time code (RFC 6238).
    Totp,
    /// A code kept for the day when the other factors are lost; good for one time.
    RecoveryCode,
    /// A passkey or a security key (`WebAuthn`).
    Passkey,
    /// A link that was sent to the person's e-mail address.
    EmailLink,
    /// Another system's word, such as an `OpenID` provider's. What that one asked for, it may say as further factors.
    Federated,
    /// A trusted proxy's word.
    RemoteUser,
    /// A client certificate (mutual TLS).
    ClientCertificate,
    /// A token, whoever holds it: no proof that a person is there.
    Token,
    /// The device that signed made sure that it is its owner who holds it, by a PIN, a fingerprint or a face: a factor beside the
    /// [`Passkey`](Self::Passkey) that it signed by.
    UserVerification,
}

impl Factor {
    /// Its number in stored sessions. None is ever given to another one.
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

    /// The factor with this number, if it is known here.
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

    /// Its name for other systems, as an authentication method reference (RFC 8176 §2); `None` if there is none for it.
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

    /// Whether a person gives it. A program that holds a token gives none.
    pub fn is_personal(self) -> bool {
        self != Self::Token
    }
}

/// A factor, and when it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proof {
    /// By what.
    pub factor: Factor,
    /// When.
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
/// A backend that says nothing vouches for what was presented just now: the chain adds the proof that the
/// [credentials](crate::Credentials::FACTOR) are. Nothing else is granted by silence.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    proofs: Proofs,
    scopes: Option<Scopes>,
    expires: Option<Timestamp>,
    external: Option<Box<ExternalSession>>,
    asked_each_time: bool,
    /// The identity of who was accepted, as bytes, where a session is to keep it.
    identity: Option<Box<[u8]>>,
    made_by: Option<MadeBy>,
}

/// By whom credentials were made that prove nothing by themselves: an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MadeBy {
    /// A session, which was proven so, of a user who had enrolled this.
    Session(Proofs, Enrolled),
    /// The application, which vouches for its owner.
    Application,
}

/// A session that the person has at the system that vouched for them, by which that one can end it (`OpenID` Connect
/// Back-Channel Logout 1.0 §2.4).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExternalSession {
    /// The system.
    pub issuer: Box<str>,
    /// Its name for the session.
    pub sid: Box<str>,
}

impl Grant {
    /// How many proofs are kept at most.
    pub const MAX_PROOFS: usize = 8;
    /// How many bytes the issuer and the id of an external session have at most, each.
    pub const MAX_EXTERNAL_LEN: usize = 255;

    /// What every session has: only a person's proof begins one.
    pub(crate) const OF_SESSIONS: Self = Self {
        proofs: Proofs::None,
        scopes: Some(Scopes::all()),
        expires: None,
        external: None,
        asked_each_time: false,
        identity: None,
        made_by: None,
    };

    /// A grant that says nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a proof that the backend vouches for, such as the time of a login elsewhere. Where there is one, the chain adds
    /// none. Of one factor the latest counts; beyond [`MAX_PROOFS`](Self::MAX_PROOFS) the oldest are dropped.
    #[must_use]
    pub fn with_proof(mut self, proof: Proof) -> Self {
        self.proofs.add(proof);
        self
    }

    /// What the credentials may be used for.
    #[must_use]
    pub fn with_scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// When the credentials stop being good. Whoever remembers them forgets them then.
    #[must_use]
    pub fn with_expiry(mut self, expires: Timestamp) -> Self {
        self.expires = Some(expires);
        self
    }

    /// The backend is asked on every request, whatever the [scheme](crate::http::Scheme::remember) remembers: for what may be
    /// revoked, by a backend that looks that up itself.
    #[must_use]
    pub fn asked_each_time(mut self) -> Self {
        self.asked_each_time = true;
        self
    }

    /// A session that begins with it keeps this identity.
    pub(crate) fn keeping(mut self, identity: Box<[u8]>) -> Self {
        self.identity = Some(identity);
        self
    }

    /// By whom the credentials were made.
    pub(crate) fn made_by(mut self, made_by: MadeBy) -> Self {
        self.made_by = Some(made_by);
        self
    }

    /// The same, if that is known.
    pub(crate) fn maker(&self) -> Option<&MadeBy> {
        self.made_by.as_ref()
    }

    /// The session at the system that vouched. One whose names are empty or too long is left out.
    #[must_use]
    pub fn with_external_session(mut self, issuer: &str, sid: &str) -> Self {
        let fits = |text: &str| (1..=Self::MAX_EXTERNAL_LEN).contains(&text.len());
        let session = || Box::new(ExternalSession { issuer: issuer.into(), sid: sid.into() });
        self.external = (fits(issuer) && fits(sid)).then(session);
        self
    }

    /// The proofs, in no order.
    pub fn proofs(&self) -> &[Proof] {
        self.proofs.as_slice()
    }

    /// What the credentials may be used for. Nothing, if nobody said.
    pub fn scopes(&self) -> &Scopes {
        static NONE: Scopes = Scopes::none();
        self.scopes.as_ref().unwrap_or(&NONE)
    }

    /// Whether this permission is among what the credentials may be used for. Where nobody said what that is, they are good for
    /// what their user may do.
    pub(crate) fn covers(&self, permission: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.contains(permission))
    }

    /// When the credentials stop being good, if they do.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// The session at the system that vouched, if it said which.
    pub fn external_session(&self) -> Option<&ExternalSession> {
        self.external.as_deref()
    }

    /// The identity that a session keeps, as bytes.
    pub(crate) fn identity(&self) -> Option<&[u8]> {
        self.identity.as_deref()
    }

    /// Whether nobody else remembers that the credentials were accepted.
    pub fn is_asked_each_time(&self) -> bool {
        self.asked_each_time
    }

    /// When a person last proved to be there; `None` if only tokens did.
    pub fn proven(&self) -> Option<Timestamp> {
        let personal = self.proofs().iter().filter(|proof| proof.factor.is_personal());
        personal.map(|proof| proof.at).max()
    }

    /// Whether a token is among what was presented.
    pub(crate) fn is_by_token(&self) -> bool {
        self.proofs().iter().any(|proof| proof.factor == Factor::Token)
    }

    /// Whether a session may begin with it: one may do everything, so this must be good for that, and more than a token.
    pub(crate) fn begins_session(&self) -> bool {
        let is_personal = self.proofs().is_empty() || self.proven().is_some();
        is_personal && self.scopes().is_all()
    }

    /// As the chain takes it over. Where the backend says of no proof, it is what was presented, now; a token is told beside
    /// whatever it says. A person's own proof is good for everything, if nothing else was said. And no proof is younger than
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

    /// As the application's own word has it: nothing was presented that would be a proof beside those that it names.
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
