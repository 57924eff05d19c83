//! The settings of a directory, checked by the builder.

use std::time::Duration;

use auth_core::backend::{DenyReason, Groups, Identity};
use auth_core::time::Timestamp;
use ldap3::Scope;

use crate::connection::Entry;
use crate::dn;
use crate::error::Failure;
use crate::groups::GroupSource;
use crate::reader::Bounds;
use crate::state;
use crate::subject::Subject;
use crate::template::{DnTemplate, FilterTemplate};

pub(crate) struct Settings {
    pub(crate) issuer: String,
    pub(crate) base: String,
    pub(crate) scope: Scope,
    pub(crate) filter: FilterTemplate,
    pub(crate) way: Way,
    /// The domain of an Active Directory.
    pub(crate) domain: Option<String>,
    pub(crate) person: Person,
    pub(crate) groups: Option<GroupSource>,
    /// In canonical spelling.
    pub(crate) required: Vec<String>,
    pub(crate) denied: Vec<String>,
    /// All attributes that are read.
    pub(crate) attributes: Vec<String>,
    pub(crate) timeout: Duration,
    pub(crate) lockout: Option<Lockout>,
    pub(crate) bounds: Bounds,
}

/// How often passwords of one entry may be tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lockout {
    pub(crate) failures: u32,
    pub(crate) within: Duration,
}

/// How a name becomes the identity that is bound.
pub(crate) enum Way {
    /// The DN of the one entry that a search finds.
    Search,
    /// A DN built from the name.
    Dn(DnTemplate),
    /// The name with the domain: `alice@example.test`.
    Principal,
}

/// The attributes of a person's entry.
pub(crate) struct Person {
    pub(crate) subject: Subject,
    pub(crate) username: String,
    pub(crate) email: Option<String>,
    pub(crate) email_is_verified: bool,
    pub(crate) name: Option<String>,
    pub(crate) copied: Vec<String>,
}

impl Settings {
    /// The name as the directory is asked about it; `None` if no entry can have it.
    ///
    /// The directory compares names. Only what can be no name is kept from it.
    pub(crate) fn name<'a>(&self, typed: &'a str) -> Option<&'a str> {
        if typed.trim().is_empty() || typed.chars().any(char::is_control) {
            return None;
        }
        let Some(domain) = &self.domain else { return Some(typed) };
        let name = match typed.split_once('@') {
            Some((name, of)) if of.eq_ignore_ascii_case(domain) => name,
            Some(_) => return None,
            None => typed,
        };
        // `DOMAIN\name` and `domain/name` are other notations, and could be another person's name.
        (!name.is_empty() && !name.contains(['\\', '/'])).then_some(name)
    }

    /// Why a person with these groups may not sign in.
    ///
    /// # Errors
    /// [`Failure`] if that depends on unknown groups.
    pub(crate) fn refusal(
        &self,
        entry: &Entry,
        groups: &Groups,
        now: Timestamp,
    ) -> Result<Option<DenyReason>, Failure> {
        if let Some(reason) = state::refusal(entry, now) {
            return Ok(Some(reason));
        }
        let (Some(source), false) = (&self.groups, self.required.is_empty() && self.denied.is_empty()) else {
            return Ok(None);
        };
        let Groups::Known(groups) = groups else {
            return Err(Failure::unclear(
                "the groups of a user are unknown, and who may sign in depends on them",
            ));
        };
        let groups: Vec<_> = groups.iter().map(|group| source.folded(group)).collect();
        let is_in = |names: &[String]| names.iter().any(|name| groups.contains(name));
        let may = (self.required.is_empty() || is_in(&self.required)) && !is_in(&self.denied);
        Ok((!may).then_some(DenyReason::NotPermitted))
    }
}

