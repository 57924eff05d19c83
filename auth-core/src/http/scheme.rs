//! Schemes: how credentials come with a request.

use std::time::Duration;

use super::view::Single;
use super::{Challenge, RequestView};
use crate::{ConfigError, Credentials};

/// Reads credentials of one kind from a request: an HTTP authentication scheme (RFC 9110 §11), a header of an application's
/// own, a header that a proxy sets.
///
/// ```
/// use auth_core::http::{Read, RequestView, Scheme, Single};
/// use auth_core::BearerToken;
///
/// /// `X-Api-Key: …`, judged by the backends for bearer tokens.
/// struct ApiKeyHeader;
///
/// impl Scheme for ApiKeyHeader {
///     type Credentials = BearerToken;
///
///     fn name(&self) -> &'static str {
///         "X-Api-Key"
///     }
///
///     fn headers(&self) -> Vec<&str> {
///         vec!["x-api-key"]
///     }
///
///     fn read(&self, request: &dyn RequestView) -> Read<BearerToken> {
///         match Single::named(request, "x-api-key") {
///             Single::Absent => Read::NotMine,
///             Single::One(key) => match std::str::from_utf8(key) {
///                 Ok(key) => Read::Present(BearerToken::new(key)),
///                 Err(_) => Read::Malformed,
///             },
///             Single::Several => Read::Malformed,
///         }
///     }
///
///     fn is_ambient(&self) -> bool {
///         false
///     }
/// }
/// ```
pub trait Scheme: Send + Sync + 'static {
    /// What it reads.
    type Credentials: Credentials;

    /// Its name, as `Basic`: what [`How::Scheme`](crate::How::Scheme) says.
    fn name(&self) -> &'static str;

    /// The headers that it reads, in lower case. The response varies by them.
    ///
    /// With `authorization` among them it is asked only about an `Authorization` that begins with its
    /// [name](Self::name) (RFC 9110 §11.4), if there is just one.
    fn headers(&self) -> Vec<&str>;

    /// Reads the request.
    fn read(&self, request: &dyn RequestView) -> Read<Self::Credentials>;

    /// What a 401 offers. `None` for what is no HTTP authentication scheme.
    fn challenge(&self) -> Option<&Challenge> {
        None
    }

    /// What a 401 offers to who presented credentials of this scheme that were not accepted. The same, unless the
    /// scheme has a word for it.
    fn challenge_again(&self) -> Option<&Challenge> {
        self.challenge()
    }

    /// For how long credentials that a backend accepted are remembered, so that a client that sends them with
    /// every request does not cost a password hash each time. Zero, which is the default, for never.
    ///
    /// Only a keyed hash of the headers' values is kept. The user is still loaded on every request: one who is
    /// disabled, or whose security stamp changed, is refused at once. Once accepted, the same values are not
    /// [read](Self::read) again in this time, nor beyond what their [grant](crate::grant::Grant) says. What
    /// [keeps a session](Keeps::Session) is not remembered: the session is.
    fn remember(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether the credentials are asked for and judged also where others may have read them: over a connection that is
    /// not known to be encrypted. Whatever could be used again by who reads it should say `false`, which is the default.
    fn allows_cleartext(&self) -> bool {
        false
    }

    /// Whether browsers add the credentials by themselves, to the requests of any site's page. Those that change
    /// something are then refused when they come from another site. `false` is for what only a program can add that
    /// knows the secret.
    fn is_ambient(&self) -> bool {
        true
    }

    /// For how long somebody is signed in by them.
    fn keeps(&self) -> Keeps {
        Keeps::Request
    }

    /// Whether it is configured as it must be.
    ///
    /// # Errors
    /// [`ConfigError`] with the fix.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}

/// For how long somebody is signed in by the credentials that a scheme reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keeps {
    /// For the request: its client sends them with each.
    Request,
    /// For a session, which begins with them and goes on while they name the same [subject](Credentials::subject):
    /// whoever else they name gets another one. No other credentials may come beside them, they must name a subject, and what
    /// is accepted must be [good for a session](crate::grant::Grant): a person's proof, and for everything.
    Session {
        /// Whether the session goes on in a request without them.
        is_persistent: bool,
    },
}

/// What a scheme found.
#[derive(Debug)]
#[non_exhaustive]
pub enum Read<C> {
    /// Nothing of this scheme.
    NotMine,
    /// Credentials.
    Present(C),
    /// What is there is of this scheme and breaks its grammar or bounds: 401, and never anonymous.
    Malformed,
    /// Only a trusted proxy may send this, and somebody else did: 400.
    Untrusted,
    /// What is there could mean more than one thing: 400.
    Ambiguous,
}

/// The longest `Authorization` that is read, in bytes.
const MAX_AUTHORIZATION_LEN: usize = 16 * 1024;

/// Whether the value of an `Authorization` header is of this scheme (RFC 9110 §11.4; names are case-insensitive).
pub(super) fn is_of(authorization: &[u8], scheme: &str) -> bool {
    parameters(authorization, scheme).is_some()
}

/// What follows the scheme's name and the blanks behind it, if it is this one.
fn parameters<'a>(authorization: &'a [u8], scheme: &str) -> Option<&'a [u8]> {
    let (name, rest) = authorization.split_at_checked(scheme.len())?;
    let is_it = name.eq_ignore_ascii_case(scheme.as_bytes()) && rest.first().is_none_or(|byte| *byte == b' ');
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    is_it.then(|| &rest[blanks..])
}

/// What the request's only `Authorization` header holds for a scheme, behind its name and the blanks that follow it
/// (RFC 9110 §11.4). `None` if there is none of this scheme, or it is longer than 16 KiB.
pub fn authorization<'a>(request: &'a dyn RequestView, scheme: &str) -> Option<&'a [u8]> {
    match Single::of(request, super::Header::Authorization) {
        Single::One(value) if value.len() <= MAX_AUTHORIZATION_LEN => parameters(value, scheme),
        Single::One(_) | Single::Absent | Single::Several => None,
    }
}
