//! What few records have, behind one thin pointer.

use crate::backend::Identity;

/// What few records have.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Rare {
    /// The fields that a newer build wrote and this one may ignore, as they were written.
    unknown: Vec<u8>,
    /// What the user is made of again on each request, where they are in no table
    /// ([`Provisioner::keeps_identity`](crate::backend::Provisioner::keeps_identity)).
    identity: Option<Identity>,
}

impl Rare {
    /// `None` if there is nothing of it.
    pub(crate) fn new(unknown: Vec<u8>, identity: Option<Identity>) -> Option<Box<Self>> {
        let is_something = !unknown.is_empty() || identity.is_some();
        is_something.then(|| Box::new(Self { unknown, identity }))
    }
}

impl super::SessionRecord {
    /// The identity that it keeps, of which its user is made.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.rare.as_ref()?.identity.as_ref()
    }

    pub(super) fn unknown(&self) -> &[u8] {
        self.rare.as_ref().map_or(&[], |rare| &rare.unknown)
    }

    /// Takes over what a newer build noted, and not who somebody is elsewhere.
    pub(super) fn take_unknown_of(&mut self, older: &Self) {
        let identity = self.rare.take().and_then(|rare| rare.identity);
        self.rare = Rare::new(older.unknown().to_vec(), identity);
    }
}
