//! Whose session it is.

use super::super::StampMac;
use crate::factors::FactorOwner;
use crate::{BackendName, UserId};

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Owner {
    /// Nobody's who has a name.
    Visitor,
    /// A user's, who is signed in.
    User(SessionUser),
    /// A user's, who has begun to sign in: nobody yet.
    Pending(SessionUser),
}

/// The user of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionUser {
    /// The backend that vouched for the user, and alone reloads it.
    pub backend: BackendName,
    /// Who that is there.
    pub id: UserId,
    /// A keyed hash of the user's security stamp.
    pub stamp: StampMac,
}

impl SessionUser {
    /// The same user, as an owner of factors.
    pub(crate) fn owner(&self) -> FactorOwner {
        FactorOwner { backend: self.backend.clone(), user: self.id.clone() }
    }

    /// Whether it is the same user, whatever their stamp.
    pub fn is_same(&self, other: &Self) -> bool {
        self.backend == other.backend && self.id == other.id
    }
}

impl Owner {
    /// The user, if they are signed in.
    pub fn user(&self) -> Option<&SessionUser> {
        match self {
            Self::User(user) => Some(user),
            Self::Visitor | Self::Pending(_) => None,
        }
    }

    /// The user, whether they are signed in or have only begun to.
    pub(crate) fn named(&self) -> Option<&SessionUser> {
        match self {
            Self::User(user) | Self::Pending(user) => Some(user),
            Self::Visitor => None,
        }
    }

    /// Whether it is the same one in the same standing, whatever their stamp.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Visitor, Self::Visitor) => true,
            (Self::User(one), Self::User(other)) | (Self::Pending(one), Self::Pending(other)) => {
                one.is_same(other)
            }
            _ => false,
        }
    }
}
