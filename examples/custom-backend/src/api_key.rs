//! Credentials in a header that core has never heard of: `X-Api-Key`.
//!
//! The scheme only reads. Backends for [`BearerToken`] judge what it reads, by the same chain as tokens in `Authorization`,
//! and core does the rest: keys are refused over cleartext, responses vary by the header, and a key beside a session or
//! other credentials must be of the same user.

use auth_core::BearerToken;
use auth_core::http::{Read, RequestView, Scheme, Single};

/// `X-Api-Key: …`
#[derive(Clone, Copy, Debug)]
pub struct ApiKeyHeader;

impl ApiKeyHeader {
    /// The header's name.
    pub const NAME: &'static str = "x-api-key";
}

impl Scheme for ApiKeyHeader {
    type Credentials = BearerToken;

    fn name(&self) -> &'static str {
        "X-Api-Key"
    }

    fn headers(&self) -> Vec<&str> {
        vec![Self::NAME]
    }

    fn read(&self, request: &dyn RequestView) -> Read<BearerToken> {
        match Single::named(request, Self::NAME) {
            Single::Absent => Read::NotMine,
            Single::One(key) => match std::str::from_utf8(key) {
                Ok(key) => Read::Present(BearerToken::new(key)),
                Err(_) => Read::Malformed,
            },
            Single::Several => Read::Ambiguous,
        }
    }

    /// No browser adds it by itself.
    fn is_ambient(&self) -> bool {
        false
    }
}
