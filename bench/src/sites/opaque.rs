//! Opaque tokens in the `Authorization` header, as an application adds them to ours: a kind of credentials, a
//! scheme that reads it, and a backend that holds SHA-256 values of the tokens.

use std::collections::HashMap;
use std::time::Duration;

use auth_core::backend::{Accepted, Attempt, Backend, BackendError, DeclineReason, Outcome, UserSource};
use auth_core::grant::Factor;
use auth_core::http::{Challenge, Read, RequestView, Scheme, authorization};
use auth_core::{Credentials, Secret, UserId};
use sha2::{Digest, Sha256};

use super::{Member, TOKEN};

/// A token as it was presented.
pub(crate) struct ApiToken(Secret);

impl Credentials for ApiToken {
    const KIND: &'static str = "token";
    const FACTOR: Factor = Factor::Token;

    fn subject(&self) -> Option<&str> {
        None
    }

    fn check(&self) -> Result<(), DeclineReason> {
        if self.0.is_empty() || self.0.len() > 512 { Err(DeclineReason::Malformed) } else { Ok(()) }
    }
}

/// A scheme of this name that carries a token.
pub(crate) struct Opaque {
    name: &'static str,
    challenge: Challenge,
    remember: Duration,
}

impl Opaque {
    pub(crate) fn new(name: &'static str) -> Self {
        let challenge = Challenge::new(name).with("realm", "bench").expect("a realm");
        Self { name, challenge, remember: Duration::ZERO }
    }

    /// Remembers accepted tokens: one that is revoked may be accepted for so much longer.
    pub(crate) fn remember(self, remember: Duration) -> Self {
        Self { remember, ..self }
    }
}

impl Scheme for Opaque {
    type Credentials = ApiToken;

    fn name(&self) -> &'static str {
        self.name
    }

    fn headers(&self) -> Vec<&str> {
        vec!["authorization"]
    }

    fn read(&self, request: &dyn RequestView) -> Read<ApiToken> {
        let Some(token) = authorization(request, self.name) else { return Read::NotMine };
        str::from_utf8(token).map_or(Read::Malformed, |token| Read::Present(ApiToken(Secret::new(token))))
    }

    fn challenge(&self) -> Option<&Challenge> {
        Some(&self.challenge)
    }

    fn remember(&self) -> Duration {
        self.remember
    }

    fn allows_cleartext(&self) -> bool {
        true
    }
}

/// Tokens and whose they are.
pub(crate) struct Tokens(HashMap<[u8; 32], Member>);

impl Tokens {
    pub(crate) fn none() -> Self {
        Self(HashMap::new())
    }

    pub(crate) fn alice() -> Self {
        Self(HashMap::from([(Sha256::digest(TOKEN).into(), Member::alice())]))
    }
}

impl UserSource for Tokens {
    type User = Member;

    async fn get_user(&self, id: &UserId) -> Result<Option<Member>, BackendError> {
        Ok(self.0.values().find(|user| user.is(id)).cloned())
    }
}

impl Backend<ApiToken> for Tokens {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, ApiToken>,
    ) -> Result<Outcome<Accepted<Member>>, BackendError> {
        let key: [u8; 32] = Sha256::digest(attempt.credentials().0.expose()).into();
        let found = self.0.get(&key).cloned();
        Ok(found.map_or(Outcome::Decline(DeclineReason::UnknownUser), Outcome::accept))
    }
}