impl Person {
    /// The directory's name for them, whatever was typed.
    ///
    /// If there are several, the one in the entry's own name; otherwise the first in byte order, since a directory
    /// may return them in any order.
    pub(crate) fn username<'a>(&self, entry: &'a Entry) -> Result<&'a str, Failure> {
        let own = dn::parse(&entry.dn).unwrap_or_default().into_iter().next().unwrap_or_default();
        let is_own = |value: &&str| {
            own.iter().any(|(name, own)| name.eq_ignore_ascii_case(&self.username) && own == value.as_bytes())
        };
        let username = entry.texts(&self.username).find(is_own).or_else(|| entry.text(&self.username));
        username.ok_or_else(|| Failure::unclear("the entry of a user has no login name that can be read"))
    }

    pub(crate) fn identity(&self, issuer: &str, entry: &Entry, groups: Groups) -> Result<Identity, Failure> {
        let subject = self.subject.of(entry);
        let subject = subject.ok_or_else(|| {
            Failure::unclear(
                "the entry of a user has no subject: see `subject_attribute`, and what may be read",
            )
        })?;
        let mut identity = Identity::new(issuer, subject).with_username(self.username(entry)?);
        if let Some(email) = self.email.as_ref().and_then(|attribute| entry.text(attribute)) {
            identity = if self.email_is_verified {
                identity.with_verified_email(email)
            } else {
                identity.with_unverified_email(email)
            };
        }
        if let Some(name) = self.name.as_ref().and_then(|attribute| entry.text(attribute)) {
            identity = identity.with_name(name);
        }
        for attribute in &self.copied {
            let mut values: Vec<_> = entry.texts(attribute).collect();
            values.sort_unstable();
            identity = values.into_iter().fold(identity, |all, value| all.with_attribute(attribute, value));
        }
        Ok(match groups {
            Groups::Known(groups) => identity.with_groups(groups),
            Groups::Unknown => identity,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Person {
        Person {
            subject: Subject::new("entryUUID"),
            username: "uid".into(),
            email: Some("mail".into()),
            email_is_verified: false,
            name: Some("cn".into()),
            copied: vec!["telephoneNumber".into()],
        }
    }

    fn entry(attributes: &[(&str, &[&str])]) -> Entry {
        let values = |values: &[&str]| values.iter().map(|value| value.as_bytes().to_vec()).collect();
        let attributes = attributes.iter().map(|(name, of)| ((*name).to_owned(), values(of))).collect();
        Entry { dn: "uid=alice+cn=A,dc=example".into(), attributes }
    }

    #[test]
    fn the_name_is_the_directorys_own() {
        let person = person();
        let name = |values: &[&str]| person.username(&entry(&[("uid", values)])).map(str::to_owned).ok();
        assert_eq!(name(&["alice"]).as_deref(), Some("alice"));
        assert_eq!(name(&["aaa", "alice"]).as_deref(), Some("alice"), "the one in the DN");
        assert_eq!(name(&["c", "b"]).as_deref(), Some("b"), "in whatever order");
        assert_eq!(name(&[]), None);
    }

    #[test]
    fn an_identity_has_what_the_entry_has() {
        let full = entry(&[
            ("entryuuid", &["u-1"]),
            ("uid", &["alice"]),
            ("mail", &["b@example.org", "a@example.org"]),
            ("cn", &["Alice"]),
            ("telephonenumber", &["2", "1"]),
        ]);
        let expected = Identity::new("issuer", "u-1")
            .with_username("alice")
            .with_unverified_email("a@example.org")
            .with_name("Alice")
            .with_attribute("telephoneNumber", "1")
            .with_attribute("telephoneNumber", "2");
        assert_eq!(person().identity("issuer", &full, Groups::Unknown), Ok(expected));
        for bad in [
            entry(&[("uid", &["alice"])]),
            entry(&[("uid", &["alice"]), ("entryuuid", &["1", "2"])]),
            entry(&[("entryuuid", &["1"])]),
        ] {
            assert!(person().identity("issuer", &bad, Groups::Unknown).is_err());
        }
    }
}
