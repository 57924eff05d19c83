//! The keys of an issuer, and the search for the one that signed a token.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::backend::BackendError;
use auth_core::time::Timestamp;
use auth_jws::{Claims, InvalidSignature, JwkSet, Token, VerifyingKey};

use crate::refusal::Refusal;
use crate::remote::{Fetch, Remote};

/// Where an issuer's keys are.
pub(crate) enum Keys {
    Fixed(Arc<JwkSet>),
    Fetched(Arc<Remote>),
}

/// Why a token is not accepted.
#[derive(Debug)]
pub(crate) enum Failure {
    NotMine,
    Refused(Refusal),
    Undecided(BackendError),
}

impl From<Refusal> for Failure {
    fn from(why: Refusal) -> Self {
        Self::Refused(why)
    }
}

type Found<'t> = (&'t Claims, VerifyingKey);

impl Keys {
    /// The keys that are good now. If they are too old, a fetch starts, and nobody waits for it.
    pub(crate) fn current(&self, now: Timestamp) -> Option<Arc<JwkSet>> {
        match self {
            Self::Fixed(keys) => Some(Arc::clone(keys)),
            Self::Fetched(remote) => remote.current(now),
        }
    }

    /// The token's claims, and the key that verified them.
    ///
    /// If the signature is wrong under the key that the token names, the token is refused without a fetch.
    pub(crate) async fn verify<'t>(
        &self,
        token: &'t Token<'_>,
        now: Timestamp,
    ) -> Result<Found<'t>, Failure> {
        let id = token.header().key_id();
        let held = self.current(now);
        let why = match held.as_ref().map(|keys| (keys, try_all(keys, token))) {
            Some((_, Ok(found))) => return Ok(found),
            Some((keys, Err(why))) if id.is_some_and(|id| keys.has_id(id)) => return Err(why.into()),
            Some((_, Err(why))) => Some(why),
            None => None,
        };
        match self {
            Self::Fixed(_) => Err(why.unwrap_or(Refusal::Key).into()),
            Self::Fetched(remote) => look_for(remote, token, why, now).await,
        }
    }
}

/// Fetches the keys again, unless that was done a moment ago, because none of them signed a token.
async fn look_for<'t>(
    remote: &Arc<Remote>,
    token: &'t Token<'_>,
    why: Option<Refusal>,
    now: Timestamp,
) -> Result<Found<'t>, Failure> {
    let id = token.header().key_id();
    if why.is_some() && id.is_some_and(|id| remote.is_unknown(id, now)) {
        return Err(Refusal::Key.into());
    }
    let has_landed = match remote.fetch(now) {
        Fetch::UnderWay(flight) => flight.has_landed().await,
        Fetch::TooSoon(rest) => {
            // If it names no key, none of the existing keys signed it.
            return Err(match why.filter(|_| id.is_none()) {
                Some(why) => why.into(),
                None => NotNow::TooSoon(rest).into(),
            });
        }
    };
    let keys = remote.current(now).filter(|_| has_landed).ok_or(NotNow::Failed)?;
    try_all(&keys, token).map_err(|why| {
        if let Some(id) = id.filter(|id| !keys.has_id(id)) {
            remote.note_unknown(id, now);
        }
        why.into()
    })
}

fn try_all<'t>(keys: &JwkSet, token: &'t Token<'_>) -> Result<Found<'t>, Refusal> {
    let mut why = Refusal::Key;
    for key in keys.candidates(token.header()) {
        match token.verify(key) {
            Ok(claims) => return Ok((claims, key.clone())),
            Err(_) => why = Refusal::Signature(InvalidSignature::Mismatch),
        }
    }
    Err(why)
}

/// Why a key cannot be looked up now. It is not an outage, since a single token may have caused it.
#[derive(Debug)]
enum NotNow {
    TooSoon(Duration),
    Failed,
}

impl From<NotNow> for Failure {
    fn from(why: NotNow) -> Self {
        let rest = if let NotNow::TooSoon(rest) = why { Some(rest) } else { None };
        let error = BackendError::undecided(why);
        Self::Undecided(match rest {
            Some(rest) => error.with_retry_after(rest),
            None => error,
        })
    }
}

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSoon(rest) => {
                let seconds = rest.as_millis().div_ceil(1000);
                write!(f, "the token's key is not known, and keys can be fetched again in {seconds} s")
            }
            Self::Failed => {
                f.write_str("the token's key is not known, and the issuer's keys cannot be fetched")
            }
        }
    }
}

impl Error for NotNow {}

/// An error with its sources. None of them contains an address or an answer.
pub(crate) fn describe(error: &BackendError) -> String {
    let first: &dyn Error = error;
    let causes = std::iter::successors(Some(first), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
