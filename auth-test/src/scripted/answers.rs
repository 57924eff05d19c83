//! Names, passwords, and what is answered to them.

use std::collections::BTreeMap;

use auth_core::Password;
use auth_core::backend::{DeclineReason, DenyReason, Outcome};

/// The name is unknown.
pub(crate) const UNKNOWN: DeclineReason = DeclineReason::UnknownUser;

/// An answer for each name.
#[derive(Debug)]
pub(crate) struct Answers<T>(BTreeMap<String, Answer<T>>);

#[derive(Debug)]
enum Answer<T> {
    Accept { password: String, with: T },
    Deny(DenyReason),
}

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Clone> Answers<T> {
    pub(crate) fn accept(&mut self, name: String, password: String, with: T) {
        self.0.insert(name, Answer::Accept { password, with });
    }

    pub(crate) fn deny(&mut self, name: String, reason: DenyReason) {
        self.0.insert(name, Answer::Deny(reason));
    }

    pub(crate) fn judge(&self, presented: &Password) -> Outcome<T> {
        match self.0.get(presented.username()) {
            None => Outcome::Decline(UNKNOWN),
            Some(Answer::Deny(reason)) => Outcome::Deny(*reason),
            Some(Answer::Accept { password, with }) if password == presented.password().expose() => {
                Outcome::Accept(with.clone())
            }
            Some(Answer::Accept { .. }) => Outcome::Decline(DeclineReason::WrongSecret),
        }
    }
}
