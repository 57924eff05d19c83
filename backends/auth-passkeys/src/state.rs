//! [`State`]: what a browser carries, sealed, from the challenge to its answer.
//!
//! ```text
//! format 1 | ceremony 1 | challenge 32 | user verification 1 | owner: backend 1+n, user 1+n, or 0 | handle 1+n
//! ```

use auth_core::factors::FactorOwner;
use auth_core::{BackendName, UserId};

/// A challenge. It is random and never repeated, so it also serves as the one-time id.
pub(crate) type Challenge = [u8; 32];

const FORMAT: u8 = 1;

/// The purpose of a challenge. Each has separate cookies; naming it in the state as well costs one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ceremony {
    Registration = 1,
    Assertion = 2,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) ceremony: Ceremony,
    pub(crate) challenge: Challenge,
    /// Whether an answer without user verification is refused.
    pub(crate) must_verify: bool,
    /// Whose passkey it must be. `None` only for signing in with a passkey alone, which may be anybody's.
    pub(crate) owner: Option<FactorOwner>,
    /// For a registration: the handle by which the device will know the user.
    pub(crate) handle: Vec<u8>,
}

impl State {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT, self.ceremony as u8];
        bytes.extend(self.challenge);
        bytes.push(u8::from(self.must_verify));
        // Names have at most 64 bytes, and ids 255.
        let mut put = |part: &[u8]| {
            bytes.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
            bytes.extend(part);
        };
        match &self.owner {
            Some(owner) => [owner.backend.as_str(), owner.user.as_str()].map(|part| put(part.as_bytes())),
            None => [put(&[]), ()],
        };
        put(&self.handle);
        bytes
    }

    /// `None` for bytes that this version did not write.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[format, ceremony], rest) = bytes.split_first_chunk::<2>()?;
        let (challenge, rest) = rest.split_first_chunk::<32>()?;
        let (must_verify, mut rest) = rest.split_first()?;
        let mut take = || {
            let (len, after) = rest.split_first()?;
            let (part, after) = after.split_at_checked(usize::from(*len))?;
            rest = after;
            Some(part)
        };
        let text = |part: &[u8]| String::from_utf8(part.to_vec()).ok();
        let backend = text(take()?)?;
        let owner = if backend.is_empty() {
            None
        } else {
            let user = UserId::new(text(take()?)?).ok()?;
            Some(FactorOwner { backend: BackendName::new(&backend)?, user })
        };
        let handle = take()?.to_vec();
        let ceremony = [Ceremony::Registration, Ceremony::Assertion]
            .into_iter()
            .find(|known| *known as u8 == ceremony)
            .filter(|_| format == FORMAT && rest.is_empty() && *must_verify <= 1)?;
        Some(Self { ceremony, challenge: *challenge, must_verify: *must_verify == 1, owner, handle })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_lead_back() {
        let owner = |user: &str| FactorOwner {
            backend: BackendName::new("local").unwrap(),
            user: UserId::new(user).unwrap(),
        };
        let whole = State {
            ceremony: Ceremony::Registration,
            challenge: [7; 32],
            must_verify: false,
            owner: Some(owner(&"ü".repeat(127))),
            handle: vec![7; 64],
        };
        let bare = State {
            ceremony: Ceremony::Assertion,
            must_verify: true,
            owner: None,
            handle: Vec::new(),
            ..whole.clone()
        };
        for state in [whole, bare] {
            let bytes = state.to_bytes();
            assert_eq!(State::from_bytes(&bytes), Some(state));
            for end in 0..bytes.len() {
                assert_eq!(State::from_bytes(&bytes[..end]), None, "{end}");
            }
            assert_eq!(State::from_bytes(&[&bytes[..], &[0]].concat()), None);
            for (at, value) in [(0, 2), (1, 3), (34, 2)] {
                let mut other = bytes.clone();
                other[at] = value;
                assert_eq!(State::from_bytes(&other), None, "{at}");
            }
        }
    }
}
