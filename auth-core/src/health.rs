//! [`Health`]: the state of a backend.

mod checkup;

pub(crate) use checkup::Checkup;

/// The state of a backend, which it checks without anything from a client.
///
/// The chain asks for it before it treats failures as an outage that affects everybody, because an odd attempt may
/// have caused them: see [`BackendError`](crate::backend::BackendError). A good check takes the path of an attempt on
/// a separate connection: a directory's root entry, `SELECT 1`, a service's health address.
///
/// ```
/// use auth_core::backend::Health;
///
/// assert_eq!(Health::Serving.and(Health::Unknown), Health::Unknown);
/// assert_eq!(Health::Unknown.and(Health::Down), Health::Down);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Health {
    /// It works: a failure now concerns a single attempt.
    Serving,
    /// It fails for everybody.
    Down,
    /// Unknown. Then only a backend that [cannot be reached](crate::backend::BackendErrorKind::Unavailable) counts as
    /// an outage.
    Unknown,
}

impl Health {
    /// The health of a whole that needs both parts.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Down, _) | (_, Self::Down) => Self::Down,
            (Self::Serving, Self::Serving) => Self::Serving,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Health::{Down, Serving, Unknown};

    #[test]
    fn a_whole_serves_if_both_parts_do() {
        let table = [
            (Serving, Serving, Serving),
            (Serving, Unknown, Unknown),
            (Unknown, Unknown, Unknown),
            (Serving, Down, Down),
            (Unknown, Down, Down),
            (Down, Down, Down),
        ];
        for (one, other, whole) in table {
            assert_eq!((one.and(other), other.and(one)), (whole, whole), "{one:?} and {other:?}");
        }
    }
}
