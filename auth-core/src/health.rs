//! [`Health`]: how a backend is, whoever asks it.

mod checkup;

pub(crate) use checkup::Checkup;

/// What a backend says of itself when it is asked without anything that a client sent.
///
/// The chain asks before it takes failures for an outage that concerns everybody, since an odd attempt may have caused
/// them: see [`BackendError`](crate::backend::BackendError). A good question takes the way of an attempt, on a connection of its
/// own: a directory's root entry, `SELECT 1`, a service's health address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Health {
    /// It serves: whatever fails now is about one attempt.
    Serving,
    /// It fails everybody.
    Down,
    /// Nobody knows. An outage is then what [cannot be reached](crate::backend::BackendErrorKind::Unavailable), and nothing else.
    Unknown,
}

impl Health {
    /// How a whole is that needs both.
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
