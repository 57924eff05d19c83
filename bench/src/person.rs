//! The user of the sites that are only as big as what is measured on them.

use auth_core::{User, UserId};

#[derive(Clone)]
pub(crate) struct Person(pub(crate) UserId);

impl Person {
    /// One of many, with an id of 16 bytes.
    pub(crate) fn numbered(number: usize) -> Self {
        Self(UserId::new(format!("{number:016}")).expect("16 bytes fit"))
    }

    /// The id as a page shows it.
    pub(crate) fn name(&self) -> String {
        self.0.as_str().to_owned()
    }
}

impl User for Person {
    fn id(&self) -> UserId {
        self.0.clone()
    }

    fn security_stamp(&self) -> &[u8] {
        b"a stamp of 16 B."
    }

    fn is_active(&self) -> bool {
        true
    }
}
