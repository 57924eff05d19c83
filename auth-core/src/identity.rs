//! What an outside system proved about somebody.

mod bytes;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::grant::Grant;
use crate::hidden;

/// Somebody as an outside system knows them: who says so, about whom, and what else.
///
/// The pair (issuer, subject) is the key, compared byte for byte. A user name or an e-mail address is only
/// an attribute: the same name from another issuer is another person (CVE-2022-39229).
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Shared: one that is kept is handed on with each use of its token.
    said: Arc<Said>,
    grant: Arc<Grant>,
}

#[derive(Clone, PartialEq, Eq)]
struct Said {
    issuer: String,
    subject: String,
    username: String,
    email: Option<Email>,
    name: Option<String>,
    groups: Groups,
    attributes: BTreeMap<String, Vec<String>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("issuer", &self.said.issuer)
            .field("subject", &hidden::text(&self.said.subject))
            .field("username", &hidden::text(&self.said.username))
            .field("email", &self.said.email)
            .field("name", &hidden::optional(self.said.name.as_deref()))
            .field("groups", &self.said.groups)
            .field(
                "attributes",
                &hidden::Names(&self.said.attributes, |values| values.iter().map(String::len).sum()),
            )
            .field("grant", &self.grant)
            .finish()
    }
}

/// An e-mail address, and whether it was shown to be its owner's.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub address: String,
    /// Whether somebody proved to receive what is sent there. If nobody said so, it is not.
    pub verified: bool,
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = hidden::text(&self.address);
        f.debug_struct("Email").field("address", &address).field("verified", &self.verified).finish()
    }
}

/// The groups of a person. What could not be read is not "none".
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Groups {
    /// All of them; an empty set says that there are none.
    Known(BTreeSet<String>),
    /// The outside system did not tell, or not everything.
    #[default]
    Unknown,
}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(groups) => write!(f, "Known({} groups)", groups.len()),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

impl Identity {
    /// An identity whose user name is its subject, and of whose groups nothing is known.
    ///
    /// Take `subject` from the outside system's answer, not from what was typed: directories match names
    /// regardless of case and width, and `ALICE` must not become a second user.
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        let subject = subject.into();
        let said = Said {
            issuer: issuer.into(),
            username: subject.clone(),
            subject,
            email: None,
            name: None,
            groups: Groups::Unknown,
            attributes: BTreeMap::new(),
        };
        Self { said: Arc::new(said), grant: Arc::default() }
    }

    /// Sets the name that a new user is proposed to have.
    #[must_use]
    pub fn with_username(mut self, username: impl Into<String>) -> Self {
        self.said().username = username.into();
        self
    }

    /// Sets an e-mail address that the outside system says is verified.
    #[must_use]
    pub fn with_verified_email(mut self, address: impl Into<String>) -> Self {
        self.said().email = Some(Email { address: address.into(), verified: true });
        self
    }

    /// Sets an e-mail address of which nothing is known but the address.
    #[must_use]
    pub fn with_unverified_email(mut self, address: impl Into<String>) -> Self {
        self.said().email = Some(Email { address: address.into(), verified: false });
        self
    }

    /// Sets the name as people write it.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.said().name = Some(name.into());
        self
    }

    /// Adds one value of an attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.said().attributes.entry(name.into()).or_default().push(value.into());
        self
    }

    /// Sets the groups. Call it only with the complete answer: whoever is in none has an empty one.
    #[must_use]
    pub fn with_groups<G: Into<String>>(mut self, groups: impl IntoIterator<Item = G>) -> Self {
        self.said().groups = Groups::Known(groups.into_iter().map(Into::into).collect());
        self
    }

    /// Sets what the outside system says of the proof itself: by which factors it was given and when, for what it is, and
    /// until when.
    #[must_use]
    pub fn with_grant(mut self, grant: Grant) -> Self {
        self.grant = Arc::new(grant);
        self
    }

    fn said(&mut self) -> &mut Said {
        Arc::make_mut(&mut self.said)
    }

    /// The outside system that vouches: a directory's URL, a token's `iss`.
    pub fn issuer(&self) -> &str {
        &self.said.issuer
    }

    /// The stable key of the person within the issuer.
    pub fn subject(&self) -> &str {
        &self.said.subject
    }

    /// The name that a new user is proposed to have.
    pub fn username(&self) -> &str {
        &self.said.username
    }

    /// The e-mail address.
    pub fn email(&self) -> Option<&Email> {
        self.said.email.as_ref()
    }

    /// The name as people write it.
    pub fn name(&self) -> Option<&str> {
        self.said.name.as_deref()
    }

    /// All values of an attribute; none if it is absent.
    pub fn attribute(&self, name: &str) -> &[String] {
        self.said.attributes.get(name).map_or(&[], Vec::as_slice)
    }

    /// The groups.
    pub fn groups(&self) -> &Groups {
        &self.said.groups
    }

    /// What the proof is worth.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }
}
