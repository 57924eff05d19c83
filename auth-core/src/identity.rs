//! What an outside system proved about somebody.

use std::collections::{BTreeMap, BTreeSet};

/// Somebody as an outside system knows them: who says so, about whom, and what else.
///
/// The pair (issuer, subject) is the key, compared byte for byte. A user name or an e-mail address is only
/// an attribute: the same name from another issuer is another person (CVE-2022-39229).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    issuer: String,
    subject: String,
    username: String,
    attributes: BTreeMap<String, Vec<String>>,
    groups: BTreeSet<String>,
}

impl Identity {
    /// An identity whose user name is its subject.
    ///
    /// Take `subject` from the outside system's answer, not from what was typed: directories match names
    /// regardless of case and width, and `ALICE` must not become a second user.
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        let subject = subject.into();
        Self {
            issuer: issuer.into(),
            username: subject.clone(),
            subject,
            attributes: BTreeMap::new(),
            groups: BTreeSet::new(),
        }
    }

    /// Sets the name that a new user is proposed to have.
    #[must_use]
    pub fn with_username(mut self, username: impl Into<String>) -> Self {
        self.username = username.into();
        self
    }

    /// Adds one value of an attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.entry(name.into()).or_default().push(value.into());
        self
    }

    /// Adds a group.
    #[must_use]
    pub fn with_group(mut self, group: impl Into<String>) -> Self {
        self.groups.insert(group.into());
        self
    }

    /// The outside system that vouches: a directory's URL, a token's `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The stable key of the person within the issuer.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The name that a new user is proposed to have.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// All values of an attribute; none if it is absent.
    pub fn attribute(&self, name: &str) -> &[String] {
        self.attributes.get(name).map_or(&[], Vec::as_slice)
    }

    /// The groups, sorted.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(String::as_str)
    }
}
